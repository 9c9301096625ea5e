"""`MainLoop`, which combines a model with an algorithm, a data stream, extensions and a log.

`workbench.main_loop.run` implements training, and `workbench.main_loop.requests` defines the
methods that are called during training.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

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
from workbench.main_loop.requests import Requests
from workbench.main_loop.run import Run
from workbench.main_loop.starting import preparation
from workbench.utils.attributes import FixedAttributes
from workbench.utils.hooks import refuse_former_hooks
from workbench.utils.notices import tell
from workbench.utils.profile import Profile

if TYPE_CHECKING:
    from workbench import interfaces
    from workbench.tensor import SharedVariable

GIVEN_BACK = "{session!r} is already training this main loop; start() returns this session"


class MainLoop(FixedAttributes, Requests):
    """Loop that trains a model with an algorithm on a data stream and records the run in a log.

    A run ends when an extension records ``training_finish_requested`` as True (see `FinishAfter`)
    or raises `TrainingFinish`, when the data stream has no more epochs, or after an interrupt. If
    the run is in the main thread, the first Ctrl+C ends it after the epoch, and a second Ctrl+C
    ends it after the batch. The end is recorded as ``training_finished``. The next run continues
    from this point, even in the middle of an epoch. If the end that the extensions define has
    already been reached, the run does not train and prints the reason; ``run(epochs=5)`` trains
    beyond this end.

    An error is recorded as ``training_error`` in the row and in the status. The event ``on_error``
    is fired, and the error is raised with a note about the batch and the epoch. The next run
    continues after this batch.

    Parameters
    ----------
    algorithm : TrainingAlgorithm
        The algorithm that processes the batches.
    data_stream : AbstractDataStream, DataLoader or iterable of batches
        The source of the batches; see `workbench.data.as_stream`.
    model : ComputationGraph, optional
        The model that is trained, for use by extensions. When training starts, a `Model` must be
        initialised and the algorithm must train its parameters.
    log : TrainingLogBase, optional
        The log; by default a new log. If the log contains iterations, training resumes. A custom
        class must have the methods of `workbench.log.protocol.Logging`.
    log_backend : str, optional
        The kind of the new log if `log` is not given; ``config.log_backend`` by default.
    extensions : iterable of TrainingExtension, optional
        The extensions, in the order they are called. An object with a
        ``dispatch(event, *args)`` method is wrapped, and its ``main_loop`` attribute is set.

    Attributes
    ----------
    epoch_iterator : iterator or None
        The iterator over the remaining batches of an epoch that is not complete.
    profile : Profile
        The time spent in each section of training.
    started_at : dict
        ``iterations_done`` and ``epochs_done`` at the first start of this main loop.

    Raises
    ------
    AlgorithmError
        If `algorithm` has no ``initialize()`` or no ``process_batch()``.
    ExtensionError
        If an item of `extensions` is not an extension.
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
        """The data stream and the iterator of the current epoch (or None)."""
        return self.data_stream, self.epoch_iterator

    @iteration_state.setter
    def iteration_state(
        self, state: tuple[AbstractDataStream | None, Iterator[dict[str, Any]] | None]
    ) -> None:
        self.data_stream, self.epoch_iterator = state

    def find_extension(self, name: str) -> TrainingExtension:
        """Return the extension named `name`.

        Raises
        ------
        ExtensionLookupError
            If no extension, or more than one, has that name.
        """
        return components.find_extension(self.extensions, name)

    def run(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Train in the current thread, and return when training ends.

        Parameters
        ----------
        epochs, batches : int, optional
            The number of additional epochs or batches to train; see `go_on`.

        Raises
        ------
        AlreadyTrainingError
            If another run uses this main loop, its algorithm, log, parameters or extensions.
        ArgumentError
            If both `epochs` and `batches` are given, or if the number is not a positive integer.
        ExtensionError
            If an extension cannot be called for an event.

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
        detached: bool = False,
        processes: int | None = None,
        launcher: Any = "local",
        linger: float = 3600.0,
    ) -> interfaces.Session:
        """Train in the background, and return the session that controls training.

        By default, a thread of this process trains. If a session already trains this main loop in a
        thread, that session is returned and a notice is printed.

        With `detached` or `processes`, other processes train. They get a copy of this main loop,
        pickled into a file that only the user can read. This main loop is not changed, and can be
        used for something else in the meantime; `RemoteSession` describes how to load the trained
        state into it. The method returns when the processes are ready, after a few seconds.

        Parameters
        ----------
        epochs, batches, paused
            See `Session.start`, which also documents the errors.
        name : str, optional
            The name of the session.
        detached : bool
            True to train in a process that continues if this process ends. `workbench.attach`
            connects to it again.
        processes : int, optional
            The number of processes, each of which trains on its share of every batch; see
            `workbench.distributed.DataParallel`. If it is 1, training runs in one separate process.
            Two or more processes require a `GradientDescent`.
        launcher : {'local', 'torchrun', 'ray'} or Launcher
            How the processes are started on this machine: by this process (the default), by
            torchrun, by Ray actors, or by an object with the `launch` method of
            `workbench.session.remote.Launcher`.
        linger : float
            The number of seconds that the processes of a detached run wait for a notebook after the
            end of training, or while training is paused. After this time, they save the state and
            end. ``session.close(end=True)`` ends them earlier.

        Raises
        ------
        ProcessError
            If the main loop cannot be pickled, if several processes cannot train it together, or if
            the processes do not start.
        """
        prepare = preparation()
        if prepare is not None:
            name, epochs = prepare(self)
            batches, paused = None, True
        if detached or processes is not None:
            from workbench.session import in_processes  # a layer above this one

            return in_processes()(
                self,
                epochs=epochs,
                batches=batches,
                paused=paused,
                name=name,
                detached=detached,
                processes=1 if processes is None else processes,
                launcher=launcher,
                linger=linger,
            )
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

    @property
    def is_running(self) -> bool:
        """True while a thread is training this main loop."""
        return self._run.thread is not None

    @property
    def session(self) -> interfaces.Session | None:
        """The session that is training this main loop, or None if there is none."""
        return session_of(self)

    def refresh(self) -> None:
        """Collect the handlers of events again; call this method after changing `extensions`.

        If a session trains this main loop, the change is recorded as a direct edit, which a replay
        cannot repeat. To make a change that a replay can repeat, use `Session.call`.
        """
        self._run.refresh()
        if self._run.after_refresh is not None:
            self._run.after_refresh()

    def state_variables(self) -> tuple[dict[str, SharedVariable], dict[str, SharedVariable]]:
        """Return the parameters by path, and all other shared variables of training by name."""
        return state.variables_of(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state of training, as plain values and tensors.

        A main loop built by the same code can load the state and continue with bitwise identical
        results, even in the middle of an epoch. Later training does not change the returned values.

        Returns
        -------
        dict
            A dictionary with the keys that `workbench.main_loop.state` lists.

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
        """Restore a state that `state_dict` of this or another main loop returned.

        The state is loaded completely, or not at all if it does not fit. Parts of the state whose
        keys are not in `state` (see `workbench.main_loop.state`) are not changed. To load a state
        during an event, pass a function to `after_event`; otherwise later extensions handle the
        event with the new state. A state that is loaded before the first start is loaded again
        after the handlers of ``before_training`` have run.

        Raises
        ------
        StateError
            If `state` does not fit. The message lists all unknown, missing or different entries.
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
        if self._run.in_hand:  # a batch that was read but not processed is read again
            state["epoch_iterator"] = copy.copy(self.epoch_iterator)
            state["epoch_iterator"].position -= 1
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.profile = Profile()
        if self.started_at:
            self.started_at = {name: self.status[name] for name in self.started_at}

    def __repr__(self) -> str:
        done, epochs = self.status["iterations_done"], self.status["epochs_done"]
        return (
            f"<MainLoop: {done} iteration{'s' * (done != 1)}, "
            f"{epochs} epoch{'s' * (epochs != 1)} done>"
        )
