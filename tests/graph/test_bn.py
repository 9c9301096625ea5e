"""Graphs with batch normalisations, in both modes, and the updates of their statistics."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from workbench import function, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import (
    MLP,
    BatchNormalization,
    BatchNormalizedMLP,
    Dropout,
    Sequence,
    SpatialBatchNormalization,
    Tanh,
    symbolic_parameters,
)
from workbench.config import config
from workbench.filter import VariableFilter
from workbench.graph import (
    ComputationGraph,
    apply_batch_normalization,
    apply_dropout,
    batch_normalization,
    get_batch_normalization_updates,
)
from workbench.graph.training import TrainingGraph, is_count
from workbench.initialization import IsotropicGaussian
from workbench.roles import INPUT, OUTPUT
from workbench.tensor.traversal import ancestors

X = numpy.random.default_rng(3).normal(2, 3, size=(8, 3)).astype("float32")


@pytest.fixture
def mlp():
    mlp = BatchNormalizedMLP([Tanh(), Tanh()], [3, 4, 2], weights_init=IsotropicGaussian(), seed=1)
    mlp.initialize()
    return mlp


def test_rewriting_and_building_in_training_mode_give_the_same(mlp):
    x = tensor.matrix("x")
    used = ComputationGraph(mlp.apply(x))
    with batch_normalization(mlp):
        built = ComputationGraph(mlp.apply(x))
    rewritten = apply_batch_normalization(used)
    [a], [b] = built.get_function()(X), rewritten.get_function()(X)
    assert_allclose(a, b, rtol=1e-5)
    assert not torch.allclose(a, used.get_function()(X)[0])
    assert set(rewritten.parameters) == set(used.parameters)


def test_replaced_variables_lead_back(mlp):
    used = ComputationGraph(mlp.apply(tensor.matrix("x")))
    outputs = VariableFilter(roles=[OUTPUT], bricks=[BatchNormalization])
    new = outputs(apply_batch_normalization(used).variables)
    assert [v.tag.replacement_of for v in new] == outputs(used.variables)
    assert [v.name for v in new] == [v.name for v in outputs(used.variables)]


def test_applications_in_training_mode_do_not_change(mlp):
    with batch_normalization(mlp):
        graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    assert apply_batch_normalization(graph).outputs[0] is graph.outputs[0]


def test_examples_are_counted_once_on_the_device_of_the_statistics():
    brick = BatchNormalization(3)
    with config.override(device="cuda"), symbolic_parameters():
        cost = (brick.apply(tensor.matrix("x")) ** 2).mean()
        updates = TrainingGraph([cost]).updates
    [count] = [one for one in ancestors(new for _, new in updates) if is_count(one)]
    assert count.device.type == "cuda"


def test_other_rewrites_compose(mlp):
    used = ComputationGraph(mlp.apply(tensor.matrix("x")))
    inputs = VariableFilter(roles=[INPUT], bricks=mlp.linear_transformations)(used.variables)
    trained = apply_batch_normalization(apply_dropout(used, inputs, 0.5, seed=1))
    assert len(get_batch_normalization_updates(trained)) == 4
    run = trained.get_function()
    assert not torch.equal(run(X)[0], run(X)[0])


def test_a_graph_may_have_two_versions_of_one_call():
    normalization = BatchNormalization(3)
    normalization.initialize()
    x = tensor.matrix("x")
    used = ComputationGraph(normalization.apply(x * 1))
    doubled = used.replace({used.variables[1]: x + X}).outputs[0]
    both = apply_batch_normalization(ComputationGraph([used.outputs[0], doubled]))
    a, b = both.get_function()(X)
    with normalization:
        assert_allclose(a, normalization.apply(X), rtol=1e-5)
        assert_allclose(b, normalization.apply(X + X), rtol=1e-4, atol=1e-5)


def test_only_the_bricks_given_are_in_training_mode():
    first, second = BatchNormalization(3), BatchNormalization(3)
    both = Sequence([first, Sequence([second])])
    with batch_normalization(both.children[1]):
        assert (first.in_training_mode, second.in_training_mode) == (False, True)
    with batch_normalization(first, second):
        assert first.in_training_mode and second.in_training_mode
    with pytest.raises(KeyError), batch_normalization(both):
        raise KeyError
    assert not first.in_training_mode and not second.in_training_mode


def test_dropout_bricks_are_left_alone():
    both = Sequence([BatchNormalization(3), Dropout(0.5)])
    with batch_normalization(both):
        assert [brick.in_training_mode for brick in both.children] == [True, False]


def test_statistics_of_the_batch_are_paired_with_those_of_the_population():
    normalization = SpatialBatchNormalization((3, None, None))
    normalization.initialize()
    x = tensor.tensor4("x")
    with normalization:
        graph = ComputationGraph(normalization.apply(x))
    pairs = dict(get_batch_normalization_updates(graph))
    assert set(pairs) == {normalization.population_mean, normalization.population_stdev}
    images = torch.tensor(X).reshape(2, 3, 2, 2)
    mean, stdev = function([x], list(pairs.values()))(images)
    assert_allclose(mean.ravel(), images.mean((0, 2, 3)), rtol=1e-5)
    variance = images.var((0, 2, 3), correction=0)
    assert_allclose(stdev.ravel(), (variance + 1e-4).sqrt(), rtol=1e-5)
    assert mean.shape == tuple(normalization.population_mean.shape)


def test_running_averages_agree_with_torch():
    normalization = BatchNormalization(3)
    normalization.initialize()
    other = torch.nn.BatchNorm1d(3, eps=1e-4, momentum=0.1)
    x = tensor.matrix("x")
    graph = apply_batch_normalization(ComputationGraph(normalization.apply(x)))
    updates = [(p, 0.9 * p + 0.1 * b) for p, b in get_batch_normalization_updates(graph)]
    train = graph.get_function(additional_updates=updates)
    for i in range(5):
        assert_allclose(train(X * i + i)[0], other(torch.tensor(X * i + i)).detach(), atol=1e-4)
    assert_allclose(normalization.population_mean.get_value(), other.running_mean, rtol=1e-4)


def test_an_algorithm_may_keep_them(mlp):
    x = tensor.matrix("x")
    cost = apply_batch_normalization(ComputationGraph((mlp.apply(x) ** 2).mean())).outputs[0]
    graph = ComputationGraph(cost)
    algorithm = GradientDescent(cost=cost, parameters=graph.parameters, step_rule=Scale(0.1))
    algorithm.add_updates(get_batch_normalization_updates(graph))
    first = mlp.linear_transformations[0].W.get_value()
    algorithm.process_batch({"x": X})
    kept = mlp.normalizations[0].population_mean.get_value()
    assert_allclose(kept, (X @ first).mean(0), rtol=1e-4, atol=1e-5)


def test_several_applications_are_refused_unless_allowed():
    normalization = BatchNormalization(3, name="it")
    outer = Sequence([normalization], name="outer")
    x = tensor.matrix("x")
    with normalization:
        graph = ComputationGraph(outer.apply(outer.apply(x)))
    with pytest.raises(ValueError, match="^outer/it is applied several times .*allow_duplicates"):
        get_batch_normalization_updates(graph)
    pairs = get_batch_normalization_updates(graph, allow_duplicates=True)
    assert [p.name for p, _ in pairs] == ["population_mean", "population_stdev"] * 2


def test_a_graph_without_any_has_no_pairs():
    x = tensor.matrix("x")
    assert get_batch_normalization_updates(ComputationGraph(MLP([Tanh()], [3, 2]).apply(x))) == []
    mean_only = BatchNormalization(3, mean_only=True)
    with mean_only:
        graph = ComputationGraph(mean_only.apply(x))
    assert [p for p, _ in get_batch_normalization_updates(graph)] == [mean_only.population_mean]
