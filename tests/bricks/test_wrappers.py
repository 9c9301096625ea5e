"""Wrappers of application methods, and additional dimensions."""

import pytest
import torch

from workbench import tensor
from workbench.bricks import (
    Brick,
    BrickWrapper,
    NDimensionalSoftmax,
    Softmax,
    Tanh,
    WithExtraDims,
    application,
)


class Doubled(BrickWrapper):
    """Doubles every result."""

    def wrap(self, wrapped, namespace):
        def apply(self, input_):
            return 2 * wrapped(self, input_)

        namespace[wrapped.name] = application(outputs=["doubled"])(apply)


class DoubledTanh(Tanh):
    """Twice the hyperbolic tangent."""

    decorators = (Doubled(),)


def test_inherited_applications_are_wrapped():
    assert DoubledTanh().apply(torch.ones(1)).item() == pytest.approx(2 * 0.7615942)
    assert DoubledTanh().apply(tensor.scalar("x")).name == "doubledtanh_apply_doubled"
    assert Tanh().apply(torch.ones(1)).item() == pytest.approx(0.7615942)


def test_what_a_class_defines_itself_is_not_wrapped():
    class Own(Tanh):
        decorators = (Doubled(),)

        @application(outputs=["own"])
        def apply(self, input_):
            return input_

    assert Own().apply(torch.ones(1)).item() == 1


def test_subclasses_are_not_wrapped_again():
    class Again(DoubledTanh):
        pass

    assert Again().apply(torch.ones(1)).item() == pytest.approx(2 * 0.7615942)


class Pairs(Brick):
    """Two inputs, two outputs of different rank."""

    @application(inputs=["a", "b"], outputs=["total", "first"])
    def apply(self, a, b, shift=0):
        return (a + b.unsqueeze(1)).sum(1), a + shift


class MorePairs(Pairs):
    """The same with additional dimensions."""

    decorators = (WithExtraDims(),)


def test_all_inputs_and_outputs_get_the_dimensions():
    a, b = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4)
    total, first = MorePairs().apply(a, b, shift=1, extra_ndim=2)
    torch.testing.assert_close(total, (a + b.unsqueeze(-1)).sum(-1))
    torch.testing.assert_close(first, a + 1)


def test_a_wrapped_application_tells_what_the_original_tells():
    assert MorePairs().apply.inputs == ["a", "b"]
    assert MorePairs().apply.outputs == ["total", "first"]
    softmax = NDimensionalSoftmax()
    assert softmax.apply_delegate().application is Softmax.apply
    assert softmax.apply_delegate().brick is softmax


def test_too_few_dimensions_are_refused():
    with pytest.raises(
        ValueError, match=r"ndimensionalsoftmax\.apply: input_ has ndim=1.*extra_ndim=1"
    ):
        NDimensionalSoftmax().apply(tensor.vector("x"), extra_ndim=1)
