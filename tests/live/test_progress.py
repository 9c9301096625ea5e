"""How far, how fast, how long still."""

from extensions_live.progress import WINDOW, Speed, planned
from tests.support.fakes import FakeAlgorithm
from workbench.extensions import CompositeExtension, FinishAfter
from workbench.main_loop import MainLoop

BATCHES = [{"x": 1}] * 7


def loop(*extensions, stream=BATCHES):
    return MainLoop(FakeAlgorithm(), stream, extensions=extensions)


def test_the_first_end_counts_wherever_it_stands():
    inside = CompositeExtension([FinishAfter(after_n_epochs=2)])
    assert planned(loop(FinishAfter(after_n_batches=100))) == 100
    assert planned(loop(FinishAfter(after_n_batches=100), inside)) == 14
    assert planned(loop()) is None
    assert planned(loop(FinishAfter(after_epoch=True))) is None


def test_the_length_of_an_epoch_is_learnt_where_the_stream_does_not_know_it():
    class Endless:
        def __iter__(self):
            return iter(BATCHES)

    main_loop = loop(FinishAfter(after_n_epochs=3), stream=Endless())
    assert planned(main_loop) is None
    main_loop.run()
    assert planned(main_loop) == 21


def test_a_pause_does_not_look_like_slow_training():
    now = 0.0
    speed = Speed(clock=lambda: now)
    for iteration, moving in ((0, True), (50, True), (100, False), (100, True), (150, True)):
        speed.saw(iteration, moving=moving)
        now += 1000.0 if not moving else 1.0
    assert speed.rate() == 50.0


def test_old_times_are_forgotten():
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
