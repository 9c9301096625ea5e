"""Randomly nested transformers: in any order, every position resumes exactly."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.support import plain
from workbench.data import (
    AbstractDataStream,
    Batch,
    Cache,
    ConcatenatedScheme,
    ConstantScheme,
    DataStream,
    Filter,
    FilterSources,
    IndexableDataset,
    IterableDataset,
    Mapping,
    Merge,
    NGrams,
    Padding,
    Prefetch,
    RandomFlip,
    Rename,
    ShuffledExampleScheme,
    ShuffledScheme,
    SortMapping,
    Unpack,
)

COUNT = 17
ROWS = [list(range(i, i + i % 4 + 1)) for i in range(COUNT)]
SOURCES = {"x": ROWS, "y": range(COUNT)}


def is_kept(data) -> bool:
    return len(str(data[0])) % 3 != 0


def length(example) -> int:
    return len(str(example[0]))


def twice(data):
    return tuple([2 * entry for entry in data])


def renamed(stream: AbstractDataStream) -> AbstractDataStream:
    return Rename(stream, {name: f"{name}'" for name in stream.sources})


ANY = {
    "Filter": lambda stream, size: Filter(stream, is_kept),
    "FilterSources": lambda stream, size: FilterSources(stream, stream.sources[:1]),
    "Merge": lambda stream, size: Merge([stream, renamed(stream)]),
    "Prefetch": lambda stream, size: Prefetch(stream, depth=size),
    "Rename": lambda stream, size: renamed(stream),
}
OF_EXAMPLES = {
    "Batch": lambda stream, size: Batch(stream, ConstantScheme(size)),
    "strict Batch": lambda stream, size: Batch(stream, ConstantScheme(size), strictness=1),
    "RandomFlip": lambda stream, size: RandomFlip(stream, which_sources=stream.sources[:1]),
    "NGrams": lambda stream, size: NGrams(FilterSources(stream, stream.sources[:1]), size),
}
OF_BATCHES = {
    "Cache": lambda stream, size: Cache(stream, ConstantScheme(size)),
    "Cache of varying sizes": lambda stream, size: Cache(
        stream, ConcatenatedScheme([ConstantScheme(1, times=2), ConstantScheme(size)])
    ),
    "Mapping": lambda stream, size: Mapping(stream, twice),
    "Padding": lambda stream, size: Padding(stream, stream.sources[:1]),
    "SortMapping": lambda stream, size: Mapping(stream, SortMapping(length)),
    "Unpack": lambda stream, size: Unpack(stream),
}
BASES = {
    "iterable": lambda size: DataStream(IterableDataset(SOURCES)),
    "batches": lambda size: DataStream(
        IterableDataset(SOURCES), iteration_scheme=ConstantScheme(size)
    ),
    "shuffled": lambda size: DataStream(
        IndexableDataset(SOURCES), iteration_scheme=ShuffledScheme(COUNT, size, seed=size)
    ),
    "shuffled examples": lambda size: DataStream(
        IndexableDataset(SOURCES), iteration_scheme=ShuffledExampleScheme(COUNT, seed=size)
    ),
}


@st.composite
def streams(draw: st.DrawFn) -> AbstractDataStream:
    """Draw a stream; omit layers that would make a second source of the same name."""
    sizes = st.integers(1, 5)
    stream = BASES[draw(st.sampled_from(sorted(BASES)))](draw(sizes))
    for _ in range(draw(st.integers(0, 5))):
        layers = ANY | (OF_EXAMPLES if stream.produces_examples else OF_BATCHES)
        name = draw(st.sampled_from(sorted(layers)))
        if name == "NGrams" and "targets" in stream.sources:
            continue
        if name == "Merge" and any(f"{source}'" in stream.sources for source in stream.sources):
            continue
        if name == "Padding" and f"{stream.sources[0]}_mask" in stream.sources:
            continue
        stream = layers[name](stream, draw(sizes))
    return stream


@settings(max_examples=150)
@given(streams(), st.integers(0, 2), st.integers(0, 30), st.data())
def test_every_position_resumes_exactly(stream, epoch, start, data):
    whole = plain(stream.iterate(epoch))
    assert plain(stream.iterate(epoch, start)) == whole[start:]
    assert stream.num_batches in (None, len(whole))
    position = data.draw(st.integers(0, len(whole)))
    stream.load_state_dict({"epoch": epoch, "position": position})
    running = stream.get_epoch_iterator()
    given = plain(batch for _, batch in zip(range(2), running, strict=False))
    state = stream.state_dict()
    assert {type(value) for value in state.values()} == {int}
    rest = plain(pickle.loads(pickle.dumps(running)))
    assert given + rest == whole[position:]
