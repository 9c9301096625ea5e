"""Losses of torch with infinite logits, and with classes out of range, in both tiers."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from workbench import function, grad, shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import Softmax
from workbench.bricks.cost import CategoricalCrossEntropy, MisclassificationRate
from workbench.bricks.lookup import LookupTable
from workbench.errors import OutOfRangeError
from workbench.initialization import Constant
from workbench.tensor.limits import LIMITS

INF = float("inf")
TIERS = pytest.mark.parametrize("execution", ["eager", "compiled"])
LOG2, LOG3 = math.log(2), math.log(3)
BINARY = F.binary_cross_entropy_with_logits

# Loss, options, input, target, and the limit of the loss of each row or element.
CASES = {
    "sure and right": (F.cross_entropy, {}, [[INF, 0.0], [-INF, 0.0]], [0, 1], [0, 0]),
    "sure and wrong": (F.cross_entropy, {}, [[INF, 0.0], [-INF, 0.0]], [1, 0], [INF, INF]),
    "two are sure": (F.cross_entropy, {}, [[INF, INF, 0.0]] * 2, [0, 1], [LOG2, LOG2]),
    "a distribution": (
        F.cross_entropy, {}, [[INF, 0.0, 0.0], [-INF, 0.0, 0.0]],
        [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]], [0, LOG2],
    ),
    "a distribution that is impossible": (
        F.cross_entropy, {}, [[INF, 0.0], [-INF, 0.0]], [[0.5, 0.5]] * 2, [INF, INF]
    ),
    "a class that does not count": (
        F.cross_entropy, {"weight": [0.0, 2.0]}, [[-INF, 0.0], [-INF, 0.0]], [0, 1], [0, 0]
    ),
    "smoothed": (
        F.cross_entropy, {"weight": [0.0, 1.0, 1.0], "label_smoothing": 0.3},
        [[-INF, 0.0, 0.0]] * 2, [1, 0], [0.7 * LOG2 + 0.2 * LOG2, 0.2 * LOG2],
    ),
    "left out": (F.cross_entropy, {}, [[INF, 0.0], [-INF, 0.0]], [-100, 1], [0, 0]),
    "likelihood": (
        F.nll_loss, {"weight": [0.0, 2.0]}, [[-INF, 0.0], [-INF, -1.0]], [0, 1], [0, 2]
    ),
    "binary, right": (BINARY, {}, [[INF, -INF]] * 2, [[1.0, 0.0]] * 2, [[0, 0]] * 2),
    "binary, wrong": (BINARY, {}, [[INF, -INF]] * 2, [[0.0, 1.0]] * 2, [[INF, INF]] * 2),
    "binary, in between": (BINARY, {}, [[INF, -INF]] * 2, [[0.5, 0.5]] * 2, [[INF, INF]] * 2),
    "binary, weighted": (
        BINARY, {"weight": [0.0, 3.0], "pos_weight": [1.0, 2.0]},
        [[INF, 0.0], [INF, -INF]], [[0.0, 1.0], [0.0, 0.0]], [[0, 6 * LOG2], [0, 0]],
    ),
    "many labels": (
        F.multilabel_soft_margin_loss, {}, [[INF, -INF], [0.0, INF]], [[1.0, 0.0], [1.0, 1.0]],
        [0, LOG2 / 2],
    ),
    "divergence": (
        F.kl_div, {}, [[-INF, -LOG2], [0.0, -INF]], [[0.0, 1.0], [1.0, 0.0]], [[0, LOG2], [0, 0]]
    ),
    "divergence of logarithms": (
        F.kl_div, {"log_target": True}, [[-INF, -LOG2], [0.0, -INF]], [[-INF, 0.0], [0.0, -INF]],
        [[0, LOG2], [0, 0]],
    ),
    "rates": (
        F.poisson_nll_loss, {}, [[-INF, 0.0], [INF, -INF]], [[0.0, 0.0], [2.0, 1.0]],
        [[0, 1], [INF, INF]],
    ),
}  # fmt: skip


def variables(name, reduction="none"):
    loss, options, values, target, _ = CASES[name]
    options = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
    x = tensor.matrix("x")
    y = tensor.lvector("y") if np.ndim(target) == 1 else tensor.matrix("y")
    return [x, y], [np.float32(values), target], loss(x, y, reduction=reduction, **options)


def together(cases, outputs, execution):
    inputs = [variable for inputs, *_ in cases for variable in inputs]
    values = [value for _, values, _ in cases for value in values]
    return functools.partial(function(inputs, outputs, execution=execution), *values)


# All in one program, since compiling them takes no longer than compiling one.
TOGETHER = [("eager", [name]) for name in CASES] + [("compiled", list(CASES))]


@pytest.mark.parametrize("execution, names", TOGETHER)
def test_a_loss_of_infinite_logits_is_its_limit(execution, names):
    cases = [variables(name) for name in names]
    compute = together(cases, [cost for *_, cost in cases], execution)
    for name, found in zip(names, compute(), strict=True):
        expected = torch.tensor(CASES[name][-1], dtype=torch.float32)
        torch.testing.assert_close(found, expected, msg=name)


@pytest.mark.parametrize("execution, names", TOGETHER)
def test_where_a_loss_is_finite_its_gradient_is(execution, names):
    names = [name for name in names if np.isfinite(CASES[name][-1]).all()]
    cases = [variables(name, "sum") for name in names]
    outputs = [one for (x, _), _, cost in cases for one in (cost, grad(cost, x))]
    for found in together(cases, outputs, execution)() if names else ():
        assert torch.isfinite(found).all()


def test_every_loss_with_limits_has_a_case():
    assert {loss for loss, *_ in CASES.values()} == set(LIMITS)


OPTIONS = {
    F.cross_entropy: [
        {}, {"label_smoothing": 0.2}, {"weight": [1.0, 0.5, 2.0], "label_smoothing": 0.2},
        {"ignore_index": 1, "label_smoothing": 0.2}, {"ignore_index": 1, "weight": [1.0, 0.5, 2.0]},
    ],
    F.nll_loss: [{}, {"weight": [1.0, 0.5, 2.0]}, {"ignore_index": 1}],
    BINARY: [{}, {"weight": [1.0, 0.5, 2.0], "pos_weight": [3.0, 1.0, 0.1]}],
    F.multilabel_soft_margin_loss: [{}, {"weight": [1.0, 0.5, 2.0]}],
    F.kl_div: [{}, {"log_target": True}],
    F.poisson_nll_loss: [{}, {"full": True}, {"log_input": False}],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("classes", [True, False])
def test_elsewhere_a_compiled_loss_is_that_of_torch(classes):
    x, y = tensor.matrix("x"), tensor.lvector("y") if classes else tensor.matrix("y")
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([0, 1, 2, 1]) if classes else logits.flip(1).softmax(1)
    costs, expected = [], []
    for loss, reduction in itertools.product(OPTIONS, ["none", "mean", "sum"]):
        if loss not in ((F.cross_entropy, F.nll_loss) if classes else set(OPTIONS) - {F.nll_loss}):
            continue
        if loss is F.kl_div and reduction == "mean":
            reduction = "batchmean"  # torch warns about "mean"
        for options in OPTIONS[loss]:
            if not classes and "ignore_index" in options:
                continue
            options = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
            for y_hat, y_, results in ((x, y, costs), (logits, target, expected)):
                if loss in (F.nll_loss, F.kl_div):
                    y_hat = torch.log_softmax(y_hat, 1)
                if "log_input" in options:
                    y_hat = y_hat.exp()
                if "log_target" in options:
                    y_ = y_.log()
                results.append(loss(y_hat, y_, reduction=reduction, **options))
    found = function([x, y], costs, execution="compiled")(logits, target)
    torch.testing.assert_close(list(found), expected)


@TIERS
def test_a_logarithm_of_a_softmax_has_limits_too(execution):
    x = tensor.matrix("x")
    logs = [torch.log_softmax(x, 1), x.log_softmax(1), F.log_softmax(x, dim=1)]
    found = function([x], logs, execution=execution)(np.float32([[INF, 0], [0, -INF]]))
    for one in found:
        assert one.tolist() == [[0, -INF], [0, -INF]]


@TIERS
def test_training_continues_if_a_mask_makes_a_class_impossible(execution):
    x, y, w = tensor.matrix("x"), tensor.matrix("y"), shared(np.zeros(2, "f"), "w")
    mask = torch.tensor([0.0, -INF])
    algorithm = GradientDescent(
        cost=F.cross_entropy(x * w + mask, y),
        parameters=[w],
        step_rule=Scale(0.1),
        function_kwargs={"execution": execution},
    )
    algorithm.process_batch({"x": np.ones((2, 2), "f"), "y": np.float32([[1, 0], [1, 0]])})
    assert (w.get_value() == 0).all()


@TIERS
@pytest.mark.parametrize("brick", [False, True])
def test_a_target_of_zeros_leaves_an_example_out(brick, execution):
    x, y = tensor.matrix("x"), tensor.matrix("y")
    cost = (
        CategoricalCrossEntropy().apply(y, Softmax().apply(x)) if brick else F.cross_entropy(x, y)
    )
    scores = torch.tensor([[1.0, 2.0], [3.0, 1.0]])
    target = torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    compute = function([x, y], cost, execution=execution)
    torch.testing.assert_close(compute(scores, target), F.cross_entropy(scores, target))
    torch.testing.assert_close(compute(scores, target * 0), torch.tensor(0.0))


WITH_CLASSES = {
    "cross_entropy": F.cross_entropy,
    "nll_loss": lambda x, y: F.nll_loss(x.log_softmax(1), y),
    "ignore_index": lambda x, y: F.cross_entropy(x, y, ignore_index=-5, reduction="sum"),
    "images": lambda x, y: F.cross_entropy(x.unsqueeze(2), y.unsqueeze(1), reduction="none").sum(),
    "module": lambda x, y: torch.nn.CrossEntropyLoss(label_smoothing=0.1)(x, y),
    "softmax": lambda x, y: Softmax().categorical_cross_entropy(y, x).mean(),
    "brick": lambda x, y: CategoricalCrossEntropy().apply(y, Softmax().apply(x)),
    "rate": lambda x, y: MisclassificationRate().apply(y, x),
}


COMPILED = ["images", "brick", "rate"]


@pytest.mark.parametrize(
    "execution, name",
    [*(("eager", name) for name in WITH_CLASSES), *(("compiled", name) for name in COMPILED)],
)
def test_a_class_out_of_range_is_an_error_of_ours(name, execution):
    x, y = tensor.matrix("x"), tensor.lvector("y")
    compute = function([x, y], WITH_CLASSES[name](x, y), execution=execution)
    # Large enough that a compiled program uses several threads, if there are any.
    scores, classes = torch.zeros(400, 1000), torch.zeros(400, dtype=torch.long)
    assert torch.isfinite(compute(scores, classes))
    for wrong in (1000, -1):
        classes[7] = wrong
        text = rf"{wrong} at position \(7(, 0)?,?\) is out of range, and must be between 0 and 999"
        with pytest.raises(OutOfRangeError, match=f"(target|classes y): {text}; classes start at"):
            compute(scores, classes)


@TIERS
def test_the_ignored_class_is_named_and_valid(execution):
    x, y = tensor.matrix("x"), tensor.lvector("y")
    compute = function([x, y], F.cross_entropy(x, y, ignore_index=-5), execution=execution)
    torch.testing.assert_close(compute(torch.zeros(2, 3), [-5, 1]), torch.tensor(LOG3))
    with pytest.raises(OutOfRangeError, match="-100 at .* use the class -5 to exclude an example"):
        compute(torch.zeros(2, 3), [-5, -100])


@TIERS
def test_a_class_that_does_not_exist_changes_nothing(execution):
    x, y, w = tensor.matrix("x"), tensor.lvector("y"), shared(np.ones(3, "f"), "w")
    algorithm = GradientDescent(
        cost=F.cross_entropy(x * w, y),
        parameters=[w],
        step_rule=Scale(0.1),
        function_kwargs={"execution": execution},
    )
    batch = {"x": np.ones((2, 3), "f"), "y": np.array([1, 3])}
    with pytest.raises(OutOfRangeError, match=r"cross_entropy: target: 3 at position \(1,\)"):
        algorithm.process_batch(batch)
    assert (w.get_value() == 1).all()


@TIERS
def test_a_row_out_of_range_is_an_error_of_ours(execution):
    lookup, y = LookupTable(500, 100, weights_init=Constant(1)), tensor.lvector("y")
    lookup.initialize()
    compute = function([y], lookup.apply(y), execution=execution)
    words = torch.zeros(2000, dtype=torch.long)
    assert (compute(words) == 1).all()
    for wrong in (500, -1):
        words[3] = wrong
        with pytest.raises(OutOfRangeError, match=rf"indices: {wrong} at position \(3,\) is out"):
            compute(words)
