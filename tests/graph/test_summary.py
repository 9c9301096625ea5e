"""Tables of bricks: shapes, counts of parameters, what is trained, and memory."""

from types import SimpleNamespace

import numpy
import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, BatchNormalization, Linear, Sequence, Softmax, Tanh, TorchModule
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM
from workbench.errors import ShapeError
from workbench.graph.summary import Summary
from workbench.model import Model


def mlp():
    return MLP([Tanh(), None], [20, 10, 5])


def test_a_model_shows_bricks_and_unknown_sizes():
    frame = Model(mlp().apply(tensor.matrix("x"))).summary().frame
    assert frame.index.tolist() == ["mlp", "mlp/linear_0", "mlp/tanh", "mlp/linear_1"]
    assert frame["output"].tolist() == ["(?, 5)", "(?, 10)", "(?, 10)", "(?, 5)"]
    assert frame["parameters"].tolist() == [0, 210, 0, 55]


def test_totals_are_those_of_torch():
    brick = mlp()
    summary = Model(brick.apply(tensor.matrix("x"))).summary()
    assert summary.parameters == 20 * 10 + 10 + 10 * 5 + 5
    assert summary.memory == 4 * summary.parameters


def test_parameters_that_the_algorithm_does_not_train_are_frozen():
    brick = mlp()
    model = Model(brick.apply(tensor.matrix("x")))
    algorithm = SimpleNamespace(parameters=[*brick.children[2].parameters])
    summary = model.summary(algorithm)
    assert (summary.parameters, summary.trained) == (265, 55)
    assert str(summary).splitlines()[-1] == "265 parameters (55 trained, 210 frozen), 1.0 KiB"
    assert [row.state for row in summary.rows] == ["", "no", "", "yes"]


def test_a_brick_that_is_applied_twice_is_counted_once():
    linear = Linear(4, 4)
    brick = Sequence([linear, Tanh(), linear])
    assert brick.summary((3, 4)).parameters == 20


def test_a_brick_with_two_parents_is_counted_once():
    shared = Linear(4, 4)
    x = tensor.matrix("x")
    one, other = Sequence([shared], name="one"), Sequence([shared, Tanh()], name="other")
    assert Model([one.apply(x), other.apply(x)]).summary().parameters == 20


def test_statistics_are_no_parameters():
    row = BatchNormalization(4).summary((3, 4)).rows[0]
    assert (row.parameters, row.others, row.memory) == (8, 8, 64)


def test_parameters_of_modules_of_torch_are_counted():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3))
    summary = TorchModule(module, name="net").summary(numpy.zeros((2, 4)))
    assert summary.parameters == sum(p.numel() for p in module.parameters())


def test_integers_and_several_inputs_can_be_given():
    table = LookupTable(7, 3)
    assert table.summary(torch.zeros(2, 5, dtype=torch.int64)).rows[0].shapes == ("(2, 5, 3)",)
    lstm = LSTM(2).summary({"inputs": (None, 3, 8)})
    assert lstm.rows[0].shapes == ("(?, 3, 2)", "(?, 3, 2)")


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"mlp/linear_0.apply: input_ has shape \(\?, 19\)"):
        mlp().summary((32, 19))


def test_without_inputs_the_tree_is_shown():
    assert mlp().summary().splitlines()[0].startswith("MLP mlp: 20 -> 5")


def test_a_notebook_shows_a_table_with_escaped_names():
    softmax = Softmax(name="<b>")
    page = softmax.summary((2, 3))._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert page.count("<tr>") == 2


def test_an_empty_summary_is_shown():
    assert str(Summary([])).splitlines()[-1] == "0 parameters (0 trained, 0 frozen), 0 B"
