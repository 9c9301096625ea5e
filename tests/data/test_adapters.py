"""Torch data loaders and plain iterables as data streams."""

from __future__ import annotations

import random
from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from tests.support.ranks import context
from workbench.data import DataStream, IndexableDataset, Mapping, SequentialScheme, as_stream, seeds
from workbench.errors import DataError, SourceError

X = torch.arange(20.0).reshape(10, 2)
DATA = TensorDataset(X, torch.arange(10))


class Noise(torch.utils.data.Dataset):
    """Dataset of random numbers."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return torch.rand(())


class Rows(torch.utils.data.Dataset):
    """Map-style dataset of mappings."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return {"features": X[index], "targets": index}


class Endless(torch.utils.data.IterableDataset):
    """Iterable-style dataset."""

    def __iter__(self):
        return iter(range(5))


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


LOADERS = {
    "in order": lambda: DataLoader(DATA, batch_size=3),
    "shuffled": lambda: DataLoader(DATA, batch_size=3, shuffle=True),
    "generator": lambda: DataLoader(DATA, batch_size=3, shuffle=True, generator=seeded()),
    "subset": lambda: DataLoader(DATA, 3, sampler=SubsetRandomSampler(range(8), seeded())),
    "weighted": lambda: DataLoader(DATA, 3, sampler=WeightedRandomSampler([1.0] * 10, 10)),
    "batches": lambda: DataLoader(
        DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 3, drop_last=False)
    ),
}
loaders = pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS)


def targets(iterator) -> list:
    return [y.tolist() for _, y in iterator]


@loaders
def test_a_loader_resumes_in_the_middle_of_an_epoch(make):
    stream = as_stream(make(), sources=("x", "y"))
    list(stream.get_epoch_iterator())
    running = stream.get_epoch_iterator()
    next(running)
    resumed = as_stream(make(), sources=("x", "y"))
    resumed.load_state_dict(stream.state_dict())
    assert targets(resumed.get_epoch_iterator()) == targets(running)
    assert targets(resumed.get_epoch_iterator()) == targets(stream.get_epoch_iterator())


@loaders
def test_a_loader_and_the_global_generator_do_not_change(make):
    loader = make()
    samplers = [loader.sampler, getattr(loader.batch_sampler, "sampler", None)]
    before = [vars(holder).get("generator") for holder in (loader, *samplers)]
    state = torch.get_rng_state()
    list(as_stream(loader, sources=("x", "y")).get_epoch_iterator())
    assert [vars(holder).get("generator") for holder in (loader, *samplers)] == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_shuffling_loader_gives_every_example_in_another_order_each_epoch():
    stream = as_stream(LOADERS["generator"](), sources=("x", "y"))
    first, second = (targets(stream.get_epoch_iterator()) for _ in range(2))
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(10))
    assert first != second


def test_the_order_depends_on_the_seed_of_the_loader():
    orders = [
        targets(as_stream(DataLoader(DATA, 3, shuffle=True, generator=g), ("x", "y")).iterate(0))
        for g in (seeded(1), seeded(1), seeded(2))
    ]
    assert orders[0] == orders[1] != orders[2]


def test_batches_that_are_mappings_name_their_sources():
    stream = as_stream(DataLoader(Rows(), batch_size=4))
    assert stream.sources == ("features", "targets")
    assert stream.num_batches == 3
    batch = next(stream.get_epoch_iterator(as_dict=True))
    assert torch.equal(batch["features"], X[:4])


def test_sources_choose_from_mappings():
    stream = as_stream(DataLoader(Rows(), batch_size=4), sources=("targets",))
    assert [y.tolist() for [y] in stream.get_epoch_iterator()] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]


def test_the_length_of_an_iterable_style_loader_is_not_guessed():
    stream = as_stream(DataLoader(Endless(), batch_size=2), sources=("x",))
    assert stream.num_batches is None
    assert [x.tolist() for [x] in stream.get_epoch_iterator()] == [[0, 1], [2, 3], [4]]


def test_worker_processes_give_the_same_batches():
    loader = DataLoader(DATA, 3, shuffle=True, generator=seeded(), num_workers=1)
    alone = as_stream(LOADERS["generator"](), sources=("x", "y"))
    assert targets(as_stream(loader, sources=("x", "y")).iterate(1, 2)) == targets(
        alone.iterate(1, 2)
    )


