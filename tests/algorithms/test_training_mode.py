"""Algorithms train in training mode; statistics and observed values are those of training."""

import copy

import numpy
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from workbench import grad, shared, tensor
from workbench.algorithms import GradientDescent, Scale, TorchOptimizer, UpdatesAlgorithm
from workbench.bricks import (
    MLP,
    BatchNormalization,
    BatchNormalizedMLP,
    Dropout,
    Linear,
    Sequence,
    SpatialBatchNormalization,
    Tanh,
    TorchModule,
)
from workbench.bricks.recurrent import BaseRecurrent, recurrent
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.graph import (
    ComputationGraph,
    apply_batch_normalization,
    apply_dropout,
    apply_training_mode,
    collect_parameters,
    get_batch_normalization_updates,
    training_mode,
)
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.monitoring import MonitoredQuantity

X = numpy.random.default_rng(3).normal(2, 3, size=(8, 3)).astype("float32")
ONES = numpy.ones((200, 3), "float32")


def algorithms():
    """Ways to train, each a function of a cost, parameters, a rate and options."""
    return {
        "GradientDescent": lambda cost, parameters, rate=0.0, **options: GradientDescent(
            cost=cost, parameters=parameters, step_rule=Scale(rate), **options
        ),
        "TorchOptimizer": lambda cost, parameters, rate=0.0, **options: TorchOptimizer(
            cost, parameters, torch.optim.SGD, {"lr": rate}, **options
        ),
    }


@pytest.fixture(params=algorithms())
def train(request):
    return algorithms()[request.param]


@pytest.fixture
def mlp():
    mlp = BatchNormalizedMLP([Tanh(), Tanh()], [3, 4, 2], weights_init=IsotropicGaussian(), seed=1)
    mlp.initialize()
    return mlp


def cost_of(brick):
    return (brick.apply(tensor.matrix("x")) ** 2).mean().copy(name="cost")


def parameters_of(variable):
    return ComputationGraph(variable).parameters


def observed(algorithm, variables, batch=X):
    values = []
    algorithm.add_observer(variables, values.extend)
    algorithm.process_batch({"x": batch})
    return [value.numpy() for value in values]


def test_batch_normalisation_trains_as_torch_does(train, mlp):
    twin = nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4, eps=1e-4), nn.Tanh(),
        nn.Linear(4, 2, bias=False), nn.BatchNorm1d(2, eps=1e-4), nn.Tanh(),
    )  # fmt: skip
    for layer, linear in zip((twin[0], twin[3]), mlp.linear_transformations, strict=True):
        layer.weight.data = torch.tensor(linear.W.get_value().T)
    cost = cost_of(mlp)
    algorithm = train(cost, parameters_of(cost), 0.5)
    optimizer = torch.optim.SGD(twin.parameters(), 0.5)
    for i in range(3):
        batch = X * (i + 1)
        [value] = observed(algorithm, [cost], batch) if i == 0 else [None]
        if i:
            algorithm.process_batch({"x": batch})
        expected = (twin(torch.tensor(batch)) ** 2).mean()
        if i == 0:
            assert_allclose(value, expected.detach(), rtol=1e-5)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
    for layer, linear in zip((twin[0], twin[3]), mlp.linear_transformations, strict=True):
        assert_allclose(linear.W.get_value().T, layer.weight.detach(), rtol=1e-3, atol=1e-5)
    for layer, own in zip((twin[1], twin[4]), mlp.normalizations, strict=True):
        assert_allclose(own.population_mean.get_value(), layer.running_mean, rtol=1e-3, atol=1e-5)


def test_the_population_is_a_moving_average_of_batches(train):
    normalization = SpatialBatchNormalization((3, None, None))
    normalization.initialize()
    images = X.reshape(2, 3, 2, 2)
    x = tensor.tensor4("x")
    cost = (normalization.apply(x) ** 2).mean()
    algorithm = train(cost, parameters_of(cost))
    mean, stdev = 0.0, 1.0
    for i in range(4):
        algorithm.process_batch({"x": images * (i + 1)})
        mean = 0.9 * mean + 0.1 * (images * (i + 1)).mean((0, 2, 3))
        stdev = 0.9 * stdev + 0.1 * numpy.sqrt((images * (i + 1)).var((0, 2, 3)) + 1e-4)
    assert_allclose(normalization.population_mean.get_value().ravel(), mean, rtol=1e-5)
    assert_allclose(normalization.population_stdev.get_value().ravel(), stdev, rtol=1e-5)


