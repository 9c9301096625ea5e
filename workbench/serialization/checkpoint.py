"""Archives with the parameters, the training state and a pickle of a main loop.

`Snapshot.of` copies the state into memory in the training thread; another thread can then write the
copy to a file. `read_state` returns the argument for `MainLoop.load_state_dict` without executing
code from the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import torch

from workbench.errors import ArchiveError, ParameterError, UntrustedArchiveError
from workbench.graph.selection import chosen
from workbench.hints import hinted
from workbench.interfaces import Loop
from workbench.serialization import archive, state
from workbench.serialization.parameters_npz import (
    PARAMETERS,
    decode_parameters,
    encode_parameters,
)
from workbench.serialization.pickling import (
    PICKLE,
    RESERVED,
    STATE,
    UNTRUSTED,
    References,
    pickled,
    references_to,
    unpickled,
)
from workbench.serialization.variable_values import by_path, value_of
from workbench.tensor import SharedVariable

PARTS = ("parameters", "variables", "algorithm", "data", "extensions", "log")
"""Names of the parts of a training state; see `workbench.main_loop.state`."""

NO_STATE = (
    "{where}: the archive has no training state, only {members}; it was not written by Checkpoint, "
    "so only parameters can be loaded from it"
)
NO_MAIN_LOOP = (
    "{where}: the archive has no main loop, only {members}. Build the main loop in the same way as "
    "before, and add the extension Load({where!r}, load_iteration_state=True, load_log=True)"
)


@dataclass
class Snapshot:
    """Copy of the state of a main loop; later training does not change the copy.

    Attributes
    ----------
    parameters : dict
        The values for the member ``_parameters``, keyed by path.
    state : dict
        The training state for the member ``_state``, without the values that ``_parameters`` stores
        exactly.
    pickles : dict
        The contents of additional members, keyed by name.
    failures : list of Exception
        The errors raised by objects that could not be pickled.
    """

    parameters: dict[str, torch.Tensor]
    state: dict[str, Any]
    pickles: dict[str, bytes]
    failures: list[Exception]

    @classmethod
    def of(
        cls,
        main_loop: Loop,
        parameters: Iterable[SharedVariable] | Any = None,
        *,
        save_main_loop: bool = True,
        save_separately: Iterable[str] = (),
    ) -> Snapshot:
        """Copy the state of `main_loop`; call this method in its training thread.

        Parameters
        ----------
        main_loop : MainLoop
        parameters : iterable of SharedVariable or criterion, optional
            The variables for the member ``_parameters``; by default the parameters of the model.
        save_main_loop : bool
            If True, pickle the main loop too. If pickling fails, or if the parameters are divided
            among processes, the archive is written without the main loop.
        save_separately : iterable of str
            The names of main loop attributes to pickle into separate members.
        """
        whole = main_loop.state_dict()
        own, others = main_loop.state_variables()
        trained = list(own.values())
        named = by_path(
            trained if parameters is None else chosen(parameters, trained, "Checkpoint")
        )
        values: dict[str, torch.Tensor] = {}
        for name, variable in named.items():
            if own.get(name) is variable:
                values[name] = whole["parameters"][name]
                if values[name].dtype not in state.BITS:  # else _parameters has a different dtype
                    whole["parameters"][name] = None  # stored in _parameters only
            else:
                values[name] = value_of(variable)
        new = cls(values, whole, {}, [])
        wanted = {PICKLE: main_loop} if save_main_loop else {}
        wanted.update((name, getattr(main_loop, name)) for name in save_separately)
        if not wanted:
            return new
        try:
            references: References = {
                id(variable.tensor): ("variable", part, name)
                for part, variables in (("parameters", own), ("variables", others))
                for name, variable in variables.items()
            }
        except ParameterError as error:  # values are divided among processes
            if save_separately:
                raise
            new.failures.append(error)
            return new
        references |= references_to(named)
        make = main_loop.log.maker()
        if make is not None:
            references[id(main_loop.log)] = ("log", make)
        for name, value in wanted.items():
            try:
                new.pickles[name] = pickled(value, references)
            except Exception as error:
                new.failures.append(error)
        return new

    def write(self, file: IO[bytes]) -> None:
        """Write the snapshot to `file` as an archive."""
        members = {}
        if self.parameters:
            members[PARAMETERS] = encode_parameters(self.parameters)
        members[STATE] = state.encode({**self.state, "log": _storable(self.state["log"])})
        archive.write(file, {**members, **self.pickles})


def _storable(log: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a log, with each value that cannot be encoded replaced by its repr."""
    return {
        **log,
        "status": {name: _or_text(value) for name, value in log["status"].items()},
        "columns": {
            name: (at, [_or_text(value) for value in values] if type(values) is list else values)
            for name, (at, values) in log.get("columns", {}).items()
        },
    }


