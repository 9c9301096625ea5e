"""Loaders and datasets of torch that are passed to `predict` and `evaluate`."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import workbench as wb
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
