"""The fix that an error offers: which brick, which attribute, which value."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import tensor
from workbench.bricks import (
    MLP,
    BatchNormalization,
    BatchNormalizedMLP,
    Brick,
    FeedforwardSequence,
    Linear,
    LinearMaxout,
    Maxout,
    Sequence,
    SinusoidalPositions,
    Softmax,
    SpatialBatchNormalization,
    Tanh,
    TransformerBlock,
    application,
    apply_fix,
    symbolic_parameters,
)
from workbench.bricks.conv import AveragePooling, Convolutional, ConvolutionalSequence
from workbench.bricks.parallel import Parallel
from workbench.bricks.recurrent import LSTM
from workbench.errors import BrickError, Fix, NotConfiguredError, ShapeError, WorkbenchError
from workbench.initialization import Constant

SCHEMES = {"weights_init": Constant(1), "biases_init": Constant(0)}


def features(*sizes):
    return tensor.variable("x", (None, *sizes), torch.float32)


def raised(brick, *inputs, kind=ShapeError):
    with pytest.raises(kind) as caught:
        brick.apply(*inputs)
    return caught.value


def test_a_brick_of_its_own_is_fixed_itself():
    error = raised(Linear(500, 10), features(784))
    assert error.fix == Fix("linear", "input_dim", 784)
    assert str(error.fix) == "set linear.input_dim = 784"
    assert error.brick == "linear"


def test_a_layer_is_fixed_where_its_dimension_is_set():
    error = raised(MLP([Tanh(), None], [500, 20, 10]), features(784))
    assert error.brick == "mlp/linear_0"
    assert error.fix == Fix("mlp", "input_dim", 784)


def test_the_outermost_brick_that_pushes_is_named():
    block = TransformerBlock(8, 2, name="block")
    assert raised(block, features(5, 12)).fix == Fix("block", "dim", 12)
    mlp = block.mlp
    block.allocate()
    assert raised(mlp, features(12)).fix == Fix("block", "dim", 12)


def test_a_brick_in_a_sequence_keeps_its_own_setting():
    sequence = Sequence([Linear(3, 4).apply, Softmax().apply], name="net")
    assert raised(sequence, features(7)).fix == Fix("net/linear", "input_dim", 7)


def test_a_multiple_of_a_setting_is_divided():
    x = tensor.variable("x", (None, None, 12), torch.float32)
    assert raised(LSTM(2), x).fix == Fix("lstm", "dim", 3)
    x = tensor.variable("x", (None, None, 13), torch.float32)
    assert raised(LSTM(2), x).fix is None


def test_one_item_of_a_list_is_replaced():
    parallel = Parallel(["a", "b"], input_dims=[3, 4], output_dims=[2, 2])
    error = raised(parallel, features(3), features(9))
    assert error.fix == Fix("parallel", "input_dims", [3, 9])
    parallel = Parallel(["a", "b"], input_dims={"a": 3, "b": 4}, output_dims=[2, 2])
    error = raised(parallel, features(3), features(9))
    assert error.fix == Fix("parallel", "input_dims", {"a": 3, "b": 9})


def test_both_sides_of_an_image_are_offered_together():
    conv = Convolutional((3, 3), 4, num_channels=3, image_size=(8, 7))
    assert raised(conv, features(3, 9, 10)).fix == Fix("convolutional", "image_size", (9, 10))
    net = ConvolutionalSequence(
        [Convolutional((3, 3), 4)], num_channels=3, image_size=(8, 7), name="net"
    )
    assert raised(net, features(3, 9, 10)).fix == Fix("net", "image_size", (9, 10))


def test_all_axes_are_offered_where_they_are_one_setting():
    fix = Fix("batchnormalization", "input_dim", (3, 8, 7))
    assert raised(BatchNormalization(4), features(3, 8, 7)).fix == fix
    error = raised(SpatialBatchNormalization(), features(3, 8, 7), kind=NotConfiguredError)
    assert error.fix == Fix("spatialbatchnormalization", "input_dim", (3, 8, 7))


class Doubled(Brick):
    """A user's brick that computes the setting of its child."""

    def __init__(self, width, **kwargs):
        self.inner = MLP([Tanh()], [2, 2])
        super().__init__(children=[self.inner], **kwargs)
        self.width_dim = width

    def _push_allocation_config(self):
        self.inner.dims = [2 * self.width_dim + 1, 5]

    @application
    def apply(self, x):
        return self.inner.apply(x)


