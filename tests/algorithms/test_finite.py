"""Steps that are not finite although the cost is: nothing changes, and the cause is named."""

import numpy
import pytest
import torch

from workbench import shared, tensor
from workbench.algorithms import (
    AdaDelta,
    AdaGrad,
    Adam,
    CompositeRule,
    GradientDescent,
    Lion,
    Momentum,
    RemoveNotFinite,
    Restrict,
    RMSProp,
    Scale,
    StepClipping,
    StepRule,
    TorchOptimizer,
)
from workbench.algorithms.rules import buffer_for
from workbench.bricks import MLP, BatchNormalization, Sequence, Tanh
from workbench.errors import NotFiniteError
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian

ONES = numpy.ones((4, 2), "float32")


def variables(dtype=torch.float32):
    x = tensor.matrix("x", dtype=dtype)
    return x, shared(torch.ones(2), "w", dtype=dtype), shared(torch.zeros(2), "b", dtype=dtype)


def root(x, w, b):
    return ((x * w + b) ** 2).mean() + (b**2).sum().sqrt()


COSTS = {
    "a root of zero": root,
    "a norm of zero": lambda x, w, b: (x * w).mean() + (b * b).sum().pow(0.5),
    "where": lambda x, w, b: (
        (x * w).mean() + torch.where(b > 0, torch.log(b) * 1.0, torch.zeros_like(b)).sum()
    ),
    "zero by zero": lambda x, w, b: (x * w).mean() + torch.where(b != 0, b.sin() / b, b).sum(),
    "an overflow": lambda x, w, b: (x * w).mean() + ((b * 1e30) * 1e30).tanh().sum() * 1.0,
}
RULES = {
    "scale": lambda: Scale(0.1),
    "momentum": lambda: Momentum(0.1, 0.9),
    "adam": lambda: Adam(0.1),
    "clipping": lambda: CompositeRule([StepClipping(1.0), Scale(0.1)]),
    "clipped momentum": lambda: CompositeRule([StepClipping(1.0), Momentum(0.1, 0.9)]),
}
OPTIMIZERS = [torch.optim.SGD, torch.optim.Adam, torch.optim.LBFGS]


def snapshot(algorithm):
    return {name: v.tensor.double().numpy() for name, v in algorithm.state_variables().items()}


def refused(algorithm, batch=None, match="the gradient of b is "):
    torch_s = getattr(algorithm, "optimizer", None)
    before, state = snapshot(algorithm), torch_s and str(torch_s.state_dict())
    with pytest.raises(NotFiniteError, match=match) as caught:
        algorithm.process_batch({"x": ONES} if batch is None else batch)
    for name, value in snapshot(algorithm).items():
        numpy.testing.assert_array_equal(value, before[name], err_msg=name)
    assert (torch_s and str(torch_s.state_dict())) == state
    return str(caught.value)


@pytest.mark.parametrize("name", COSTS)
def test_a_gradient_that_is_not_finite_is_refused(name):
    x, w, b = variables()
    cost = COSTS[name](x, w, b).copy(name="loss")
    algorithm = GradientDescent(cost=cost, parameters=[w, b], step_rule=Momentum(0.1, 0.9))
    text = refused(algorithm)
    assert "in batch 1 of this run, although the cost 'loss' is 1" in text
    assert "the batch changed no parameter. A function in the cost has no finite derivative" in text
    b.set_value([1.0, 1.0])
    if name != "an overflow":
        algorithm.process_batch({"x": ONES})
        assert numpy.isfinite(b.get_value()).all()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_remembers_nothing_of_it(name):
    x, w, b = variables()
    algorithm = GradientDescent(cost=root(x, w, b), parameters=[w, b], step_rule=RULES[name]())
    refused(algorithm)


