"""Small fake parts of a main loop with predictable behaviour."""

import threading

from workbench.extensions import CallbackName, TrainingExtension
from workbench.main_loop import MainLoop

BATCHES = [{"x": 1}, {"x": 2}, {"x": 3}]


class FakeAlgorithm:
    """Algorithm that counts batches and fails at chosen ones.

    Parameters
    ----------
    errors : dict, optional
        Exceptions to raise, by the number of the batch, from 1.
    parameters : list, optional
        The parameters that it claims to train.
    """

    def __init__(self, errors=(), parameters=()):
        self.errors = dict(errors)
        self.parameters = list(parameters)
        self.initialized = 0
        self.seen = []

    def initialize(self):
        self.initialized += 1

    def process_batch(self, batch):
        self.seen.append(batch["x"])
        if len(self.seen) in self.errors:
            raise self.errors[len(self.seen)]


class GatedAlgorithm(FakeAlgorithm):
    """Algorithm that processes a batch only when the test allows it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.allowed = threading.Semaphore(0)
        self.arrived = threading.Semaphore(0)

    def process_batch(self, batch):
        self.arrived.release()
        self.allowed.acquire()
        super().process_batch(batch)


class Recorder(TrainingExtension):
    """Extension that records the events, with the counters of the log at each.

    Parameters
    ----------
    actions : dict, optional
        Functions of the main loop to call, by event.
    """

    def __init__(self, actions=(), name=None):
        super().__init__(name)
        self.actions = dict(actions)
        self.events = []
        self.counts = []

    def dispatch(self, callback_name, *args):
        assert len(args) == len(callback_name.arguments)
        status = self.main_loop.status
        self.events.append(str(callback_name))
        self.counts.append((status["iterations_done"], status["epochs_done"]))
        if callback_name in self.actions:
            self.actions[CallbackName(callback_name)](self.main_loop)


def request_finish(main_loop):
    main_loop.log.current_row["training_finish_requested"] = True


def make(*extensions, algorithm=None, batches=BATCHES, **options):
    """Return a main loop over three batches with a fake algorithm."""
    algorithm = FakeAlgorithm() if algorithm is None else algorithm
    return MainLoop(algorithm, batches, extensions=extensions, **options)