def normalising(train, sizes):
    """Return the statistics after batches of the given sizes, and those after the first."""
    normalization, x = BatchNormalization(2), tensor.matrix("x")
    normalization.initialize()
    cost = (normalization.apply(x) ** 2).mean()
    algorithm, found = train(cost, parameters_of(cost)), []
    for size in sizes:
        algorithm.process_batch({"x": numpy.arange(2.0 * size, dtype="float32").reshape(size, 2)})
        statistics = normalization.population_mean, normalization.population_stdev
        found.append([one.get_value().tolist() for one in statistics])
    return found


def test_one_example_does_not_change_the_population(train):
    with pytest.warns(UserWarning, match="a batch has one example, .* the last batch") as warned:
        several, one, again, more = normalising(train, [4, 1, 1, 4])
    assert several == one == again != more
    assert len(warned) == 1


@pytest.mark.parametrize("size, changes", [(1, False), (2, True)])
def test_one_pixel_does_not_change_the_population(train, size, changes):
    normalization, x = SpatialBatchNormalization((3, None, None)), tensor.tensor4("x")
    normalization.initialize()
    cost = (normalization.apply(x) ** 2).mean()
    algorithm = train(cost, parameters_of(cost))
    algorithm.process_batch({"x": X.reshape(-1)[: 3 * size].reshape(1, 3, size, 1)})
    assert (normalization.population_stdev.get_value() != 1).any() == changes


def test_dropout_drops(train):
    x = tensor.matrix("x")
    w = shared(numpy.ones(3, "float32"), "w")
    dropped = Dropout(0.5, random_seed=1).apply(x * w)
    value, gradient = observed(
        train(dropped.sum(), [w]), [dropped, grad(dropped.sum(), w)], batch=ONES
    )
    assert 0.4 < (value == 0).mean() < 0.6
    assert_allclose(gradient, value.sum(0))


def test_a_rewrite_by_hand_gives_the_same(train, mlp):
    network = Sequence([mlp, Dropout(0.5, random_seed=2)])
    network.initialize()
    cost = cost_of(network)
    [automatic] = observed(train(cost, parameters_of(cost)), [cost])
    graph = apply_training_mode(ComputationGraph(cost))
    [trained] = graph.outputs
    for mean in mlp.normalizations:
        mean._reset_population()
    by_hand = train(trained, graph.parameters)
    by_hand.add_updates(get_batch_normalization_updates(graph))
    counter = next(v for v in graph.shared_variables if "counter" in v.name)
    counter.set_value(0)
    assert_allclose(observed(by_hand, [trained])[0], automatic, rtol=1e-6)
    kept = mlp.normalizations[0].population_mean.get_value()
    W = mlp.linear_transformations[0].W.get_value()
    assert_allclose(kept, (X @ W).mean(0), rtol=1e-4, atol=1e-5)  # as updated by hand, not averaged


@pytest.mark.parametrize("chained", [False, True])
def test_wrapped_modules_train_as_they_do_by_themselves(train, chained):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    second = nn.Sequential(nn.Tanh(), nn.Linear(4, 2), nn.BatchNorm1d(2))
    parts = [module, second] if chained else [nn.Sequential(module, second)]
    twins = copy.deepcopy(parts)
    cost = cost_of(Sequence([TorchModule(part, name=f"p{i}") for i, part in enumerate(parts)]))
    algorithm = train(cost, parameters_of(cost), 0.1)
    optimizer = torch.optim.SGD([p for twin in twins for p in twin.parameters()], 0.1)
    for i in range(3):
        algorithm.process_batch({"x": X + i})
        optimizer.zero_grad()
        (nn.Sequential(*twins)(torch.tensor(X + i)) ** 2).mean().backward()
        optimizer.step()
    for part, twin in zip(parts, twins, strict=True):
        for own, other in zip(part.state_dict().values(), twin.state_dict().values(), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)


def test_dropout_in_a_wrapped_module_drops(train):
    module = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    output = TorchModule(module).apply(tensor.matrix("x"))
    cost = (output**2).mean()
    [value] = observed(train(cost, parameters_of(cost)), [output], batch=ONES)
    assert 0.3 < (value == 0).mean() < 0.7


