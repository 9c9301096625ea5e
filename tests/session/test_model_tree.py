"""The tree of the bricks of a run, for reports."""

import pytest

from tests.support import runs
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.graph import ComputationGraph
from workbench.main_loop import MainLoop
from workbench.session.model_tree import model_tree


def names(tree):
    return [(node["name"], node["type"]) for node in tree]


@pytest.mark.parametrize("kind", ["model", "graph", "none"])
def test_the_bricks_are_found_with_and_without_a_model(kind):
    loop = runs.build(1)
    if kind != "model":
        graph = ComputationGraph(loop.algorithm.cost)
        loop = MainLoop(loop.algorithm, [{}], model=graph if kind == "graph" else None)
    tree = model_tree(loop)
    assert ("mlp", "MLP") in names(tree)
    [mlp] = [node for node in tree if node["name"] == "mlp"]
    linear = [node for node in mlp["children"] if node["type"] == "Linear"]
    assert [[p["name"] for p in node["parameters"]] for node in linear] == [["W", "b"]] * 2


def test_without_bricks_there_are_the_parameters():
    w = shared([1.0, 2.0], "w")
    x = tensor.vector("x")
    cost = ((x * w) ** 2).sum()
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1))
    assert names(model_tree(MainLoop(algorithm, [{}]))) == [("w", "parameter")]


def test_an_algorithm_without_a_cost_has_the_parameters():
    w = shared([1.0, 2.0], "w")
    x = tensor.vector("x")
    gradients = {w: x}
    algorithm = GradientDescent(gradients=gradients, step_rule=Scale(0.1))
    assert names(model_tree(MainLoop(algorithm, [{}]))) == [("w", "parameter")]
