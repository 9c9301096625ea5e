"""Initialisation schemes against numpy, scipy and their definitions."""

import numpy
import pytest
import scipy.stats
from numpy.testing import assert_allclose

from workbench import shared
from workbench.config import config
from workbench.initialization import (
    Constant,
    Identity,
    IsotropicGaussian,
    NdarrayInitialization,
    Orthogonal,
    Sparse,
    SparseND,
    Uniform,
)

SCHEMES = [
    Constant(2),
    IsotropicGaussian(0.1),
    Uniform(width=1),
    Identity(2),
    Orthogonal(),
    Sparse(2, IsotropicGaussian()),
    SparseND(axis=0, num_init=0.5, weights_init=Constant(1)),
]


@pytest.fixture
def rng():
    return numpy.random.default_rng(7)


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("make", [numpy.random.default_rng, numpy.random.RandomState])
def test_every_scheme_gives_floats_of_the_shape(scheme, floatx, make):
    with config.override(floatx=floatx):
        values = scheme.generate(make(3), (4, 6))
        again = scheme.generate(make(3), (4, 6))
    assert (values.shape, values.dtype) == ((4, 6), floatx)
    assert_allclose(values, again)


def test_every_public_scheme_is_tested():
    assert {type(s) for s in SCHEMES} == {
        *NdarrayInitialization.__subclasses__(),
        *Sparse.__subclasses__(),
    }


def test_initialize_sets_a_shared_variable(rng):
    W = shared(numpy.full((2, 3), numpy.nan, dtype="float32"), "W")
    Constant(1.5).initialize(W, rng)
    assert_allclose(W.get_value(), numpy.full((2, 3), 1.5))


def test_constant_broadcasts_an_array(rng):
    assert_allclose(Constant([[1], [2]]).generate(rng, (2, 2)), [[1, 1], [2, 2]])


def test_constant_refuses_arrays_that_cannot_be_broadcast(rng):
    with pytest.raises(
        ValueError, match=r"must be broadcastable .* \(2, 2\), but has shape \(3,\)"
    ):
        Constant([1, 2, 3]).generate(rng, (2, 2))


def test_gaussian_has_the_distribution_it_names(rng):
    values = IsotropicGaussian(0.5, 2).generate(rng, (100, 100)).ravel()
    assert scipy.stats.kstest(values, scipy.stats.norm(2, 0.5).cdf).pvalue > 0.01


@pytest.mark.parametrize("scheme", [Uniform(1, width=0.6), Uniform(1, std=0.6 / numpy.sqrt(12))])
def test_uniform_has_the_distribution_it_names(rng, scheme):
    values = scheme.generate(rng, (100, 100)).ravel()
    assert scipy.stats.kstest(values, scipy.stats.uniform(0.7, 0.6).cdf).pvalue > 0.01


@pytest.mark.parametrize("settings", [{}, {"width": 1, "std": 1}])
def test_uniform_needs_exactly_one_of_width_and_std(settings):
    with pytest.raises(ValueError, match="exactly one of width and std must be given"):
        Uniform(**settings)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_identity_agrees_with_numpy(rng, shape):
    assert_allclose(Identity(3).generate(rng, shape), 3 * numpy.eye(*shape))


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3)])
def test_orthogonal_has_orthonormal_rows_or_columns(rng, shape):
    Q = Orthogonal(2).generate(rng, shape)
    product = Q @ Q.T if shape[0] <= shape[1] else Q.T @ Q
    assert_allclose(product, 4 * numpy.eye(min(shape)), atol=1e-5)


def test_orthogonal_is_spread_evenly(rng):
    corners = [Orthogonal().generate(rng, (2, 2))[0, 0] for _ in range(500)]
    # The first column is uniform on the circle, so its first entry has the arcsine distribution.
    assert scipy.stats.kstest(corners, scipy.stats.arcsine(-1, 2).cdf).pvalue > 0.01


@pytest.mark.parametrize("scheme", [Identity(), Orthogonal()])
@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_matrix_schemes_refuse_other_shapes(rng, scheme, shape):
    with pytest.raises(ValueError, match="draws only matrices"):
        scheme.generate(rng, shape)


@pytest.mark.parametrize(("num_init", "count"), [(3, 3), (0.5, 4), (0, 0), (1.0, 8)])
def test_sparse_draws_so_many_in_each_row(rng, num_init, count):
    W = Sparse(num_init, Constant(1), Constant(-1)).generate(rng, (5, 8))
    assert ((W == 1).sum(1) == count).all()
    assert ((W == -1).sum(1) == 8 - count).all()


def test_sparse_takes_all_other_axes_as_the_row(rng):
    W = Sparse(3, Constant(1)).generate(rng, (4, 2, 5))
    assert (W.sum((1, 2)) == 3).all()


@pytest.mark.parametrize(("axis", "others"), [((0, 1), (2, 3)), (2, (0, 1, 3)), ((-1, 0), (1, 2))])
def test_sparse_nd_draws_so_many_in_each_unit(rng, axis, others):
    W = SparseND(axis, num_init=2, weights_init=Constant(1)).generate(rng, (2, 3, 4, 5))
    assert (W.sum(others) == 2).all()


@pytest.mark.parametrize("num_init", [-1, 1.5])
def test_sparse_refuses_impossible_numbers(num_init):
    with pytest.raises(ValueError, match=r"must be a number of weights \(0 or more\) or"):
        Sparse(num_init, Constant(1))


def test_sparse_refuses_more_weights_than_there_are(rng):
    with pytest.raises(ValueError, match=r"num_init is 9, but must be at most 8, .* \(2, 8\)"):
        Sparse(9, Constant(1)).generate(rng, (2, 8))


def test_sparse_nd_refuses_a_missing_axis(rng):
    with pytest.raises(ValueError, match=r"valid for the parameter's shape \(2, 2\), not 2"):
        SparseND(2, num_init=1, weights_init=Constant(1)).generate(rng, (2, 2))


def test_gaussian_refuses_a_negative_deviation():
    with pytest.raises(ValueError, match="std must be 0 or more, not "):
        IsotropicGaussian(-1)


def test_schemes_show_their_settings():
    assert repr(Uniform(1, width=2)) == "Uniform(mean=1, width=2)"
