"""Whoever looks at data or values, before training or meanwhile, does not change training."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import Dropout
from workbench.data import (
    DataStream,
    Flatten,
    IndexableDataset,
    ShuffledScheme,
    as_stream,
)
from workbench.data.prefetch import Prefetch
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.graph import ComputationGraph, apply_training_mode
from workbench.main_loop import MainLoop
from workbench.monitoring import DatasetEvaluator

DATA = np.random.default_rng(0).normal(size=(10, 2)).astype("float32")


def shuffled(seed=3):
    dataset = IndexableDataset({"x": DATA})
    return DataStream(dataset, iteration_scheme=ShuffledScheme(10, 3, seed=seed))


def loader(**options):
    generator = torch.Generator()
    generator.manual_seed(4)
    data = TensorDataset(torch.tensor(DATA))
    return as_stream(
        DataLoader(data, batch_size=3, shuffle=True, generator=generator, **options), sources=("x",)
    )


STREAMS = {
    "shuffled": shuffled,
    "transformed": lambda: Flatten(shuffled()),
    "read ahead": lambda: Prefetch(shuffled(), depth=2),
    "a data loader": loader,
    "a data loader with workers that persist": lambda: loader(
        num_workers=1, persistent_workers=True, multiprocessing_context="forkserver"
    ),
}


class Looking(TrainingExtension):
    """Does something with the main loop at some of the events."""

    def __init__(self, look, events=("before_training", "after_batch", "after_epoch")):
        super().__init__(name="looking")
        self.look, self.events = look, events

    def before_training(self):
        self._look("before_training")

    def after_batch(self, batch):
        self._look("after_batch")

    def after_epoch(self):
        self._look("after_epoch")

    def _look(self, event):
        if event in self.events:
            self.look(self.main_loop)


def build(stream, *extensions, batches=9):
    x, w = tensor.matrix("x"), shared(np.ones(2, "float32"), "w")
    dropped = Dropout(0.5, random_seed=1).apply(x * w)
    cost = ((dropped - 1) ** 2).mean().copy(name="cost")
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1))
    main_loop = MainLoop(
        algorithm,
        stream,
        extensions=[
            *extensions,
            TrainingDataMonitoring([cost], after_batch=True),
            FinishAfter(after_n_batches=batches),
        ],
    )
    return main_loop


def costs(main_loop):
    main_loop.run()
    return [main_loop.log[i + 1]["cost"] for i in range(main_loop.status["iterations_done"])]


def by_hand(main_loop):
    next(main_loop.data_stream.get_epoch_iterator())


def a_whole_epoch(main_loop):
    list(main_loop.data_stream.get_epoch_iterator(as_dict=True))


def there_and_back(main_loop):
    stream = main_loop.data_stream
    place = stream.state_dict()
    next(stream.get_epoch_iterator())
    stream.load_state_dict(place)


def evaluate(main_loop):
    DatasetEvaluator([main_loop.algorithm.cost]).evaluate(main_loop.data_stream)


def evaluate_in_training_mode(main_loop):
    [trained] = apply_training_mode(ComputationGraph(main_loop.algorithm.cost)).outputs
    DatasetEvaluator([trained]).evaluate(main_loop.data_stream)


LOOKS = [by_hand, a_whole_epoch, there_and_back, evaluate, evaluate_in_training_mode]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", [name for name in STREAMS if "persist" not in name])
def test_whoever_looks_meanwhile(name, look):
    expected = costs(build(STREAMS[name]()))
    assert costs(build(STREAMS[name](), Looking(look))) == expected


def test_whoever_looks_through_a_loader_whose_workers_persist():
    make = STREAMS["a data loader with workers that persist"]
    assert costs(build(make(), Looking(evaluate, ["after_batch"]))) == costs(build(make()))


@pytest.mark.parametrize("name", [name for name in STREAMS if "persist" not in name])
def test_monitoring_of_the_stream_that_trains(name):
    expected, stream = costs(build(STREAMS[name]())), STREAMS[name]()
    main_loop = build(stream)
    watching = DataStreamMonitoring(
        [main_loop.algorithm.cost], stream, prefix="all", every_n_batches=2
    )
    main_loop.extensions.insert(0, watching)
    assert costs(main_loop) == expected
    assert main_loop.log[4]["all_cost"] > 0


def test_whoever_looks_before():
    stream = shuffled()
    next(stream.get_epoch_iterator())
    list(stream.get_epoch_iterator())
    assert costs(build(stream)) == costs(build(shuffled()))


def test_training_begins_where_the_stream_was_put():
    stream, other = shuffled(), shuffled()
    stream.load_state_dict({"epoch": 2, "position": 1})
    next(stream.get_epoch_iterator())
    [batch] = next(other.iterate(2, 1))
    seen = []
    main_loop = build(stream, batches=1)
    x = ComputationGraph(main_loop.algorithm.cost).inputs
    main_loop.algorithm.add_observer(x, seen.extend)
    main_loop.run()
    np.testing.assert_array_equal(seen[0], batch)


def test_a_session_that_evaluates():
    main_loop = build(shuffled(), batches=30)
    session = main_loop.start()
    for _ in range(3):
        session.call(evaluate)
        next(main_loop.data_stream.get_epoch_iterator())
    session.wait()
    found = [main_loop.log[i + 1]["cost"] for i in range(30)]
    assert found == costs(build(shuffled(), batches=30))


def test_resuming_with_a_monitor_of_the_same_stream():
    def watched(batches):
        stream = shuffled()
        main_loop = build(stream, batches=batches)
        watching = DataStreamMonitoring(
            [main_loop.algorithm.cost], stream, prefix="all", every_n_batches=2
        )
        main_loop.extensions.insert(0, watching)
        return main_loop

    whole, part, rest = watched(9), watched(5), watched(9)
    expected = costs(whole)
    part.run()
    rest.load_state_dict(part.state_dict())
    by_hand(rest)
    rest.run()
    assert [rest.log[i + 1]["cost"] for i in range(9)] == expected


def test_two_main_loops_take_turns_on_one_stream():
    stream = shuffled()
    first, second = build(stream, batches=4), build(stream, batches=4)
    assert len([*costs(first), *costs(second)]) == 8
    assert stream.state_dict() == {"epoch": 0, "position": 0}
    assert second.state_dict()["data"]["stream"] == {"epoch": 1, "position": 4}
