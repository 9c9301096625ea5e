"""Loaders and datasets of torch that are passed to `predict` and `evaluate`."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import workbench as wb
from tests.support.ranks import context
from workbench.errors import DataError

N = 40
X = np.random.default_rng(0).normal(size=(N, 3)).astype("float32")
CLASSES = np.arange(N) % 2
PAIRS = TensorDataset(torch.tensor(X), torch.tensor(CLASSES))


@pytest.fixture(scope="module")
def session():
    session = wb.fit([wb.Linear()], (X, CLASSES), epochs=1, validation=None)
    assert session.wait()
    return session


@pytest.mark.parametrize("size", [8, None])
def test_a_dataset_without_examples_has_no_batches(session, size):
    empty = TensorDataset(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
    with pytest.raises(DataError, match="DataLoader has no batches, but must yield at least one"):
        session.predict(empty, batch_size=size)


def test_the_iteration_that_training_reads_goes_on(session):
    loader = DataLoader(
        PAIRS, 8, num_workers=1, persistent_workers=True, multiprocessing_context=context()
    )
    reading = iter(loader)
    seen = [next(reading)]
    session.evaluate(loader)
    seen += reading
    np.testing.assert_array_equal(np.concatenate([batch[0] for batch in seen]), X)


class Once(IterableDataset):
    """A dataset that reads a connection, for example, and loses what it has read."""

    def __init__(self):
        self.examples = iter(PAIRS)

    def __iter__(self):
        yield from self.examples


def test_data_that_can_be_read_only_once_is_read_whole(session):
    found = session.predict(DataLoader(Once(), 8))
    np.testing.assert_allclose(found, session.predict(X), rtol=1e-5, atol=1e-6)


def test_the_generator_and_the_samplers_of_a_loader_stay_as_they_are(session, capsys):
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(PAIRS, 8, shuffle=True, generator=generator)
    before, sampler = generator.get_state(), loader.batch_sampler.sampler
    session.evaluate(loader)
    assert capsys.readouterr().err == ""
    assert torch.equal(generator.get_state(), before)
    assert loader.batch_sampler.sampler is sampler is loader.sampler
    session.predict(loader)
    assert capsys.readouterr().err.count("the examples are shuffled") == 1
