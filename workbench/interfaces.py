"""Protocols for the parts of a run: main loop, algorithm, stateful objects and session.

Extensions, archives and views use these protocols as the types of main loops and sessions, so that
no module depends on the types of a layer above it. The protocols contain no logic. Views, notebooks
and tools access a run only through a `Session`. A session provides only plain values, the log and
commands, so its run may also be in another process.

Examples
--------
A function that reads any run, wherever it trains:

>>> def report(session: Session) -> None:
...     rate: Hyperparameter = session.hyperparameters[0]
...     best: Best = session.best("cost")
...     branch: Branch = session.branches[-1]
...     probe: Probe = session.probe()
...     print(f"{rate.name} = {rate.value:g}, best cost {best.value:.0f} at {best.iteration}")
...     print(f"branch {branch.name!r} since {branch.start}, variables: {list(probe.wait())}")

>>> import numpy as np, workbench as wb
>>> X = np.eye(8, dtype="float32")
>>> session = wb.fit([wb.Linear()], (X, X.sum(axis=1, keepdims=True)), epochs=1, validation=None)
>>> _ = session.wait()
>>> report(session)
learning_rate = 0.002, best cost 1 at 1
branch 'main' since 0, variables: ['/model/linear.W', '/model/linear.b']

>>> isinstance(session.main_loop, Loop), isinstance(session.main_loop.algorithm, Trainable)
(True, True)
>>> holder: Holder = session.main_loop.extensions[0]
>>> sorted(holder.state_dict())
['aggregation', 'batches']
"""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from workbench.names import explain_missing

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from workbench.algorithms import TrainingAlgorithm
    from workbench.data import AbstractDataStream
    from workbench.graph import ComputationGraph
    from workbench.log import TrainingLogBase
    from workbench.tensor import SharedVariable, Variable
    from workbench.utils.profile import Profile

__all__ = [
    "Best",
    "Branch",
    "Command",
    "Holder",
    "Hyperparameter",
    "Loop",
    "Probe",
    "Session",
    "Snapshot",
    "State",
    "Sweep",
    "Trainable",
]


@runtime_checkable
class Trainable(Protocol):
    """Interface of a main loop's algorithm; `TrainingAlgorithm` implements it."""

    def initialize(self) -> Any:
        """Prepare for the first batch; this method is called once."""

    def process_batch(self, batch: Any) -> Any:
        """Train on a batch."""


class Holder(Protocol):
    """Interface of an object with a name and a state to save, such as an extension."""

    name: str

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save, without shared variables."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""

    def state_variables(self) -> Iterable[SharedVariable]:
        """Return the shared variables whose values must be saved."""