@pytest.mark.parametrize("value", [numpy.inf, -numpy.inf, numpy.nan])
def test_a_gradient_with_a_finite_sign_is_refused(value):
    x, w, _ = variables()
    algorithm = GradientDescent(gradients={w: w * 0 + x.sum(0)}, step_rule=Lion(0.1))
    refused(algorithm, {"x": numpy.full((1, 2), value, "float32")}, "the gradient of w is ")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_of_torch_does_not_see_it(optimizer):
    x, w, b = variables()
    refused(TorchOptimizer(root(x, w, b), [w, b], optimizer, {"lr": 0.1}))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_of_other_dtypes_too(dtype):
    x, w, b = variables(dtype)
    cost = (x * w).mean().float() + (b.float() ** 2).sum().sqrt()
    values = torch.ones(4, 2, dtype=dtype)
    refused(GradientDescent(cost=cost, parameters=[w, b], step_rule=Scale(0.1)), {"x": values})


def test_half_precision_that_overflows_backward_is_refused():
    x, w, b = variables(torch.float16)
    cost = (w.float() * 2 - 2).sum() * 1e6 + (x * b).mean().float()
    algorithm = GradientDescent(cost=cost, parameters=[w, b], step_rule=Scale(0.1))
    text = refused(algorithm, {"x": torch.ones(4, 2).half()}, "the gradient of w is inf")
    assert "although the cost 'add' is 0;" in text


@pytest.mark.parametrize(
    "rule", [Scale(3e38), CompositeRule([Scale(3e30), Scale(1e30)]), Momentum(1e38, 0.5)]
)
def test_a_step_that_overflows_is_refused(rule):
    x, w, b = variables()
    cost = ((x * w + b) ** 2).mean() * 8
    algorithm = GradientDescent(cost=cost, parameters=[w, b], step_rule=rule)
    text = refused(
        algorithm,
        match="b would become infinite or NaN in batch 1 .* is 8 and .* finite; so would",
    )
    assert "smaller learning rate" in text


def test_a_large_rate_is_not_refused_for_being_large():
    x, w, b = variables()
    algorithm = GradientDescent(
        cost=((x * w + b) ** 2).mean(), parameters=[w, b], step_rule=Scale(1e20)
    )
    algorithm.process_batch({"x": ONES})
    numpy.testing.assert_allclose(w.get_value(), -1e20, rtol=1e-6)


def test_nor_are_large_values_whose_sum_overflows():
    x, w = tensor.matrix("x"), shared(numpy.zeros((200, 100), "float32"), "w")
    cost = (w * 2e38).sum() + 0 * x.mean()
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(1e-38))
    algorithm.process_batch({"x": ONES})
    numpy.testing.assert_allclose(w.get_value(), -2.0, rtol=1e-5)


REMEMBERING = {
    "adam": (Adam(0.1), "b_mean_square"),
    "rmsprop": (RMSProp(0.1), "b_mean_square"),
    "adagrad": (AdaGrad(0.1), "b_sum_square"),
    "adadelta": (AdaDelta(), "b_mean_square"),
}


@pytest.mark.parametrize(
    ("name", "execution", "size"),
    [(name, "eager", 2) for name in REMEMBERING]
    + [("adam", t, 200) for t in ("eager", "compiled")],
)
def test_buffers_of_rules_stay_finite(name, execution, size):
    """The square of a finite gradient is infinite, so that all later steps would be zero."""
    rule, first = REMEMBERING[name]
    x = tensor.matrix("x")
    w, b = shared(torch.ones(size, size), "w"), shared(torch.ones(size), "b")
    algorithm = GradientDescent(
        cost=(x @ w).mean() * 1e-20 + (b * 1e20).sum(),
        parameters=[w, b],
        step_rule=type(rule)(),
        function_kwargs={"execution": execution},
    )
    batch = {"x": numpy.ones((4, size), "float32")}
    text = refused(algorithm, batch, match="b_.* would become infinite or NaN in batch 1 ")
    assert (
        first in text
        and "all gradients are finite; the batch changed no" in text
        and "StepClipping" in text
    )