def test_a_brick_of_a_user_is_traced_too():
    brick = Doubled(4)
    error = raised(brick, features(13))
    assert error.fix == Fix("doubled", "width_dim", 6)
    apply_fix(brick, error.fix)
    brick.apply(features(13))
    assert raised(Doubled(4), features(14)).fix is None


def test_nothing_is_offered_if_the_parent_computes_it_from_several_settings():
    class Summed(Doubled):
        def __init__(self, width, **kwargs):
            super().__init__(width, **kwargs)
            self.other_dim = 1

        def _push_allocation_config(self):
            self.inner.dims = [self.width_dim + self.other_dim, 5]

    assert raised(Summed(4), features(13)).fix is None


def test_looking_for_a_fix_changes_nothing():
    mlp = MLP([Tanh(), None], [500, 20, 10])
    mlp.allocate()
    before = [dict(vars(one)) for one in (mlp, *mlp.children)]
    raised(mlp, features(784))
    assert [dict(vars(one)) for one in (mlp, *mlp.children)] == before
    assert [type(dim) for dim in mlp.dims] == [int] * 3


def test_a_missing_setting_is_inferred():
    error = raised(Linear(output_dim=3), features(784), kind=NotConfiguredError)
    assert (error.brick, error.missing) == ("linear", ("input_dim",))
    assert error.fix == Fix("linear", "input_dim", 784)
    error = raised(MLP([Tanh()], [None, 10]), features(784), kind=NotConfiguredError)
    assert (error.brick, error.missing) == ("mlp/linear_0", ("input_dim",))
    assert error.fix == Fix("mlp", "input_dim", 784)


def test_what_the_input_does_not_tell_is_not_offered():
    error = raised(Linear(3), features(3), kind=NotConfiguredError)
    assert (error.missing, error.fix) == (("output_dim",), None)
    assert raised(Linear(), features(), kind=NotConfiguredError).fix is None
    error = raised(Linear(), features(None), kind=NotConfiguredError)
    assert (error.missing, error.fix) == (("input_dim", "output_dim"), None)


def test_outside_an_application_the_missing_settings_are_named():
    with pytest.raises(NotConfiguredError) as caught:
        FeedforwardSequence([Linear(name="first").apply], name="net").allocate()
    error = caught.value
    assert (error.brick, error.fix) == ("net/first", None)
    assert error.missing == ("input_dim", "output_dim")


def test_a_setting_that_was_changed_can_be_set_back():
    linear = Linear(3, 4)
    linear.allocate()
    linear.input_dim = 5
    error = raised(linear, features(3), kind=NotConfiguredError)
    assert (error.missing, error.fix) == ((), Fix("linear", "input_dim", 3))


@pytest.mark.parametrize(
    "options, fix",
    [
        ({"input_dim": "784"}, Fix("linear", "input_dim", 784)),
        ({"input_dim": 784.0}, Fix("linear", "input_dim", 784)),
        ({"input_dim": 784.5}, None),
        ({"input_dim": -1}, None),
    ],
)
def test_a_number_of_the_wrong_type_is_converted(options, fix):
    with pytest.raises(BrickError) as caught:
        Linear(**options)
    assert caught.value.fix == fix


def test_every_item_of_the_wrong_type_is_converted():
    mlp = MLP([Tanh(), None], [3, 4, 5])
    with pytest.raises(BrickError) as caught:
        mlp.dims = ["3", 4, 5.0]
    apply_fix(mlp, caught.value.fix)
    assert mlp.dims == [3, 4, 5]
    with pytest.raises(BrickError) as caught:
        Convolutional((3, 3), num_filters="4")
    assert caught.value.fix == Fix("convolutional", "num_filters", 4)


