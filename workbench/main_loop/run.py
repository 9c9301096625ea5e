"""`Run`, which reads and processes the batches of a main loop until training ends.

A `Run` belongs to one main loop. It consists of a mailbox for requests from other threads, a
dispatcher of events, and an `Ending`, which decides when the run ends. Objects that exist only
while a thread is training are kept here, so that the main loop can be copied and saved without
them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from traceback import format_exception
from typing import Any

from workbench.algorithms import GradientDescent, TorchOptimizer, TrainingAlgorithm
from workbench.config import config
from workbench.data.streams import reading_for
from workbench.errors import AlgorithmError, DataError, TrainingFinish
from workbench.extensions import TrainingExtension, record_names
from workbench.extensions.events import CallbackName
from workbench.extensions.finish_after import GOAL
from workbench.extensions.planned_end import check_more, finish_at_goal
from workbench.main_loop import facts, processes, state
from workbench.main_loop.dispatch import Dispatcher
from workbench.main_loop.ending import Ending, Owner
from workbench.main_loop.epoch_end import note_epoch_end
from workbench.main_loop.interrupts import Interruptible, Level
from workbench.main_loop.mailbox import Mailbox
from workbench.main_loop.missing_records import MissingRecords
from workbench.main_loop.recovery import note, recover
from workbench.model import Model
from workbench.utils.profile import Timer

READ_ONCE = "data_read_once"
READS_ONCE = (
    "{stream!r} reads a generator, which yields its data only once. Therefore this run cannot be "
    "rewound, and after a restart it can continue only if a new generator yields the same data"
)
NO_DATA = "this main loop has no data stream; pass MainLoop(data_stream=...)"
NO_ALGORITHM = "this main loop has no algorithm; pass MainLoop(algorithm=...)"
NO_BATCHES = (
    "epoch {epoch} of {stream!r} has no batches, so training would never end; check the dataset "
    "and the batch size"
)
NO_MORE_EPOCHS = "Nothing was trained: the data stream has no more epochs"


class Run:
    """Trainer of a main loop, for one or more runs.

    Parameters
    ----------
    main_loop : Loop
        The main loop to train, which contains the state.

    Attributes
    ----------
    announced : bool
        True after ``before_training`` has been fired.
    loaded : set of str
        The keys of a state that was loaded before ``before_training``; empty if there is none.
    mailbox : Mailbox
        The queue of requests from other threads.
    dispatcher : Dispatcher
        The object that fires events.
    ending : Ending
        The object that decides when the run ends.
    thread : int or None
        The identifier of the training thread.
    in_hand : bool
        True while a batch has been read but not processed.
    observers : list of TrainingExtension
        Extensions without state that are called after the extensions of the main loop.
    after_batch : callable or None
        A function that is called after every batch. Unlike an observer, it does not cause a commit
        of the log.
    after_refresh : callable or None
        A function that is called after each call to `MainLoop.refresh`, in the same thread.
    before_end : callable or None
        A function that is called when training is about to end, and that may extend training.
    name : str or None
        The name that the user has given to the session of the run.
    """

    def __init__(self, main_loop: Owner) -> None:
        self.main_loop = main_loop
        self.announced = False
        self.loaded: set[str] = set()
        self.observers: list[TrainingExtension] = []
        self.after_batch: Callable[[], None] | None = None
        self.after_refresh: Callable[[], None] | None = None
        self.before_end: Callable[[], None] | None = None
        self.name: str | None = None
        self.reset()

    def reset(self) -> None:
        """Reset the attributes that describe a run in progress."""
        self.mailbox = Mailbox()
        self.ending = Ending(self.main_loop)
        self.dispatcher = Dispatcher(self.main_loop, self.ending)
        self.thread: int | None = None
        self.in_hand = False
        self._missing = MissingRecords(self.main_loop)

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("main_loop", "announced", "loaded")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.observers = []
        self.after_batch = self.after_refresh = self.before_end = self.name = None
        self.reset()

    def nothing_to_do(self) -> str | None:
        """Return the reason why a run cannot train on any batch, or None if it may train.

        The result is None before the first start, since extensions may still load an archive.
        """
        return self.ending.reached() if self.announced else None

    def more(self, epochs: int | None, batches: int | None) -> Callable[[], None] | None:
        """Return a function that extends training, or None if neither argument is given.

        Raises
        ------
        ArgumentError
            If both arguments are given, or if the number is not a positive integer.
        """
        if epochs is None and batches is None:
            return None
        check_more(epochs, batches)
        return lambda: self.ending.go_on(epochs, batches)

    def train(self, first: Callable[[], None] | None = None) -> str | None:
        """Train until the end; return the reason if nothing was trained.

        `first` is called after ``before_training`` and ``on_resumption`` have been fired.
        """
        processes.check_together(self.main_loop)
        self.main_loop.log = processes.own_log(self.main_loop)
        alone = processes.distributed_of(self.main_loop) is None
        signals = Interruptible(self.mailbox, self.interrupt, abandons=alone)
        with self.main_loop.log.writing(), signals:
            self.thread = threading.get_ident()
            try:
                return self._train_until_finish(first)
            except BaseException as error:
                processes.leave(self.main_loop)
                self._fail(error)
                raise
            finally:
                self.main_loop.profile.training.stop()
                self.thread = self.before_end = None
                self.mailbox.clear()
                if config.profile:
                    self.main_loop.profile.report()

    def _train_until_finish(self, first: Callable[[], None] | None) -> str | None:
        main_loop, nothing = self.main_loop, None
        log = main_loop.log
        self.in_hand = False
        self.ending.begin()
        self.forget_earlier()
        try:
            self._begin()
            if first is not None:
                main_loop.status.pop(GOAL, None)
                first()
            else:
                nothing = self.ending.reached()
                self.refresh()
            if nothing is None:
                self.ending.training = True
                main_loop.profile.training.start()
                with Timer("training", main_loop.profile):
                    before = main_loop.status["iterations_done"]
                    while self._train_for_an_epoch():
                        pass
                    if before == main_loop.status["iterations_done"]:
                        nothing = NO_MORE_EPOCHS
        except TrainingFinish:
            pass
        self.ending.training = False
        self._settle()
        self._missing.warn()
        log.current_row["training_finished"] = True
        self.dispatcher.fire(CallbackName.AFTER_TRAINING)
        return nothing

    def attach(self) -> None:
        """Set the `main_loop` attribute of all extensions."""
        for extension in self.main_loop.extensions:
            extension.main_loop = self.main_loop

    def refresh(self) -> None:
        """Update the event handlers; see `MainLoop.refresh`."""
        main_loop = self.main_loop
        self.attach()  # extensions may have been added
        record_names.check_distinct(main_loop.extensions)
        goals = finish_at_goal(main_loop.status)
        for extension in goals:
            extension.main_loop = main_loop
        profile = main_loop.profile if config.profile else None
        extensions = processes.called(main_loop, main_loop.extensions)
        self.dispatcher.refresh([*goals, *extensions, *self.observers], profile)

    def note_name(self) -> None:
        """Store the session's name in the status of the log, or remove it if there is no name."""
        status = self.main_loop.status
        if self.name is None:
            status.pop(facts.NAME, None)
        elif status.get(facts.NAME) != self.name:
            status[facts.NAME] = self.name

    def forget_earlier(self) -> None:
        """Discard the error and the finish request of an earlier run."""
        self.main_loop.status.pop("training_error", None)
        self.main_loop.status.pop("_traceback", None)
        self.ending.forget_earlier()

    def _begin(self) -> None:
        main_loop = self.main_loop
        self.refresh()
        if not self.announced:
            self._announce()
        if main_loop.algorithm is None:
            raise AlgorithmError(NO_ALGORITHM)
        if not main_loop.started_at:
            self._initialize()
        if isinstance(main_loop.algorithm, TrainingAlgorithm):
            main_loop.algorithm.watch_execution(self._record_execution, self.ending.batches_left)
            facts.record_facts(main_loop, self._record_execution)
            processes.begin(main_loop)
        resumed = main_loop.status["iterations_done"] > 0
        if resumed:
            main_loop.log.resume()
        self.note_name()
        if resumed:
            self.dispatcher.fire(CallbackName.ON_RESUMPTION)

    def _initialize(self) -> None:
        """Initialise the algorithm before the first run."""
        main_loop = self.main_loop
        algorithm, stream, status = main_loop.algorithm, main_loop.data_stream, main_loop.status
        trains = isinstance(algorithm, (GradientDescent, TorchOptimizer))
        if isinstance(main_loop.model, Model) and trains:
            main_loop.model.check_sanity(algorithm)
        with Timer("initialization", main_loop.profile):
            algorithm.initialize()
        if stream is not None and stream.reads_once:
            main_loop.log.current_row[READ_ONCE] = READS_ONCE.format(stream=stream)
        main_loop.started_at = {name: status[name] for name in ("iterations_done", "epochs_done")}

    def _announce(self) -> None:
        """Fire ``before_training``, then reload any state that was loaded before this event."""
        main_loop = self.main_loop
        kept = state.state_of(main_loop, in_hand=self.in_hand) if self.loaded else {}
        if kept:
            kept[state.STATISTICS] = kept["variables"]
        kept = {part: kept[part] for part in self.loaded}
        self.loaded = set()
        with Timer("before_training", main_loop.profile):
            self.dispatcher.fire(CallbackName.BEFORE_TRAINING)
        self.announced = True
        if kept and not self.loaded:  # otherwise an extension has loaded a state during this event
            self.load(kept)
        self.loaded = set()

    def load(self, parts: Mapping[str, Any]) -> None:
        """Load all or part of a training state; if this fails, nothing is changed."""
        self.attach()
        state.restore(self.main_loop, parts, in_hand=self.in_hand)
        if "data" in parts:
            self.in_hand = False
        if "log" in parts:
            profile = self.main_loop.profile
            profile.training.lap()  # discards the training time that is not in the loaded log
            profile.lap_start = self.main_loop.status["iterations_done"]
        if "log" in parts and self.thread is not None:
            self.forget_earlier()
        self.loaded |= set(parts)

    def _record_execution(self, text: str) -> None:
        """Record the tier of the following batches, and the reason for it."""
        self.main_loop.log.current_row["execution"] = text

    def _train_for_an_epoch(self) -> bool:
        main_loop = self.main_loop
        status, stream, fire = main_loop.status, main_loop.data_stream, self.dispatcher.fire
        if stream is None:
            raise DataError(NO_DATA)
        fresh = main_loop.epoch_iterator is None
        if fresh:
            try:
                with reading_for("training"):
                    main_loop.epoch_iterator = iter(stream.get_epoch_iterator(as_dict=True))
            except StopIteration:
                return False
            fire(CallbackName.BEFORE_EPOCH)
        before = status["iterations_done"]
        with Timer("epoch", main_loop.profile):
            ended = self._train_on_batches()
        self._settle()
        if not ended:
            return True
        if fresh and status["iterations_done"] == before:
            main_loop.epoch_iterator = None
            epoch = status["epochs_done"] + 1
            raise DataError(NO_BATCHES.format(epoch=epoch, stream=main_loop.data_stream))
        main_loop.epoch_iterator = None
        processes.agree(main_loop)
        note_epoch_end(main_loop)
        fire(CallbackName.AFTER_EPOCH)
        if status["epochs_done"] == main_loop.started_at["epochs_done"] + 1:
            self._missing.warn()
        self.mailbox.run_all()
        self._pass_by()
        if self.ending.requested or self.ending.with_epoch:
            raise TrainingFinish
        return True

    def _train_on_batches(self) -> bool:
        """Train on the rest of the epoch; return False if a state is loaded in the meantime."""
        # Attributes are looked up before the loop to keep the overhead of each batch small.
        main_loop, ending, fire = self.main_loop, self.ending, self.dispatcher.fire
        mailbox, requests, kept = self.mailbox, self.mailbox.requests, self.mailbox.kept
        batches, status = main_loop.epoch_iterator, main_loop.status
        processes.take_share(main_loop, batches)
        distributed = processes.distributed_of(main_loop)
        arriving, receive = self.dispatcher.arriving, self.dispatcher.receive
        algorithm, profile = main_loop.algorithm, main_loop.profile
        process_batch = algorithm.process_batch
        after_batch, unseen = self.after_batch, facts.awaits_first_batch(status)
        total, within = profile.total, profile.current
        read, train = (*within, "read_data"), (*within, "train")
        total.setdefault(read, 0.0)
        total.setdefault(train, 0.0)
        while True:
            if arriving:
                receive()
            if kept or not requests.empty():
                mailbox.run_all()
            if batches is not main_loop.epoch_iterator or batches is None:
                return False
            if algorithm is not main_loop.algorithm:
                return False
            start = perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return True
            except Exception as error:
                note(error, main_loop, "while reading")
                raise
            total[read] += perf_counter() - start
            self.in_hand = True
            if unseen:
                facts.record_first_batch(status, batch)
                unseen = False
            fire(CallbackName.BEFORE_BATCH, batch)
            if batches is not main_loop.epoch_iterator:
                return False
            start = perf_counter()
            try:
                process_batch(batch)
            except Exception as error:
                last = recover(main_loop, mailbox, ending, error, batch)
                if last is error:
                    raise
                if last is not None:
                    raise last from None
                if batches is not main_loop.epoch_iterator:
                    return False
            total[train] += perf_counter() - start
            self.in_hand = False
            status["iterations_done"] += 1
            fire(CallbackName.AFTER_BATCH, batch)
            if distributed is not None and (agreed := distributed.take_agreed()):
                self._interrupt(agreed)
            if distributed is not None and distributed.take_called():
                mailbox.receive()
            if after_batch is not None:
                after_batch()
            if ending.requested:
                self._pass_by()
                if ending.requested and batches is main_loop.epoch_iterator:
                    raise TrainingFinish

    def _pass_by(self) -> None:
        """Pause if a rewind ends at this batch; during a rewind, ignore a request to finish."""
        if self.mailbox.gate is not None:
            self.mailbox.run_all()
            self.ending.requested &= self.mailbox.gate is None
        elif self.before_end is not None and self.ending.requested:
            self.before_end()

    def interrupt(self, level: Level) -> None:
        """End training after this epoch or immediately; see `MainLoop.interrupt`.

        If several processes train together, they end after the same batch: this batch if all of
        them have received the request, otherwise the next batch.
        """
        distributed = processes.distributed_of(self.main_loop)
        if distributed is None or self.mailbox.is_shared:
            self._interrupt(level)
        else:
            distributed.wish = level

    def _interrupt(self, level: Level) -> None:
        log = self.main_loop.log
        log.current_row[f"{level}_interrupt_received"] = True
        self.dispatcher.fire(CallbackName.ON_INTERRUPT)
        log.commit()
        if level == "batch":
            raise TrainingFinish
        self.ending.with_epoch = True

    def _settle(self) -> None:
        """Wait for the device, record the values that it computed, and raise its errors."""
        self.dispatcher.receive(wait=True)
        if isinstance(self.main_loop.algorithm, TrainingAlgorithm):
            self.main_loop.algorithm.settle()

    def _fail(self, error: BaseException) -> None:
        log, status = self.main_loop.log, self.main_loop.status
        self.in_hand = False  # the next run continues after the batch that failed
        self.dispatcher.receive(wait=True)
        self.dispatcher.drop_deferred()
        text = f"{type(error).__name__}: {error}"
        log.current_row["training_error"] = status["training_error"] = text
        status["_traceback"] = "".join(format_exception(error))
        log.commit()
        self.dispatcher.fail(error)
        log.commit()