def test_statistics_follow_dropout_before_them(train):
    module = nn.BatchNorm1d(3, momentum=1.0)
    network = Sequence([Dropout(0.5, random_seed=1), TorchModule(module)])
    cost = cost_of(network)
    dropped = ComputationGraph(cost).variables
    dropped = next(v for v in dropped if v.name == "dropout_apply_output")
    [value] = observed(train(cost, parameters_of(cost)), [dropped], batch=ONES)
    assert_allclose(module.running_mean, value.mean(0), rtol=1e-5)


def test_several_applications_of_one_brick_are_averaged(train):
    normalization, module = BatchNormalization(3), nn.BatchNorm1d(3)
    normalization.initialize()
    wrapped = TorchModule(module)
    x, y = tensor.matrix("x"), tensor.matrix("y")
    sums = [(b.apply(v) ** 2).mean() for b in (normalization, wrapped) for v in (x, y)]
    cost = sum(sums)
    train(cost, parameters_of(cost)).process_batch({"x": X, "y": X + 2})
    expected = 0.1 * (X.mean(0) + 1)
    assert_allclose(normalization.population_mean.get_value(), expected, rtol=1e-5)
    assert_allclose(module.running_mean, expected, rtol=1e-5)
    assert module.num_batches_tracked == 1


class Steps(BaseRecurrent):
    """Recurrent brick whose state is transformed by another brick at every time step."""

    def __init__(self, brick, **kwargs):
        super().__init__(children=[brick], **kwargs)

    def get_dim(self, name):
        return 3

    @recurrent(sequences=["inputs"], states=["state"], contexts=[], outputs=["state"])
    def apply(self, inputs, state=None):
        return self.children[0].apply(inputs) + 0 * state


def test_dropout_within_a_loop_drops_at_every_step(train):
    dropout, w = Dropout(0.5, random_seed=3), shared(numpy.ones(3, "float32"), "w")
    x = tensor.tensor3("x")
    states = Steps(dropout).apply(x * w)
    [value] = observed(train(states.sum(), [w]), [states], batch=numpy.stack([ONES] * 4))
    assert all(0.4 < (step == 0).mean() < 0.6 for step in value)
    assert not numpy.array_equal(value[0], value[1])


@pytest.mark.parametrize("wrapped", [False, True])
def test_batch_normalisation_within_a_loop_keeps_the_mean_over_steps(train, wrapped):
    brick = TorchModule(nn.BatchNorm1d(3, eps=1e-4)) if wrapped else BatchNormalization(3)
    steps = Steps(brick)
    steps.initialize()
    x = tensor.tensor3("x")
    states = steps.apply(x * 1)
    batch = numpy.stack([X, X + 1, 2 * X])
    [value] = observed(train((states**2).mean(), parameters_of(states)), [states], batch=batch)
    centred = batch - batch.mean(1, keepdims=True)
    assert_allclose(value, centred / numpy.sqrt(centred.var(1, keepdims=True) + 1e-4), atol=1e-4)
    kept = brick.module.running_mean if wrapped else brick.population_mean.get_value()
    assert_allclose(kept, 0.1 * batch.mean((0, 1)), rtol=1e-4)


# Graphs that are trained as they are


def test_the_mode_as_given(train, mlp):
    network = Sequence([mlp, Dropout(0.5)])
    network.initialize()
    cost = cost_of(network)
    algorithm = train(cost, parameters_of(cost), mode="as given")
    [value] = observed(algorithm, [cost])
    assert_allclose(value, cost.eval({"x": X}), rtol=1e-6)
    assert not mlp.normalizations[0].population_mean.get_value().any()


def test_another_mode_is_refused(train, mlp):
    with pytest.raises(ValueError, match=r"mode must be 'training' or 'as given', not 'trainin'.*"):
        train(cost_of(mlp), mlp.linear_transformations[0].parameters, mode="trainin")


def rewritten_by_hand():
    """Return graphs whose mode was chosen, and the brick in evaluation mode there."""
    linear = Linear(3, 3, weights_init=Constant(1), biases_init=Constant(0))
    network = Sequence([linear, BatchNormalization(3), Dropout(0.5, random_seed=1)])
    network.initialize()
    x = tensor.matrix("x")
    cost = (network.apply(x) ** 2).mean()
    graph = ComputationGraph(cost)
    with network.children[2]:
        built = (network.apply(x) ** 2).mean()
    weights = network.children[0].parameters[0]
    return {
        "dropout": apply_dropout(graph, [x], 0.5, seed=1).outputs[0],
        "replace": graph.replace({weights: weights * 2}).outputs[0],
        "then more": graph.replace({weights: weights * 2}).outputs[0] + (weights**2).sum(),
        "built": built,
    }