def test_immediate_application_offers_the_same():
    mlp = MLP([Tanh(), None], [3, 20, 10], **SCHEMES)
    mlp.initialize()
    error = raised(mlp, np.ones((2, 5), "float32"))
    assert error.fix == Fix("mlp", "input_dim", 5)


def test_the_fix_of_an_allocated_brick_allocates_it_again():
    mlp = MLP([Tanh(), None], [3, 4, 5])
    mlp.allocate()
    apply_fix(mlp.children[0], Fix("mlp", "input_dim", 7))
    assert mlp.children[0].W.shape == (7, 4)


def test_other_errors_have_no_fix():
    error = raised(Linear(3, 4), tensor.lmatrix("x"), kind=WorkbenchError)
    assert (error.brick, error.fix) == ("linear", None)
    assert (WorkbenchError("text").brick, WorkbenchError("text").fix) == (None, None)


def test_heads_that_do_not_divide_the_features():
    error = raised(TransformerBlock(10, 4, name="block"), features(5, 10), kind=BrickError)
    assert (error.brick, error.fix) == ("block/attention", Fix("block", "num_heads", 2))


def test_an_odd_dimension_of_positions():
    error = raised(SinusoidalPositions(5), features(3, 5), kind=BrickError)
    assert error.fix == Fix("sinusoidalpositions", "dim", 6)


def test_pieces_that_do_not_divide_the_features():
    assert raised(Maxout(4), features(6)).fix == Fix("maxout", "num_pieces", 3)
    assert raised(Maxout(4), features(7)).fix is None


def test_settings_of_images():
    error = raised(Convolutional(3, 4, num_channels=1), features(1, 8, 8), kind=BrickError)
    assert error.fix == Fix("convolutional", "filter_size", (3, 3))
    biased = Convolutional((3, 3), 4, num_channels=1, tied_biases=False)
    error = raised(biased, features(1, 8, 7), kind=NotConfiguredError)
    assert (error.missing, error.fix) == (
        ("image_size",),
        Fix("convolutional", "image_size", (8, 7)),
    )
    pooling = AveragePooling((2, 2), include_padding=True)
    pooling.ignore_border = False
    error = raised(pooling, features(1, 8, 8), kind=BrickError)
    assert error.fix == Fix("averagepooling", "ignore_border", True)


def test_the_brick_of_an_error_during_allocation_is_the_inner_one():
    layers = [Convolutional((9, 9), 4, name="wide")]
    net = ConvolutionalSequence(layers, num_channels=1, image_size=(8, 8), name="net")
    assert raised(net, features(1, 8, 8), kind=BrickError).brick == "net/wide"


def nested(inner, wrappers):
    """Put a brick into sequences, one inside the other."""
    for i, before in enumerate(wrappers):
        parts = [Tanh(name=f"tanh_{i}").apply, inner.apply] if before else [inner.apply]
        inner = Sequence(parts, name=f"level_{i}")
    return inner


INNER = {
    "linear": lambda dim: Linear(dim, 3),
    "mlp": lambda dim: MLP([Tanh(), None], [dim, 5, 3]),
    "normalized": lambda dim: BatchNormalizedMLP([Tanh()], [dim, 3]),
    "maxout": lambda dim: LinearMaxout(dim, 3, 2),
    "transformer": lambda dim: TransformerBlock(dim, 2),
    "user": lambda dim: Doubled((dim - 1) // 2),
}


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(INNER)),
    wrappers=st.lists(st.booleans(), max_size=3),
    sizes=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_at_any_depth_the_fix_removes_the_error(kind, wrappers, sizes):
    old, new = (2 * n + (kind == "user") for n in sizes)
    brick = nested(INNER[kind](old), wrappers)
    shape = [5, new] if kind == "transformer" else [new]
    with symbolic_parameters():
        if old != new:
            fix = raised(brick, features(*shape)).fix
            assert fix.brick.startswith(brick.name)
            apply_fix(brick, fix)
        brick.apply(features(*shape))
