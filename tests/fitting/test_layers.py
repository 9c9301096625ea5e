"""Settings that `fit` gives to bricks: sizes, schemes, seeds and names."""

import pytest
import torch

import workbench as wb
from workbench.bricks import RMSNormalization
from workbench.bricks.inference import Kind
from workbench.errors import BrickError
from workbench.fitting import layers
from workbench.initialization import Constant, Glorot, He, IsotropicGaussian, Orthogonal


@pytest.mark.parametrize(
    "bricks, kind, outputs, expected",
    [
        ([wb.Linear(output_dim=5), wb.Tanh(), wb.Linear()], Kind((None, 4)), 3,
         [(4, 5), None, (5, 3)]),
        ([wb.Linear(output_dim=5), wb.BatchNormalization(), wb.Linear()], Kind((None, 4)), 2,
         [(4, 5), (5, 5), (5, 2)]),
        ([wb.LookupTable(9, 3), wb.Flattener(), wb.Linear()], Kind((None, 4), torch.int64), 2,
         [(0, 3), None, (12, 2)]),
        ([wb.MLP([wb.Tanh(), None], [None, 6, None])], Kind((None, 4)), 2, [(4, 2)]),
        ([wb.Linear(output_dim=5), RMSNormalization(), wb.Linear(output_dim=7)], Kind((None, 4)), 2,
         [(4, 5), None, (5, 7)]),
    ],
)  # fmt: skip
def test_sizes_follow_from_the_data(bricks, kind, outputs, expected):
    layers.set_names(bricks)
    wb.FeedforwardSequence(bricks)
    layers.settle_sizes(bricks, [kind], outputs)
    found = [(brick.input_dim, brick.output_dim) if sizes else None
             for brick, sizes in zip(bricks, expected, strict=True)]  # fmt: skip
    assert found == expected


def test_schemes_depend_on_the_next_activation():
    bricks = [
        wb.Linear(4, 4), wb.BatchNormalization(4), wb.Rectifier(), wb.Linear(4, 4), wb.Tanh(),
        wb.Linear(4, 4, weights_init=Orthogonal()), wb.LookupTable(3, 4),
    ]  # fmt: skip
    layers.set_schemes(bricks)
    kinds = [type(getattr(brick, "weights_init", None)) for brick in bricks]
    assert kinds[0] is He and kinds[3] is Glorot and kinds[5] is Orthogonal
    assert kinds[6] is IsotropicGaussian
    assert isinstance(bricks[5].biases_init, Constant)


def test_schemes_of_inner_bricks_are_not_replaced():
    mlp = wb.MLP([None], [2, 2], prototype=wb.Linear(weights_init=Constant(3)))
    layers.set_schemes([mlp])
    mlp.initialize()
    assert (mlp.linear_transformations[0].W.get_value() == 3).all()


def test_seeds_and_names_that_were_given_are_kept():
    bricks = [wb.Linear(2, 2, seed=9), wb.Linear(2, 2), wb.Linear(2, 2, name="last"), wb.Dropout()]
    layers.set_names(bricks)
    layers.set_seeds(bricks, 5)
    assert [brick.name for brick in bricks] == ["linear_0", "linear_1", "last", "dropout"]
    assert [brick.seed for brick in bricks[:3]] == [9, 6, 7] and bricks[3].random_seed == 8


@pytest.mark.parametrize(
    "bricks, text",
    [
        ([wb.Linear(16), wb.Tanh(), wb.Linear()],
         r"16 inputs and no number of outputs.*write Linear\(output_dim=16\)"),
        ([wb.Linear(output_dim=5), wb.Linear(2)],
         r"applied to 5 features; write Linear\(output_dim=2\) for 2 outputs"),
    ],
)  # fmt: skip
def test_a_number_of_outputs_in_the_place_of_inputs_is_answered(bricks, text):
    layers.set_names(bricks)
    wb.FeedforwardSequence(bricks)
    with pytest.raises(BrickError, match=text):
        layers.settle_sizes(bricks, [Kind((None, 4))], 2)
