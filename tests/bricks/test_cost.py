"""Costs against torch, numpy and scipy, in values, gradients and at the edges."""

import numpy
import pytest
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from torch.nn import functional as F

from workbench import function, grad, tensor
from workbench.bricks import Brick, Identity, Logistic, Softmax
from workbench.bricks.cost import (
    AbsoluteError,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Cost,
    CostMatrix,
    MisclassificationRate,
    SquaredError,
)
from workbench.errors import OutOfRangeError, ShapeError
from workbench.roles import COST, has_roles


@pytest.fixture
def rng():
    return numpy.random.default_rng(5)


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (SquaredError, lambda y, p: ((y - p) ** 2).sum(1).mean()),
        (AbsoluteError, lambda y, p: numpy.abs(y - p).sum(1).mean()),
        (
            BinaryCrossEntropy,
            lambda y, p: (
                -(scipy.special.xlogy(y, p) + scipy.special.xlog1py(1 - y, -p)).sum(1).mean()
            ),
        ),
    ],
)
def test_costs_by_element_agree_with_numpy(rng, cost, expected):
    y, p = rng.uniform(size=(2, 7, 3)).astype("float32")
    assert_allclose(cost().apply(y, p), expected(y, p), rtol=1e-5)
    assert_allclose(cost().apply(y[:, 0], p[:, 0]), expected(y[:, :1], p[:, :1]), rtol=1e-5)
    matrix = cost().cost_matrix(y, p)
    assert_allclose(matrix.sum(1).mean(), expected(y, p), rtol=1e-5)


@pytest.mark.parametrize("cost", [SquaredError, AbsoluteError, BinaryCrossEntropy])
def test_further_dimensions_are_summed(rng, cost):
    y, p = rng.uniform(size=(2, 4, 3, 2)).astype("float32")
    flat = cost().apply(y.reshape(4, 6), p.reshape(4, 6))
    assert_allclose(cost().apply(y, p), flat, rtol=1e-5)


def test_cross_entropy_of_plain_probabilities(rng):
    p = torch.tensor(rng.dirichlet(numpy.ones(4), 6), dtype=torch.float32)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    cost = CategoricalCrossEntropy()
    assert_allclose(cost.apply(y, p), F.nll_loss(p.log(), y), rtol=1e-5)
    assert_allclose(cost.apply(F.one_hot(y, 4).float(), p), F.nll_loss(p.log(), y), rtol=1e-5)
    assert_allclose(cost.apply(p, p), scipy.stats.entropy(p, axis=1).mean(), rtol=1e-5)


def test_a_probability_of_zero_costs_much_but_not_infinitely():
    p = torch.tensor([[0.0, 1.0]])
    cost = CategoricalCrossEntropy()
    assert cost.apply(torch.tensor([0]), p).item() == pytest.approx(87.3365)
    assert cost.apply(torch.tensor([[0.0, 1.0]]), p).item() == 0