@pytest.mark.parametrize("size", [2, 2**14])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sum_of_finite_numbers_that_overflows_is_refused(size, dtype):
    """Near the largest number the step is finite and the rate at most 1, but the result is not."""
    most, x = torch.finfo(dtype).max, tensor.vector("x", dtype=dtype)
    w = shared(torch.full((size,), 0.9 * most, dtype=dtype), "w", dtype=dtype)
    gradients = {w: x.mean() * torch.ones_like(w)}
    algorithm = GradientDescent(gradients=gradients, step_rule=Scale(0.5))
    refused(algorithm, {"x": [-0.5 * most]}, "w would become infinite or NaN")
    for mean in (0.5, 0.5, -0.4):  # large steps that are finite
        before = w.tensor.clone()
        algorithm.process_batch({"x": torch.tensor([mean * most], dtype=dtype)})
        assert torch.equal(w.tensor, before - 0.5 * torch.tensor(mean * most, dtype=dtype))


@pytest.mark.parametrize("exponent", [-140, -20, 18, 30, 120])
def test_looking_does_not_change_steps(exponent):
    x, w = tensor.vector("x"), shared(torch.zeros(3), "w")
    step = torch.tensor([1.0, -3.0, 1.7], dtype=torch.float32) * torch.tensor(2.0) ** exponent
    algorithm = GradientDescent(gradients={w: x * 1.0}, step_rule=Scale(1.0))
    algorithm.process_batch({"x": step})
    assert torch.equal(w.tensor, -step)


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_updates_can_omit_watched_variables(execution):
    x, w, b = variables()
    algorithm = GradientDescent(
        cost=((x * w + b) ** 2).mean(),
        parameters=[w, b],
        step_rule=Adam(0.1),
        function_kwargs={"execution": execution},
    )
    updates, count = algorithm.updates, shared(0, "count")
    algorithm.updates = [(v, new) for v, new in updates if v is not w]
    algorithm.add_updates([(count, count + 1)])
    algorithm.process_batch({"x": ONES})
    assert w.get_value().tolist() == [1, 1] and b.get_value().any() and count.get_value() == 1
    algorithm.updates = []
    algorithm.process_batch({"x": ONES})
    algorithm.updates = updates
    algorithm.process_batch({"x": ONES})
    assert (w.get_value() < 1).all()
    refused(algorithm, {"x": ONES * 1e30}, "is inf in batch 4 ")


LARGE = numpy.array([[1e25, 0], [-1e25, 1]], "float32")


def normalized():
    normalization, x = BatchNormalization(2, conserve_memory=False), tensor.matrix("x")
    normalization.initialize()
    w = shared(numpy.ones(2, "float32"), "w")
    return (normalization.apply(x) * w).mean(), w


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_the_statistics_of_a_population_stay_finite(execution):
    """The variance overflows, and dividing by it gives zero: a finite cost and step."""
    cost, w = normalized()
    options = {"function_kwargs": {"execution": execution}}
    match = "batchnormalization.population_stdev.* would become infinite or NaN in batch 1 "
    refused(GradientDescent(cost=cost, parameters=[w], **options), {"x": LARGE}, match)
    refused(TorchOptimizer(cost, [w], torch.optim.Adam, **options), {"x": LARGE}, match)


def test_a_batch_that_ruins_the_statistics_of_a_population_is_left_out():
    cost, w = normalized()
    rule = CompositeRule([Scale(0.1), RemoveNotFinite()])
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=rule)
    before = snapshot(algorithm)
    algorithm.process_batch({"x": LARGE})
    for name, value in snapshot(algorithm).items():
        numpy.testing.assert_array_equal(value, before[name], err_msg=name)


def test_a_buffer_may_start_without_being_finite():
    class Least(StepRule):
        def compute_step(self, parameter, previous_step):
            least = buffer_for(parameter, "least")
            least.set_value(numpy.full(2, numpy.inf))
            return previous_step * 0.1, [(least, least)]

    x, w, b = variables()
    GradientDescent(
        cost=((x * w + b) ** 2).mean(), parameters=[w, b], step_rule=Least()
    ).process_batch({"x": ONES})
    assert (w.get_value() < 1).all()


def test_a_step_of_an_optimizer_that_overflows_is_undone():
    x, w, b = variables()
    cost = ((x * w + b) ** 2).mean() * 8
    algorithm = TorchOptimizer(cost, [w, b], torch.optim.SGD, {"lr": 3e38, "momentum": 0.5})
    refused(algorithm, match="b would become infinite or NaN in batch 1 ")


