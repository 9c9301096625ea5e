"""`Checkpoint` and `Load`, which save a run during training and continue a saved run.

`workbench.serialization` describes the contents of an archive and the parts that are safe to load.
"""

from __future__ import annotations

import contextlib
import logging
import os
import string
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from workbench.errors import (
    ArchiveError,
    CheckpointWarning,
    ExtensionError,
    StateError,
    WorkbenchError,
    nearest,
)
from workbench.extensions.base import Handler, reported_elsewhere
from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Triggers
from workbench.graph.criteria import is_criterion
from workbench.interfaces import Loop
from workbench.log.interventions import INTERVENTIONS, each_intervention
from workbench.names import explain_missing
from workbench.serialization.background_writer import Writer
from workbench.serialization.checkpoint import Snapshot, check_separate, read_state
from workbench.tensor import SharedVariable
from workbench.utils.atomic import replace_file
from workbench.utils.notices import mention, remark

__all__ = ["LOADED_FROM", "SAVED_TO", "Checkpoint", "Load"]

logger = logging.getLogger(__name__)

SAVED_TO = "saved_to"
LOADED_FROM = "loaded_from"
COUNTERS = ("iterations_done", "epochs_done")

NOT_SAVED = "nothing was saved to {path} at iteration {iteration} ({error}); training continues"
NOT_PICKLED = (
    "the checkpoint {path} contains parameters and the training state, but no pickle of the main "
    "loop, because pickling failed ({error}). To continue from it, build the main loop again and "
    "use Load. To avoid this warning, pass save_main_loop=False"
)
CHANGED = (
    ". The model of the saved run was changed during training ({text}), and Load does not "
    "change models: start this main loop, and call session.load({path!r}), which also "
    "changes the model"
)
NOTHING_YET = "there is no file {} to load yet; training starts from the beginning"