def _or_text(value: Any) -> Any:
    return value if state.storable(value) else repr(value)


def check_separate(names: Iterable[str] | None) -> list[str]:
    """Return the names of attributes to pickle separately; raise an error for a reserved name."""
    if isinstance(names, str):
        raise ArchiveError(f"save_separately must be a list, not {names!r}; write [{names!r}]")
    listed = list(names or ())
    for name in listed:
        if name in RESERVED:
            raise ArchiveError(f"the name {name!r} is reserved in archives")
    return listed


def read_state(
    file_: Any, parts: Iterable[str] = PARTS, *, optional: Iterable[str] = ()
) -> dict[str, Any]:
    """Read the training state from an archive, for `MainLoop.load_state_dict`.

    Reading does not execute code from the file.

    Parameters
    ----------
    file_ : path or file
    parts : iterable of str, optional
        The parts to return; see `workbench.main_loop.state`. Parameters can also be read from an
        archive that `dump` wrote, although such an archive has no training state.
    optional : iterable of str, optional
        Additional parts to return if the archive has a training state.

    Raises
    ------
    ArchiveError
        If the archive is damaged or does not contain these parts.
    """
    where, members, wanted = archive.name_of(file_), archive.read(file_), list(parts)
    if STATE not in members and wanted == ["parameters"]:
        found = decode_parameters(archive.pick(members, PARAMETERS, where), where)
        return {"parameters": found}
    if STATE not in members:
        raise ArchiveError(NO_STATE.format(where=where, members=_listed(members)))
    saved = state.decode_member(members[STATE], where)
    values = decode_parameters(members[PARAMETERS], where) if PARAMETERS in members else {}
    try:
        whole: dict[str, Any] = dict(saved)
        own = whole["parameters"].items()
        whole["parameters"] = {n: values[n] if v is None else v for n, v in own}
        return {part: whole[part] for part in (*wanted, *optional)}
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise archive.unreadable(where, STATE, error) from None


def load_main_loop(file_: Any, *, trusted: bool = False) -> Loop:
    """Load the main loop from an archive to continue training.

    Parameters
    ----------
    file_ : path or file
    trusted : bool
        Pass True only if you trust the origin of the file: unpickling executes code from it.

    Raises
    ------
    UntrustedArchiveError
        If `trusted` is not True.
    ArchiveError
        If the archive is damaged or contains no main loop.
    """
    where, members = archive.name_of(file_), archive.read(file_)
    if PICKLE not in members:
        raise ArchiveError(NO_MAIN_LOOP.format(where=where, members=_listed(members)))
    if not trusted:
        raise UntrustedArchiveError(UNTRUSTED.format(where=where))
    found = unpickled(members, PICKLE, where)
    if not isinstance(found, Loop):
        listed = f"an object of type {type(found).__name__}"
        raise ArchiveError(NO_MAIN_LOOP.format(where=where, members=listed))
    return found


@hinted
def continue_training(path: Any, *, trusted: bool = False) -> Loop:
    """Load a checkpoint, and continue training in the current thread until it ends.

    Parameters
    ----------
    path : path
        An archive that `Checkpoint` wrote and that contains the main loop.
    trusted : bool
        Pass True only if you trust the origin of the file: unpickling executes code from it.

    Returns
    -------
    MainLoop
        The main loop, after training has ended.

    Raises
    ------
    UntrustedArchiveError
        If `trusted` is not True.
    ArchiveError
        If the archive is damaged, contains no main loop, or requires code that is not available.

    See Also
    --------
    workbench.extensions.saveload.Load : Continue without executing code from the file.

    Examples
    --------
    Train to the end, then continue from the state after the second batch:

    >>> import tempfile
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import GradientDescent, Scale
    >>> from workbench.extensions import FinishAfter
    >>> from workbench.extensions.saveload import Checkpoint
    >>> from workbench.main_loop import MainLoop
    >>> path = tempfile.mkdtemp() + "/run.tar"
    >>> x, w = tensor.vector("x"), shared(0.0, "w")
    >>> algorithm = GradientDescent(
    ...     cost=((x - w) ** 2).mean(), parameters=[w], step_rule=Scale(0.25))
    >>> saving = Checkpoint(path, after_training=False, after_n_batches=2)
    >>> MainLoop(algorithm, [{"x": [1.0]}, {"x": [3.0]}],
    ...          extensions=[saving, FinishAfter(after_n_batches=5)]).run()
    >>> main_loop = continue_training(path, trusted=True)
    >>> main_loop.status["iterations_done"]
    5
    >>> bool(main_loop.algorithm.parameters[0].get_value() == w.get_value())
    True
    """
    main_loop = load_main_loop(path, trusted=trusted)
    main_loop.run()
    return main_loop


def _listed(members: Iterable[str]) -> str:
    return ", ".join(map(repr, members)) or "nothing"
