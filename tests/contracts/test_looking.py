"""Looking at data or values, before or during training, does not change training."""

import itertools
import random
from functools import partial

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from tests.support.ranks import context
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import Dropout
from workbench.data import (
    Batch,
    BatchScheme,
    BatchSizeScheme,
    Cache,
    ConcatenatedScheme,
    ConstantScheme,
    DataStream,
    Filter,
    FilterSources,
    Flatten,
    IndexableDataset,
    IterableDataset,
    Mapping,
    Merge,
    Rename,
    SequentialScheme,
    ShuffledScheme,
    Transformer,
    Unpack,
    as_stream,
)
from workbench.data.prefetch import Prefetch
from workbench.errors import DataError
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
        num_workers=1, persistent_workers=True, multiprocessing_context=context()
    ),
}


class OwnShuffle(BatchScheme):
    """A typical user's scheme: it shuffles its indices in place with its own generator."""

    def __init__(self, examples, batch_size, rng):
        super().__init__(examples, batch_size)
        self.rng, self.order = rng, np.arange(examples)

    def get_request_iterator(self, epoch=0, start=0):
        self.rng.shuffle(self.order)
        for first in range(start * self.batch_size, len(self.order), self.batch_size):
            yield self.order[first : first + self.batch_size].copy()


class Counting(BatchScheme):
    """A scheme with another order for every request."""

    asked = 0

    def get_request_iterator(self, epoch=0, start=0):
        self.asked += 1
        order = np.random.default_rng(self.asked).permutation(self.num_examples)
        return iter(np.split(order, [3, 6, 9])[start:])


class OwnSizes(BatchSizeScheme):
    def __init__(self, rng):
        self.rng = rng

    def get_request_iterator(self, epoch=0, start=0):
        sizes = [self.rng.randint(1, 4) for _ in range(5)]
        return iter(sizes[start:])


class Noisy(Transformer):
    def __init__(self, data_stream, rng):
        super().__init__(data_stream)
        self.rng = rng

    def transform(self, data):
        return (data[0] + self.rng.normal(size=data[0].shape).astype("float32"),)


class Noise:
    def __init__(self, rng):
        self.rng = rng

    def __call__(self, data):
        return (data[0] + np.float32(self.rng.normal()),)


class Drawn(IterableDataset):
    def __init__(self):
        super().__init__({"x": DATA})
        self.rng = np.random.default_rng(2)

    def examples(self, start=0):
        for _ in range(10):
            yield (self.rng.normal(size=2).astype("float32"),)


def own(scheme):
    return DataStream(IndexableDataset({"x": DATA}), iteration_scheme=scheme)


def of_one(rng=None):
    return own(OwnShuffle(10, 3, rng or np.random.RandomState(5)))


def chunks():
    return own(OwnShuffle(10, 5, random.Random(5)))


OWN = {
    "a RandomState": of_one,
    "a numpy Generator": lambda: of_one(np.random.default_rng(5)),
    "random.Random": lambda: of_one(random.Random(5)),
    "a scheme that counts": lambda: own(Counting(10, 3)),
    "schemes one after the other": lambda: own(
        ConcatenatedScheme([SequentialScheme(10, 3), OwnShuffle(10, 3, np.random.RandomState(5))])
    ),
    "a transformer": lambda: Noisy(shuffled(), np.random.RandomState(1)),
    "a function object": lambda: Mapping(shuffled(), Noise(np.random.default_rng(1))),
    "a method": lambda: Mapping(shuffled(), Noise(np.random.default_rng(1)).__call__),
    "a partial function": lambda: Mapping(
        shuffled(),
        partial(lambda rng, data: (data[0] + np.float32(rng.random()),), random.Random(1)),
    ),
    "a data set": lambda: DataStream(Drawn(), iteration_scheme=ConstantScheme(3)),
    "flattened": lambda: Flatten(of_one()),
    "read ahead in a thread": lambda: Prefetch(of_one(), depth=2),
    "merged": lambda: FilterSources(
        Merge([of_one(), Rename(own(OwnShuffle(10, 3, random.Random(2))), {"x": "y"})], ("x", "y")),
        ("x",),
    ),
    "a cache": lambda: Cache(chunks(), ConstantScheme(3)),
    "a cache of random sizes": lambda: Cache(chunks(), OwnSizes(random.Random(4))),
    "examples in batches": lambda: Batch(Unpack(of_one()), OwnSizes(random.Random(4))),
    "filtered": lambda: Filter(of_one(), lambda data: data[0][0, 0] < 1.2),
}


