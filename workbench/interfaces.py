"""Protocols for what lower layers and other processes may know of a run.

Extensions, archives and views are given a main loop or a session and are typed by these, so that
types point downwards as imports do. They hold no logic. `Session` is all that views, notebooks and
tools may know of a run: what it gives are plain values, the log and commands, which a session
whose training happens in another process can give as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from workbench.names import explain_missing

if TYPE_CHECKING:
    import torch

    from workbench.algorithms import TrainingAlgorithm
    from workbench.data import AbstractDataStream
    from workbench.graph import ComputationGraph
    from workbench.log import TrainingLogBase
    from workbench.tensor import SharedVariable
    from workbench.utils.profile import Profile

__all__ = ["Command", "Holder", "Loop", "Session", "State", "Trainable"]


@runtime_checkable
class Trainable(Protocol):
    """An algorithm, as far as a main loop needs one; `TrainingAlgorithm` is one."""

    def initialize(self) -> Any:
        """Prepare for the first batch; called once."""

    def process_batch(self, batch: Any) -> Any:
        """Train on a batch."""


class Holder(Protocol):
    """An object with a name and a state that must be saved; every extension is one."""

    name: str

    def state_dict(self) -> dict[str, Any]:
        """Return what must be saved, except shared variables."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""

    def state_variables(self) -> Iterable[SharedVariable]:
        """Return the shared variables whose values must be saved."""


@runtime_checkable
class Loop(Protocol):
    """A main loop, as its extensions and archives see it.

    Attributes
    ----------
    algorithm : TrainingAlgorithm
        Processes the batches.
    data_stream : AbstractDataStream or None
        Gives the batches.
    epoch_iterator : iterator or None
        The remaining batches of an epoch that has started and not ended.
    model : ComputationGraph or None
        What is trained.
    log : TrainingLogBase
        The records of the run.
    profile : Profile
        Where the time went.
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

    def run(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Train until the end, in this thread."""

    def refresh(self) -> None:
        """Look again which extensions handle which events."""

    def request_finish(self) -> None:
        """End training after the current event."""

    def interrupt(self, level: Literal["epoch", "batch"] = "batch") -> None:
        """End training with this epoch or at once."""

    def post(
        self,
        action: Callable[[], object],
        *,
        early: Callable[[], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        """Have `action` called by the thread that trains, between two batches."""

    def yield_to_commands(self) -> None:
        """Let pauses and interrupts take effect within a long evaluation."""

    def after_event(self, action: Callable[[], object]) -> None:
        """Have `action` called once all extensions have seen the current event."""

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record values that an accelerator is still computing."""

    def state_variables(self) -> tuple[dict[str, SharedVariable], dict[str, SharedVariable]]:
        """Return the parameters by path, and all other shared variables of training by name."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that training depends on and changes."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""


class State(StrEnum):
    """What a session is doing."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """True if it will not change any more."""
        return self in (State.FINISHED, State.FAILED)


class Command(Protocol):
    """A request to a session, and its outcome.

    Attributes
    ----------
    id : int
        Counts the commands of a session from 1.
    kind : str
        The name of the method that made it.
    text : str
        What was asked for, for a person.
    by : str
        Who asked for it: ``code``, ``button`` or a tool.
    iteration : int or None
        The number of iterations done when it was applied.
    reason : str or None
        Why it was refused, or how it failed.
    exception : BaseException or None
        What it raised, if it did.
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
        """True once it was applied or refused, or has failed."""

    @property
    def state(self) -> str:
        """``queued``, ``applied at iteration N``, ``refused: why`` or ``failed: error``."""

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until it is applied; return its result."""


@runtime_checkable
class Session(Protocol):
    """A run, as views, notebooks and tools see it: watch it, pause it, change it.

    `workbench.session.Session` documents what each method promises.
    """

    @property
    def name(self) -> str:
        """Unique in this process."""

    @property
    def commands(self) -> Sequence[Command]:
        """Everything asked for so far, in order."""

    @property
    def exception(self) -> BaseException | None:
        """What ended training, if it failed."""

    @property
    def note(self) -> str:
        """Why there was nothing to train, if so; else empty."""

    @property
    def runs(self) -> int:
        """How often training began."""

    @property
    def state(self) -> State:
        """What the session is doing."""

    @property
    def log(self) -> TrainingLogBase:
        """The records of the run; its status counts iterations and epochs."""

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The totals of ``epochs`` and ``batches`` after which training ends, where known."""

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` in which batches are processed, and the ``reason`` for it, as texts."""

    @property
    def views(self) -> Sequence[Mapping[str, Any]]:
        """What the extensions want shown of the run: plain values, with the ``kind`` of each."""

    def pause(self) -> Command:
        """Pause between two batches."""

    def resume(self) -> Command:
        """Continue after a pause."""

    def step(self, n: int = 1) -> Command:
        """Train on `n` batches, then pause."""

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train on so many more epochs or batches, also after the end."""

    def stop(self) -> Command:
        """End training between two batches."""

    def call(self, f: Callable[[Any], Any]) -> Command:
        """Call ``f(main_loop)`` where training runs, between two batches."""

    def set(self, shared: SharedVariable, value: Any) -> Command:
        """Give a shared variable a new value, between two batches."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended; return True if it has."""


explain_missing(__name__)
