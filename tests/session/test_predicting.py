"""Predictions and evaluations of a session: evaluation mode, one iteration, all kinds of data."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from tests.support.runs import DIM, EXAMPLES, build, cost_of, digits_mlp, examples, shuffled
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import MLP, BatchNormalizedMLP, Dropout, Sequence, Softmax, Tanh
from workbench.bricks.cost import SquaredError
from workbench.data import IndexableDataset, as_stream
from workbench.errors import DataError, ParameterError, SessionError, ShapeError
from workbench.extensions import FinishAfter, SimpleExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model

X = examples()["features"]
Y = examples()["targets"]


@pytest.fixture
def session():
    """Return a session that waits before its first batch."""
    session = build(8).start(paused=True)
    yield session
    session.stop()
    session.wait()


def layers(session):
    return session.main_loop.model.get_parameter_values()


def scores(values, x=X):
    """Return the scores of the network for its parameters, without dropout."""
    hidden = np.tanh(x @ values["/mlp/linear_0.W"] + values["/mlp/linear_0.b"])
    return hidden @ values["/mlp/linear_1.W"] + values["/mlp/linear_1.b"]


def cross_entropy(values):
    found = torch.tensor(scores(values))
    return float(torch.nn.functional.cross_entropy(found, torch.tensor(Y[:, 0])))


def test_predictions_are_those_of_the_network_without_dropout(session):
    assert_allclose(session.predict(X), scores(layers(session)), atol=1e-6)
    assert_allclose(session.predict(X), session.predict(X))


def test_training_is_not_changed():
    one, other = build(8), build(8)
    one.run()
    session = other.start(paused=True)
    session.predict(X)
    session.evaluate({"features": X, "targets": Y})
    session.predict(other.data_stream)
    session.resume()
    session.predict(X)
    session.wait()
    for path, value in one.model.get_parameter_values().items():
        assert_array_equal(other.model.get_parameter_values()[path], value)


@pytest.mark.parametrize("batch_size", [1, 5, EXAMPLES, 100, None])
def test_the_result_does_not_depend_on_the_size_of_batches(session, batch_size):
    found = session.predict(X, batch_size=batch_size)
    assert_allclose(found, scores(layers(session)), atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        X.astype("float64"),
        X.tolist(),
        torch.tensor(X),
        {"features": X, "others": None},
        pd.DataFrame(X),
        [{"features": X[:9]}, {"features": X[9:]}],
        IndexableDataset({"features": X, "targets": Y}),
        as_stream([{"features": X[:20]}, {"features": X[20:]}]),
        torch.utils.data.DataLoader([{"features": row} for row in X], batch_size=6),
    ],
    ids=lambda data: type(data).__name__,
)
def test_the_data_can_have_many_forms(session, data):
    assert_allclose(session.predict(data), scores(layers(session)), atol=1e-6)


def test_the_stream_of_training_is_read_apart_from_training(session):
    found = session.predict(session.main_loop.data_stream)
    assert_allclose(np.sort(found, 0), np.sort(scores(layers(session)), 0), atol=1e-6)


def test_no_examples_give_no_predictions(session):
    assert session.predict(X[:0]).shape == (0, 3)


def test_another_variable_can_be_computed(session):
    loop = session.main_loop
    hidden = session.predict(X, "tanh_apply_output")
    values = layers(session)
    wanted = np.tanh(X @ values["/mlp/linear_0.W"] + values["/mlp/linear_0.b"])
    assert_allclose(hidden, wanted, rtol=1e-5)
    cost = loop.algorithm.cost
    assert session.predict({"features": X, "targets": Y}, cost, batch_size=None).shape == ()


def test_predictions_work_during_training_and_use_one_iteration():
    x = tensor.matrix("x")
    weights = [shared(np.zeros((1, 1), "float32"), f"w_{i}") for i in range(2)]
    both = torch.cat([x @ w for w in weights], 1).copy(name="both")
    # the gradient is the same, so the two weights are equal after every batch
    rule = GradientDescent(cost=both.sum(), parameters=weights, step_rule=Scale(1.0))
    loop = MainLoop(rule, as_stream([{"x": np.ones((1, 1), "float32")}] * 50))
    session = loop.start()
    found = [session.predict(np.ones((1, 1)), both)[0] for _ in range(3)]
    session.stop()
    session.wait()
    for one, other in found:
        assert one == other


def test_predictions_work_after_the_end(session):
    session.resume()
    session.wait()
    assert_allclose(session.predict(X), scores(layers(session)), atol=1e-6)


def test_an_extension_can_predict_between_two_batches():
    found = []

    class Predict(SimpleExtension):
        def do(self, which_callback=None, *args):
            session = self.main_loop.session
            found.append((session.predict(X), scores(layers(session))))

    build(3, Predict(after_batch=True)).start().wait()
    assert len(found) == 3
    for one, other in found:
        assert_allclose(one, other, atol=1e-6)
    assert not np.allclose(found[0][0], found[1][0])


@pytest.mark.parametrize("kind", [BatchNormalizedMLP, MLP])
def test_bricks_with_two_modes_are_in_evaluation_mode(kind):
    brick = kind([Tanh(), None], [DIM, 5, 2], weights_init=IsotropicGaussian(0.5),
                 biases_init=Constant(0), seed=1)  # fmt: skip
    network = Sequence([brick, Dropout(0.5, random_seed=1)])
    network.initialize()
    cost = SquaredError().apply(tensor.matrix("targets"), network.apply(tensor.matrix("features")))
    cost.name = "cost"
    model = Model(cost)
    rule = GradientDescent(cost=cost, parameters=model.parameters, step_rule=Scale(0.01))
    data = [{"features": X, "targets": X[:, :2]}]
    loop = MainLoop(rule, data, model=model, extensions=[FinishAfter(after_n_batches=3)])
    session = loop.start()
    session.wait()
    found = session.predict(X)
    assert_allclose(found, network.apply(X), atol=1e-6)
    assert_allclose(session.predict(X[:1]), found[:1], atol=1e-6)


def test_a_loss_of_torch_shows_its_predictions():
    x, y = tensor.matrix("x"), tensor.lvector("y")
    w = shared(np.eye(3, dtype="float32"), "w")
    cost = torch.nn.functional.cross_entropy(x @ w, y)
    loop = MainLoop(GradientDescent(cost=cost, parameters=[w]), [{"x": [[0.0] * 3], "y": [1]}])
    session = loop.start(paused=True)
    assert_allclose(session.predict(np.ones((2, 3))), np.ones((2, 3)))
    session.stop()
    session.wait()


def test_a_variable_in_training_mode_is_refused(session):
    dropout = Dropout(0.5)
    with dropout:
        y = dropout.apply(tensor.matrix("features"))
    with pytest.raises(SessionError, match=r"is computed in training mode, because its bricks"):
        session.predict(X, y)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"feature": X}, r"predict: the data has no 'features', only 'feature'; the inputs are"),
        (pd.DataFrame({"a": ["x"]}), r"the columns 'a' do not contain numbers; encode them"),
        (pd.DataFrame({"features": [1.0], "b": [2.0]}), r"graph needs|dimension"),
        ([], r"graph needs|got"),
    ],
)
def test_data_that_does_not_fit_is_refused(session, data, text):
    with pytest.raises((SessionError, ShapeError, DataError), match=text):
        session.predict(data)


def test_wrong_sizes_are_refused(session):
    with pytest.raises(ShapeError, match=r"input features got shape \(22, 3\)"):
        session.predict(X[:, :3])
    with pytest.raises(SessionError, match=r"batch_size must be a positive integer, .* not 0"):
        session.predict(X, batch_size=0)


def test_an_unknown_variable_is_refused(session):
    with pytest.raises(SessionError, match=r"has no variable 'tanh_apply'; did you mean 'tanh_ap"):
        session.predict(X, "tanh_apply")


def test_a_model_of_another_run_is_refused(session):
    other = MLP([None], [DIM, 9], weights_init=Constant(1), biases_init=Constant(0), name="other")
    other.initialize()
    with pytest.raises(SessionError, match=r"has the parameter '/other/linear_0.W'"):
        session.predict(X, other.apply(tensor.matrix("features")))


def test_a_model_without_values_is_refused():
    mlp = MLP([None], [DIM, 2], weights_init=Constant(0), biases_init=Constant(0))
    y_hat = mlp.apply(tensor.matrix("features"))
    model = Model(SquaredError().apply(tensor.matrix("targets"), y_hat))
    rule = GradientDescent(cost=model.outputs[0], parameters=model.parameters)
    from workbench.session import Session

    session = Session(MainLoop(rule, [{"features": X, "targets": X[:, :2]}], model=model))
    with pytest.raises(ParameterError, match=r"not initialised: /mlp/linear_0.W"):
        session.predict(X)


def test_a_run_without_a_cost_must_be_told_what_to_predict():
    class Nothing:
        def initialize(self): ...
        def process_batch(self, batch): ...

    session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True)
    with pytest.raises(SessionError, match=r"this run has no model and no cost"):
        session.predict(X)
    session.stop()
    session.wait()


def test_a_result_without_rows_is_refused(session):
    with pytest.raises(SessionError, match=r"has shape \(\) for a batch of 22 .* batch_size=None"):
        session.predict({"features": X, "targets": Y}, session.main_loop.algorithm.cost)


@pytest.mark.parametrize("batch_size", [4, 7, None])
def test_an_evaluation_is_exact_for_any_batches(session, batch_size):
    found = session.evaluate({"features": X, "targets": Y}, batch_size=batch_size)
    assert found == {"cost": pytest.approx(cross_entropy(layers(session)), rel=1e-6)}


def test_a_pair_of_arrays_and_a_stream_can_be_evaluated(session):
    wanted = pytest.approx(cross_entropy(layers(session)), rel=1e-6)
    assert session.evaluate((X, Y)) == {"cost": wanted}
    assert session.evaluate(shuffled(4)) == {"cost": wanted}
    assert session.evaluate(session.main_loop.data_stream) == {"cost": wanted}


def test_named_and_new_variables_can_be_evaluated(session):
    x = next(v for v in session.main_loop.model.inputs if v.name == "features")
    largest = x.max().copy(name="largest")
    found = session.evaluate({"features": X, "targets": Y}, ["cost", largest], batch_size=5)
    assert found["largest"] == X.max()
    assert list(found) == ["cost", "largest"]


def test_an_evaluation_without_monitors_computes_the_cost():
    mlp = digits_mlp()
    cost = cost_of(mlp, dropout=0)
    rule = GradientDescent(cost=cost, parameters=Model(cost).parameters)
    session = MainLoop(rule, shuffled(), model=Model(cost)).start(paused=True)
    found = session.evaluate({"features": X, "targets": Y})
    assert found["cost"] == pytest.approx(cross_entropy(layers(session)), rel=1e-6)
    session.stop()
    session.wait()


def test_monitors_of_training_are_evaluated_if_there_are_no_others():
    mlp = digits_mlp()
    cost = cost_of(mlp, dropout=0)
    rate = Softmax().apply(mlp.apply(tensor.matrix("features"))).max().copy(name="rate")
    rule = GradientDescent(cost=cost, parameters=Model(cost).parameters)
    monitors = [TrainingDataMonitoring([cost, rule.total_gradient_norm], after_batch=True)]
    loop = MainLoop(rule, shuffled(), model=Model([cost, rate]), extensions=monitors)
    session = loop.start(paused=True)
    assert list(session.evaluate({"features": X, "targets": Y})) == ["cost"]
    session.stop()
    session.wait()


def test_targets_that_are_not_classes_are_refused(session):
    text = r"evaluate: the input 'targets' has dtype torch.int64, but its values have .*float"
    with pytest.raises(SessionError, match=text):
        session.evaluate({"features": X, "targets": Y + 0.5})
    with pytest.raises(SessionError, match=r"equal numbers of examples, not 22 \(features\), 3"):
        session.evaluate({"features": X, "targets": Y[:3]})
