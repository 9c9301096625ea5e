"""Interrupted and resumed training gives the same numbers, for all step rules and streams.

An interruption returns to the last saved state, possibly some batches before, as after the death
of a process. Another main loop, made by the same code, repeats the lost batches. In the end the
parameters, the state of the step rule, the log and the order of the data are bitwise equal to those
of training without an interruption.
"""

import functools
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

import workbench.data as data
from tests.contracts.test_step_rules import ROWS as RULES
from tests.support.runs import (
    CLASSES,
    DIM,
    EXAMPLES,
    assert_same,
    build,
    examples,
    gradient_descent,
)
from workbench.algorithms import TorchOptimizer
from workbench.data import (
    AbstractDataStream,
    Batch,
    Cache,
    Cast,
    ConcatenatedScheme,
    ConstantScheme,
    DataStream,
    Filter,
    FilterSources,
    Flatten,
    ForceFloatX,
    ImagesFromBytes,
    IndexableDataset,
    IterableDataset,
    Mapping,
    Merge,
    MinimumImageDimensions,
    NGrams,
    Padding,
    Prefetch,
    Random2DRotation,
    RandomFixedSizeCrop,
    RandomFlip,
    Rename,
    ScaleAndShift,
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
    SortMapping,
    ToBytes,
    Unpack,
    Window,
    as_stream,
)
from workbench.errors import TrainingFinish
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.saveload import Checkpoint, Load
from workbench.serialization.state import decode, encode