SQUARING = {
    "exp_avg_sq": (torch.optim.Adam, {}),
    "max_exp_avg_sq": (torch.optim.Adam, {"amsgrad": True}),
    "square_avg": (torch.optim.RMSprop, {}),
    "sum": (torch.optim.Adagrad, {}),
    "acc_delta": (torch.optim.Adadelta, {}),
    "exp_avg": (torch.optim.NAdam, {}),
}


@pytest.mark.parametrize("name", SQUARING)
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_states_of_optimizers_stay_finite(name, steps):
    """The square of a finite gradient is infinite, so that all later steps would be zero."""
    optimizer, options = SQUARING[name]
    x, w, b = variables()
    cost = (x.mean() * b).sum() + (w**2).sum()
    algorithm = TorchOptimizer(cost, [w, b], optimizer, options)
    for _ in range(steps):
        algorithm.process_batch({"x": ONES})
    text = refused(algorithm, {"x": ONES * 1e25}, r"the optimizer's state for b \(")
    assert f"batch {steps + 1} of this run" in text and "all gradients are finite" in text
    if name not in ("acc_delta", "exp_avg"):
        assert name in text
    algorithm.process_batch({"x": ONES})
    same, twin = shared(torch.ones(2), "w"), shared(torch.zeros(2), "b")
    cost = (x.mean() * twin).sum() + (same**2).sum()
    other = TorchOptimizer(cost, [same, twin], optimizer, options)
    for _ in range(steps + 1):
        other.process_batch({"x": ONES})
    numpy.testing.assert_array_equal(b.get_value(), twin.get_value())


def test_sums_in_an_optimizer_stay_finite():
    x, w, b = variables()
    algorithm = TorchOptimizer((x.mean() * b).sum() + (w**2).sum(), [w, b], torch.optim.Adagrad)
    for _ in range(3):
        algorithm.process_batch({"x": ONES * 1e19})
    refused(algorithm, {"x": ONES * 1e19}, r"b \(sum\) would become infinite or NaN in batch 4")


def test_an_optimizer_that_is_not_torch_s_is_undone():
    class Cubes(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1})

        def step(self, closure=None):
            loss = closure()
            for leaf in self.param_groups[0]["params"]:
                self.state[leaf]["cubes"] = leaf.grad**3
                leaf.data -= leaf.grad.tanh()
            return loss

    x, w, b = variables()
    algorithm = TorchOptimizer((x.mean() * b).sum() + (w**2).sum(), [w, b], Cubes)
    algorithm.process_batch({"x": ONES * 1e12})
    refused(algorithm, {"x": ONES * 1e13}, r"the optimizer's state for b \(cubes\)")


def test_a_division_by_nothing_in_an_optimizer_is_undone():
    x, w, b = variables()
    algorithm = TorchOptimizer(
        (x.mean() * b).sum() + (w**2).sum(), [w, b], torch.optim.Adam, {"eps": 0.0}
    )
    refused(algorithm, {"x": 0 * ONES}, "b would become infinite or NaN in batch 1 ")


def test_the_first_on_the_way_back_is_named():
    """The root is between the layers: gradients before it fail, the nearest to it first."""
    mlp = MLP(
        [Tanh(), None], [2, 3, 3], weights_init=IsotropicGaussian(), biases_init=Constant(0), seed=1
    )
    mlp.initialize()
    x, v = tensor.matrix("x"), shared(numpy.ones(3, "float32"), "v")
    hidden = mlp.apply(x)
    cost = ((hidden - hidden).abs().sqrt() * v).sum() + 1.0
    parameters = [*ComputationGraph(hidden).parameters, v]
    algorithm = GradientDescent(cost=cost, parameters=parameters, step_rule=Scale(0.1))
    text = refused(algorithm, match="the gradient of mlp/linear_1.b is ")
    assert (
        "W, mlp/linear_0.b, mlp/linear_0.W are not finite either; the batch changed no parameter"
        in text
    )


