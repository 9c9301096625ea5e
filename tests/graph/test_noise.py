"""Dropout and noise as rewrites of a graph."""

import numpy
import pytest
import torch

from workbench import shared, tensor
from workbench.bricks import MLP, Identity
from workbench.errors import ArgumentError, GraphError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_dropout, apply_noise
from workbench.initialization import Constant
from workbench.roles import ALGORITHM_HYPERPARAMETER, DROPOUT, INPUT, has_roles

ONES = numpy.ones((300, 200), "float32")


def test_dropout_keeps_the_expectation_and_changes_with_every_call():
    x = tensor.matrix("x")
    run = apply_dropout(ComputationGraph(x * 1), [x], 0.25, seed=3).get_function()
    [first], [second] = run(ONES), run(ONES)
    kept = first != 0
    assert abs(kept.float().mean() - 0.75) < 0.01 and not torch.equal(first, second)
    torch.testing.assert_close(first[kept], torch.full_like(first[kept], 1 / 0.75))


def test_the_same_seed_drops_the_same_and_the_original_graph_stays():
    x = tensor.matrix("x")
    graph = ComputationGraph(x * 2)
    runs = [apply_dropout(graph, [x], 0.5, seed=1).get_function()(ONES)[0] for _ in range(2)]
    assert torch.equal(*runs) and torch.equal(graph.get_function()(ONES)[0], torch.tensor(ONES) * 2)


def test_dropped_variables_are_found_and_lead_back():
    mlp = MLP(
        [Identity(), Identity()], [2, 10, 2], weights_init=Constant(1), biases_init=Constant(2)
    )
    graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    inputs = VariableFilter(roles=[INPUT])(graph.variables)
    dropped = VariableFilter(roles=[DROPOUT])(apply_dropout(graph, inputs, 0.5).variables)
    assert {v.tag.replacement_of for v in dropped} == set(inputs)


def test_two_rewrites_without_a_seed_draw_different_masks():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    once = apply_dropout(ComputationGraph([x * 1, y * 1]), [x], 0.5)
    a, b = apply_dropout(once, [y], 0.5).get_function()(ONES, ONES)
    assert abs(numpy.corrcoef((a != 0).ravel(), (b != 0).ravel())[0, 1]) < 0.05


def test_a_custom_divisor():
    x = tensor.matrix("x")
    [value] = apply_dropout(ComputationGraph(x * 1), [x], 0.5, custom_divisor=1.0).get_function()(
        ONES
    )
    assert set(value.unique().tolist()) == {0.0, 1.0}


def test_noise_has_the_level_asked_for():
    x = tensor.matrix("x")
    graph = apply_noise(ComputationGraph(x * 1), [x], 0.5, seed=2)
    noise = graph.get_function()(ONES)[0] - 1
    assert abs(noise.std() - 0.5) < 0.01 and abs(noise.mean()) < 0.01
    assert graph.variables[0] is x


@pytest.mark.parametrize("probability", [-0.1, 1, 2])
def test_a_probability_that_is_none_is_refused(probability):
    with pytest.raises(ValueError, match=r"drop_prob must be a probability in \[0, 1\), not "):
        apply_dropout(ComputationGraph(tensor.vector("x") * 1), [], probability)


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_a_variable_and_a_number_drop_the_same_elements_bit_for_bit(tier):
    x = tensor.matrix("x")
    values = torch.randn(31, 17, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.float32, torch.float64):
        variable = shared(0.3, "p", dtype)
        number = variable.get_value().item()
        first, second = (
            apply_dropout(ComputationGraph(x * 1), [x], p, seed=3).get_function(execution=tier)
            for p in (variable, number)
        )
        assert torch.equal(first(values)[0], second(values)[0])
        variable.set_value(0.0)
        assert torch.equal(first(values)[0], values)


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_a_probability_is_changed_without_a_new_program(tier):
    x, p = tensor.matrix("x"), shared(0.1, dtype=torch.float64)
    run = apply_dropout(ComputationGraph(x * 1), [x], p, seed=3).get_function(execution=tier)
    shares, programs = [], []
    for value in (0.1, 0.8):
        p.set_value(value)
        shares.append((run(ONES)[0] == 0).double().mean().item())
        programs.append(run.execution.state())
    assert programs[0] == programs[1]
    assert shares == pytest.approx([0.1, 0.8], abs=0.01)
    assert p.name == "drop_prob" and has_roles(p, [ALGORITHM_HYPERPARAMETER])


def test_probabilities_near_one_stay_finite():
    x, p = tensor.matrix("x"), shared(0.5, "p", torch.float64)
    p.set_value(1 - 1e-12)
    [value] = apply_dropout(ComputationGraph(x * 1), [x], p, seed=3).get_function()(ONES)
    assert value.isfinite().all()
    for wrong in (1, 1.5, -0.1):
        with pytest.raises(ArgumentError, match=r"p must be between 0 and 1 \(1 excluded\), not"):
            p.set_value(wrong)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("half", "must be a probability in"),
        (shared([0.5], "p"), "p, which has shape \\(1,\\) and dtype torch.float32"),
        (shared(0, "p"), "p, which has shape \\(\\) and dtype torch.int64"),
        (shared(1.0, "p"), "the value of p, must be between 0 and 1"),
        (tensor.scalar("p"), "must be a probability in .*, not p"),
    ],
)
def test_what_cannot_be_a_probability_is_named(given, text):
    with pytest.raises(GraphError, match=f"drop_prob.*{text}"):
        apply_dropout(ComputationGraph(tensor.vector("x") * 1), [], given)


def test_integers_are_not_dropped():
    k = tensor.lvector("k")
    with pytest.raises(ValueError, match="k must be floating point, not torch.int64"):
        apply_dropout(ComputationGraph(k * 1), [k], 0.5)


@pytest.mark.parametrize("level", [-0.1, float("nan"), float("inf")])
def test_a_level_that_is_no_deviation_is_refused(level):
    x = tensor.matrix("x")
    with pytest.raises(
        GraphError, match="level must be a finite, non-negative standard deviation, not "
    ):
        apply_noise(ComputationGraph(x * 1), [x], level)


@pytest.mark.parametrize("divisor", [0, -1.0, float("nan")])
def test_a_divisor_that_makes_no_sense_is_refused(divisor):
    x = tensor.matrix("x")
    with pytest.raises(GraphError, match="custom_divisor must be a number greater than 0, not "):
        apply_dropout(ComputationGraph(x * 1), [x], 0.5, custom_divisor=divisor)


@pytest.mark.parametrize("rewrite", [apply_dropout, apply_noise])
def test_a_rewrite_of_no_variables_is_mentioned(rewrite, caplog):
    graph = ComputationGraph(tensor.vector("x") * 2)
    assert rewrite(graph, [], 0.5).outputs == graph.outputs
    assert f"{rewrite.__name__} received no variables" in caplog.text
    rewrite(graph, iter(graph.inputs), 0.5)
    assert caplog.text.count("no variables") == 1