@runtime_checkable
class Loop(Protocol):
    """Interface that extensions and archives require of a main loop.

    Attributes
    ----------
    algorithm : TrainingAlgorithm
        The algorithm that processes the batches.
    data_stream : AbstractDataStream or None
        The source of batches.
    epoch_iterator : iterator or None
        The remaining batches of an unfinished epoch.
    model : ComputationGraph or None
        The model that is trained.
    log : TrainingLogBase
        The records of the run.
    profile : Profile
        The time spent in each section of the main loop.
    started_at : dict
        ``iterations_done`` and ``epochs_done`` at the first start of the main loop.
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
        """The extensions, in the order they are called."""

    @property
    def status(self) -> MutableMapping[str, Any]:
        """The status of the log."""

    @property
    def is_running(self) -> bool:
        """True while a thread is training this main loop."""

    @property
    def session(self) -> Session | None:
        """The session that trains this main loop, or None if there is none."""

    def run(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Train in the calling thread, and return when training ends."""

    def refresh(self) -> None:
        """Update the table of extensions that handle each event."""

    def request_finish(self) -> None:
        """End training after the current event."""

    def interrupt(self, level: Literal["epoch", "batch"] = "batch") -> None:
        """End training after the current epoch, or immediately."""

    def post(
        self,
        action: Callable[[], object],
        *,
        early: Callable[[], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        """Queue `action`, which the training thread calls between two batches."""

    def yield_to_commands(self) -> None:
        """Apply pending pauses and interrupts during a long evaluation."""

    def after_event(self, action: Callable[[], object]) -> None:
        """Call `action` after all extensions have handled the current event."""

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record values as soon as an accelerator has computed them."""

    def state_variables(self) -> tuple[dict[str, SharedVariable], dict[str, SharedVariable]]:
        """Return the parameters by path, and all other shared variables of training by name."""

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state of training."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""


class State(StrEnum):
    """State of a session.

    ``STOPPED`` means that the processes of a paused run have ended because no notebook was
    connected to them; see `workbench.session.remote`.

    Examples
    --------
    >>> State.PAUSED == "paused", State.PAUSED.ended, State.FINISHED.ended
    (True, False, True)
    """

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """True if training has ended."""
        return self in (State.FINISHED, State.STOPPED, State.FAILED)


class Command(Protocol):
    """A request to a session, and its outcome.

    Attributes
    ----------
    id : int
        The number of the command in its session, starting at 1.
    kind : str
        The name of the method that created the command, or ``edit`` for a direct edit of variables.
    text : str
        A description for the user.
    by : str
        The origin of the command, such as ``code``, ``button`` or the name of an extension.
    iteration : int or None
        The number of completed iterations when the command was applied.
    reason : str or None
        The reason for a refusal or failure.
    exception : BaseException or None
        The exception that the command raised, if any.
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
        """True if the command has been applied or refused, or has failed."""

    @property
    def state(self) -> str:
        """``queued``, ``applied at iteration N``, ``refused: reason`` or ``failed: error``.

        For `step`, it is ``started at iteration N`` instead of ``applied at iteration N``.
        """

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the command is applied (for `step`, until it has ended); return its result."""


class Hyperparameter(Protocol):
    """A hyperparameter that can be changed during training.

    Attributes
    ----------
    path : str
        The name that `Session.set` accepts.
    name : str
        The short name, which need not be unique.
    value : float
        The current value.
    low, high : float
        The bounds of the value; infinite if there is no bound.
    scale : {'log', 'linear'}
        The scale that controls use to show the value.
    driven_by : str
        The name of the extension that sets the value during training; empty if there is none.
    held : bool
        True while the extension in `driven_by` leaves the value unchanged.
    owner : str
        The name of the step rule that uses the hyperparameter; empty if no rule uses it.
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
    """A branch of a run, starting at the beginning of the run or at a rewind.

    Attributes
    ----------
    name : str
        The name of the branch, which can be changed.
    start : int
        The iteration where the branch starts.
    end : int or None
        The iteration where a rewind ended the branch; None for the current branch.
    """

    name: str
    start: int
    end: int | None

    @property
    def log(self) -> TrainingLogBase | None:
        """The records up to `end`, or None for the current branch, whose log is `Session.log`."""

    @property
    def difference(self) -> str:
        """The interventions that the current branch lacks, or its own, as a line of text."""


class Snapshot(Protocol):
    """A training state in memory."""

    @property
    def iteration(self) -> int:
        """The number of completed batches."""

    @property
    def pin(self) -> str:
        """The reason to keep the snapshot longer than other snapshots; empty if there is none."""

    @property
    def branch(self) -> Branch:
        """The branch that the snapshot was taken on."""


class Best(Protocol):
    """The best iteration of a run, according to one of its records.

    Attributes
    ----------
    record : str
        The name of the record that is compared.
    value : float
        The best value.
    iteration : int
        The number of completed batches at that point.
    values : mapping
        All records of that iteration.
    """

    record: str
    value: Any
    iteration: int
    values: Mapping[str, Any]

    @property
    def available(self) -> bool:
        """True if the state at that iteration can be restored."""

    def restore(self) -> Command:
        """Go back to the state of training at that iteration, and pause there."""


class Probe(Protocol):
    """A request for the values of variables between two batches, and the answer to it.

    Attributes
    ----------
    iteration : int or None
        The number of completed iterations when the request was answered; None until then.
    reason : str
        The reason why the request was refused; empty if it was not refused.
    batch : mapping of str to array
        A batch of the training data by source, if it was requested.
    examples : sequence of int
        The indices of the training examples in `batch`, if specific examples were requested.
    stored : mapping of str to array
        The values of these examples in the dataset, before any transformer is applied, for the
        sources that hold one number for each example.
    seconds : float
        The delay of training due to reading the examples, in seconds.
    processor_seconds : float
        The part of `seconds` that the training thread spent computing instead of waiting.
    """

    iteration: int | None
    reason: str
    seconds: float
    processor_seconds: float
    batch: Mapping[str, Any]
    examples: Sequence[int]
    stored: Mapping[str, Any]

    @property
    def done(self) -> bool:
        """True if the request has been answered or refused."""

    @property
    def values(self) -> Mapping[str, torch.Tensor]:
        """The values by name, in main memory."""

    @property
    def steps(self) -> Mapping[str, torch.Tensor]:
        """The changes in the values during the next batch; empty if unknown or not requested."""

    def wait(self, timeout: float | None = None) -> Mapping[str, torch.Tensor]:
        """Wait until the request is answered, and return the values."""


@runtime_checkable
class Session(Protocol):
    """Interface of a run for views, notebooks and tools that observe and control it.

    `workbench.session.Session` documents the details of each method.
    """

    @property
    def name(self) -> str:
        """The name of the session, which is unique in this process."""

    @property
    def commands(self) -> Sequence[Command]:
        """All commands so far, in order."""

    @property
    def exception(self) -> BaseException | None:
        """The exception that ended training, if any."""

    @property
    def note(self) -> str:
        """The reason why the last run did not train or why a fork is not ready; otherwise empty."""

    @property
    def runs(self) -> int:
        """The number of times that training has been started."""

    @property
    def state(self) -> State:
        """The current state of the session."""

    @property
    def log(self) -> TrainingLogBase:
        """The log of the run; its status counts iterations and epochs."""

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The planned total of ``epochs`` and ``batches``, if it is known."""

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` that processes batches, and the ``reason`` for this tier."""

    @property
    def model_tree(self) -> Sequence[Mapping[str, Any]]:
        """The bricks of the model as dictionaries, each with ``children`` and ``parameters``."""

    @property
    def views(self) -> Sequence[Mapping[str, Any]]:
        """The views that extensions request, each a mapping of plain values with a ``kind``."""

    def pause(self) -> Command:
        """Pause between two batches."""

    def resume(self) -> Command:
        """Continue after a pause."""

    def step(self, n: int = 1) -> Command:
        """Train on `n` batches and then pause."""

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train for additional epochs or batches, even after training has ended."""

    def set_end(self, *, epochs: int | None = None, batches: int | None = None) -> Command:
        """Schedule training to end after a total number of epochs or batches."""

    def stop(self, *, save: str | os.PathLike[str] | None = None) -> Command:
        """End training between two batches, after saving to the file `save` if it is given."""

    @property
    def default_path(self) -> str:
        """The path that `save` uses by default."""

    def save(self, path: str | os.PathLike[str] | None = None) -> Command:
        """Save the run to a file between two batches."""

    def load(self, path: str | os.PathLike[str]) -> Command:
        """Restore the state of training from a file, and pause."""

    def call(self, f: Callable[[Any], Any]) -> Command:
        """Call ``f(main_loop)`` in the training thread between two batches."""

    @property
    def hyperparameters(self) -> Sequence[Hyperparameter]:
        """The hyperparameters that can be changed during training."""

    def describe(self, shared: SharedVariable | str) -> Hyperparameter:
        """Describe a shared variable that is a single number, such as a hyperparameter."""

    def set(self, shared: SharedVariable | str, value: Any) -> Command:
        """Set the value of a shared variable between two batches."""

    def hold(self, shared: SharedVariable | str, value: Any = None) -> Command:
        """Prevent a schedule from changing its variable until `release` is called."""

    def release(self, shared: SharedVariable | str) -> Command:
        """Allow a schedule to change its variable again."""

    def spec(self) -> Mapping[str, Any]:
        """Return the model's specification as a JSON value; raise an error if there is none."""

    def frozen(self) -> Sequence[str]:
        """Return the paths of the bricks that are not trained."""

    def rebuild(
        self,
        spec: Mapping[str, Any],
        *,
        frozen: Collection[str] | None = None,
        moved: Mapping[str, str] | None = None,
        widened: Collection[str] = (),
        noise: float = 0.0,
    ) -> Command:
        """Replace the model between two batches, and keep the parameters that still fit."""

    def relabel(
        self, examples: int | Sequence[int], value: Any, *, source: str = "targets"
    ) -> Command:
        """Replace a source's value for some training examples, starting with the next batch."""

    def drop(self, examples: int | Sequence[int]) -> Command:
        """Drop training examples, starting with the next batch."""

    @property
    def training_examples(self) -> Mapping[str, Any]:
        """The training examples and their edits, as plain values.

        The keys are ``indices`` (a range or an array of positions in the dataset), ``sources``
        (the names of the sources that can be relabelled), ``dropped`` (a list of indices),
        ``relabelled`` (the new values by source and index) and ``reason`` (why examples cannot be
        edited, or an empty string).
        """

    @property
    def interventions(self) -> Sequence[Mapping[str, Any]]:
        """The commands that changed training, in the order of their iterations."""

    def snapshot(self, name: str = "snapshot") -> Command:
        """Keep the current state of training in memory."""

    def rewind(self, iteration: int, *, branch: str | None = None) -> Command:
        """Restore the state of training at an iteration, and pause."""

    def undo(self) -> Command:
        """Restore the state of training before the last intervention, and pause."""

    def fork(
        self, iteration: int | None = None, *, branch: str | None = None, name: str | None = None
    ) -> Session:
        """Start another session that is paused at an iteration of this session."""

    def replay(
        self,
        source: TrainingLogBase | Session | str | os.PathLike[str] | Iterable[Mapping[str, Any]],
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> Command:
        """Repeat the interventions of another run in this run, at the same iterations."""

    @property
    def branches(self) -> Sequence[Branch]:
        """The branches of the run; training continues on the last branch."""

    @property
    def snapshots(self) -> Sequence[Snapshot]:
        """The training states in memory, in the order of their iterations."""

    @property
    def variables(self) -> Mapping[str, Mapping[str, Any]]:
        """The ``shape``, ``dtype`` and ``parameter`` (a bool) of each variable, by name."""

    def probe(
        self,
        names: Iterable[str] | None = None,
        *,
        steps: bool = False,
        batch: bool | Literal["validation"] = False,
        examples: Sequence[int] | None = None,
    ) -> Probe:
        """Copy values of variables (and training examples, if requested) between two batches."""

    def predict(
        self,
        X: Any,
        output: Variable | str | None = None,
        *,
        batch_size: int | None = 256,
    ) -> NDArray[Any]:
        """Compute predictions for some data in evaluation mode, without changing training."""

    def prediction(self) -> Variable:
        """Return the variable that `predict` computes by default."""

    def evaluate(
        self, data: Any, variables: Any = None, *, batch_size: int | None = 256
    ) -> Mapping[str, Any]:
        """Compute monitored values over some data in evaluation mode."""

    def best(
        self, record: str | None = None, *, choose_best: Callable[[Any, Any], Any] | None = None
    ) -> Best:
        """Find the best iteration so far, according to a record."""

    def to_html(self, path: Any, *, title: str = "") -> Path:
        """Write a report of the run as a single file that a browser can show offline."""

    def to_onnx(
        self,
        path: str | os.PathLike[str],
        output: Variable | str | None = None,
        *,
        dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
        tolerance: float = 1e-4,
    ) -> Path:
        """Write the network to an ONNX file that gives the same predictions."""

    def to_torch(self) -> torch.nn.Module:
        """Create a module of torch layers that computes the same predictions."""

    def alert(self, text: str, level: Literal["info", "warning", "error"] = "warning") -> Command:
        """Record an alert for views to show."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended; return False if the timeout expires first."""


@runtime_checkable
class Sweep(Protocol):
    """Interface that views require of a sweep; `workbench.sweep.Sweep` documents the details.

    Attributes
    ----------
    name : str
        The name of the sweep.
    record : str
        The record used to compare runs.
    lower : bool
        True if lower values are better.
    space : mapping
        For each setting, a list of values or a range with ``low``, ``high`` and ``log``.
    runs : sequence
        The runs, each with ``number``, ``settings``, ``state``, ``over``, ``value``, ``epochs`` and
        ``parent``.
    version : int
        A number that increases with every change to the runs.
    """

    name: str
    record: str
    lower: bool
    space: Mapping[str, Any]
    runs: Sequence[Any]
    version: int

    @property
    def note(self) -> str:
        """The reason why the sweep is waiting, such as a paused run; otherwise empty."""

    @property
    def state(self) -> State:
        """The current state of the sweep."""

    def stop(self) -> None:
        """Stop the sweep between two batches."""


explain_missing(__name__)
