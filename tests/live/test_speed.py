"""The speed of a run."""

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
