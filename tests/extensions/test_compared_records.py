"""The better direction of a record, and names that contradict it."""

import re

import numpy as np
import pytest

from tests.extensions.test_training import Feed
from tests.support.fakes import make
from workbench import shared
from workbench.errors import ExtensionError
from workbench.extensions import EarlyStopping, FinishAfter, ReduceOnPlateau, TrackTheBest

LOWER = {
    "TrackTheBest": lambda name: TrackTheBest(name),
    "EarlyStopping": lambda name: EarlyStopping(name, epochs=2),
    "ReduceOnPlateau": lambda name: ReduceOnPlateau(shared(1.0, "rate"), name),
}
HIGHER = {
    "TrackTheBest": lambda name: TrackTheBest(name, choose_best=max),
    "EarlyStopping": lambda name: EarlyStopping(name, epochs=2, choose_best=max),
    "ReduceOnPlateau": lambda name: ReduceOnPlateau(shared(1.0, "rate"), name, mode="max"),
}
MORE = ["accuracy", "valid_accuracy", "val-acc", "validAccuracy", "test/F1", "auc_macro"]
LESS = ["cost", "valid_cost", "error_rate", "testLoss", "rmse", "valid perplexity"]
NEITHER = ["reward", "epoch_time", "accretion", "closs", "accuracy_loss", "v"]


@pytest.mark.parametrize("kind", LOWER)
@pytest.mark.parametrize("name", MORE)
def test_taking_lower_values_as_better_is_reported(kind, name, caplog):
    LOWER[kind](name)
    [text] = caplog.messages
    assert re.search(r"lower values .* higher values .*max", text) and repr(name) in text


@pytest.mark.parametrize("kind", HIGHER)
@pytest.mark.parametrize("name", LESS)
def test_taking_higher_values_as_better_is_reported(kind, name, caplog):
    HIGHER[kind](name)
    [text] = caplog.messages
    assert re.search(r"higher values .* lower values .*min", text) and repr(name) in text


@pytest.mark.parametrize("kind", LOWER)
def test_a_name_that_agrees_or_says_nothing_is_not(kind, caplog):
    for name in LESS + NEITHER:
        LOWER[kind](name)
    for name in MORE + NEITHER:
        HIGHER[kind](name)
    assert caplog.text == ""


def test_a_user_function_is_trusted(caplog):
    TrackTheBest("accuracy", choose_best=lambda new, old: min(new, old))
    assert caplog.text == ""


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), np.ones((2, 2)), "low", [1.0]])
@pytest.mark.parametrize("kind", LOWER)
def test_a_record_that_is_not_one_number_is_refused_by_name(kind, value):
    main_loop = make(Feed([value] * 3, "v"), LOWER[kind]("v"), FinishAfter(after_n_epochs=3))
    with pytest.raises(ExtensionError, match="'v', after_epoch=True. compares must be a single"):
        main_loop.run()
