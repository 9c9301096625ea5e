"""`MainLoop`: a model, its algorithm, data, extensions and log.

`workbench.main_loop.run` trains it. Requests of other threads wait in a mailbox for the boundary
between two batches, or until an extension yields to commands.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Literal

from workbench.algorithms import TrainingAlgorithm
from workbench.data import as_stream
from workbench.data.streams import AbstractDataStream
from workbench.errors import AlreadyTrainingError, ExtensionError
from workbench.extensions.base import TrainingExtension
from workbench.extensions.third_party import Dispatching
from workbench.graph import ComputationGraph
from workbench.log import TrainingLogBase
from workbench.log.backends import new_log
from workbench.log.protocol import check_log
from workbench.main_loop import components, state
from workbench.main_loop.lease import Lease, check_idle, session_of
from workbench.main_loop.mailbox import Request
from workbench.main_loop.run import Run
from workbench.utils.attributes import FixedAttributes
from workbench.utils.hooks import refuse_former_hooks
from workbench.utils.notices import tell
from workbench.utils.profile import Profile

if TYPE_CHECKING:
    import torch

    from workbench import interfaces
    from workbench.session import Session
    from workbench.tensor import SharedVariable

GIVEN_BACK = "{session!r} trains this main loop already; start() returns it"


class MainLoop(FixedAttributes):
    """Trains a model with an algorithm on a stream of data, and records the run in a log.

    A run ends when an extension records ``training_finish_requested`` as true (see `FinishAfter`)
    or raises `TrainingFinish`, when the data stream has no more epochs, or at an interrupt: in the
    main thread, the first Ctrl+C ends it with the epoch and the second after the batch. The end is
    recorded as ``training_finished``. The next run continues there, in the middle of an epoch too.
    If the extensions say that training has ended already, it trains nothing and prints the reason;
    ``run(epochs=5)`` trains beyond that end.

    An error is recorded as ``training_error`` in the row and in the status, fires ``on_error``, and
    is raised to the caller with a note of the batch and epoch. The batch is not tried again.

    Parameters
    ----------
    algorithm : TrainingAlgorithm
        Processes the batches.
    data_stream : AbstractDataStream, DataLoader or iterable of batches
        The source of the batches; see `workbench.data.as_stream`.
    model : ComputationGraph, optional
        The model that is trained, for the use of extensions. When training starts,
        a `Model` must be initialised and the algorithm must train its parameters.
    log : TrainingLogBase, optional
        The log; a new one if not given. With a log that has iterations, training resumes. A class
        of your own must have the methods of `workbench.log.protocol.Logging`.
    log_backend : str, optional
        The kind of log to make if `log` is not given; ``config.log_backend`` by default.
    extensions : iterable of TrainingExtension, optional
        Called in this order. Any object with a method ``dispatch(event, *args)`` is accepted: it is
        wrapped, and its attribute ``main_loop`` is set.

    Attributes
    ----------
    epoch_iterator : iterator or None
        Yields the remaining batches of an epoch that has started and not ended.
    profile : Profile
        The time that each part of training took.
    started_at : dict
        ``iterations_done`` and ``epochs_done`` when this main loop started for the first time.

    Raises
    ------
    AlgorithmError
        If `algorithm` lacks ``initialize()`` or ``process_batch()``.
    ExtensionError
        If something among `extensions` is not an extension.
    GraphError
        If `model` is not a computation graph.
    DataError
        If `data_stream` cannot be read as batches.

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
    >>> main_loop.run(epochs=1)
    >>> main_loop
    <MainLoop: 6 iterations, 3 epochs done>
    """

    _called = "main_loop"
    _parts = ("algorithm", "extensions", "model", "data_stream")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_former_hooks(cls, components.FORMER_HOOKS, ExtensionError)

    def __init__(
        self,
        algorithm: TrainingAlgorithm,
        data_stream: Any,
        model: ComputationGraph | None = None,
        log: TrainingLogBase | None = None,
        log_backend: str | None = None,
        extensions: Iterable[TrainingExtension | Dispatching] | None = None,
    ) -> None:
        components.check_algorithm(algorithm)
        self.algorithm = algorithm
        self.data_stream = None if data_stream is None else as_stream(data_stream)
        components.check_model(model)
        self.model = model
        self.log = new_log(log_backend) if log is None else log
        check_log(self.log)
        self.extensions = components.as_extensions(extensions)
        self.profile = Profile()
        self.epoch_iterator: Iterator[dict[str, Any]] | None = None
        self.started_at: dict[str, int] = {}
        self._run = Run(self)

    @property
    def status(self) -> MutableMapping[str, Any]:
        """The status of the log."""
        return self.log.status

    @property
    def iteration_state(self) -> tuple[AbstractDataStream | None, Iterator[dict[str, Any]] | None]:
        """The data stream, and the iterator of the current epoch, if there is one."""
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
            If no extension or several extensions have that name.
        """
        return components.find_extension(self.extensions, name)

    def run(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Train until the end, in this thread.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on this many more instead; see `go_on`.

        Raises
        ------
        AlreadyTrainingError
            If this main loop, or something that it trains, is being trained.
        ArgumentError
            If both are given, or one is not a number of 1 or more.
        ExtensionError
            If an extension could not be called on an event.

        """
        more = self._run.more(epochs, batches)
        with Lease(self):
            note = self._run.nothing_to_do() if more is None else None
            if note is None:
                note = self._run.train(more)
        if note is not None:
            tell(note)

    def start(
        self,
        *,
        epochs: int | None = None,
        batches: int | None = None,
        paused: bool = False,
        name: str | None = None,
    ) -> Session:
        """Train in a background thread; return the session that controls it.

        If a session trains this main loop already, that session is returned, and a line says so.

        Parameters
        ----------
        epochs, batches, paused
            As for `Session.start`, which also lists the errors.
        name : str, optional
            The name of the session.
        """
        from workbench.session import Session  # a layer above this one

        session = Session(self, name)
        try:
            session.start(epochs=epochs, batches=batches, paused=paused)
        except AlreadyTrainingError as refusal:
            running = refusal.session
            if not isinstance(running, Session) or running.main_loop is not self:
                raise
            tell(GIVEN_BACK.format(session=running))
            return running
        return session

    def go_on(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Extend training by a number of epochs or batches; in the thread that trains.

        During a run the number is added to what is planned; at the end, to what is done, where the
        rest of an incomplete epoch counts as one epoch. The new end has precedence over
        `FinishAfter`, and extensions that wait for an improvement start their count again. The end
        is part of the status and holds for resumed runs. Another thread uses `Session.train`.

        Raises
        ------
        ArgumentError
            If not exactly one of the two is given, as a number of 1 or more.
        """
        self._run.ending.go_on(epochs, batches)

    def end_at(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Plan the end of training after a total of epochs or batches; in the thread that trains.

        It may be later or earlier than `FinishAfter` says. It is part of the status and holds for
        resumed runs, unless their extensions define another end than those of this run. Another
        thread uses `Session.set_end`.

        Raises
        ------
        ArgumentError
            If not exactly one of the two is given, as a number of 1 or more, or if that number is
            done already.
        """
        self._run.ending.end_at(epochs, batches)

    def request_finish(self) -> None:
        """End training after the current event; in the thread that trains.

        Recorded as ``training_finish_requested``. An extension may also make that record itself,
        but if an earlier run has left it in the same row, only this method has an effect.
        """
        self._run.ending.request()

    def post(
        self,
        action: Callable[[], object],
        *,
        early: Callable[[], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        """Queue `action`, which the thread that trains calls between two batches.

        For any thread, at any time. Actions still queued when training ends are dropped.

        Parameters
        ----------
        action : callable
            Called with no arguments.
        early : callable, optional
            Called if an extension that evaluates a data set calls `yield_to_commands` first;
            `action` is dropped if this returns true.
        urgent : bool
            True to abandon an evaluation in progress, so that `action` is called soon.
        """
        self._run.mailbox.post(Request(action, early, urgent))

    def yield_to_commands(self) -> None:
        """Let pauses and interrupts take effect within an extension that runs for long.

        Extensions that evaluate a data set call it between its batches. A request that might
        change the values being computed waits for the end of the event. In a thread that does not
        train this main loop, the call does nothing.

        Raises
        ------
        EvaluationAbandoned
            If training must end now; unless the extension catches it, training ends here.
        """
        if self._run.thread == threading.get_ident():
            self._run.mailbox.yield_to_commands()

    def after_event(self, action: Callable[[], object]) -> None:
        """Call `action` once all extensions have seen the current event.

        For the thread that trains. Between events and between runs, call it at once.
        """
        self._run.dispatcher.after_event(action)

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record in the current row values, by name, that a device is still computing.

        They enter the log in order once they are computed, at the latest before the next event
        other than ``before_batch`` and ``after_batch``. For the thread that trains.
        """
        self._run.dispatcher.record_later(values)

    @property
    def is_running(self) -> bool:
        """True while a thread trains this main loop."""
        return self._run.thread is not None

    @property
    def session(self) -> interfaces.Session | None:
        """The session that trains this main loop; None if `run` does, or nothing."""
        return session_of(self)

    def refresh(self) -> None:
        """Ask all extensions again which events they handle.

        Needed after a change of `extensions` or of their conditions while training.
        """
        self._run.refresh()

    def state_variables(self) -> tuple[dict[str, SharedVariable], dict[str, SharedVariable]]:
        """Return the parameters by path, and all other shared variables of training by name."""
        return state.variables_of(self)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that training depends on and changes, as plain values and tensors.

        A main loop made by the same code continues from there to the same numbers, bit for bit,
        in the middle of an epoch too. Later training does not change the returned values.

        Returns
        -------
        dict
            The keys are those listed in `workbench.main_loop.state`.

        Raises
        ------
        AlreadyTrainingError
            If another thread is training; use ``session.call(MainLoop.state_dict)``.
        """
        self._check_thread("state_dict")
        self._run.dispatcher.receive(wait=True)
        self._run.attach()
        return state.state_of(self, in_hand=self._run.in_hand)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned, of this main loop or another one.

        Nothing changes unless everything fits. Parts of a state (`workbench.main_loop.state`) that
        `state` lacks stay as they are. Within an event use `after_event`; otherwise extensions that
        come later act on the new state. Extensions that act on ``before_training`` do not change a
        state that was loaded before the first start.

        Raises
        ------
        StateError
            If something does not fit; the message lists all that is unknown, missing or different.
        AlreadyTrainingError
            If another thread is training.
        """
        self._check_thread("load_state_dict")
        self._run.load(state)

    def _check_thread(self, method: str) -> None:
        if self._run.thread != threading.get_ident():
            check_idle(self, method)

    def __getstate__(self) -> dict[str, Any]:
        state = {**vars(self), "profile": None}
        if self._run.in_hand:  # a batch that was read but not trained on is read again
            state["epoch_iterator"] = copy.copy(self.epoch_iterator)
            state["epoch_iterator"].position -= 1
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.profile = Profile()
        if self.started_at:
            self.started_at = {name: self.status[name] for name in self.started_at}

    def interrupt(self, level: Literal["epoch", "batch"] = "batch") -> None:
        """End training with this epoch, or immediately; in the thread that trains.

        Recorded as ``epoch_interrupt_received`` or ``batch_interrupt_received``. Another thread
        uses `Session.stop`, or `post` with this method.

        Raises
        ------
        TrainingFinish
            If `level` is ``"batch"``.
        """
        self._run.interrupt(level)

    def __repr__(self) -> str:
        done, epochs = self.status["iterations_done"], self.status["epochs_done"]
        return (
            f"<MainLoop: {done} iteration{'s' * (done != 1)}, "
            f"{epochs} epoch{'s' * (epochs != 1)} done>"
        )
