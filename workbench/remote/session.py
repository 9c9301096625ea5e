"""`RemoteSession`, which controls a run in other processes like one in a thread."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NoReturn

from workbench import interfaces
from workbench.errors import SessionError, StateError, WaitInterrupted
from workbench.extensions.alerts import check_level
from workbench.extensions.planned_end import check_more
from workbench.extensions.saveload import checked_path
from workbench.interfaces import State
from workbench.log import SQLiteLog, TrainingLog, TrainingLogBase
from workbench.log.sources import HasLog
from workbench.main_loop import MainLoop
from workbench.remote.folder import RunFolder
from workbench.remote.launcher import Launched, Launcher, Unowned
from workbench.remote.link import Link
from workbench.remote.values import RemoteBranch, RemoteCommand, RemoteProbe, RemoteSnapshot
from workbench.session import display
from workbench.session.archives import default_path
from workbench.session.branch import interventions
from workbench.session.hyperparameters import Hyperparameter
from workbench.session.known_sessions import check_name
from workbench.session.known_variables import KnownVariables
from workbench.session.replay import to_replay
from workbench.tensor import SharedVariable
from workbench.utils.attributes import FixedAttributes
from workbench.utils.live_layer import from_live_layer
from workbench.utils.numbers import check_finite, is_count
from workbench.utils.waiting import wait

NO_VARIABLES = (
    "this session has no main loop in this process, so it cannot find the variable {given!r}; pass "
    "its name or path, as listed by session.hyperparameters and session.variables"
)
STILL_RUNS = (
    "{session!r} has not ended; restart() starts the processes again after a failure or the end. "
    "Call stop() and wait() first"
)
NOT_TO_BE_SAVED = (
    "{session!r} is a connection to other processes, which cannot be copied or saved; save the run "
    "with session.save(path), or connect again with workbench.attach({session.name!r})"
)
WAIT_INTERRUPTED = (
    "wait() was interrupted, but training continues: {session!r}. Call its stop() method to end "
    "training"
)

GOODBYE = 10.0
"""Seconds in which the processes must end when the session is closed."""


class RemoteSession(FixedAttributes, interfaces.Session):
    """Controller of a main loop that runs in other processes.

    It has the methods and attributes of `workbench.session.Session`, except ``main_loop``: the
    processes train copies of the main loop, and the one in this process stays as it was. To take
    over the trained state, load it: ``main_loop.load_state_dict(session.call(
    MainLoop.state_dict).wait())``. The result of a function that is passed to `call` must support
    pickling, and so must the function.

    If several processes train together, a command takes effect after the same batch in all of
    them, also during an evaluation, which is completed first.

    ``main_loop.start(detached=True)`` and ``main_loop.start(processes=2)`` create such sessions,
    and `workbench.attach` creates one for a run that is already there.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run.
    launcher : Launcher
        The launcher for `restart`.
    main_loop : MainLoop, optional
        The main loop from which the run was started, to find variables that are passed to methods.
    """

    _called = "session"

    def __init__(
        self, folder: RunFolder, launcher: Launcher, main_loop: MainLoop | None = None
    ) -> None:
        self._folder = folder
        self._launcher = launcher
        self._run = folder.read()
        self._commands: list[RemoteCommand] = []
        self._variables = None if main_loop is None else KnownVariables(main_loop)
        self._log: SQLiteLog | None = None
        self._opening = threading.Lock()
        self._past: dict[str, Any] = {}
        self._link: Link | None = None

    @property
    def name(self) -> str:
        """The name of the session, which is unique in this process."""
        return str(self._run["name"])

    @property
    def folder(self) -> str:
        """The folder of the run, with the outputs of the processes."""
        return str(self._folder.path)

    @property
    def processes(self) -> Sequence[int]:
        """The numbers that the operating system has given to the processes, by rank."""
        return [] if self._link is None else list(self._link.launched.pids)

    @property
    def detached(self) -> bool:
        """True if the run continues after the end of this process."""
        return bool(self._run["detached"])

    def connect(self, launched: Launched, *, new: bool) -> None:
        """Connect to processes; see `Link.open` for the arguments and errors."""
        self._run = self._folder.read()
        changed = _caller(weakref.WeakMethod(self._see_changes))
        link = Link(self._folder, launched, self._commands, changed)
        link.open(new=new)
        self._link = link
        self._see_changes()
        self._finalizer = weakref.finalize(self, _close, link, self._folder, detached=self.detached)
        self._finalizer.atexit = False  # the module `runs` does it in the right order

    def _see_changes(self) -> None:
        """Follow the log, and keep this object while the run continues."""
        link = self._link
        if link is None:
            return
        if link.state.ended:
            RUNNING.discard(self)
        else:
            RUNNING.add(self)
        log, identity = self._log, link.facts.get("uuid")
        if log is not None and identity is not None and log.h_uuid != identity:
            log.follow(identity)

    def close(self) -> None:
        """Disconnect; end the processes if this process started them and they are not detached."""
        RUNNING.discard(self)
        if self._link is not None:
            self._finalizer.detach()
            _close(self._link, self._folder, detached=self.detached)

    # What the run has reported

    def _fact(self, name: str, default: Any) -> Any:
        return default if self._link is None else self._link.facts.get(name, default)

    @property
    def commands(self) -> list[RemoteCommand]:
        """All commands of the session so far."""
        return self._commands

    @property
    def exception(self) -> BaseException | None:
        """The error that ended training, if any."""
        return None if self._link is None else self._link.exception

    @property
    def note(self) -> str:
        """Why the last run did not train, or why a fork is not ready yet; otherwise empty."""
        return str(self._fact("note", ""))

    @property
    def runs(self) -> int:
        """The number of times that training has started."""
        return int(self._fact("runs", 0))

    @property
    def state(self) -> State:
        """The current state of the session."""
        if self._link is None:
            finished = self.log.current_row.get("training_finished", False)
            return State.FINISHED if finished else State.FAILED
        return self._link.state

    @property
    def log(self) -> TrainingLogBase:
        """The log of the run, which the first process writes to a database."""
        with self._opening:
            if self._log is None:
                identity = self._fact("uuid", None)
                self._log = SQLiteLog(
                    self._run["database"], uuid=identity, read_only=True, trusted=True
                )
            return self._log

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The totals of ``epochs`` and ``batches`` after which training ends; None if unknown."""
        found: Mapping[str, int | None] = self._fact("planned", {"epochs": None, "batches": None})
        return found

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` that processes batches, and the ``reason`` for it; empty if unknown."""
        found: Mapping[str, str] = self._fact("execution", {"tier": "", "reason": ""})
        return found

    @property
    def model_tree(self) -> list[dict[str, Any]]:
        """The bricks of the model as dictionaries, each with ``children`` and ``parameters``."""
        found: list[dict[str, Any]] = self._read("model_tree", [])
        return found

    @property
    def views(self) -> list[Mapping[str, Any]]:
        """The views that the extensions request; see `TrainingExtension.views`."""
        return list(self._fact("views", ()))

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """The hyperparameters that can be changed during training, with their values and bounds."""
        return [replace(one) for one in self._fact("hyperparameters", ())]

    @property
    def training_examples(self) -> dict[str, Any]:
        """The examples that training reads, and their edits; see `Session.training_examples`."""
        found: dict[str, Any] = self._read("training_examples", {
            "indices": range(0), "sources": (), "dropped": [], "relabelled": {},
            "reason": "the processes of this run have ended"})  # fmt: skip
        return found

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        """Shared variables by name, each with ``shape``, ``dtype`` and ``parameter`` (a bool)."""
        found: dict[str, dict[str, Any]] = self._read("variables", {})
        return found

    @property
    def interventions(self) -> list[dict[str, Any]]:
        """The commands that took effect in this run, from the log, in order of iteration."""
        return interventions(self.log)

    @property
    def branches(self) -> list[RemoteBranch]:
        """The branches of the run; training continues on the last one."""
        return [] if self._link is None else list(self._link.branches)

    @property
    def snapshots(self) -> list[RemoteSnapshot]:
        """The training states that the first process keeps in memory, by iteration."""
        return [] if self._link is None else self._link.snapshots

    @property
    def default_path(self) -> str:
        """The path that `save` uses by default, with a placeholder for the iteration."""
        return default_path(self.name)

    def _read(self, name: str, default: Any) -> Any:
        """Return an attribute of the session in the first process; the last one after its end."""
        if self._link is not None and self._link.is_open:
            try:
                self._past[name] = self._link.ask(name)
            except SessionError:
                if self._link.is_open:
                    raise
        return self._past.get(name, default)

    def describe(self, shared: SharedVariable | str) -> Hyperparameter:
        """Describe a shared variable that is a single number; see `Session.describe`."""
        found: Hyperparameter = self._open().ask("describe", self._named(shared))
        return found

    def spec(self) -> dict[str, Any]:
        """Return the specification of the model, as a JSON value; see `Session.spec`."""
        found: dict[str, Any] = self._open().ask("spec")
        return found

    def frozen(self) -> tuple[str, ...]:
        """Return the paths of the bricks that are not trained."""
        return tuple(self._open().ask("frozen"))

    def probe(
        self,
        names: Iterable[str] | None = None,
        *,
        steps: bool = False,
        batch: bool = False,
        examples: Sequence[int] | None = None,
    ) -> RemoteProbe:
        """Copy the values of variables between two batches; see `Session.probe`."""
        given = None if names is None else list(names)
        chosen = None if examples is None else list(examples)
        return self._open().probe(given, steps=steps, batch=batch, examples=chosen)

    # Commands

    def _open(self) -> Link:
        if self._link is None:
            raise SessionError(
                f"the processes of {self.name!r} have ended; restart() continues from the last "
                "snapshot on disk"
            )
        return self._link

    def _ask(self, name: str, *args: Any, **options: Any) -> RemoteCommand:
        return self._open().command(name, *args, **options)

    def pause(self) -> RemoteCommand:
        """Pause between two batches, until `resume`, `step` or `stop`."""
        return self._ask("pause")

    def resume(self) -> RemoteCommand:
        """Continue training after a pause."""
        return self._ask("resume")

    def step(self, n: int = 1) -> RemoteCommand:
        """Train on `n` batches, then pause; see `Session.step`."""
        return self._ask("step", n)

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> RemoteCommand:
        """Train for further epochs or batches, even after the end; see `Session.train`."""
        check_more(epochs, batches)
        return self._ask("train", epochs, batches=batches)

    def set_end(self, *, epochs: int | None = None, batches: int | None = None) -> RemoteCommand:
        """Set the total number of epochs or batches; see `Session.set_end`."""
        check_more(epochs, batches)
        return self._ask("set_end", epochs=epochs, batches=batches)

    def stop(self, *, save: str | os.PathLike[str] | None = None) -> RemoteCommand:
        """End training between two batches; see `Session.stop`."""
        return self._ask("stop", save=None if save is None else _whole(save))

    def save(self, path: str | os.PathLike[str] | None = None) -> RemoteCommand:
        """Save the run to a file of this machine between two batches; see `Session.save`."""
        return self._ask("save", _whole(self.default_path if path is None else path))

    def load(self, path: str | os.PathLike[str]) -> RemoteCommand:
        """Restore the state of training from a file, and pause there; see `Session.load`."""
        return self._ask("load", os.path.abspath(os.path.expanduser(path)))

    def call(self, f: Callable[[Any], Any]) -> RemoteCommand:
        """Call ``f(main_loop)`` in the processes that train, between two batches.

        The function and its result are pickled by cloudpickle. `Command.wait` returns the result
        of the first process.

        Raises
        ------
        SessionError
            If `f` is not callable.
        """
        return self._ask("call", f)

    def set(self, shared: SharedVariable | str, value: Any) -> RemoteCommand:
        """Assign a new value to a shared variable between two batches; see `Session.set`.

        A variable of the main loop from which the run was started stands for its copy.
        """
        return self._ask("set", self._named(shared), value)

    def hold(self, shared: SharedVariable | str, value: Any = None) -> RemoteCommand:
        """Prevent a schedule from changing its variable; see `Session.hold`."""
        return self._ask("hold", self._named(shared), value)

    def release(self, shared: SharedVariable | str) -> RemoteCommand:
        """Allow a schedule to change its variable again; see `Session.release`."""
        return self._ask("release", self._named(shared))

    def _named(self, shared: SharedVariable | str) -> Any:
        """Return the path of a variable of the main loop in this process."""
        if not isinstance(shared, SharedVariable):
            return shared
        if self._variables is None:
            raise SessionError(NO_VARIABLES.format(given=shared))
        found = self._variables.find(shared)
        return self._variables.paths.get(found, str(shared))

    def rebuild(
        self,
        spec: Any,
        *,
        frozen: Collection[str] | None = None,
        moved: Mapping[str, str] | None = None,
        widened: Collection[str] = (),
        noise: float = 0.0,
    ) -> RemoteCommand:
        """Replace the model between two batches; see `Session.rebuild`."""
        given = spec if isinstance(spec, Mapping) else spec.to_dict()
        return self._ask(
            "rebuild",
            dict(given),
            frozen=None if frozen is None else list(frozen),
            moved=None if moved is None else dict(moved),
            widened=list(widened),
            noise=noise,
        )

    def relabel(
        self, examples: int | Sequence[int], value: Any, *, source: str = "targets"
    ) -> RemoteCommand:
        """Replace the value of a source for some examples; see `Session.relabel`."""
        return self._ask("relabel", examples, value, source=source)

    def drop(self, examples: int | Sequence[int]) -> RemoteCommand:
        """Omit training examples from the next batch onwards; see `Session.drop`."""
        return self._ask("drop", examples)

    def snapshot(self, name: str = "snapshot") -> RemoteCommand:
        """Keep the current training state in memory; see `Session.snapshot`."""
        return self._ask("snapshot", name)

    def rewind(self, iteration: int, *, branch: str | None = None) -> RemoteCommand:
        """Rewind training to an iteration, and pause there; see `Session.rewind`."""
        return self._ask("rewind", iteration, branch=branch)

    def undo(self) -> RemoteCommand:
        """Rewind training to the point before the last intervention; see `Session.undo`."""
        return self._ask("undo")

    def replay(
        self,
        source: TrainingLogBase | HasLog | str | os.PathLike[str] | Iterable[Mapping[str, Any]],
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> RemoteCommand:
        """Repeat the interventions of another run in this run; see `Session.replay`."""
        given: Any = to_replay(source)
        if isinstance(given, TrainingLogBase):
            log = TrainingLog()
            log.load_state_dict(given.state_dict())
            given = log
        elif isinstance(given, Iterable):
            given = list(given)
        return self._ask("replay", given, functions=dict(functions or {}))

    def alert(
        self, text: str, level: Literal["info", "warning", "error"] = "warning"
    ) -> RemoteCommand:
        """Record an alert, which views show; see `Session.alert`."""
        check_level(level)
        return self._ask("alert", text, level)

    def fork(
        self, iteration: int | None = None, *, branch: str | None = None, name: str | None = None
    ) -> RemoteSession:
        """Start a second run in as many processes of its own, paused at an iteration of this one.

        See `Session.fork`. The datasets are copied.

        Raises
        ------
        SessionError
            If `iteration` has not been reached or cannot be reached exactly, or if the main loop
            cannot be copied.
        """
        from workbench.remote.runs import start_fork

        if iteration is not None and not is_count(iteration, 0):
            raise SessionError(f"iteration must be an integer of 0 or more, not {iteration!r}")
        check_name(name)
        return start_fork(self, iteration, branch, name)

    def restart(self, processes: int | None = None) -> int:
        """Start the processes again, and continue from the last snapshot on disk.

        The results are those of a run that was never interrupted, for any number of processes.
        Records after the snapshot are kept in the database, but do not belong to the log any more.

        Parameters
        ----------
        processes : int, optional
            The number of processes; by default as before.

        Returns
        -------
        int
            The iteration from which training continues.

        Raises
        ------
        SessionError
            If the run has not ended.
        ProcessError
            If the processes cannot be started.
        """
        from workbench.remote.runs import launch_again

        if not self.state.ended:
            raise SessionError(STILL_RUNS.format(session=self))
        if processes is not None and not is_count(processes):
            raise SessionError(f"processes must be an integer of 1 or more, not {processes!r}")
        if self._link is not None:
            self._finalizer.detach()
            self._link.close(GOODBYE)
        launch_again(self, processes)
        return int(self._fact("began_at", 0))

    def to_html(self, path: str | os.PathLike[str], *, title: str = "") -> None:
        """Write a report of the run as one file; see `Session.to_html`."""
        from_live_layer("to_html", "to_html", what="session.to_html()")(self, path, title=title)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended, and return True unless the timeout expired.

        Raises
        ------
        BaseException
            The error that ended training, with its traceback in another process as a note.
        WaitInterrupted
            If waiting is interrupted; training continues. This error is a `KeyboardInterrupt`.
        """
        if timeout is not None:
            check_finite(timeout, "timeout", SessionError)
        if self._link is None:
            return True
        try:
            ended = self._link.wait(timeout, wait)
        except KeyboardInterrupt:
            raise WaitInterrupted(WAIT_INTERRUPTED.format(session=self)) from None
        error = self.exception
        if ended and error is not None:
            raise error
        return ended

    def __repr__(self) -> str:
        return display.line(self)

    def _repr_html_(self) -> str:
        return display.table(self)

    def __reduce__(self) -> NoReturn:
        """Raise an error, because a connection cannot be copied or saved.

        Raises
        ------
        StateError
        """
        raise StateError(NOT_TO_BE_SAVED.format(session=self))


RUNNING: set[RemoteSession] = set()
"""Sessions whose runs continue, which are kept even if their variables are overwritten."""


def _caller(method: weakref.WeakMethod[Callable[[], None]]) -> Callable[[], None]:
    """Return a function that calls a method of an object, as long as the object exists."""

    def call() -> None:
        found = method()
        if found is not None:
            found()

    return call


def _whole(path: str | os.PathLike[str]) -> str:
    """Return the absolute path of a file, in the working directory of this process."""
    return os.path.abspath(os.path.expanduser(checked_path(path)))


def _close(link: Link, folder: RunFolder, *, detached: bool) -> None:
    """End the processes that this process has started, unless the run is detached."""
    if detached or isinstance(link.launched, Unowned):
        link.leave()
        return
    link.close(GOODBYE)
    folder.remove()