@pytest.mark.parametrize("name", rewritten_by_hand())
@pytest.mark.filterwarnings("ignore:the graph was rewritten by hand")
def test_a_graph_that_was_rewritten_is_left_as_it_is(train, name):
    cost = rewritten_by_hand()[name]
    algorithm = train(cost, parameters_of(cost))
    assert not algorithm.training_graph.is_rewritten
    assert len(algorithm.training_graph.updates) == 0


@pytest.mark.parametrize("name", ["dropout", "replace", "then more"])
def test_one_that_is_rewritten_but_not_for_training_is_warned_of(train, name):
    cost = rewritten_by_hand()[name]
    text = "with .*batchnormalization, .*dropout in evaluation mode; rewrite the result of apply_"
    with pytest.warns(UserWarning, match=text) as told:
        train(cost, parameters_of(cost))
    assert told[0].filename.endswith("test_training_mode.py")
    train(cost, parameters_of(cost), mode="as given")
    [trained] = apply_training_mode(ComputationGraph(cost)).outputs
    train(trained, parameters_of(trained))


def test_collected_parameters_train_in_training_mode(train, mlp):
    graph = ComputationGraph(cost_of(mlp))
    collected = collect_parameters(graph, graph.parameters)
    [cost] = collected.outputs
    [parameter] = [v for v in collected.shared_variables if v.name == "collected_parameters"]
    assert train(cost, [parameter]).training_graph.is_rewritten


def test_updates_by_hand_go_before(train, mlp):
    cost = cost_of(mlp)
    mean = mlp.normalizations[0].population_mean
    algorithm = train(cost, parameters_of(cost))
    algorithm.add_updates([(mean, mean + 7)])
    algorithm.process_batch({"x": X})
    assert_allclose(mean.get_value(), 7)
    assert mlp.normalizations[1].population_mean.get_value().any()


# Updates of a training graph that are not applied


def test_updates_that_nothing_does_are_warned_of_once(train, mlp):
    graph = apply_batch_normalization(ComputationGraph(cost_of(mlp)))
    algorithm = train(graph.outputs[0], graph.parameters)
    with pytest.warns(
        UserWarning, match=r"has updates of .*population_mean.* that are not applied"
    ):
        algorithm.initialize()
    algorithm.add_observer([graph.outputs[0]], print)
    algorithm.initialize()


def test_so_are_those_of_wrapped_modules_and_of_any_algorithm():
    module = TorchModule(nn.BatchNorm1d(3))
    with training_mode(module):
        output = module.apply(tensor.matrix("x"))
    total = shared(numpy.zeros(3, "float32"), "total")
    with pytest.warns(UserWarning, match="UpdatesAlgorithm trains has .*running_mean"):
        UpdatesAlgorithm([(total, total + output.sum(0))]).initialize()


def test_gradients_of_a_graph_in_evaluation_mode_are_warned_of(mlp):
    cost = cost_of(mlp)
    parameters = parameters_of(cost)
    gradients = dict(zip(parameters, grad(cost, parameters), strict=True))
    with pytest.warns(UserWarning, match="evaluation mode, but batchnormalizedmlp/batch_norm"):
        GradientDescent(gradients=gradients)
    GradientDescent(gradients=gradients, mode="as given")


def test_a_graph_without_training_mode_has_no_statistics_of_batches(mlp):
    with pytest.raises(ValueError, match="since it applies .*batch_norm_act.* in evaluation mode"):
        get_batch_normalization_updates(ComputationGraph(cost_of(mlp)))


# Observed values


class Largest(MonitoredQuantity):
    def initialize(self):
        self.value = 0.0

    def aggregate(self, value):
        self.value = max(self.value, float(value))

    def get_aggregated_value(self):
        return self.value