def test_with_clipping_all_steps_fail_and_the_gradient_is_named():
    x, w, b = variables()
    rule = CompositeRule([StepClipping(1.0), Adam(0.1)])
    text = refused(GradientDescent(cost=root(x, w, b), parameters=[w, b], step_rule=rule))
    assert "the gradient of w is not finite either" not in text


def test_gradients_that_are_given_are_looked_at():
    x, w, b = variables()
    gradient = torch.sqrt(x.mean(0) - 2)
    algorithm = GradientDescent(gradients={w: x.mean(0), b: gradient}, step_rule=Scale(0.1))
    assert "in this batch; the batch changed no parameter" in refused(algorithm)


def test_nothing_else_is_updated_either():
    normalization, (x, _, b) = BatchNormalization(2), variables()
    normalization.initialize()
    count = shared(0, "count")
    cost = (normalization.apply(x) ** 2).mean() + (b**2).sum().sqrt()
    parameters = [*ComputationGraph(cost).parameters]
    algorithm = GradientDescent(
        cost=cost, parameters=[*parameters, b], updates=[(count, count + 1)], step_rule=Scale(0.1)
    )
    refused(algorithm)
    assert count.get_value() == 0 and not normalization.population_mean.get_value().any()


def test_a_rule_that_repairs_gradients_is_trusted():
    class Repair(Scale):
        def compute_step(self, parameter, previous_step):
            return torch.nan_to_num(previous_step) * 0.1, []

    x, w, b = variables()
    algorithm = GradientDescent(cost=root(x, w, b), parameters=[w, b], step_rule=Repair())
    algorithm.process_batch({"x": ONES})
    assert numpy.isfinite(b.get_value()).all()


@pytest.mark.parametrize("choice", ["ignore", "warn"])
def test_otherwise_only_the_cost_is_looked_at(choice):
    x, w, b = variables()
    algorithm = GradientDescent(cost=root(x, w, b), parameters=[w, b], on_not_finite=choice)
    algorithm.process_batch({"x": ONES})
    assert numpy.isnan(b.get_value()).all()


def test_parameters_that_were_ruined_before_are_named():
    x, w, b = variables()
    algorithm = GradientDescent(cost=root(x, w, b), parameters=[w, b], step_rule=Scale(0.1))
    b.set_value([numpy.nan, 1.0])
    refused(algorithm, match="is nan in batch 1 .* b was already infinite or NaN before the batch")


# The compiled tier


@pytest.mark.parametrize("size", [2, 200])
def test_compiled_steps_refuse_and_go_on(size):
    """The larger matrix is updated without storing its gradient."""
    x, b = tensor.matrix("x"), shared(numpy.zeros(2, "float32"), "b")
    w = shared(numpy.full((size, size), 0.01, "float32"), "w")
    cost = ((x @ w) ** 2).mean() + (b**2).sum().sqrt()
    rule = Scale(0.5)
    algorithm = GradientDescent(
        cost=cost, parameters=[w, b], step_rule=rule, function_kwargs={"execution": "compiled"}
    )
    batch = numpy.ones((5, size), "float32")
    refused(algorithm, {"x": batch})
    assert algorithm.execution.tier.name == "compiled"
    b.set_value([3.0, 4.0])
    old = torch.tensor(w.get_value(), requires_grad=True)
    ((torch.tensor(batch) @ old) ** 2).mean().backward()
    algorithm.process_batch({"x": batch})
    numpy.testing.assert_allclose(w.get_value(), old.detach() - 0.5 * old.grad, rtol=1e-5)
    numpy.testing.assert_allclose(b.get_value(), [2.7, 3.6], rtol=1e-6)
    rule.learning_rate.set_value(3e38)
    refused(algorithm, {"x": 1e5 * batch}, " would become infinite or NaN in batch 2 ")
    w.set_value(numpy.zeros((size, size)))
    b.set_value([3.0, 4.0])
    rule.learning_rate.set_value(1e36)  # the check raises a false alarm here
    algorithm.process_batch({"x": batch})
    numpy.testing.assert_allclose(b.get_value(), [-6e35, -8e35], rtol=1e-5)
    assert algorithm.execution.tier.name == "compiled"


