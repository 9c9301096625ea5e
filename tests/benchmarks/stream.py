"""Batches from arrays in memory, from an HDF5 file, and with reading ahead.

A shuffled stream is compared with direct indexing of an array in the same random order, a stream
over a file with h5py. Reading ahead is measured with batches that take as long to read as to
process: one after the other they take the sum of both times, with reading ahead at best the longer
one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy

from tests.benchmarks.targets import NO_TARGET, Row, Target
from tests.benchmarks.timing import best_of
from workbench.data import (
    AbstractDataStream,
    DataStream,
    H5PYDataset,
    IndexableDataset,
    Mapping,
    Prefetch,
    SequentialScheme,
    ShuffledScheme,
    write_hdf5,
)

EXAMPLES, BATCH, FEATURES = 20_000, 128, 784
LIMIT, AHEAD = Target(1.2, unit="times"), Target(1.15, unit="times")
PAUSE = 0.002
Run = Callable[[], int]


def epoch(stream: AbstractDataStream, work: Callable[[], object] = lambda: None) -> Run:
    """Read an epoch of a stream, with some work after every batch."""

    def run() -> int:
        count = 0
        for _ in stream.get_epoch_iterator(as_dict=True):
            work()
            count += 1
        return count

    return run


def by_hand(source: Any, *, shuffled: bool) -> Run:
    """Read the same from an array or an HDF5 file without a stream."""
    order = numpy.random.default_rng(0).permutation(EXAMPLES)

    def run() -> int:
        for start in range(0, EXAMPLES, BATCH):
            if shuffled:
                source[order[start : start + BATCH]]
            else:
                source[start : start + BATCH]
        return -(-EXAMPLES // BATCH)

    return run


def memory(quick: bool) -> list[Row]:
    """Return rows for streams over arrays in memory."""
    x = numpy.random.default_rng(0).standard_normal((EXAMPLES, FEATURES), dtype="float32")
    dataset = IndexableDataset({"features": x})
    shuffled = DataStream(dataset, iteration_scheme=ShuffledScheme(EXAMPLES, BATCH, seed=1))
    ordered = DataStream(dataset, iteration_scheme=SequentialScheme(EXAMPLES, BATCH))
    contenders = {
        "X[index]": by_hand(x, shuffled=True),
        "shuffled stream": epoch(shuffled),
        "X[start:stop]": by_hand(x, shuffled=False),
        "stream in order, views": epoch(ordered),
    }
    best = best_of(contenders, rounds=5 if quick else 25)
    return [
        *_against("X[index]", best, ["X[index]", "shuffled stream"], LIMIT),
        *_against("X[start:stop]", best, ["X[start:stop]", "stream in order, views"], None),
    ]


def file(quick: bool) -> list[Row]:
    """Return rows for a stream over a file, read in order, as is fastest."""
    x = numpy.random.default_rng(0).standard_normal((EXAMPLES, FEATURES), dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        write_hdf5(path, {"train": {"features": x}})
        dataset = H5PYDataset(path, ("train",))
        ordered = DataStream(dataset, iteration_scheme=SequentialScheme(EXAMPLES, BATCH))
        with h5py.File(path) as opened:
            contenders = {
                "h5py[start:stop]": by_hand(opened["features"], shuffled=False),
                "HDF5 stream in order": epoch(ordered),
            }
            best = best_of(contenders, rounds=2 if quick else 5)
        dataset.close()
    return _against("h5py[start:stop]", best, list(best), None)


def ahead(quick: bool) -> list[Row]:
    """Return rows for reading that waits, with work that waits as long."""
    dataset = IndexableDataset({"x": numpy.zeros((64, 1))})
    batches = DataStream(dataset, iteration_scheme=SequentialScheme(64, 1))
    slow = Mapping(batches, _slow)
    contenders = {
        "the longer of reading and work": epoch(batches, _wait),
        "in turn": epoch(slow, _wait),
        "read ahead in a thread": epoch(Prefetch(slow), _wait),
    }
    best = best_of(contenders, rounds=2 if quick else 5)
    first = "the longer of reading and work"
    found = _against(first, best, [first, "in turn"], None)
    return [*found, *_against(first, best, ["read ahead in a thread"], AHEAD)]


def rows(quick: bool) -> list[Row]:
    """Return rows for streams in memory, over a file, and with reading ahead."""
    return [*memory(quick), *file(quick), *ahead(quick)]


def _wait() -> None:
    time.sleep(PAUSE)


def _slow(batch: Any) -> Any:
    _wait()
    return batch


def _against(
    first: str, best: dict[str, float], names: list[str], limit: Target | None
) -> list[Row]:
    found = []
    for name in names:
        ratio = best[name] / best[first]
        judged = NO_TARGET if limit is None or name == first else limit.judge(ratio)
        found.append({"work": name, "µs a batch": best[name] * 1e6, "ratio": ratio, **judged})
    return found