LOGITS = [[0.0, 1.0, -1.0], [500.0, 0.0, -500.0], [-90.0, 0.0, 90.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("through", [[], [Identity]])
def test_cross_entropy_of_a_softmax_is_exact(integers, through):
    x = tensor.matrix("x")
    y_hat = Softmax().apply(x)
    for brick in through:
        y_hat = brick().apply(y_hat)
    logits = torch.tensor(LOGITS, requires_grad=True)
    labels = torch.tensor([0, 2, 0, 1])
    targets = labels if integers else F.one_hot(labels, 3).float()
    y = tensor.lvector("y") if integers else tensor.matrix("y")
    cost = CategoricalCrossEntropy().apply(y, y_hat)
    value, gradient = function([y, x], [cost, grad(cost, x)])(targets, logits)
    expected = F.cross_entropy(logits, labels)
    expected.backward()
    assert_allclose(value, expected.detach(), rtol=1e-6)
    assert_allclose(gradient, logits.grad, rtol=1e-5, atol=1e-7)


def test_cross_entropy_of_a_logistic_is_exact():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    logits = torch.tensor([[0.5, -2.0], [300.0, -300.0]], requires_grad=True)
    targets = torch.tensor([[1.0, 0.25], [0.0, 1.0]])
    cost = BinaryCrossEntropy().apply(y, Logistic().apply(x))
    value, gradient = function([y, x], [cost, grad(cost, x)])(targets, logits)
    expected = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1).mean()
    expected.backward()
    assert_allclose(value, expected.detach(), rtol=1e-6)
    assert_allclose(gradient, logits.grad, rtol=1e-5)


@pytest.mark.parametrize(
    ("y", "y_hat", "error", "message"),
    [
        (
            tensor.lmatrix("y"),
            tensor.matrix("p"),
            ValueError,
            r"y have shape \(\?, \?\).*y\.flatten\(\)",
        ),
        (
            tensor.vector("y"),
            tensor.matrix("p"),
            TypeError,
            r"dtype torch\.float32.* integer class indices of shape",
        ),
        (tensor.lvector("y"), tensor.vector("p"), ValueError, r"predictions have shape \(\?,\)"),
    ],
)
def test_cross_entropy_teaches_about_wrong_targets(y, y_hat, error, message):
    with pytest.raises(error, match=rf"categoricalcrossentropy\.apply: targets .*{message}"):
        CategoricalCrossEntropy().apply(y, y_hat)


@pytest.mark.parametrize("cost", CostMatrix.__subclasses__())
def test_shapes_that_would_be_broadcast_are_refused(cost):
    with pytest.raises(ValueError, match=r"y has shape \(\?,\), but y_hat has shape \(\?, 1\)"):
        cost().apply(tensor.vector("y"), tensor.variable("p", (None, 1)))
    with pytest.raises(ValueError, match="their shapes must be equal"):
        cost().apply(tensor.variable("y", (None, 2)), tensor.variable("p", (None, 1)))


RATES = {k: MisclassificationRate(k) for k in range(1, 5)}
SCORES = hnp.arrays("float32", (4, 5), elements=st.integers(0, 3).map(float))


@given(SCORES, st.lists(st.integers(0, 4), min_size=4, max_size=4), st.integers(1, 4))
def test_misclassification_counts_ties_against_the_model(scores, labels, top_k):
    mistakes = []
    for row, label in zip(scores, labels, strict=True):
        at_least_as_good = sum(score >= row[label] for score in row) - 1
        mistakes.append(at_least_as_good >= top_k)
    rate = RATES[top_k].apply(numpy.array(labels), scores)
    assert rate.item() == pytest.approx(numpy.mean(mistakes))


def test_misclassification_without_ties_is_that_of_argmax(rng):
    scores, labels = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    rate = MisclassificationRate().apply(labels, scores)
    assert_allclose(rate, (scores.argmax(1) != labels).mean(), rtol=1e-6)


def test_scores_that_are_no_numbers_are_never_right():
    scores = torch.tensor([[float("nan")] * 3, [float("nan"), 1.0, 0.0]])
    assert MisclassificationRate().apply(torch.tensor([0, 1]), scores).item() == 1


@pytest.mark.parametrize(
    ("y", "error"), [(tensor.lmatrix("y"), ValueError), (tensor.vector("y"), TypeError)]
)
def test_misclassification_teaches_about_wrong_targets(y, error):
    with pytest.raises(error, match="must be integer class indices of shape"):
        MisclassificationRate().apply(y, tensor.matrix("p"))


ALL = [
    (SquaredError, tensor.matrix, "cost"),
    (AbsoluteError, tensor.matrix, "cost"),
    (BinaryCrossEntropy, tensor.matrix, "cost"),
    (CategoricalCrossEntropy, tensor.lvector, "cost"),
    (MisclassificationRate, tensor.lvector, "error_rate"),
]


@pytest.mark.parametrize(("cost", "target", "output"), ALL)
def test_a_cost_has_role_name_and_number_of_examples(cost, target, output):
    y, y_hat = target("y"), tensor.matrix("y_hat")
    result = cost().apply(y, y_hat)
    assert (result.ndim, result.tag.name) == (0, output)
    assert has_roles(result, [COST])
    shape = (7,) if y.ndim == 1 else (7, 3)
    values = {
        y: numpy.ones(shape, str(y.dtype).removeprefix("torch.")),
        y_hat: numpy.full((7, 3), 1 / 3, "float32"),
    }
    count = function([y, y_hat], result.tag.n_examples, on_unused_input="ignore")
    assert count(*values.values()) == 7


def test_every_cost_is_tested():
    def below(cls):
        return {cls, *(c for sub in cls.__subclasses__() for c in below(sub))}

    public = {cls for cls in below(Cost) if cls.__module__ == "workbench.bricks.cost"}
    assert public - {Cost, CostMatrix} == {cost for cost, _, _ in ALL}


@pytest.mark.parametrize(("base", "method"), [(Cost, "apply"), (CostMatrix, "cost_matrix")])
def test_a_base_class_says_what_is_to_be_defined(base, method):
    class Unfinished(base):
        pass

    with pytest.raises(NotImplementedError, match=f"Unfinished must define the method {method}"):
        Unfinished().apply(tensor.matrix("y"), tensor.matrix("y_hat"))
    assert issubclass(base, Brick)


@pytest.mark.parametrize("apply", [CategoricalCrossEntropy().apply, MisclassificationRate().apply])
def test_targets_and_predictions_that_are_swapped_are_told(apply):
    y, p = tensor.lvector("y"), tensor.matrix("p")
    with pytest.raises(ShapeError, match=r"swapped; pass the targets first"):
        apply(p, y)


CLASSES = [
    CategoricalCrossEntropy().apply,
    MisclassificationRate().apply,
    Softmax().categorical_cross_entropy,
]


@pytest.mark.parametrize("apply", CLASSES)
@pytest.mark.parametrize("wrong", [2, -1])
def test_a_class_that_does_not_exist_is_named_with_its_place(apply, wrong):
    y, p = tensor.lvector("y"), tensor.matrix("p")
    cost = apply(y, p)
    text = rf"classes y: {wrong} at position \(1,\) is out of range, and must be between 0 and 1"
    with pytest.raises(OutOfRangeError, match=text):
        cost.eval({y: [0, wrong, 1], p: [[0.5, 0.5]] * 3})


@pytest.mark.parametrize("apply", CLASSES)
@pytest.mark.parametrize("classes", [[0], [0, 1, 1]])
def test_every_row_has_one_class(apply, classes):
    y, p = tensor.lvector("y"), tensor.matrix("p")
    text = rf"classes y: the number of indices \({len(classes)}\) must equal the number of rows"
    with pytest.raises(ShapeError, match=text):
        apply(y, p).eval({y: classes, p: [[0.5, 0.5], [0.5, 0.5]]})


@pytest.mark.parametrize("y", [1, [0.2, 0.5, 0.3]], ids=["index", "probabilities"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_one_example_needs_no_batch(y, from_logits):
    logits, y = torch.tensor([1.0, -2.0, 0.5]), torch.tensor(y)
    scores, target = tensor.vector("scores"), tensor.as_variable(y)
    probabilities = torch.softmax(scores, 0) if from_logits else scores
    cost = CategoricalCrossEntropy().apply(target, probabilities)
    given = logits if from_logits else logits.softmax(0)
    expected = F.cross_entropy(logits.unsqueeze(0), y.unsqueeze(0))
    torch.testing.assert_close(cost.eval({scores: given}), expected)
    batched = CategoricalCrossEntropy().apply(y.unsqueeze(0), logits.softmax(0).unsqueeze(0))
    torch.testing.assert_close(batched, expected)


def test_one_example_of_the_wrong_kind_is_refused():
    with pytest.raises(ValueError, match=r"targets y have shape \(\?,\) and dtype torch.int64"):
        CategoricalCrossEntropy().apply(tensor.lvector("y"), tensor.vector("p"))
