"""Logs as state, as pickles and as copies."""

import copy
import pickle

import numpy
import pandas
import pytest

from tests.support.logs import every_backend
from workbench.errors import StateError

pytestmark = every_backend


def filled(new):
    log = new()
    for i in range(1, 4):
        log.status["iterations_done"] = i
        log.current_row.update({"cost": 1 / i, "count": i})
    log[2]["note"] = ("an object", {"of": [1, 2]})
    log.status.update(epochs_done=1, _epoch_ends=[3], best=0.5)
    return log


@pytest.mark.parametrize("duplicate", ["state", "pickle", "copy"])
def test_a_log_is_restored_with_identity_status_and_records(new, duplicate):
    log = filled(new)
    if duplicate == "state":
        again = new()
        again[9]["other"] = 1
        again.load_state_dict(log.state_dict())
    else:
        again = pickle.loads(pickle.dumps(log)) if duplicate == "pickle" else copy.deepcopy(log)
    assert (again.uuid, again.status, again.channels) == (log.uuid, log.status, log.channels)
    pandas.testing.assert_frame_equal(again.frame, log.frame)
    again[4]["cost"] = 2.0
    assert (len(again), len(log)) == (4, 3)


def test_later_records_do_not_change_a_state(new):
    log = filled(new)
    state = log.state_dict()
    log[3]["cost"] = 0.0
    log.status["_epoch_ends"] += [5]
    again = new()
    again.load_state_dict(state)
    assert again[3]["cost"] == 1 / 3 and again.status["_epoch_ends"] == [3]


def test_a_frame_after_loading_is_that_of_the_loaded_records(new):
    log, other = filled(new), new()
    for i in range(1, 4):
        other[i].update({"cost": 5.0, "count": -i})
    assert other.frame["cost"].tolist() == [5.0] * 3
    version = other.version
    other.load_state_dict(log.state_dict())
    assert other.frame["cost"].tolist() == [1.0, 1 / 2, 1 / 3] and other.version > version


@pytest.mark.parametrize(
    "key, value",
    [
        ("uuid", "x"),
        ("status", {}),
        ("status", {"iterations_done": -1, "epochs_done": 0, "_epoch_ends": []}),
        ("rows", [1, 2]),
        ("rows", numpy.array([2, 1])),
        ("columns", {"cost": (numpy.array([1, 2]), numpy.array([1.0]))}),
        ("columns", {"cost": (numpy.array([1]), "x")}),
        ("columns", 3),
    ],
)
def test_an_invalid_state_of_a_log_changes_nothing(new, key, value):
    log = filled(new)
    before = log.frame.copy()
    with pytest.raises(StateError):
        log.load_state_dict({**log.state_dict(), key: value})
    pandas.testing.assert_frame_equal(log.frame, before)