LENGTH = 13
"""Number of batches of the whole training: more than two epochs of most streams."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Let torch use one thread, so that sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Interrupt(TrainingExtension):
    """Extension that saves the state after one batch, and ends the run after another."""

    saved = None
    save_at = end_at = -1

    def after_batch(self, batch):
        done = self.main_loop.status["iterations_done"]
        if done == self.save_at:
            self.main_loop.after_event(self.save)
        if done == self.end_at:
            self.main_loop.after_event(self.end)

    def save(self):
        self.saved = encode(self.main_loop.state_dict())

    def end(self):
        raise TrainingFinish


class Bench:
    """One main loop without an interruption, and two that take turns."""

    def __init__(self, make):
        self.whole, *self.turns = (make() for _ in range(3))
        self.start = encode(self.whole.state_dict())
        self.whole.run()
        for main_loop in self.turns:
            main_loop.extensions.insert(0, Interrupt())

    def train(self, interruptions):
        """Train to the end, with an interruption some batches after a state was saved."""
        state, turn = self.start, 0
        for save_at, lost in interruptions:
            main_loop, turn = self.turns[turn], 1 - turn
            interrupt = main_loop.extensions[0]
            interrupt.save_at, interrupt.end_at = save_at, min(save_at + lost, LENGTH)
            main_loop.load_state_dict(decode(state))
            main_loop.run()
            state = interrupt.saved
        main_loop = self.turns[turn]
        main_loop.extensions[0].end_at = -1
        main_loop.load_state_dict(decode(state))
        main_loop.run()
        return main_loop


INTERRUPTIONS = st.lists(
    st.tuples(st.integers(1, LENGTH - 1), st.integers(0, 5)),
    min_size=1,
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(sorted)


# Step rules and optimizers


def by_rule(name):
    def algorithm(cost, parameters, rule):
        return gradient_descent(cost, parameters, RULES[name][0](*parameters[:2]))

    return algorithm


def by_torch(optimizer, *schedulers, **options):
    def algorithm(cost, parameters, rule):
        return TorchOptimizer(cost, parameters, optimizer, options, schedulers=schedulers)

    return algorithm


ALGORITHMS = {name: by_rule(name) for name in RULES} | {
    "torch SGD": by_torch(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "torch AdamW": by_torch(torch.optim.AdamW, lr=0.01, amsgrad=True),
    "torch LBFGS": by_torch(torch.optim.LBFGS, lr=0.1, max_iter=3),
    "torch with schedulers": by_torch(
        torch.optim.Adam,
        lambda optimizer: OneCycleLR(optimizer, 0.1, total_steps=20),
        lambda optimizer: ReduceLROnPlateau(optimizer, patience=1),
        lr=0.01,
    ),
}


@functools.cache
def algorithm_bench(name):
    return Bench(lambda: build(LENGTH, algorithm=ALGORITHMS[name]))


@pytest.mark.parametrize("name", ALGORITHMS)
@given(interruptions=INTERRUPTIONS)
@settings(max_examples=4)
def test_every_algorithm_resumes_exactly(name, interruptions):
    bench = algorithm_bench(name)
    assert_same(bench.train(interruptions), bench.whole)


# Streams


def source(**more):
    return IndexableDataset({**examples(), **more})


def batches(dataset=None, size=5):
    dataset = source() if dataset is None else dataset
    return DataStream(dataset, iteration_scheme=ShuffledScheme(EXAMPLES, size, seed=2))


def singles():
    return DataStream(source(), iteration_scheme=ShuffledExampleScheme(EXAMPLES, seed=2))


def images(side):
    rng = np.random.default_rng(1)
    return batches(source(features=rng.normal(size=(EXAMPLES, 1, side, side)).astype("float32")))


def encoded():
    """Images of 2 x 2 as vectors of the bytes of their files, which differ in length."""
    files = np.empty(EXAMPLES, object)
    for i, pixels in enumerate(np.random.default_rng(1).integers(9, size=(EXAMPLES, 2, 2))):
        file = io.BytesIO()
        Image.fromarray(pixels.astype("uint8")).save(file, "PNG")
        files[i] = np.frombuffer(file.getvalue(), "uint8")
    return files


def sequences(least):
    rng = np.random.default_rng(1)
    rows = [rng.integers(CLASSES, size=least + i % 4).astype("float32") for i in range(EXAMPLES)]
    return DataStream(IterableDataset({"features": rows}))


def as_targets(stream):
    """Return a batch whose targets are integers in a column."""
    return Mapping(stream, lambda batch: (batch[0], batch[1].astype("int64").reshape(-1, 1)[:, :1]))


def padded():
    rows = [row[: 1 + i % DIM] for i, row in enumerate(examples()["features"])]
    dataset = IterableDataset({"features": rows, "targets": examples()["targets"]})
    stream = Padding(DataStream(dataset, iteration_scheme=ConstantScheme(5)), ["features"])
    stream = FilterSources(stream, ["features", "targets"])
    return Mapping(stream, lambda batch: (np.pad(batch[0], ((0, 0), (0, DIM)))[:, :DIM], batch[1]))


def torch_loader():
    pairs = [{"features": x, "targets": y} for x, y in zip(*examples().values(), strict=True)]
    generator = torch.Generator().manual_seed(4)
    return as_stream(
        torch.utils.data.DataLoader(pairs, batch_size=5, shuffle=True, generator=generator)
    )


def ordered_batches():
    stream = DataStream(source(), iteration_scheme=SequentialScheme(EXAMPLES, 5))
    return [dict(zip(stream.sources, batch, strict=True)) for batch in stream.get_epoch_iterator()]


STREAMS = {
    "shuffled": batches,
    "in order": lambda: DataStream(source(), iteration_scheme=SequentialScheme(EXAMPLES, 5)),
    "concatenated": lambda: DataStream(
        source(),
        iteration_scheme=ConcatenatedScheme(
            [SequentialScheme(7, 3), ShuffledScheme(range(7, EXAMPLES), 6, seed=1)]
        ),
    ),
    "of any iterable": lambda: DataStream(
        IterableDataset(examples()), iteration_scheme=ConstantScheme(5)
    ),
    "Batch": lambda: Batch(singles(), ConstantScheme(5)),
    "Batch in order": lambda: Batch(
        DataStream(source(), iteration_scheme=SequentialExampleScheme(EXAMPLES)), ConstantScheme(5)
    ),
    "Cache": lambda: Cache(batches(size=11), ConstantScheme(4)),
    "Cast": lambda: Cast(
        batches(source(features=examples()["features"].astype("float64"))),
        "float32",
        which_sources=["features"],
    ),
    "Filter": lambda: Filter(batches(), lambda batch: batch[0].sum() > -3),
    "FilterSources": lambda: FilterSources(
        batches(source(more=np.arange(EXAMPLES))), ["features", "targets"]
    ),
    "Flatten": lambda: Flatten(
        batches(source(features=examples()["features"].reshape(-1, 2, 2))),
        which_sources=["features"],
    ),
    "ForceFloatX": lambda: ForceFloatX(
        batches(source(features=examples()["features"].astype("float64")))
    ),
    "Mapping": lambda: Mapping(batches(), lambda batch: (2 * batch[0], batch[1])),
    "SortMapping": lambda: Mapping(batches(), SortMapping(lambda example: example[0].sum())),
    "Merge": lambda: Merge(
        [FilterSources(batches(), ["features"]), FilterSources(batches(), ["targets"])]
    ),
    "NGrams": lambda: as_targets(Batch(NGrams(sequences(3), DIM), ConstantScheme(3))),
    "Window": lambda: as_targets(Batch(Window(sequences(5), 1, DIM, 1), ConstantScheme(3))),
    "Padding": padded,
    "RandomFixedSizeCrop": lambda: Flatten(
        RandomFixedSizeCrop(images(4), (2, 2), which_sources=["features"], seed=3),
        which_sources=["features"],
    ),
    "Random2DRotation": lambda: Flatten(
        Random2DRotation(images(2), 1.5, which_sources=["features"], seed=3),
        which_sources=["features"],
    ),
    "MinimumImageDimensions": lambda: Flatten(
        MinimumImageDimensions(images(1), (2, 2), which_sources=["features"]),
        which_sources=["features"],
    ),
    "ImagesFromBytes of ToBytes": lambda: Flatten(
        Cast(
            ImagesFromBytes(
                ToBytes(batches(source(features=encoded())), which_sources=["features"]),
                "L",
                which_sources=["features"],
            ),
            "float32",
            which_sources=["features"],
        ),
        which_sources=["features"],
    ),
    "RandomFlip": lambda: Flatten(
        RandomFlip(images(2), which_sources=["features"], seed=3), which_sources=["features"]
    ),
    "Rename": lambda: Rename(
        batches(IndexableDataset({"x": examples()["features"], "y": examples()["targets"]})),
        {"x": "features", "y": "targets"},
    ),
    "ScaleAndShift": lambda: ScaleAndShift(batches(), 0.5, 1, which_sources=["features"]),
    "Unpack": lambda: Batch(Unpack(batches()), ConstantScheme(4)),
    "Prefetch": lambda: Prefetch(batches(), depth=3),
    "batches in a list": lambda: as_stream(ordered_batches()),
    "torch loader": torch_loader,
}
BASES = {"AbstractDataStream", "RandomTransformer", "SourcewiseTransformer", "Transformer"}
"""Abstract classes."""


def kinds_of(stream):
    """Yield the classes of a stream and of the streams that it wraps."""
    yield type(stream)
    below = getattr(stream, "data_streams", [getattr(stream, "data_stream", None)])
    for one in below:
        if one is not None:
            yield from kinds_of(one)


def test_every_kind_of_stream_has_a_row():
    public = [getattr(data, name) for name in data.__all__ if name not in BASES]
    streams = {
        kind for kind in public if isinstance(kind, type) and issubclass(kind, AbstractDataStream)
    }
    assert streams <= {kind for make in STREAMS.values() for kind in kinds_of(make())}


@functools.cache
def stream_bench(name):
    return Bench(lambda: build(LENGTH, stream=STREAMS[name]()))


@pytest.mark.parametrize("name", STREAMS)
@given(interruptions=INTERRUPTIONS)
@settings(max_examples=3)
def test_every_stream_resumes_exactly(name, interruptions):
    bench = stream_bench(name)
    assert bench.whole.status["iterations_done"] == LENGTH
    assert_same(bench.train(interruptions), bench.whole)


# Through files, into a new main loop


@pytest.mark.parametrize("save_at, lost", [(1, 0), (4, 3), (5, 0), (9, 1), (10, 2)])
def test_through_a_file_too(tmp_path, save_at, lost):
    path = tmp_path / "run.tar"

    def built(*extensions):
        return build(LENGTH, Load(path, True, True), *extensions)

    checkpoint = Checkpoint(path, after_training=False, after_n_batches=save_at)
    built(checkpoint, FinishAfter(after_n_batches=save_at + lost, name="kill")).run()
    whole, rest = build(LENGTH), built()
    whole.run()
    rest.run()
    assert_same(rest, whole)
