"""Attributes of other libraries that a session does not have are answered."""

import numpy as np
import pytest

import workbench as wb
from workbench.session.near_misses import INSTEAD


@pytest.fixture(scope="module")
def session():
    session = wb.fit([wb.Linear()], (np.eye(4, dtype="float32"), [0, 1, 0, 1]), validation=None)
    assert session.wait(20)
    return session


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model", r"session.to_torch\(\) returns the model"),
        ("history", "session.log.epochs has a row for each epoch"),
        ("lr", r"session.set\('learning_rate', 0.001\)"),
        ("fit", r"call session.train\(epochs=5\)"),
        ("summary", r"session.main_loop.model.summary\(\)"),
        ("callbacks", "session.main_loop.extensions"),
        ("epochs", r"session.log.status\['epochs_done'\]"),
        ("evaluat", "did you mean 'evaluate'"),
    ],
)
def test_a_missing_attribute_is_answered(session, name, text):
    with pytest.raises(AttributeError, match=f"Session has no attribute '{name}'.*{text}"):
        getattr(session, name)


def test_the_error_of_a_property_stays(session, monkeypatch):
    monkeypatch.setattr(type(session), "note", property(lambda self: self._no_such_part))
    with pytest.raises(AttributeError, match="_no_such_part"):
        _ = session.note


def test_every_answer_is_about_a_missing_name(session):
    assert not set(INSTEAD) & set(dir(session))