class Checkpoint(SimpleExtension):
    """Extension that saves the run to a file, so that training can continue as if uninterrupted.

    The archive contains the parameters, the training state (see `MainLoop.state_dict`) and, if
    `save_main_loop` is True, a pickle of the main loop. `Load` and `continue_training` continue
    from the archive. The file at `path` is always complete, because a new file replaces the old
    file atomically.

    The state is saved after all extensions have handled the event, regardless of the order of the
    extensions. Training waits only until the previous file is complete and the state has been
    copied into memory; a separate thread writes the file. Then the record ``saved_to`` is added at
    the iteration of the event. It is a tuple of the paths that were written, with None for each
    failure. A failure is logged, and training continues; a warning is issued unless it would repeat
    the previous warning.

    Parameters
    ----------
    path : path
        The file. The placeholders ``{iterations_done}`` and ``{epochs_done}`` are replaced by
        `str.format`; missing folders are created.
    parameters : list of SharedVariable or criterion, optional
        The variables to save as separate arrays; by default the parameters of the model. A
        criterion (see `workbench.filter.as_predicate`) selects some of these parameters.
    save_separately : list of str, optional
        The names of main loop attributes, such as ``"log"``, to pickle into separate members
        of the archive.
    save_main_loop : bool
        If True, pickle the main loop too. `continue_training` requires the pickle; `Load` does not.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to save; see `SimpleExtension`. By default after training. If a condition has an
        argument, this argument replaces `path`.

    Raises
    ------
    ExtensionError
        If `path` has an unknown placeholder.
    ArchiveError
        If a name in `save_separately` is reserved.

    Examples
    --------
    >>> Checkpoint("digits-{epochs_done:03}.tar", every_n_epochs=5)
    Checkpoint('digits-{epochs_done:03}.tar', every_n_epochs=5, after_training=True)
    """

    former_hooks = {  # noqa: RUF012
        "save_separately_filenames": "the attributes in save_separately are saved as members of "
        "the archive, not as separate files",
    }

    _failed = ""  # description of the last failure; empty in pickles of earlier versions

    def __init__(
        self,
        path: str | os.PathLike[str],
        parameters: Iterable[SharedVariable] | Any = None,
        save_separately: Iterable[str] | None = None,
        save_main_loop: bool = True,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        triggers.setdefault("after_training", True)
        super().__init__(name, **triggers)
        self.path = checked_path(path)
        chosen = parameters is None or is_criterion(parameters)
        self.parameters = parameters if chosen else list(parameters)
        self.save_separately = check_separate(save_separately)
        self.save_main_loop = save_main_loop
        self._writer = Writer()
        self._complained = False
        self._failed = ""

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Save the run after all extensions have handled the event.

        If the condition has an argument, this argument replaces `path`.
        """
        _, from_user = self.parse_args(which_callback, args)
        path = checked_path(from_user[0]) if from_user else self.path
        self.main_loop.after_event(partial(self._save, path))

    def records(self) -> dict[str, bool]:
        return {SAVED_TO: False}

    def handler(self, event: CallbackName) -> Handler | None:
        own = super().handler(event)
        if event not in (CallbackName.AFTER_TRAINING, CallbackName.ON_ERROR):
            return own

        def handle(*args: Any) -> None:
            if own is not None:
                own(*args)
            self.main_loop.after_event(self.wait)

        return handle

    def wait(self) -> None:
        """Wait until no file is being written.

        Call this method in the training thread or, while no run is active, in any thread.
        """
        self._writer.wait()

    def _save(self, template: str) -> None:
        self.wait()
        main_loop = self.main_loop
        if reported_elsewhere(main_loop):
            main_loop.state_dict()  # the first process collects the parts of all processes
            return
        iteration = main_loop.status["iterations_done"]
        path = filled_path(template, main_loop.status)
        try:
            snapshot = self._snapshot(path)
        except Exception as error:
            self._settle(path, iteration, error)
            return
        if snapshot.failures and not self._complained:
            self._complained = True
            self._warn(NOT_PICKLED.format(path=path, error=_described(snapshot.failures[0])))
        self._writer.start(
            partial(write, snapshot, path),
            partial(self._settle, path, iteration),
            partial(main_loop.post, self.wait),
        )
        if not main_loop.is_running:
            self.wait()

    def _snapshot(self, path: str) -> Snapshot:
        return snapshot_for(
            self.main_loop,
            path,
            self.parameters,
            save_main_loop=self.save_main_loop,
            save_separately=self.save_separately,
        )

    def _settle(self, path: str, iteration: int, error: Exception | None) -> None:
        """Record whether saving succeeded."""
        if error is not None:
            text = _described(error)
            again, self._failed = self._failed == text, text
            text = NOT_SAVED.format(path=path, iteration=iteration, error=text)
            expected = isinstance(error, (OSError, WorkbenchError))  # such as a full disk
            self._warn(text, None if expected or again else error, again=again)
        else:
            self._failed = ""
        row = self.main_loop.log[iteration]
        row[SAVED_TO] = (*row.get(SAVED_TO, ()), path if error is None else None)
        self.main_loop.log.commit()

    def _warn(self, text: str, error: Exception | None = None, *, again: bool = False) -> None:
        """Issue a warning unless `again` is True; log the text unless it would be printed twice."""
        shown = False
        if not again:
            with contextlib.suppress(CheckpointWarning):  # even if warnings are errors
                remark(text, CheckpointWarning, stacklevel=None)
                shown = True
        if error is not None or not shown or logger.hasHandlers():
            logger.error(text, exc_info=error)

    def __repr__(self) -> str:
        kind, _, options = super().__repr__().partition("(")
        return f"{kind}({self.path!r}{', ' * (options != ')')}{options}"


def checked_path(path: str | os.PathLike[str]) -> str:
    """Return `path` as a string; raise an error if a placeholder cannot be replaced."""
    text = _text(path)
    for _, field, _, _ in string.Formatter().parse(text):
        if field is not None and field not in COUNTERS:
            raise ExtensionError(
                f"the path {text!r} has the unknown placeholder {{{field}}}; the placeholders are "
                f"{', '.join(COUNTERS)}; write {{{{ and }}}} for braces{nearest(field, COUNTERS)}"
            )
    try:
        text.format(**dict.fromkeys(COUNTERS, 0))
    except ValueError as error:
        raise ExtensionError(
            f"the placeholders of the path {text!r} are not valid for str.format: {error}"
        ) from None
    return text


def _text(path: str | os.PathLike[str]) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise ExtensionError(f"the path of a checkpoint must be a string or a path, not {path!r}")
    return os.fspath(path)


def filled_path(template: str, status: Mapping[str, Any]) -> str:
    """Replace the placeholders in a path with the numbers of completed iterations and epochs."""
    return template.format(**{name: status[name] for name in COUNTERS})


def snapshot_for(
    main_loop: Loop,
    path: str,
    parameters: Iterable[SharedVariable] | None = None,
    *,
    save_main_loop: bool = True,
    save_separately: Iterable[str] = (),
) -> Snapshot:
    """Return a copy of the state to save; its log already lists `path`."""
    row = main_loop.log.current_row
    before = row.get(SAVED_TO)
    row[SAVED_TO] = (*(before or ()), path)
    try:
        return Snapshot.of(
            main_loop, parameters, save_main_loop=save_main_loop, save_separately=save_separately
        )
    finally:
        if before is None:
            del row[SAVED_TO]
        else:
            row[SAVED_TO] = before


def write(snapshot: Snapshot, path: str) -> None:
    """Write an archive; its folder is created if it does not exist."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, snapshot.write, ArchiveError)


def _described(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


class Load(SimpleExtension):
    """Extension that continues a run that `Checkpoint` saved, without executing code from the file.

    By default, only the parameters, the population statistics of batch normalisation and the
    buffers of wrapped modules are loaded.

    The main loop must be built in the same way as the saved main loop. If both
    `load_iteration_state` and `load_log` are True, the results are bitwise identical to those
    of an uninterrupted run, and extensions continue from their saved state. The record
    ``loaded_from`` contains the path.

    If the file does not exist yet, a message is logged and training starts from the beginning.
    Therefore a script with `Load` and `Checkpoint` can be restarted until training is complete.
    Place this extension first, so that extensions that act before training use the loaded
    parameters.

    Parameters
    ----------
    path : path
        The archive. If only parameters are loaded, it may also be an archive that `dump` wrote.
    load_iteration_state : bool
        If True, also load the position of the data stream and the state of the algorithm, such as
        momenta, learning rates and counters of random streams.
    load_log : bool
        If True, load the log, including its status, and continue it.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to load; see `SimpleExtension`. By default before training.

    Examples
    --------
    >>> Load("digits.tar", load_iteration_state=True, load_log=True)
    Load('digits.tar', load_iteration_state=True, load_log=True, before_training=True)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        load_iteration_state: bool = False,
        load_log: bool = False,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        triggers.setdefault("before_training", True)
        super().__init__(name, **triggers)
        self.path = _text(path)
        self.load_iteration_state = load_iteration_state
        self.load_log = load_log
        self._state: dict[str, Any] | None = None  # contents of the file during an event

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Load the file, and record its path.

        Raises
        ------
        ArchiveError
            If the archive is damaged, or belongs to a different main loop.
        """
        if not os.path.exists(self.path):
            mention(logger, NOTHING_YET.format(self.path))
            return
        self._state = self._read()
        self.load_to(self.main_loop)
        # load again, because other extensions may change the exact state on this event
        self.main_loop.after_event(self._finish)

    def records(self) -> dict[str, bool]:
        return {LOADED_FROM: False}

    def load_to(self, main_loop: Loop) -> None:
        """Load all requested parts into `main_loop`, or none of them if a part is incompatible.

        A subclass can override this method. It is called when the event occurs, and again after all
        extensions have handled the event.

        Raises
        ------
        ArchiveError
            If the archive is missing or damaged, or belongs to a different main loop.
        """
        self._load(self._read() if self._state is None else self._state, main_loop)

    def _finish(self) -> None:
        self.load_to(self.main_loop)
        self._state = None
        self.main_loop.log.current_row[LOADED_FROM] = self.path
        self.main_loop.log.commit()

    def _read(self) -> dict[str, Any]:
        parts = ["parameters"]
        parts += ["variables", "algorithm", "data"] * self.load_iteration_state
        parts += ["log"] * self.load_log
        parts += ["extensions"] * (self.load_iteration_state and self.load_log)
        if self.load_iteration_state:
            return read_state(self.path, parts)
        state = read_state(self.path, parts, optional=["variables"])
        state["statistics"] = state.pop("variables", {})  # an archive may have only parameters
        return state

    def _load(self, state: dict[str, Any], main_loop: Loop) -> None:
        try:
            main_loop.load_state_dict(state)
        except StateError as error:
            raise ArchiveError(f"{self.path}: {error}{self._model_changes()}") from error

    def _model_changes(self) -> str:
        """Return the end of a message about a changed model, or an empty string."""
        try:
            columns = read_state(self.path, ["log"])["log"]["columns"]
        except (ArchiveError, KeyError, TypeError):  # an archive that has only parameters
            return ""
        records = each_intervention(*columns[INTERVENTIONS]) if INTERVENTIONS in columns else ()
        texts = [str(one["text"]) for _, one in records if one.get("command") == "rebuild"]
        return CHANGED.format(text=texts[-1], path=self.path) if texts else ""

    def __repr__(self) -> str:
        kind, _, options = super().__repr__().partition("(")
        wanted = [n for n in ("load_iteration_state", "load_log") if getattr(self, n)]
        given = "".join(f", {name}=True" for name in wanted)
        return f"{kind}({self.path!r}{given}{', ' * (options != ')')}{options}"


explain_missing(__name__)
