"""Images of dtype uint8 are scaled once, for training and for validation."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import workbench as wb
from workbench.data import IndexableDataset
from workbench.errors import DataError
from workbench.fitting.data import prepare
from workbench.fitting.prepared import Wishes

N = 24
PIXELS = np.random.default_rng(0).integers(0, 255, (N, 1, 3, 3), dtype=np.uint8)
CLASSES = np.arange(N) % 2


def dataset(kind, pixels=PIXELS):
    if kind == "torch":
        return TensorDataset(torch.tensor(pixels), torch.tensor(CLASSES))
    return IndexableDataset({"features": pixels, "targets": CLASSES})


def prepared(kind, validation):
    return prepare(dataset(kind), Wishes(None, dataset(kind, validation), 8, None, False, 1))


@pytest.mark.parametrize("kind", ["torch", "dataset"])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_images_for_validation_are_those_for_training(kind, dtype):
    floats = PIXELS.astype("float32") / 255
    made = prepared(kind, floats if dtype == "float32" else PIXELS.astype(dtype))
    (held, _) = next(made.validation.iterate(0))
    np.testing.assert_allclose(held, floats, rtol=1e-6)
    scaled = [line for line in made.code.lines if "ScaleAndShift" in line]
    assert len(scaled) == (1 if dtype == "float32" else 2)


@pytest.mark.parametrize("kind", ["torch", "dataset"])
def test_floats_for_validation_must_be_scaled(kind):
    text = "validation images have the dtype float32 and contain the value 254; pass integers for"
    with pytest.raises(DataError, match=text):
        prepared(kind, PIXELS.astype("float32"))


def module():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2))


@pytest.mark.parametrize("kind", ["torch", "dataset", "arrays"])
def test_a_module_learns_that_its_images_are_scaled(kind, capsys):
    data = (PIXELS, CLASSES) if kind == "arrays" else dataset(kind)
    assert wb.fit(module(), data, epochs=1).wait()
    said = " ".join(capsys.readouterr().err.split())
    assert "scales the images 'features' from 0..255 to 0..1, so the module must not" in said
    assert wb.fit([wb.Flattener(), wb.Linear()], data, epochs=1).wait()
    assert "scales" not in capsys.readouterr().err


def test_a_loader_is_used_as_it_is(capsys):
    pairs = dataset("torch", PIXELS.astype("float32"))
    assert wb.fit(module(), DataLoader(pairs, 8), epochs=1, validation=None).wait()
    assert "scales" not in capsys.readouterr().err