# RemoveNotFinite


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_removing_leaves_out_all_updates_of_a_batch(execution):
    network = Sequence([BatchNormalization(2, conserve_memory=False)])
    network.initialize()
    x, w, b = variables()
    count = shared(0, "count")
    cost = (network.apply(x) * w).mean() + (b**2).sum().sqrt()
    algorithm = GradientDescent(
        cost=cost,
        parameters=[*ComputationGraph(cost).parameters, w, b],
        step_rule=CompositeRule([Adam(0.1), RemoveNotFinite()]),
        updates=[(count, count + 1)],
        function_kwargs={"execution": execution},
    )
    before = snapshot(algorithm)
    batch = numpy.arange(8, dtype="float32").reshape(4, 2)
    algorithm.process_batch({"x": batch})
    for name, value in snapshot(algorithm).items():
        numpy.testing.assert_array_equal(value, before[name], err_msg=name)
    b.set_value([3.0, 4.0])
    algorithm.process_batch({"x": batch})
    assert count.get_value() == 1
    [kept] = [v for n, v in snapshot(algorithm).items() if "population_mean" in n]
    numpy.testing.assert_allclose(kept, 0.1 * batch.mean(0), rtol=1e-5)


@pytest.mark.parametrize("name", REMEMBERING)
@pytest.mark.parametrize("wrapped", [False, True])
def test_removing_skips_batches_that_would_make_an_average_infinite(name, wrapped):
    """All steps are finite, and zero; only the average of squares is not, from then on."""
    rule, _ = REMEMBERING[name]
    remove = CompositeRule([RemoveNotFinite(0.5)]) if wrapped else RemoveNotFinite(0.5)
    x, w, b = variables()
    count = shared(0, "count")
    algorithm = GradientDescent(
        cost=(x.mean() * b).sum() + (w**2).sum(),
        parameters=[w, b],
        step_rule=CompositeRule([type(rule)(), remove]),
        updates=[(count, count + 1)],
    )
    before = snapshot(algorithm)
    algorithm.process_batch({"x": ONES * 1e25})
    for key, value in snapshot(algorithm).items():
        numpy.testing.assert_array_equal(value, before[key], err_msg=key)
    algorithm.process_batch({"x": ONES})
    assert count.get_value() == 1 and b.get_value().all()


def test_a_restricted_removal_looks_at_averages_of_its_own_parameters():
    x, w, b = variables()
    count, batch = shared(0, "count"), {"x": ONES * 1e25}
    for kept, counted in (([b], 0), ([w], 1)):
        algorithm = GradientDescent(
            cost=(x.mean() * b).sum() + (w**2).sum(),
            parameters=[w, b],
            step_rule=CompositeRule([AdaGrad(0.1), Restrict(RemoveNotFinite(), kept)]),
            updates=[(count, count + 1)],
        )
        algorithm.process_batch(batch)
        assert count.get_value() == counted


def test_removing_shrinks_only_parameters_whose_own_step_failed():
    x, w, b = variables()
    cost = root(x, w, b) + (w**2).sum().mul(0).sqrt()
    rule = CompositeRule([Scale(0.1), RemoveNotFinite(0.5)])
    v = shared([5.0], "v")
    algorithm = GradientDescent(cost=cost + v.sum(), parameters=[w, b, v], step_rule=rule)
    algorithm.process_batch({"x": ONES})
    assert w.get_value().tolist() == [0.5, 0.5] and v.get_value().tolist() == [5.0]


def test_a_restricted_removal_leaves_out_the_batch_too():
    x, w, b = variables()
    rule = CompositeRule([Scale(0.1), Restrict(RemoveNotFinite(), [b])])
    count = shared(0, "count")
    algorithm = GradientDescent(
        cost=root(x, w, b), parameters=[w, b], step_rule=rule, updates=[(count, count + 1)]
    )
    algorithm.process_batch({"x": ONES})
    assert count.get_value() == 0 and numpy.isfinite(b.get_value()).all()
