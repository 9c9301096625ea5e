"""Expressions against numpy and torch."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from workbench import grad, tensor
from workbench.expressions import hessian_times_vector, l2_norm


@pytest.mark.parametrize("squared", [False, True])
def test_the_norm_is_that_of_all_elements(squared):
    x, A = tensor.vector("x"), numpy.arange(6, dtype="float32").reshape(2, 3)
    norm = l2_norm([x, A, 3.0], squared=squared).eval({x: [1.0, 2.0]})
    expected = numpy.linalg.norm([1, 2, *A.flat, 3])
    assert_allclose(norm, expected**2 if squared else expected, rtol=1e-6)


def test_the_norm_of_zeros_has_a_gradient():
    x = tensor.vector("x")
    assert grad(l2_norm([x, x * 2]), x).eval({x: [0.0, 0.0]}).tolist() == [0, 0]


def test_the_norm_of_integers():
    assert l2_norm([numpy.array([3, 0]), 4]).eval() == 5


def test_the_norm_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one tensor"):
        l2_norm([])


def test_hessian_times_vector_agrees_with_the_full_hessian():
    x, v = tensor.vector("x"), tensor.vector("v")
    gradient = grad((x**3).sum() * x.sin().sum(), x)
    at, direction = torch.tensor([0.3, -0.5, 1.2]), torch.tensor([1.0, 2.0, -1.0])
    full = torch.autograd.functional.hessian(lambda t: (t**3).sum() * t.sin().sum(), at)
    product = hessian_times_vector(gradient, x, v).eval({x: at, v: direction})
    assert_allclose(product, full @ direction, rtol=1e-5)
