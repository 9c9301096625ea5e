"""Models that several runs of `fit` train one after the other."""

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import AlreadyTrainingError

X = np.random.default_rng(1).normal(size=(40, 3)).astype("float32")
DATA = X, X.sum(1, keepdims=True)
TRAINED = "trained by first before, so training continues from these values"


@pytest.fixture(params=["module", "brick", "list"])
def model(request):
    torch.manual_seed(1)
    linear = wb.Linear(output_dim=1)
    return {"module": torch.nn.Linear(3, 1), "brick": linear, "list": [linear]}[request.param]


def fitted(model, name, **settings):
    run = wb.fit(model, DATA, epochs=1, name=name, **settings)
    assert run.wait(60)
    return run


def test_a_model_is_trained_by_one_run_at_a_time(model):
    run = wb.fit(model, DATA, epochs=10**6, name="first")
    with pytest.raises(AlreadyTrainingError, match=r"being trained by .*first"):
        wb.fit(model, DATA)
    run.stop()
    run.wait(60)


def test_a_model_that_was_trained_before_is_mentioned(model, capsys):
    first = fitted(model, "first")
    assert "before" not in capsys.readouterr().err
    second = fitted(model, "second")
    assert TRAINED in capsys.readouterr().err
    assert second.recipe().startswith("# The model was trained by first before, so training")
    starts = first.log.compare([second]).loc[("run", "start")]
    assert starts.iloc[1] == "trained, continued from first"
    assert starts.iloc[0] in ("initialised", "values of the model")


def test_an_initialised_model_is_not_a_trained_one(capsys):
    linear = wb.Linear(output_dim=1)
    fitted(linear, "first")
    linear.initialize()
    second = fitted(linear, "second")
    assert "before" not in capsys.readouterr().err
    assert second.log.status["started_from"] == "values of the model"


def test_a_session_says_that_another_run_has_changed_its_parameters(model, capsys):
    first, second = fitted(model, "first"), fitted(model, "second")
    capsys.readouterr()
    second.predict(X)
    assert not capsys.readouterr().err
    first.evaluate(DATA)
    first.predict(X)
    text = capsys.readouterr().err
    assert text.startswith("first: its parameters are shared with second, which has trained them")
    assert text.count("\n") == 1