class Looking(TrainingExtension):
    """Extension that calls a function of the main loop at some events."""

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
@pytest.mark.parametrize("name", OWN)
def test_reading_a_users_random_parts_changes_nothing(name, look):
    expected = costs(build(OWN[name]()))
    assert costs(build(OWN[name](), Looking(look))) == expected
    assert len(set(expected)) > 5


def test_reading_a_users_scheme_in_a_process_changes_nothing():
    make = lambda: Prefetch(of_one(), depth=1, workers="process")  # noqa: E731
    stream, other = make(), make()
    expected = costs(build(stream))
    assert costs(build(other, Looking(evaluate, ["after_batch"]))) == expected
    stream.close()
    other.close()


def test_reading_a_wrapped_stream_or_the_same_scheme_changes_nothing():
    expected = costs(build(Flatten(of_one())))
    below = of_one()
    assert (
        costs(build(Flatten(below), Looking(lambda _: list(below.get_epoch_iterator()))))
        == expected
    )
    scheme = OwnShuffle(10, 3, np.random.RandomState(5))
    monitored = own(scheme)
    looking = Looking(lambda _: list(monitored.get_epoch_iterator()))
    assert costs(build(Flatten(own(scheme)), looking)) == expected


def test_epochs_that_one_reads_by_hand_differ():
    stream = of_one()
    first, second = (np.concatenate([x for (x,) in stream.get_epoch_iterator()]) for _ in range(2))
    assert not np.array_equal(first, second)


class FromGenerator(BatchScheme):
    def __init__(self):
        super().__init__(10, 5)
        rng = random.Random(7)
        self.orders = (rng.sample(range(10), 10) for _ in itertools.count())

    def get_request_iterator(self, epoch=0, start=0):
        order = next(self.orders)
        return iter(np.array([order[:5], order[5:]])[start:])


@pytest.mark.parametrize("look", [by_hand, a_whole_epoch, evaluate])
def test_a_generator_in_a_scheme_has_one_reader(look):
    expected, refused = costs(build(own(FromGenerator()))), []

    def looking(main_loop):
        with pytest.raises(DataError, match="copied. Since training reads the same data, reading"):
            look(main_loop)
        refused.append(look)

    assert costs(build(own(FromGenerator()), Looking(looking, ["after_batch"]))) == expected
    assert len(refused) == 9


def test_a_generator_in_a_scheme_that_was_looked_at_is_not_trained_on():
    stream = own(FromGenerator())
    assert len(list(stream.get_epoch_iterator())) == len(list(stream.get_epoch_iterator())) == 2
    main_loop = build(stream)
    with pytest.raises(DataError, match="the generator 'orders', .* been read before training"):
        main_loop.run()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", [name for name in STREAMS if "persist" not in name])
def test_reading_during_training_changes_nothing(name, look):
    expected = costs(build(STREAMS[name]()))
    assert costs(build(STREAMS[name](), Looking(look))) == expected


def test_reading_a_loader_with_persistent_workers_changes_nothing():
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


def test_reading_before_training_changes_nothing():
    stream = shuffled()
    next(stream.get_epoch_iterator())
    list(stream.get_epoch_iterator())
    assert costs(build(stream)) == costs(build(shuffled()))


def test_training_starts_at_the_position_of_the_stream():
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