def test_a_list_of_tuples_works_and_can_be_transformed():
    stream = as_stream([(np.ones(2), np.zeros(2))] * 3, sources=("x", "y"))
    doubled = Mapping(stream, lambda data: (2 * data[0], data[1]))
    assert [x.tolist() for x, _ in doubled.get_epoch_iterator()] == [[2, 2]] * 3
    assert doubled.num_batches == 3


def test_a_stream_is_returned_unchanged():
    stream = DataStream(IndexableDataset([1, 2]), iteration_scheme=SequentialScheme(2, 1))
    assert as_stream(stream) is stream
    assert as_stream(stream, sources=("data",)) is stream
    with pytest.raises(SourceError, match="cannot rename the sources .'data',."):
        as_stream(stream, sources=("x",))


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (DataLoader(DATA), "DataLoader is a list of 2,"),
        ([np.ones(2)], "as_stream.list, sources=.'features',.."),
        ([], "list has no batches"),
        (
            iter([(1, 2)]),
            "a tuple of 2, whose entries have no names; call as_stream.list_iterator,",
        ),
        (iter([]), "list_iterator has no batches"),
        (IndexableDataset([1]), "is a dataset; pass DataStream.dataset,"),
        (DATA, "TensorDataset is a torch dataset; pass torch.utils.data.DataLoader"),
        ({"x": X}, "not a single dict; pass DataStream.IndexableDataset"),
        (X, "not a single Tensor; pass DataStream"),
        ("mnist", "must be a DataStream, a torch DataLoader .* not 'mnist'"),
        (None, "must be a DataStream, .* not None"),
    ],
)
def test_the_error_for_other_objects_names_a_remedy(obj, message):
    with pytest.raises(DataError, match=message):
        as_stream(obj)


def test_the_error_names_a_missing_source_of_a_batch():
    stream = as_stream([{"x": 1, "target": 2}], sources=("x", "targets"))
    with pytest.raises(SourceError, match="no source 'targets', only 'x', 'target'; did you mean"):
        next(stream.get_epoch_iterator())


def test_a_batch_with_too_many_entries_is_an_error():
    stream = as_stream([(1, 2, 3)], sources=("x", "y"))
    with pytest.raises(
        SourceError, match="sources=.'x', 'y'.. must have one entry for each source, but has 3"
    ):
        next(stream.get_epoch_iterator())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_iterations_of_workers_that_persist_are_apart_before_they_begin():
    loader = DataLoader(
        DATA,
        batch_size=4,
        num_workers=1,
        persistent_workers=True,
        multiprocessing_context=context(),
    )
    stream = as_stream(loader, sources=("x", "y"))
    first, second = stream.get_epoch_iterator(), stream.get_epoch_iterator()
    pairs = [(a[1].tolist(), b[1].tolist()) for a, b in zip(first, second, strict=True)]
    assert pairs == [(rows, rows) for rows in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])]


@pytest.fixture
def in_a_process_of_a_run(monkeypatch):
    """Read batches as a process of a run does."""
    monkeypatch.setattr(seeds, "_fixed", [True])


def test_random_changes_depend_on_the_position_in_a_process_of_a_run(in_a_process_of_a_run):
    stream = as_stream(DataLoader(Noise(), 2), sources=("x",))
    first, second = [[x for (x,) in stream.get_epoch_iterator()] for _ in range(2)]
    assert len(set(torch.cat(first + second).tolist())) == 12
    stream.load_state_dict({"epoch": 1, "position": 1})
    assert torch.equal(next(stream.get_epoch_iterator())[0], second[1])


def test_functions_draw_the_same_numbers_in_a_process_of_a_run(in_a_process_of_a_run):
    batches = as_stream([np.zeros(2)] * 2, sources=("x",))
    stream = Mapping(batches, lambda data: (data[0] + random.random(),))
    first = [x for (x,) in stream.get_epoch_iterator()]
    stream.load_state_dict({"epoch": 0, "position": 1})
    assert np.array_equal(next(stream.get_epoch_iterator())[0], first[1])


def test_global_generators_continue_after_a_batch_of_a_process(in_a_process_of_a_run):
    torch.manual_seed(1)
    expected = torch.rand(())
    torch.manual_seed(1)
    list(as_stream(DataLoader(Noise(), 2), sources=("x",)).get_epoch_iterator())
    assert torch.rand(()) == expected
