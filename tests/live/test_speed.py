"""The speed of a run."""

import pytest

from extensions_live.speed import WINDOW, Speed


def test_a_pause_does_not_look_like_slow_training():
    now = 0.0
    speed = Speed(clock=lambda: now)
    for iteration, moving in ((0, True), (50, True), (100, False), (100, True), (150, True)):
        speed.saw(iteration, moving=moving)
        now += 1000.0 if not moving else 1.0
    assert speed.rate() == 50.0


def test_old_times_are_dropped():
    now = 0.0
    speed = Speed(clock=lambda: now)
    iteration = 0
    for rate, seconds in ((10, 30), (40, 30)):
        for _ in range(seconds):
            speed.saw(iteration, moving=True)
            iteration += rate
            now += 1.0
    assert speed.rate() == 40.0
    assert len(speed._seen) <= WINDOW + 1


@pytest.mark.parametrize("seconds", [4, 7, 12, 30, 60])
def test_the_speed_of_slow_batches_is_right(seconds):
    now = 0.0
    speed, shown = Speed(clock=lambda: now), set()
    while now < 8 * seconds:
        speed.saw(int(now // seconds), moving=True)
        shown.add(speed.rate())
        now += 0.25
    assert shown == {None, 1 / seconds}


def test_a_rewind_does_not_look_like_negative_speed():
    now = 0.0
    speed = Speed(clock=lambda: now)
    for iteration in (100, 150, 200, 20, 70, 120):
        speed.saw(iteration, moving=True)
        now += 1.0
    assert speed.rate() == 50.0


def test_a_view_that_opens_within_a_slow_batch_waits_for_a_whole_one():
    now = 55.0
    speed, shown = Speed(clock=lambda: now), set()
    while now < 300:
        speed.saw(int(now // 60), moving=True)
        shown.add(speed.rate())
        now += 0.25
    assert shown == {None, 1 / 60}


def test_the_time_in_which_a_view_was_not_shown_does_not_count():
    now = 0.0
    speed = Speed(clock=lambda: now)
    for iteration, seconds in ((0, 1), (10, 1), (20, 1000), (30, 1), (40, 1), (50, 1)):
        speed.saw(iteration, moving=True)
        now += seconds
    assert speed.rate() == 10.0
