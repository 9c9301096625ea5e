"""Which snapshots are kept: bounded in number and bytes, denser near the present."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.session.snapshots import Ring, Snapshot


def snapshot(iteration, value=None, pin=""):
    tensor = torch.full((256,), float(iteration)) if value is None else value
    return Snapshot(iteration, 0, {"parameters": {"w": tensor}}, {}, {}, "main", pin)


def filled(ring, iterations, **options):
    for iteration in iterations:
        ring.add(snapshot(iteration, **options))
    return ring


def test_the_number_is_bounded():
    assert len(filled(Ring(most=10), range(100))) == 10


def test_the_bytes_are_bounded():
    ring = filled(Ring(memory=8 * 1024), range(50))
    assert (ring.bytes, len(ring)) == (8 * 1024, 8)


def test_the_newest_is_kept_though_it_is_too_large():
    ring = filled(Ring(memory=10), [1, 2])
    assert [one.iteration for one in ring] == [2]


def test_the_present_is_denser_than_the_past():
    kept = [one.iteration for one in filled(Ring(most=20), range(1000))]
    gaps = [after - before for before, after in pairwise(kept)]
    assert kept[-1] == 999
    assert sum(gaps[-5:]) < sum(gaps[:5]) / 4


@settings(max_examples=20)
@given(st.integers(1, 2000))
def test_the_way_back_is_short_in_proportion_to_the_age(end):
    ring = filled(Ring(most=32), range(end))
    for iteration in range(0, end, 7):
        way = iteration - ring.newest_until(iteration).iteration
        assert way <= 0.7 * (end - iteration)


def test_pinned_ones_stay_longest():
    ring = Ring(most=5)
    ring.add(snapshot(3, pin="mine"))
    filled(ring, range(4, 60))
    assert "mine" in [one.pin for one in ring]


def test_pinned_ones_go_when_nothing_else_is_left():
    ring = Ring(most=3)
    for iteration in range(9):
        ring.add(snapshot(iteration, pin="each"))
    assert len(ring) == 3


def test_equal_tensors_are_shared():
    frozen = torch.arange(256.0)
    ring = Ring()
    for iteration in range(4):
        ring.add(snapshot(iteration, value=frozen.clone()))
    assert ring.bytes == 1024


def test_tensors_that_differ_late_are_not_shared():
    ring = filled(Ring(), [0], value=torch.zeros(256))
    changed = torch.zeros(256)
    changed[-1] = 1
    ring.add(snapshot(1, value=changed))
    assert [one.state["parameters"]["w"][-1].item() for one in ring] == [0, 1]


@pytest.mark.parametrize(("iteration", "found"), [(0, None), (4, None), (5, 5), (7, 5), (99, 10)])
def test_the_newest_until(iteration, found):
    ring = filled(Ring(), [5, 10])
    assert getattr(ring.newest_until(iteration), "iteration", None) == found
