"""Timers and their sums."""

import io

import pytest

from workbench.utils.profile import Profile, Timer


@pytest.fixture
def profile(monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr("workbench.utils.profile.perf_counter", lambda: float(next(ticks)))
    new = Profile()
    for _ in range(2):
        with Timer("training", new):
            with Timer("read_data", new):
                pass
            with Timer("train", new):
                pass
    return new


def test_times_add_up_by_nesting(profile):
    assert profile.total == {
        ("training",): 10.0,
        ("training", "read_data"): 2.0,
        ("training", "train"): 2.0,
    }
    assert profile.seconds("train") == profile.seconds("training", "train") == 2.0
    assert profile.seconds("data") == 0
    assert profile.current == ()


def test_an_exception_ends_its_section(profile):
    with pytest.raises(ValueError, match="no"), Timer("training", profile):
        raise ValueError("no")
    assert profile.current == ()
    assert profile.total["training",] == 11.0


def test_the_report_is_a_tree_with_shares(profile):
    file = io.StringIO()
    profile.report(file)
    lines = [line.split() for line in file.getvalue().splitlines()]
    assert lines == [
        ["Section", "Seconds", "Share"],
        ["training", "10.000", "100.0%"],
        ["read_data", "2.000", "20.0%"],
        ["train", "2.000", "20.0%"],
    ]
