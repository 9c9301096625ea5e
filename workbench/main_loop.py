"""The main loop: fetch a batch, train on it, call the extensions, over and over.

Everything else is an extension; `workbench.extensions.events` has the table of what is called
when. `workbench.session` runs a main loop in a background thread. What other threads want of it
waits in a `workbench.mailbox` for the boundary between two batches, or for a breath.
"""

from __future__ import annotations

import copy
import logging
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from time import perf_counter
from traceback import format_exception
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from workbench.algorithms import GradientDescent, TrainingAlgorithm
from workbench.config import config
from workbench.data import as_stream
from workbench.data.streams import AbstractDataStream, reading_for
from workbench.errors import (
    AlgorithmError,
    AlreadyTrainingError,
    DataError,
    ExtensionError,
    ExtensionLookupError,
    GraphError,
    TrainingFinish,
    nearest,
)
from workbench.extensions import channels
from workbench.extensions.base import Handler, TrainingExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.finish import (
    GOAL,
    FinishAfter,
    ask_for_more,
    check_more,
    finish_at_goal,
    forget_goal,
    goal_reached,
    planned_batches,
)
from workbench.extensions.foreign import Dispatching, as_extension, check_log
from workbench.graph import ComputationGraph
from workbench.log import TrainingLogBase
from workbench.log.backends import new_log
from workbench.mailbox import Letter, Mailbox
from workbench.model import Model
from workbench.names import explain_missing
from workbench.running import Claim, is_claimed
from workbench.serialization import training
from workbench.tensor.execution import available_threads
from workbench.tensor.transfer import Arrivals
from workbench.utils.attributes import FixedAttributes
from workbench.utils.hooks import refuse_former_hooks
from workbench.utils.notices import tell
from workbench.utils.profile import Profile, Timer
from workbench.utils.values import to_python

if TYPE_CHECKING:
    import torch

    from workbench.session import Session

__all__ = ["MainLoop", "TrainingFinish"]

logger = logging.getLogger(__name__)

FINISH_REQUEST = "training_finish_requested"

READ_ONCE = "data_read_once"
READS_ONCE = (
    "{stream!r} reads a generator, which gives its data once: this run cannot be rewound, and "
    "after a restart it goes on only if a new generator gives the same"
)
NO_DATA = "this main loop has no data stream to train on; give MainLoop(data_stream=...)"
NO_ALGORITHM = "this main loop has no algorithm to train with; give MainLoop(algorithm=...)"
NOT_AN_ALGORITHM = (
    "algorithm is {given:.80}, but an algorithm has the methods initialize() and "
    "process_batch(batch); GradientDescent(cost=..., parameters=..., step_rule=...) is one"
)
NOT_A_MODEL = (
    "model is {given:.80}, but a model is a computation graph; give Model(cost), which finds the "
    "bricks and their parameters by itself"
)
OTHER_THREADS = (
    "large steps use {now} threads from here on, {before} before, and sums over several threads "
    "round differently; config.threads = {before} goes on as before"
)
NO_BATCHES = "epoch {epoch} of {stream!r} has no batches, so training would never get anywhere"
ANOTHER_THREAD = (
    "{main_loop!r} is being trained by another thread, which changes its state while you look; let "
    "that thread do it, with session.call(lambda main_loop: main_loop.{method}(...))"
)
NOTHING_TO_DO = (
    "Nothing was trained: {reason}. session.train(epochs=1) or main_loop.run(epochs=1) goes on"
)
NO_MORE_EPOCHS = "Nothing was trained: the data stream has no more epochs"
GIVEN_BACK = "{session!r} trains this main loop already; start() gives it back"
TRANSIENT = (
    "_mailbox", "_handlers", "_deferred", "_arriving", "_thread", "_firing", "_in_hand", "_told",
)  # fmt: skip
OF_A_BATCH = (CallbackName.BEFORE_BATCH, CallbackName.AFTER_BATCH)
INTERRUPTED = {
    "epoch": "Interrupted: training ends with this epoch. Interrupt again to end it now.",
    "batch": "Interrupted again: training ends after this batch.",
}


