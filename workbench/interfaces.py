"""Protocols of a run: its main loop, algorithm, stateful parts and session.

Extensions, archives and views get a main loop or a session, and use these protocols as types, so
that types depend on each other in the same direction as imports. They contain no logic. Views,
notebooks and tools know a run only as a `Session`. All that it provides are plain values, the log
and commands, which a session that trains in another process can provide too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from workbench.names import explain_missing

if TYPE_CHECKING:
    import os

    import torch

    from workbench.algorithms import TrainingAlgorithm
    from workbench.data import AbstractDataStream
    from workbench.graph import ComputationGraph
    from workbench.log import TrainingLogBase
    from workbench.tensor import SharedVariable
    from workbench.utils.profile import Profile

__all__ = [
    "Branch",
    "Command",
    "Holder",
    "Hyperparameter",
    "Loop",
    "Session",
    "Snapshot",
    "State",
    "Trainable",
]


@runtime_checkable
class Trainable(Protocol):
    """The methods of an algorithm that a main loop needs; `TrainingAlgorithm` has them."""

    def initialize(self) -> Any:
        """Prepare for the first batch; called once."""

    def process_batch(self, batch: Any) -> Any:
        """Train on a batch."""


class Holder(Protocol):
    """An object with a name and a state that is saved, such as an extension."""

    name: str

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save, except shared variables."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""

    def state_variables(self) -> Iterable[SharedVariable]:
        """Return the shared variables whose values must be saved."""


@runtime_checkable
class Loop(Protocol):
    """The members of a main loop that its extensions and archives use.

    Attributes
    ----------
    algorithm : TrainingAlgorithm
        Processes the batches.
    data_stream : AbstractDataStream or None
        The source of batches.
    epoch_iterator : iterator or None
        The remaining batches of an unfinished epoch.
    model : ComputationGraph or None
        The model that is trained.
    log : TrainingLogBase
        The records of the run.
    profile : Profile
        The time spent in each part.
    started_at : dict
        ``iterations_done`` and ``epochs_done`` when the main loop started for the first time.
    """

    algorithm: TrainingAlgorithm
    data_stream: AbstractDataStream | None
    epoch_iterator: Iterator[dict[str, Any]] | None
    model: ComputationGraph | None
    log: TrainingLogBase
    profile: Profile
    started_at: dict[str, int]

    @property
    def extensions(self) -> Sequence[Holder]:
        """The extensions, in the order in which they are called."""

    @property
    def status(self) -> MutableMapping[str, Any]:
        """The status of the log."""

    @property
    def is_running(self) -> bool:
        """True while a thread trains this main loop."""

    @property
    def session(self) -> Session | None:
        """The session that trains this main loop; None if there is none."""

    def run(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Train until the end, in this thread."""

    def refresh(self) -> None:
        """Update the table of extensions that handle each event."""

    def request_finish(self) -> None:
        """End training after the current event."""

    def interrupt(self, level: Literal["epoch", "batch"] = "batch") -> None:
        """End training after this epoch or after this batch."""

    def post(
        self,
        action: Callable[[], object],
        *,
        early: Callable[[], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        """Let the training thread call `action` between two batches."""

    def yield_to_commands(self) -> None:
        """Let pauses and interrupts take effect within a long evaluation."""

    def after_event(self, action: Callable[[], object]) -> None:
        """Call `action` after all extensions have handled the current event."""

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record values that an accelerator still computes, once they arrive."""

    def state_variables(self) -> tuple[dict[str, SharedVariable], dict[str, SharedVariable]]:
        """Return the parameters by path, and all other shared variables of training by name."""

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state of training."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""


class State(StrEnum):
    """State of a session."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """True if the state is final."""
        return self in (State.FINISHED, State.FAILED)


class Command(Protocol):
    """A request to a session, and its outcome.

    Attributes
    ----------
    id : int
        The number of the command in its session, from 1.
    kind : str
        The name of the method that created it.
    text : str
        A description for the user.
    by : str
        The origin of the command: ``code``, ``button`` or a tool.
    iteration : int or None
        The number of iterations done when it was applied.
    reason : str or None
        The reason of a refusal or failure.
    exception : BaseException or None
        The exception that it raised, if any.
    """

    id: int
    kind: str
    text: str
    by: str
    iteration: int | None
    reason: str | None
    exception: BaseException | None

    @property
    def done(self) -> bool:
        """True once it was applied or refused, or failed."""

    @property
    def state(self) -> str:
        """``queued``, ``applied at iteration N``, ``refused: why`` or ``failed: error``."""

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until it is applied; return its result."""


class Hyperparameter(Protocol):
    """A number that can be changed during training.

    Attributes
    ----------
    path : str
        The name that `Session.set` takes.
    name : str
        The short name, which several may have.
    value : float
        The present value.
    low, high : float
        The bounds of its values; infinite where there is none.
    scale : {'log', 'linear'}
        The scale on which to choose it.
    driven_by : str
        The name of the extension that sets it during training; empty if there is none.
    held : bool
        True while that extension leaves it unchanged.
    owner : str
        The name of the step rule that has it; empty if it belongs to no rule.
    """

    path: str
    name: str
    value: float
    low: float
    high: float
    scale: Literal["log", "linear"]
    driven_by: str
    held: bool
    owner: str


class Branch(Protocol):
    """The part of a run that follows a rewind, or its beginning.

    Attributes
    ----------
    name : str
        Can be changed.
    start : int
        The iteration at which it left its parent.
    end : int or None
        The iteration at which a rewind left it; None for the present branch.
    """

    name: str
    start: int
    end: int | None

    @property
    def log(self) -> TrainingLogBase | None:
        """The records up to `end`; None for the present branch, which has the session's log."""

    @property
    def difference(self) -> str:
        """One line on the interventions that its parent lacks."""


class Snapshot(Protocol):
    """A state of training that is kept in memory."""

    @property
    def iteration(self) -> int:
        """The number of batches done."""

    @property
    def pin(self) -> str:
        """The reason why it is kept longer than others; empty if it is not."""

    @property
    def branch(self) -> Branch:
        """The branch on which it was taken."""


@runtime_checkable
class Session(Protocol):
    """A run, for views, notebooks and tools, which watch it, pause it and change it.

    `workbench.session.Session` documents the details of each method.
    """

    @property
    def name(self) -> str:
        """The name, unique in this process."""

    @property
    def commands(self) -> Sequence[Command]:
        """All commands so far, in order."""

    @property
    def exception(self) -> BaseException | None:
        """The exception that ended training, if any."""

    @property
    def note(self) -> str:
        """The reason if there was nothing to train, else an empty string."""

    @property
    def runs(self) -> int:
        """The number of times that training started."""

    @property
    def state(self) -> State:
        """The current state."""

    @property
    def log(self) -> TrainingLogBase:
        """The records of the run; its status counts iterations and epochs."""

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The totals of ``epochs`` and ``batches`` after which training ends, where known."""

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` that processes batches, and the ``reason`` for it, as strings."""

    @property
    def views(self) -> Sequence[Mapping[str, Any]]:
        """Descriptions of the views that extensions request: plain values, each with a ``kind``."""

    def pause(self) -> Command:
        """Pause between two batches."""

    def resume(self) -> Command:
        """Continue after a pause."""

    def step(self, n: int = 1) -> Command:
        """Train on `n` batches, then pause."""

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train for further epochs or batches, also after the end."""

    def set_end(self, *, epochs: int | None = None, batches: int | None = None) -> Command:
        """Plan the end of training after a total of epochs or batches."""

    def stop(self, *, save: str | os.PathLike[str] | None = None) -> Command:
        """End training between two batches; save to a file first."""

    @property
    def default_path(self) -> str:
        """The path that `save` uses by default."""

    def save(self, path: str | os.PathLike[str] | None = None) -> Command:
        """Save the run to a file, between two batches."""

    def load(self, path: str | os.PathLike[str]) -> Command:
        """Bring training to the state in a file, and pause there."""

    def call(self, f: Callable[[Any], Any]) -> Command:
        """Call ``f(main_loop)`` in the training thread, between two batches."""

    @property
    def hyperparameters(self) -> Sequence[Hyperparameter]:
        """The numbers that can be changed during training."""

    def describe(self, shared: SharedVariable | str) -> Hyperparameter:
        """Describe a shared variable of one number, hyper-parameter or not."""

    def set(self, shared: SharedVariable | str, value: Any) -> Command:
        """Set the value of a shared variable, between two batches."""

    def hold(self, shared: SharedVariable | str, value: Any = None) -> Command:
        """Stop the schedule of a variable from changing it, until `release`."""

    def release(self, shared: SharedVariable | str) -> Command:
        """Let the schedule of a variable change it again."""

    @property
    def interventions(self) -> Sequence[Mapping[str, Any]]:
        """The commands that took effect, by iteration."""

    def snapshot(self, name: str = "snapshot") -> Command:
        """Keep the present state of training in memory."""

    def rewind(self, iteration: int, *, branch: str | None = None) -> Command:
        """Bring training back to an iteration, and pause there."""

    def undo(self) -> Command:
        """Bring training back to where it was before the last intervention, and pause there."""

    def fork(
        self, iteration: int | None = None, *, branch: str | None = None, name: str | None = None
    ) -> Session:
        """Start a second session from a point of this one, paused there."""

    def replay(
        self,
        source: TrainingLogBase | Iterable[Mapping[str, Any]],
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> Command:
        """Make the interventions of another run in this one, each at its iteration."""

    @property
    def branches(self) -> Sequence[Branch]:
        """The branches of the run; training continues on the last one."""

    @property
    def snapshots(self) -> Sequence[Snapshot]:
        """The states of training that are kept in memory, by iteration."""

    def alert(self, text: str, level: Literal["info", "warning", "error"] = "warning") -> Command:
        """Record an alert, which views show."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended; return True if it has."""


explain_missing(__name__)
