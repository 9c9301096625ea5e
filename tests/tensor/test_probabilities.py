"""Values that must be probabilities are checked in every tier; infinite logits have limits."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from workbench import function, grad, shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import Logistic, Softmax
from workbench.bricks.cost import BinaryCrossEntropy, CategoricalCrossEntropy
from workbench.data import as_stream
from workbench.errors import DomainError, OutOfRangeError
from workbench.monitoring import DatasetEvaluator
from workbench.tensor.losses import CHECKED
from workbench.tensor.traversal import ancestors

INF = float("inf")
HALVES = [[0.5, 0.5, 0.0]] * 2
ONES = [[0.0, 1.0, 0.0]] * 2
SCORES = [[3.0, -2.0, 1.0]] * 2
PIXELS = [[0.0, 255.0, 0.0]] * 2
COUNTS = [[1.0, 1.0, 1.0]] * 2
CLASSES = [1, 0]


def categorical(y, x):
    return CategoricalCrossEntropy().apply(y, x)


def binary(y, x):
    return BinaryCrossEntropy().apply(y, x)


def of_softmax(y, x):
    return Softmax().categorical_cross_entropy(y, x).mean()


def of_torch(loss, **options):
    return lambda y, x: loss(x, y, **options)


# The cost, targets, predictions, and the text of the error.
WRONG = {
    "scores for classes": (categorical, CLASSES, SCORES, "y_hat has values from -2 to 3"),
    "scores for distributions": (categorical, ONES, SCORES, "y_hat has values from -2 to 3"),
    "counts for classes": (categorical, CLASSES, COUNTS, "y_hat has a row that sums to 3"),
    "pixels": (categorical, PIXELS, HALVES, "targets y has values from 0 to 255"),
    "targets of several classes": (categorical, COUNTS, HALVES, "targets y has a row that sums to"),
    "targets of logits": (of_softmax, COUNTS, SCORES, "targets y has a row that sums to 3"),
    "negative targets": (of_softmax, SCORES, SCORES, "targets y has values from -2 to 3"),
    "scores in two": (binary, ONES, SCORES, "y_hat has values from -2 to 3"),
    "pixels in two": (binary, PIXELS, HALVES, "targets y has values from 0 to 255.*divide pixels"),
    "bce of scores": (of_torch(functional.binary_cross_entropy), ONES, SCORES, "input has values"),
    "bce of pixels": (of_torch(functional.binary_cross_entropy), PIXELS, HALVES, "target has "),
    "bce with logits": (
        of_torch(functional.binary_cross_entropy_with_logits), PIXELS, SCORES, "target has values"
    ),
    "cross entropy": (of_torch(functional.cross_entropy), COUNTS, SCORES, "target has a row"),
    "negative likelihood": (
        of_torch(functional.nll_loss), CLASSES, HALVES, "input has .* logarithms of probabilities"
    ),
    "divergence of scores": (
        of_torch(functional.kl_div, reduction="batchmean"), HALVES, SCORES, "input has values"
    ),
    "divergence from scores": (
        of_torch(functional.kl_div, reduction="sum"), SCORES, [[-1.0] * 3] * 2, "target has values"
    ),
    "divergence from no logarithms": (
        of_torch(functional.kl_div, reduction="sum", log_target=True),
        HALVES, [[-1.0] * 3] * 2, "target has values.*at most 0",
    ),
    "many labels": (
        of_torch(functional.multilabel_soft_margin_loss), PIXELS, SCORES, "target has values"
    ),
}  # fmt: skip


def made(cost, targets, **options):
    x = tensor.matrix("x")
    y = tensor.lvector("y") if np.ndim(targets) == 1 else tensor.matrix("y")
    value = cost(y, x)
    return function([x, y], [value, grad(value, x)], **options), x, y, value


COMPILED = [
    "scores for classes",
    "targets of logits",
    "pixels in two",
    "bce with logits",
    "negative likelihood",
]


@pytest.mark.parametrize(
    "name, execution", [*((n, "eager") for n in WRONG), *((n, "compiled") for n in COMPILED)]
)
def test_values_that_are_not_probabilities_are_refused(name, execution):
    cost, targets, predictions, text = WRONG[name]
    compute, *_ = made(cost, targets, execution=execution)
    with pytest.raises(DomainError, match=text):
        compute(np.float32(predictions), targets)


def test_every_loss_that_takes_probabilities_has_a_case():
    cells = [cell.cell_contents for c, *_ in WRONG.values() for cell in c.__closure__ or ()]
    assert set(CHECKED) <= {one for one in cells if callable(one)}


@pytest.mark.parametrize("loss", sorted(CHECKED, key=lambda loss: loss.__name__))
def test_negative_weights_of_classes_are_refused_where_they_are_given(loss):
    weight = next((n for n, k in CHECKED[loss].items() if k == "weights"), None)
    if weight is None:
        return
    x, y = tensor.matrix("x"), tensor.lvector("y")
    target = y if loss in (functional.cross_entropy, functional.nll_loss) else tensor.matrix("y")
    text = rf"{loss.__name__}: {weight} has values from -1 to 1, but must be weights, at least 0"
    with pytest.raises(DomainError, match=text):
        loss(x, target, **{weight: torch.tensor([1.0, -1.0, 1.0])})


def test_negative_weights_that_are_shared_are_refused_when_used():
    x, y, w = tensor.matrix("x"), tensor.lvector("y"), shared([1.0, 1.0], "w")
    compute = function([x, y], functional.cross_entropy(x, y, weight=w), execution="eager")
    assert np.isfinite(compute([[1.0, 2.0]], [0]).item())
    w.set_value([1.0, -1.0])
    with pytest.raises(DomainError, match="weight has values from -1 to 1"):
        compute([[1.0, 2.0]], [0])


@pytest.mark.parametrize("execution", ["eager", "compiled"])
@pytest.mark.parametrize("cost, targets", [(binary, PIXELS), (of_softmax, COUNTS)])
def test_training_refuses_before_anything_changes(cost, targets, execution):
    x, y, w = tensor.matrix("x"), tensor.matrix("y"), shared(np.ones(3, "f"), "w")
    predictions = Logistic().apply(x * w) if cost is binary else x * w
    algorithm = GradientDescent(
        cost=cost(y, predictions),
        parameters=[w],
        step_rule=Scale(0.1),
        function_kwargs={"execution": execution},
    )
    with pytest.raises(DomainError, match="targets y has"):
        algorithm.process_batch({"x": np.float32(SCORES), "y": np.float32(targets)})
    assert (w.get_value() == 1).all()
    algorithm.process_batch({"x": np.float32(SCORES), "y": np.float32(ONES)})
    assert (w.get_value() != 1).any()


def test_monitoring_refuses_too():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    evaluator = DatasetEvaluator([binary(y, Logistic().apply(x)).copy(name="cost")])
    stream = [{"x": np.float32(SCORES), "y": np.float32(t)} for t in (ONES, PIXELS)]
    with pytest.raises(DomainError, match="targets y has values from 0 to 255"):
        evaluator.evaluate(as_stream(stream))


def test_classes_out_of_range_are_refused():
    with pytest.raises(OutOfRangeError, match=r"3 at position \(1,\) is out of range"):
        CategoricalCrossEntropy().apply(torch.tensor([0, 3]), torch.tensor(HALVES))


def test_results_of_a_softmax_are_not_checked():
    x, y = tensor.matrix("x"), tensor.lvector("y")
    cost = categorical(y, Softmax().apply(x)) + functional.nll_loss(x.log_softmax(1), y)
    assert not [v for v in ancestors([cost]) if v.owner and "probabilities" in v.owner.name]


def test_rounding_errors_are_allowed():
    p = torch.tensor([[0.1] * 10], dtype=torch.float32).cumsum(1).flip(1)[:, :1]
    assert float(BinaryCrossEntropy().apply(p, p)) < 1e-5
    wide = torch.softmax(torch.randn(2, 5000), 1).half()
    assert np.isfinite(float(CategoricalCrossEntropy().apply(torch.tensor([1, 2]), wide)))


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_nan_is_left_to_other_checks(target):
    y, nan = torch.tensor([[target]]), torch.tensor([[float("nan")]])
    assert torch.isnan(BinaryCrossEntropy().apply(y, nan))
    assert torch.isnan(BinaryCrossEntropy().apply(y, Logistic().apply(tensor.constant(nan))).eval())


LIMITS = {
    "class, others impossible": (of_softmax, [0, 1], [[0.0, -INF], [-INF, 0.0]]),
    "class, sure": (of_softmax, [0, 1], [[INF, 0.0], [-3.0, INF]]),
    "distribution, sure": (of_softmax, [[1.0, 0.0], [0.0, 1.0]], [[INF, 0.0], [-INF, INF]]),
    "through a softmax": (
        lambda y, x: categorical(y, Softmax().apply(x)), [0, 1], [[INF, 0.0], [0.0, INF]]
    ),
    "through torch.softmax": (
        lambda y, x: categorical(y, torch.softmax(x, 1)), [[1.0, 0.0]] * 2, [[INF, 0.0]] * 2
    ),
    "binary": (
        lambda y, x: binary(y, Logistic().apply(x)), [[1.0, 0.0]] * 2, [[INF, -INF]] * 2
    ),
    "binary, of probabilities": (binary, [[1.0, 0.0]] * 2, [[1.0, 0.0]] * 2),
}  # fmt: skip


@pytest.mark.parametrize("execution", ["eager", "compiled"])
@pytest.mark.parametrize("name", LIMITS)
def test_a_prediction_that_is_sure_and_right_costs_nothing(name, execution):
    cost, targets, logits = LIMITS[name]
    compute, *_ = made(cost, targets, execution=execution)
    value, gradient = compute(np.float32(logits), targets)
    assert value == 0 and torch.isfinite(gradient).all()


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_a_prediction_that_is_sure_and_wrong_costs_all(execution):
    compute, *_ = made(lambda y, x: binary(y, Logistic().apply(x)), ONES, execution=execution)
    assert compute(np.float32([[INF, INF, 0]] * 2), np.float32(ONES))[0] == INF


def test_costs_of_each_row_have_limits_too():
    costs = Softmax().categorical_cross_entropy(torch.tensor([1]), torch.tensor([[0.0, INF]]))
    assert costs.tolist() == [0]