def test_monitoring_within_the_step_is_of_training_and_other_data_of_use(train, mlp):
    x = tensor.matrix("x")
    outputs = mlp.apply(x)
    cost, rate = (outputs**2).mean().copy(name="cost"), outputs.abs().max().copy(name="rate")
    algorithm = train(cost, parameters_of(cost))
    largest = Largest(requires=[rate], name="largest")
    with training_mode(mlp):
        trained = cost_of(mlp).eval({"x": X})
    used = cost.eval({"x": X})
    stream = [{"x": X}]
    loop = MainLoop(algorithm, stream, extensions=[
        TrainingDataMonitoring([cost, largest], after_batch=True),
        DataStreamMonitoring([cost], stream, prefix="test", after_epoch=False),
        FinishAfter(after_n_batches=1),
    ])  # fmt: skip
    loop.run()
    assert loop.log[0]["test_cost"] == pytest.approx(float(used), rel=1e-5)
    assert loop.log[1]["cost"] == pytest.approx(float(trained), rel=1e-5)
    assert loop.log[1]["largest"] > 0


def test_monitored_variables_are_not_computed_twice(train, mlp):
    cost = cost_of(mlp)
    plain, watched = (train(cost, parameters_of(cost)) for _ in range(2))
    watched.add_observer([cost], print)
    sizes = []
    for algorithm in (plain, watched):
        algorithm.initialize()
        sizes.append(len(algorithm.function.program.graph.nodes))
    assert sizes[1] <= sizes[0] + 1


def test_a_cost_and_a_rate_share_one_mask(train):
    w = shared(numpy.ones(3, "float32"), "w")
    dropped = Dropout(0.5, random_seed=1).apply(tensor.matrix("x") * w)
    double = (dropped * 2).copy(name="double")
    algorithm = train(dropped.sum(), [w])
    one, two = observed(algorithm, [dropped, double], ONES)
    assert_allclose(two, 2 * one)
    counted = [n for n in algorithm.function.program.graph.nodes if "uniform" in str(n.target)]
    assert len(counted) == 1


# Random streams


def dropout_network():
    network = MLP(
        [Sequence([Tanh(), Dropout(0.5, random_seed=7)]), None], [3, 20, 1],
        weights_init=IsotropicGaussian(), biases_init=Constant(0), seed=1,
    )  # fmt: skip
    network.initialize()
    return cost_of(network)


def test_making_an_algorithm_again_gives_the_same_masks(train):
    """A kernel in which a cell ran twice computes the same as a fresh kernel."""
    cost = dropout_network()
    first, second = train(cost, parameters_of(cost)), train(cost, parameters_of(cost))
    [a] = observed(first, [cost])
    counter = next(v for n, v in first.state_variables().items() if "counter" in n)
    counter.set_value(0)
    assert_allclose(observed(second, [cost])[0], a, rtol=0)


def test_a_probability_that_was_changed_since_counts(train):
    dropout, w = Dropout(0.5, random_seed=1), shared(numpy.ones(3, "float32"), "w")
    dropped = dropout.apply(tensor.matrix("x") * w)
    train(dropped.sum(), [w])
    dropout.drop_prob = 0.9
    [value] = observed(train(dropped.sum(), [w]), [dropped], batch=ONES)
    assert 0.85 < (value == 0).mean() < 0.95


def test_training_is_resumed_to_the_last_bit(train):
    def build():
        cost = dropout_network()
        algorithm = train(cost, parameters_of(cost), 0.1)
        monitoring = TrainingDataMonitoring([cost], after_batch=True)
        return MainLoop(algorithm, [{"x": X}, {"x": X + 1}], extensions=[monitoring])

    def run(loop, batches):
        loop.extensions = [*loop.extensions[:1], FinishAfter(after_n_batches=batches)]
        loop.run()
        return loop

    whole, part, rest = run(build(), 6), run(build(), 3), build()
    rest.load_state_dict(part.state_dict())
    run(rest, 6)
    for i in (4, 5, 6):
        assert rest.log[i]["cost"] == whole.log[i]["cost"]
    assert str(rest.algorithm.state_dict()) == str(whole.algorithm.state_dict())


def test_tiers_agree():
    values = []
    for execution in ("eager", "compiled"):
        cost = dropout_network()
        algorithm = GradientDescent(
            cost=cost, parameters=parameters_of(cost), step_rule=Scale(0.1),
            function_kwargs={"execution": execution},
        )  # fmt: skip
        values.append(
            [observed(algorithm, [cost])[0], *(p.get_value() for p in algorithm.parameters)]
        )
    assert algorithm.execution.tier.name == "compiled"
    for eager, compiled in zip(*values, strict=True):
        assert_allclose(compiled, eager, rtol=1e-5, atol=1e-6)
