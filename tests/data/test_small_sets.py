"""Irises of the package, and toy spirals."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from workbench.config import config
from workbench.data import DataStream, Iris, SequentialScheme, Spiral, cross_validation
from workbench.data.iris import EMBEDDED
from workbench.errors import DataError, SourceError


def test_the_irises_are_fishers():
    features, targets = Iris().indexables
    assert (features.shape, features.dtype) == ((150, 4), np.float32)
    assert np.bincount(targets[:, 0]).tolist() == [50, 50, 50]
    # means over all flowers and over each species, from Fisher's paper
    np.testing.assert_allclose(features[:50].mean(0), [5.006, 3.428, 1.462, 0.246], atol=1e-3)
    np.testing.assert_allclose(features[50:100].mean(0), [5.936, 2.770, 4.260, 1.326], atol=1e-3)
    np.testing.assert_allclose(features[34], [4.9, 3.1, 1.5, 0.2])


def test_the_table_names_its_source():
    licence = EMBEDDED.with_suffix(".LICENSE").read_text(encoding="utf-8")
    with h5py.File(EMBEDDED) as file:
        assert file.attrs["licence"] == licence
        assert tuple(file.attrs["classes"]) == Iris.classes
    assert "Creative Commons Attribution 4.0" in licence
    assert EMBEDDED.stat().st_size < 20_000


def test_irises_have_the_configured_dtype_by_default():
    with config.override(floatx="float64"):
        stream = DataStream.default_stream(Iris(), iteration_scheme=SequentialScheme(150, 10))
    assert next(stream.get_epoch_iterator())[0].dtype == np.float64


def test_irises_can_be_cross_validated():
    iris = Iris()
    for training, validation in cross_validation(SequentialScheme, 150, 5, batch_size=30):
        stream = DataStream(iris, iteration_scheme=training)
        assert sum(len(batch) for batch, _ in stream.iterate(0)) == 120
        assert next(DataStream(iris, iteration_scheme=validation).iterate(0))[0].shape == (30, 4)


def test_there_is_one_set_of_irises():
    with pytest.raises(SourceError, match="no split 'train', only 'all'"):
        Iris(("train",))


def test_a_spiral_follows_its_formula():
    spiral = Spiral(500, classes=3, cycles=2, seed=4)
    features, position, label = spiral.indexables
    angle = np.arctan2(features[:, 0], features[:, 1]) / (2 * np.pi)
    turn = (angle - position - label / 3) % 1
    np.testing.assert_allclose(np.minimum(turn, 1 - turn), 0, atol=1e-5)
    np.testing.assert_allclose(np.hypot(*features.T), (2 * position + 1) / 3, rtol=1e-5)
    assert position.max() <= 2 and set(label) == {0, 1, 2}


def test_noise_and_seeds():
    exact, noisy = Spiral(2000, seed=1).indexables[0], Spiral(2000, noise=0.1, seed=1).indexables[0]
    assert abs((noisy - exact).std() - 0.1) < 0.01
    np.testing.assert_array_equal(exact, Spiral(2000, seed=1).indexables[0])
    assert not np.array_equal(exact, Spiral(2000, seed=2).indexables[0])


def test_spirals_have_the_configured_dtype():
    with config.override(floatx="float64"):
        assert Spiral(5).indexables[0].dtype == np.float64
    assert Spiral(5).indexables[0].dtype == np.float32


@pytest.mark.parametrize(
    "arguments", [{"cycles": 0}, {"noise": -1}, {"num_examples": 0}, {"classes": 0}]
)
def test_impossible_spirals_are_an_error(arguments):
    with pytest.raises(DataError, match=next(iter(arguments))):
        Spiral(**arguments)