FORMER_HOOKS = {
    name: f"write a TrainingExtension with {events}"
    for name, events in {
        "_run_epoch": "before_epoch and after_epoch",
        "_run_iteration": "before_batch and after_batch",
        "_run_extensions": "dispatch, which every event calls",
        "_check_finish_training": "a record training_finish_requested, as FinishAfter makes it",
    }.items()
}


@runtime_checkable
class Trains(Protocol):
    """What a main loop needs of an algorithm; `TrainingAlgorithm` has it."""

    def initialize(self) -> Any:
        """Make ready, once."""

    def process_batch(self, batch: Any) -> Any:
        """Train on a batch."""


class MainLoop(FixedAttributes):
    """Trains a model with an algorithm on a stream of data, and documents it in a log.

    It ends when an extension records ``training_finish_requested`` as true (see `FinishAfter`) or
    raises `TrainingFinish`, when the data stream has no more epochs, or when it is interrupted:
    in the main thread, the first Ctrl+C ends training with the epoch and the second after the
    batch. The end is recorded as ``training_finished``. A main loop can be run again and goes on
    where it was, in the middle of an epoch too. If the extensions say that training has ended
    already, it trains nothing and says so; ``run(epochs=5)`` trains beyond that.

    If anything raises, the record ``training_error`` says what and the status has it too,
    extensions hear of it by ``on_error``, and the exception goes on to the caller with a note of
    where training was. The log keeps everything; a batch that failed is not tried again.

    Parameters
    ----------
    algorithm : TrainingAlgorithm
        Processes the batches.
    data_stream : AbstractDataStream, DataLoader or iterable of batches
        Where the batches come from; see `workbench.data.as_stream`.
    model : ComputationGraph, optional
        The model that is trained, for the use of extensions. A `Model` is checked when training
        starts: that it is initialised, and that the algorithm trains its parameters.
    log : TrainingLogBase, optional
        The log; a new one if not given. With a log that has iterations, training resumes. One of
        your own has what `workbench.extensions.foreign.Logging` lists.
    log_backend : str, optional
        The kind of log to make if none is given; ``config.log_backend`` by default.
    extensions : iterable of TrainingExtension, optional
        Called in this order. Anything with a method ``dispatch(event, *args)`` will do; it stands
        in `extensions` wrapped, and gets the main loop as its attribute ``main_loop``.

    Attributes
    ----------
    epoch_iterator : iterator or None
        Gives the remaining batches of an epoch that has started and not ended.
    profile : Profile
        Where the time went.
    started_at : dict
        ``iterations_done`` and ``epochs_done`` when this main loop started for the first time.

    Raises
    ------
    AlgorithmError
        If `algorithm` is none.
    ExtensionError
        If something among `extensions` is none.
    GraphError
        If `model` is none.
    DataError
        If `data_stream` gives no batches.

    Examples
    --------
    >>> from workbench.extensions import FinishAfter
    >>> class Adder:
    ...     total = 0
    ...     def initialize(self):
    ...         pass
    ...     def process_batch(self, batch):
    ...         self.total += sum(batch["x"])
    >>> main_loop = MainLoop(Adder(), [{"x": [1, 2]}, {"x": [3, 4]}],
    ...                      extensions=[FinishAfter(after_n_epochs=2)])
    >>> main_loop.run()
    >>> main_loop.algorithm.total, main_loop
    (20, <MainLoop: 4 iterations, 2 epochs done>)
    >>> main_loop.log[4]
    {'training_finish_requested': True, 'training_finished': True}
    """

    _called = "main_loop"
    _parts = ("algorithm", "extensions", "model", "data_stream")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_former_hooks(cls, FORMER_HOOKS, ExtensionError)

    def __init__(
        self,
        algorithm: TrainingAlgorithm,
        data_stream: Any,
        model: ComputationGraph | None = None,
        log: TrainingLogBase | None = None,
        log_backend: str | None = None,
        extensions: Iterable[TrainingExtension | Dispatching] | None = None,
    ) -> None:
        if algorithm is not None and (
            not isinstance(algorithm, Trains) or isinstance(algorithm, type)
        ):
            raise AlgorithmError(NOT_AN_ALGORITHM.format(given=repr(algorithm)))
        self.algorithm = algorithm
        self.data_stream: AbstractDataStream | None = (
            None if data_stream is None else as_stream(data_stream)
        )
        if model is not None and not isinstance(model, ComputationGraph):
            raise GraphError(NOT_A_MODEL.format(given=repr(model)))
        self.model = model
        self.log = new_log(log_backend) if log is None else log
        check_log(self.log)
        if isinstance(extensions, TrainingExtension):
            raise ExtensionError(
                f"extensions is a list, got {extensions!r}; write [{extensions!r}]"
            )
        self.extensions = [
            as_extension(given, f"extensions[{index}]")
            for index, given in enumerate(extensions or ())
        ]
        channels.check_distinct(self.extensions)
        self.profile = Profile()
        self.epoch_iterator: Iterator[dict[str, Any]] | None = None
        self.started_at: dict[str, int] = {}
        self._announced = False
        self._loaded: set[str] = set()
        self._stand_still()

    def _stand_still(self) -> None:
        """Set what concerns a run, for a main loop that is not running."""
        self._mailbox = Mailbox()
        self._handlers: dict[CallbackName, list[tuple[TrainingExtension, Handler]]] = {}
        self._deferred: deque[Callable[[], object]] = deque()
        self._arriving: Arrivals[tuple[int, list[str]]] = Arrivals()
        self._thread: int | None = None
        self._firing = False
        self._in_hand = False
        self._finishing = False
        self._finishing_epoch = False
        self._going = False
        self._old_request = -1
        self._told: set[str] = set()

    @property
    def status(self) -> MutableMapping[str, Any]:
        """The status of the log."""
        return self.log.status

    @property
    def iteration_state(self) -> tuple[AbstractDataStream | None, Iterator[dict[str, Any]] | None]:
        """The data stream, and the iterator of the epoch that has started, if one has."""
        return self.data_stream, self.epoch_iterator

    @iteration_state.setter
    def iteration_state(
        self, state: tuple[AbstractDataStream | None, Iterator[dict[str, Any]] | None]
    ) -> None:
        self.data_stream, self.epoch_iterator = state

    def find_extension(self, name: str) -> TrainingExtension:
        """Return the extension called `name`.

        Raises
        ------
        ExtensionLookupError
            If none or several are called so.
        """
        found = [extension for extension in self.extensions if extension.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise ExtensionLookupError(
                f"{len(found)} extensions are called {name!r}: {', '.join(map(repr, found))}; "
                "tell them apart by the argument name= of each"
            )
        names = [extension.name for extension in self.extensions]
        there_are = f"there are {', '.join(names)}" if names else "the main loop has none at all"
        raise ExtensionLookupError(
            f"no extension is called {name!r}{nearest(name, names)}; {there_are}"
        )

    def run(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Train until the end, in this thread.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on so many more instead; see `go_on`.

        Raises
        ------
        AlreadyTrainingError
            If this main loop, or something it would train, is being trained.
        ArgumentError
            If both are given, or one is no number of 1 or more.
        ExtensionError
            If an extension could not be called on an event.

        Examples
        --------
        >>> from workbench.extensions import FinishAfter
        >>> class Nothing:
        ...     def initialize(self): pass
        ...     def process_batch(self, batch): pass
        >>> finish = FinishAfter(after_n_epochs=5)
        >>> main_loop = MainLoop(Nothing(), [{"x": [1]}], extensions=[finish])
        >>> main_loop.run()
        >>> main_loop.run(epochs=2)
        >>> main_loop
        <MainLoop: 7 iterations, 7 epochs done>
        """
        more = self._more(epochs, batches)
        with Claim(self):
            note = self._nothing_to_do() if more is None else None
            if note is None:
                note = self._train(more)
        if note is not None:
            tell(note)

    def start(self, *, epochs: int | None = None, batches: int | None = None) -> Session:
        """Train in a background thread; return the session that controls it.

        If a session trains this main loop already, that one is returned, and a line says so.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on so many more instead of until the end; see `go_on`.

        Raises
        ------
        AlreadyTrainingError
            If something that it would train is being trained by another.
        ArgumentError
            If both are given, or one is no number of 1 or more.
        """
        from workbench.session import Session  # a session stands above the main loop that it runs

        session = Session(self)
        try:
            session.start(epochs=epochs, batches=batches)
        except AlreadyTrainingError as refusal:
            if refusal.session is None or refusal.session.main_loop is not self:
                raise
            tell(GIVEN_BACK.format(session=refusal.session))
            return refusal.session
        return session

    def go_on(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Have training go on for so many more epochs or batches; in the thread that trains.

        While it goes on anyway, that is more than are planned; at the end, more than are done,
        where an epoch of which batches are left counts as one of them. `FinishAfter` gives way to
        it, and extensions that wait for an improvement wait as long as at first. Where training
        then ends is part of the status: a run that is resumed goes on to there. From another thread
        use `Session.train`.

        Raises
        ------
        ArgumentError
            Unless exactly one of the two is given, as a number of 1 or more.
        """
        check_more(epochs, batches)
        row = self.log.current_row
        self._old_request = row.iteration if row.get(FINISH_REQUEST, False) else self._old_request
        beyond = not goal_reached(self.status) or (self._going and not self._finishing)
        ask_for_more(self, epochs, batches, than_planned=beyond)
        self._finishing = False
        for extension in self.extensions:
            extension.go_on()
        self.refresh()

    def request_finish(self) -> None:
        """End training after the event of this moment; in the thread that trains.

        Recorded as ``training_finish_requested``. An extension may make that record itself, but
        where the same row has it from an earlier run, only this tells the two apart.
        """
        self.log.current_row[FINISH_REQUEST] = True
        self._old_request = -1

    def _nothing_to_do(self) -> str | None:
        """Return why a run would train nothing, if that is sure before it begins.

        When it begins for the first time, extensions may load an archive, or want to.
        """
        return self._over() if self._announced else None

    def _over(self) -> str | None:
        """Return why training has ended already, as far as the extensions can see."""
        forget_goal(self)
        if not goal_reached(self.status):
            return None
        reasons = (extension.ended(self.log) for extension in self.extensions)
        reason = next(filter(None, reasons), None)
        return None if reason is None else NOTHING_TO_DO.format(reason=reason)

    def _more(self, epochs: int | None, batches: int | None) -> Callable[[], None] | None:
        if epochs is None and batches is None:
            return None
        check_more(epochs, batches)
        return lambda: self.go_on(epochs=epochs, batches=batches)

    def post(
        self,
        action: Callable[[], object],
        *,
        early: Callable[[], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        """Have `action` called by the thread that trains, between two batches.

        From any thread, at any time; an action that is still waiting when training ends is
        dropped. Costs nothing while none is waiting.

        Parameters
        ----------
        action : callable
            Called with no arguments.
        early : callable, optional
            Called if an extension that evaluates a data set comes to `breathe` first; `action` is
            dropped if it returns true.
        urgent : bool
            Whether such an evaluation is to be abandoned, so that `action` is called soon.
        """
        self._mailbox.post(Letter(action, early, urgent))

    def breathe(self) -> None:
        """Let pauses and interrupts take effect within an extension that takes its time.

        For extensions that evaluate a data set, between its batches. Whoever pauses training waits
        here. What might change the values that are being computed waits for the end of the event.

        Raises
        ------
        EvaluationAbandoned
            If training is to end now. Whoever does not catch it ends training here.
        """
        if self._thread == threading.get_ident():
            self._mailbox.breathe()

    @property
    def breathing(self) -> bool:
        """Whether an extension is in `breathe` at this moment."""
        return self._mailbox.breathing

    def after_event(self, action: Callable[[], object]) -> None:
        """Have `action` called once all extensions have seen the event of this moment.

        For the thread that trains. Between events, and while nobody trains, it is called at once.
        """
        if self._firing:
            self._deferred.append(action)
        else:
            action()

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record, in the current row, values that an accelerator is still computing.

        They are in the log once they have come, without anybody waiting for them: in order, and at
        the latest before the next event that is not one of a batch. For the thread that trains.

        Parameters
        ----------
        values : dict
            Tensors by the names of records.
        """
        self._arriving.send((self.status["iterations_done"], list(values)), values.values())

    def _receive(self, wait: bool = False) -> None:
        """Record what has come."""
        for (iteration, names), values in self._arriving.received(wait=wait):
            self.log[iteration].update(zip(names, map(to_python, values), strict=True))

    def _settle(self) -> None:
        """Wait for the device; have everything recorded, and whatever went wrong raised."""
        self._receive(wait=True)
        if isinstance(self.algorithm, TrainingAlgorithm):
            self.algorithm.settle()

    @property
    def is_running(self) -> bool:
        """Whether some thread trains this main loop."""
        return self._thread is not None

    def refresh(self) -> None:
        """Look again which extensions want to be called on which events.

        Needed after a change of `extensions` while training; extensions call it themselves when
        their conditions change.
        """
        channels.check_distinct(self.extensions)
        handlers: dict[CallbackName, list[tuple[TrainingExtension, Handler]]] = {}
        extensions = [*self._goals(), *self.extensions]
        for event in CallbackName:
            asked = [(extension, extension.handler(event)) for extension in extensions]
            handlers[event] = [
                (e, _timed(e.name, h, self.profile) if config.profile else h)
                for e, h in asked
                if h is not None
            ]
        self._handlers = handlers

    def _goals(self) -> list[FinishAfter]:
        goals = finish_at_goal(self.status)
        for extension in goals:
            extension.main_loop = self
        return goals

    # Saving and loading

    def state_dict(self) -> dict[str, Any]:
        """Return everything that training depends on and changes, as plain values and tensors.

        A main loop made by the same code goes on from there to the same numbers, down to the last
        bit, in the middle of an epoch too: see `load_state_dict`. Nothing that happens later
        changes what is returned.

        Returns
        -------
        dict
            The keys are those listed in `workbench.serialization.training`.

        Raises
        ------
        AlreadyTrainingError
            If another thread is training; ask for it by ``session.call(MainLoop.state_dict)``.

        Examples
        --------
        >>> from workbench import shared, tensor
        >>> from workbench.algorithms import GradientDescent, Momentum
        >>> from workbench.extensions import FinishAfter
        >>> def build(batches):
        ...     x, w = tensor.vector("x"), shared(0.0, "w")
        ...     algorithm = GradientDescent(
        ...         cost=((x - w) ** 2).mean(), parameters=[w], step_rule=Momentum(0.1, 0.9))
        ...     return MainLoop(algorithm, [{"x": [1.0]}, {"x": [3.0]}, {"x": [5.0]}],
        ...                     extensions=[FinishAfter(after_n_batches=batches)])
        >>> whole, part, rest = build(8), build(4), build(8)
        >>> whole.run()
        >>> part.run()
        >>> rest.load_state_dict(part.state_dict())
        >>> rest.run()
        >>> rest.state_dict()["parameters"] == whole.state_dict()["parameters"]
        True
        """
        self._check_thread("state_dict")
        self._receive(wait=True)
        return training.state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was called, also if that was another main loop's.

        Of this one nothing changes unless everything fits. Parts that `state` lacks, of those
        listed in `workbench.serialization.training`, stay as they are. Within an event use
        `after_event`, or extensions that come later will act on the new state. A main loop that
        has not started yet fires ``before_training`` all the same when it does; the parts that
        were loaded are afterwards as they were.

        Raises
        ------
        StateError
            If something does not fit; the text lists all that is unknown, missing or different.
        AlreadyTrainingError
            If another thread is training.
        """
        self._check_thread("load_state_dict")
        training.restore(self, state)
        self._loaded |= set(state)

    def _check_thread(self, method: str) -> None:
        if self._thread != threading.get_ident() and is_claimed(self):
            raise AlreadyTrainingError(ANOTHER_THREAD.format(main_loop=self, method=method))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        if self._in_hand:  # a batch that was read and not trained on is to be read again
            state["epoch_iterator"] = copy.copy(self.epoch_iterator)
            state["epoch_iterator"].position -= 1
        for name in TRANSIENT:
            del state[name]
        return {**state, "profile": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.profile = Profile()
        self._stand_still()
        if self.started_at:
            self.started_at = {name: self.status[name] for name in self.started_at}

    # A run

    def _train(self, first: Callable[[], None] | None = None) -> str | None:
        """Train until the end; return why nothing was trained, if that is so.

        What is to be done `first` is done when all extensions know that training begins.
        """
        with self.log.writing(), self._interruptible():
            self._thread = threading.get_ident()
            try:
                return self._train_until_finish(first)
            except BaseException as error:
                self._failed(error)
                raise
            finally:
                self._thread = None
                self._mailbox.clear()
                if config.profile:
                    self.profile.report()

    def _train_until_finish(self, first: Callable[[], None] | None) -> str | None:
        log, note = self.log, None
        self._finishing = self._finishing_epoch = self._in_hand = self._going = False
        self._forget_earlier_run()
        try:
            self._begin()
            if first is not None:
                self.status.pop(GOAL, None)
                first()
            else:
                note = self._over()
                self.refresh()
            if note is None:
                self._going = True
                with Timer("training", self.profile):
                    before = self.status["iterations_done"]
                    while self._train_for_an_epoch():
                        pass
                    if before == self.status["iterations_done"]:
                        note = NO_MORE_EPOCHS
        except TrainingFinish:
            pass
        self._going = False
        self._settle()
        self._tell_of_channels()
        log.current_row["training_finished"] = True
        self._fire(CallbackName.AFTER_TRAINING)
        return note

    def _attach(self) -> None:
        for extension in self.extensions:
            extension.main_loop = self

    def _forget_earlier_run(self) -> None:
        """Begin without the error of an earlier run, and without what was requested of it."""
        self.status.pop("training_error", None)
        self.status.pop("_traceback", None)
        row = self.log.current_row
        self._old_request = row.iteration if row.get(FINISH_REQUEST, False) else -1

    def _begin(self) -> None:
        self._attach()
        self.refresh()
        if not self._announced:
            self._announce()
        if self.algorithm is None:
            raise AlgorithmError(NO_ALGORITHM)
        if not self.started_at:
            if isinstance(self.model, Model) and isinstance(self.algorithm, GradientDescent):
                self.model.check_sanity(self.algorithm)
            with Timer("initialization", self.profile):
                self.algorithm.initialize()
            if self.data_stream is not None and self.data_stream.reads_once:
                self.log.current_row[READ_ONCE] = READS_ONCE.format(stream=self.data_stream)
            self.started_at = {n: self.status[n] for n in ("iterations_done", "epochs_done")}
        if isinstance(self.algorithm, TrainingAlgorithm):
            self.algorithm.watch_execution(self._record_execution, self._batches_left)
            self._record_threads()
        if self.status["iterations_done"] > 0:
            self.log.resume()
            self._fire(CallbackName.ON_RESUMPTION)

    def _record_execution(self, text: str) -> None:
        """Record that batches after this iteration are processed in another way, and why."""
        self.log.current_row["execution"] = text

    def _record_threads(self) -> None:
        """Keep the number of threads that large steps use: sums over several round differently."""
        now, before = available_threads(), self.status.get("threads")
        if before not in (None, now):
            self._record_execution(OTHER_THREADS.format(now=now, before=before))
        self.status["threads"] = now

    def _batches_left(self) -> int | None:
        planned = planned_batches(self)
        return None if planned is None else planned - int(self.status["iterations_done"])

    def _announce(self) -> None:
        """Fire the first event; what was loaded before stays as it is, whatever extensions do."""
        kept = training.state_of(self) if self._loaded else {}
        kept = {part: kept[part] for part in self._loaded}
        self._loaded = set()
        with Timer("before_training", self.profile):
            self._fire(CallbackName.BEFORE_TRAINING)
        self._announced = True
        if kept and not self._loaded:  # else an extension has loaded something on this event
            training.restore(self, kept)
        self._loaded = set()

    def _train_for_an_epoch(self) -> bool:
        status = self.status
        if self.data_stream is None:
            raise DataError(NO_DATA)
        fresh = self.epoch_iterator is None
        if fresh:
            try:
                with reading_for("training"):
                    self.epoch_iterator = iter(self.data_stream.get_epoch_iterator(as_dict=True))
            except StopIteration:
                return False
            self._fire(CallbackName.BEFORE_EPOCH)
        before = status["iterations_done"]
        with Timer("epoch", self.profile):
            ended = self._train_on_batches()
        self._settle()
        if not ended:
            return True
        if fresh and status["iterations_done"] == before:
            self.epoch_iterator = None
            epoch = status["epochs_done"] + 1
            raise DataError(NO_BATCHES.format(epoch=epoch, stream=self.data_stream))
        self.epoch_iterator = None
        status["epochs_done"] += 1
        status["_epoch_ends"] += [status["iterations_done"]]
        self._fire(CallbackName.AFTER_EPOCH)
        if status["epochs_done"] == self.started_at["epochs_done"] + 1:
            self._tell_of_channels()
        self._mailbox.deliver()
        if self._finishing or self._finishing_epoch:
            raise TrainingFinish
        return True

    def _tell_of_channels(self) -> None:
        """Say once in the log of Python which records extensions look for in vain."""
        log: object = self.log
        if not isinstance(log, TrainingLogBase):
            return  # another kind of log need not know its channels
        since = self.started_at["iterations_done"]
        for name, text in channels.never_came(self.extensions, log, since):
            if name not in self._told:
                logger.warning(text)
            self._told.add(name)

    def _train_on_batches(self) -> bool:
        """Train on what is left of the epoch; return False if training was put elsewhere."""
        batches, status, arriving = self.epoch_iterator, self.status, self._arriving
        own = vars(self)  # assigning an attribute would take longer, and this is for every batch
        mailbox, letters, kept = self._mailbox, self._mailbox.letters, self._mailbox.kept
        process_batch, total = self.algorithm.process_batch, self.profile.total
        read, train = (*self.profile.current, "read_data"), (*self.profile.current, "train")
        total.setdefault(read, 0.0)
        total.setdefault(train, 0.0)
        while True:
            if arriving:
                self._receive()
            if kept or not letters.empty():
                mailbox.deliver()
            if batches is not self.epoch_iterator or batches is None:
                return False
            start = perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return True
            except Exception as error:
                self._note(error, "while reading")
                raise
            total[read] += perf_counter() - start
            own["_in_hand"] = True
            self._fire(CallbackName.BEFORE_BATCH, batch)
            if batches is not self.epoch_iterator:
                return False
            start = perf_counter()
            try:
                process_batch(batch)
            except Exception as error:
                self._note(error, "while training on")
                raise
            total[train] += perf_counter() - start
            own["_in_hand"] = False
            status["iterations_done"] += 1
            self._fire(CallbackName.AFTER_BATCH, batch)
            if self._finishing:
                raise TrainingFinish

    def _fire(self, event: CallbackName, *args: Any) -> None:
        """Call who listens to `event`, and show others what they have recorded."""
        if self._arriving and event not in OF_A_BATCH:
            self._receive(wait=True)
        handlers = self._handlers[event]
        if not handlers:
            return
        own = vars(self)
        outer, own["_firing"] = own["_firing"], True
        try:
            for extension, handler in handlers:
                try:
                    handler(*args)
                except TrainingFinish:
                    raise
                except Exception as error:
                    done = self.status["iterations_done"]
                    where = f"{event} of the extension {extension.name!r}"
                    error.add_note(f"in {where}, after {done} iterations")
                    raise
        finally:
            own["_firing"] = outer
        row = self.log.current_row
        if row.get(FINISH_REQUEST, False) and row.iteration != self._old_request:
            self._finishing = True
        self.log.commit()
        if self._deferred and not outer:
            self._do_deferred()

    def _do_deferred(self) -> None:
        while self._deferred:
            self._deferred.popleft()()

    def attend(self) -> None:
        """Wait for a posted action and carry it out; in the thread that trains, to pause it.

        While an extension is in `breathe`, an action that is not for that moment is kept.
        """
        self._mailbox.attend()

    # Interrupts and errors

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let Ctrl+C end training in good order while the context lasts."""
        original = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or original is None:
            yield
            return

        def first(*_: object) -> None:
            signal.signal(signal.SIGINT, second)
            self._post_interrupt("epoch")

        def second(*_: object) -> None:
            signal.signal(signal.SIGINT, original)
            self._post_interrupt("batch")

        signal.signal(signal.SIGINT, first)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, original)

    def _post_interrupt(self, level: Literal["epoch", "batch"]) -> None:
        told = False

        def announce() -> bool:  # not in the handler, which may have interrupted a print
            nonlocal told
            if not told:
                tell(INTERRUPTED[level])
            told = True
            return False

        def interrupt() -> None:
            announce()
            self.interrupt(level)

        self.post(interrupt, early=announce, urgent=level == "batch")

    def interrupt(self, level: Literal["epoch", "batch"] = "batch") -> None:
        """End training with this epoch, or right away; in the thread that trains.

        Recorded as ``epoch_interrupt_received`` or ``batch_interrupt_received``. From another
        thread use `Session.stop`, or `post` this method.

        Raises
        ------
        TrainingFinish
            If `level` is ``"batch"``.
        """
        self.log.current_row[f"{level}_interrupt_received"] = True
        self._fire(CallbackName.ON_INTERRUPT)
        self.log.commit()
        if level == "batch":
            raise TrainingFinish
        self._finishing_epoch = True

    def _note(self, error: BaseException, doing: str) -> None:
        done, ends = self.status["iterations_done"], self.status["_epoch_ends"]
        number, epoch = done - (ends[-1] if ends else 0) + 1, self.status["epochs_done"] + 1
        error.add_note(
            f"{doing} batch {number} of epoch {epoch}, after {done} iterations; "
            "the log has everything up to there"
        )

    def _failed(self, error: BaseException) -> None:
        self._in_hand = False  # a batch that failed is not tried again
        self._receive(wait=True)
        self._deferred.clear()
        text = f"{type(error).__name__}: {error}"
        self.log.current_row["training_error"] = self.status["training_error"] = text
        self.status["_traceback"] = "".join(format_exception(error))
        self.log.commit()
        self._firing = True
        for extension, handler in self._handlers.get(CallbackName.ON_ERROR, ()):
            try:
                handler(error)
            except Exception as second:
                error.add_note(f"then on_error of {extension.name!r} failed too: {second!r}")
        self._firing = False
        self._do_deferred()
        self.log.commit()

    def __repr__(self) -> str:
        done, epochs = self.status["iterations_done"], self.status["epochs_done"]
        return (
            f"<MainLoop: {done} iteration{'s' * (done != 1)}, "
            f"{epochs} epoch{'s' * (epochs != 1)} done>"
        )


def _timed(name: str, handler: Handler, profile: Profile) -> Handler:
    def timed(*args: Any) -> None:
        with Timer(name, profile):
            handler(*args)

    return timed


explain_missing(__name__)
