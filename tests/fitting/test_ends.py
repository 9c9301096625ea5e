"""The end of a network is read correctly, and the loss fits it."""

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.bricks import Brick, Dropout, Identity, application
from workbench.bricks.cost import (
    AbsoluteError,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    MisclassificationRate,
    SquaredError,
)
from workbench.data import DataStream, IndexableDataset

N = 40
X = np.random.default_rng(0).normal(size=(N, 4)).astype("float32")
CLASSES = np.arange(N) % 2
SUMS = X.sum(1)


def first_cost(model, data=(X, CLASSES), **options):
    session = wb.fit(model, data, epochs=1, validation=None, **options)
    assert session.wait()
    return session.log.frame["cost"].dropna().iloc[0]


class OwnSoftmax(Brick):
    @application(inputs=["x"], outputs=["output"])
    def apply(self, x):
        return torch.softmax(x, 1)


@pytest.mark.parametrize("last", [Identity, Dropout, wb.Flattener, OwnSoftmax])
def test_probabilities_are_seen_below_the_last_brick(last):
    middle = [] if last is OwnSoftmax else [wb.Softmax()]
    plain = first_cost([wb.Linear(output_dim=2, seed=1), wb.Softmax()])
    given = [wb.Linear(output_dim=2, seed=1), *middle, last(0.0) if last is Dropout else last()]
    assert first_cost(given) == pytest.approx(plain, rel=1e-5)


class Net(torch.nn.Module):
    def __init__(self, end, outputs=2):
        super().__init__()
        torch.manual_seed(1)
        self.linear, self.end = torch.nn.Linear(4, outputs), end

    def forward(self, x):
        return self.end(self.linear(x))


@pytest.mark.parametrize(
    "end",
    [
        lambda x: torch.softmax(x, -1).view(-1, 2),
        lambda x: torch.softmax(x, -1).unsqueeze(0).squeeze(0).clone(),
    ],
)
def test_a_softmax_of_a_module_is_seen(end):
    plain = first_cost(Net(torch.nn.Identity()))
    assert first_cost(Net(end)) == pytest.approx(plain, rel=1e-4)


def test_scores_between_0_and_1_are_no_probabilities():
    class Scores(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.linear = torch.nn.Embedding(3, 2), torch.nn.Linear(2, 2)
            torch.nn.init.constant_(self.linear.weight, 0.1)
            torch.nn.init.constant_(self.linear.bias, 0.5)
            torch.nn.init.constant_(self.table.weight, 0.1)

        def forward(self, x):
            return self.linear(self.table(x[:, 0]))

    cost = first_cost(Scores(), (np.arange(N)[:, None] % 3, CLASSES))
    assert cost == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize(
    "end, text",
    [
        (lambda x: torch.log_softmax(x, 1).exp(), "of a softmax function, but .* is Exp; end"),
        (lambda x: (1 + (-x).exp()).reciprocal(), "of a logistic function, but .* is Reciprocal"),
        (lambda x: torch.softmax(x, 0), "its output rows do not sum to 1"),
    ],
)
def test_an_unclear_end_is_refused(end, text):
    with pytest.raises(ValueError, match=text):
        wb.fit(Net(end), (X, CLASSES))


def test_a_brick_as_loss_tells_that_outputs_are_probabilities():
    plain = first_cost(Net(torch.nn.Softmax(1)))
    found = first_cost(Net(lambda x: torch.log_softmax(x, 1).exp()), loss=CategoricalCrossEntropy())
    assert found == pytest.approx(plain, rel=1e-4)


def test_the_number_of_classes_follows_from_a_module():
    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return N

        def __getitem__(self, i):
            return X[i], CLASSES[i]

    assert first_cost(Net(torch.nn.Identity(), 3), Items()) > 0


def test_one_output_of_a_module_for_integers_is_ambiguous():
    with pytest.raises(ValueError, match="the model has one output, so they can be classes or qua"):
        wb.fit(torch.nn.Linear(4, 1), (X, CLASSES))


@pytest.mark.parametrize("loss", [SquaredError(), AbsoluteError()])
def test_a_brick_for_numbers_makes_numbers_of_integers(loss):
    name = "squared error" if isinstance(loss, SquaredError) else "absolute error"
    for data in ((X, CLASSES), IndexableDataset({"x": X, "y": CLASSES})):
        expected = first_cost([wb.Linear(seed=1)], data, loss=name, seed=1)
        assert first_cost([wb.Linear(seed=1)], data, loss=loss, seed=1) == expected


def test_a_brick_for_classes_makes_classes_of_floats():
    expected = first_cost([wb.Linear(seed=1), wb.Softmax()], loss="cross-entropy")
    data = (X, 3.0 + CLASSES)
    found = first_cost([wb.Linear(seed=1), wb.Softmax()], data, loss=CategoricalCrossEntropy())
    assert found == expected


@pytest.mark.parametrize("targets", [CLASSES, CLASSES > 0, CLASSES.astype(float)])
def test_a_binary_cross_entropy_has_one_output(targets):
    expected = first_cost([wb.Linear(seed=1), wb.Logistic()])
    found = first_cost([wb.Linear(seed=1), wb.Logistic()], (X, targets), loss=BinaryCrossEntropy())
    assert found == pytest.approx(expected, rel=1e-6)


def test_floats_of_a_dataset_that_can_be_classes_are_refused():
    data = IndexableDataset({"x": X, "y": CLASSES.astype("float32")})
    with pytest.raises(ValueError, match=r"whole numbers 0, 1 of dtype float32.*convert them to"):
        wb.fit([wb.Linear()], data)


@pytest.mark.parametrize(
    "metrics, names",
    [
        (["accuracy", "error rate"], ["accuracy", "error_rate"]),
        (
            [MisclassificationRate(), MisclassificationRate(top_k=2), "accuracy"],
            ["misclassificationrate_0", "misclassificationrate_1", "accuracy"],
        ),
    ],
)
def test_metrics_of_one_kind_have_their_own_names(metrics, names):
    session = wb.fit([wb.Linear()], (X, CLASSES), metrics=metrics, epochs=1)
    assert session.wait() and set(names) <= set(session.log.frame)
    space = {"data": (X, CLASSES)}
    exec(session.recipe(), space)
    assert space["session"].wait()
    expected = session.log.frame[names].dropna().to_numpy()
    np.testing.assert_array_equal(space["session"].log.frame[names].dropna(), expected)


def test_the_loss_can_be_a_metric_too():
    loss = SquaredError()
    for metrics in (["squared error"], [SquaredError()]):
        session = wb.fit([wb.Linear()], (X, SUMS), loss=loss, metrics=metrics, epochs=1)
        assert session.wait()
        frame = session.log.frame.filter(regex="^(cost|squared_?error)").dropna()
        assert frame.shape[1] == 2
        np.testing.assert_allclose(frame.iloc[:, 0], frame.iloc[:, 1])


def test_probabilities_as_targets_can_be_streamed():
    soft = np.full((N, 2), 0.5, dtype="float32")
    data = DataStream(IndexableDataset({"x": X, "y": soft}),
                      iteration_scheme=wb.SequentialScheme(N, 10))  # fmt: skip
    model = [wb.Linear(output_dim=2), wb.Softmax()]
    assert first_cost(model, data, loss=CategoricalCrossEntropy()) > np.log(2)
