"""When snapshots are taken: their period follows their cost, and some of them are pinned."""

from itertools import pairwise

import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.config import config
from workbench.extensions import TrainingExtension
from workbench.session import snapshot_taker

pytestmark = pytest.mark.usefixtures("no_session_is_left")

BATCH = 0.1  # seconds


class Clock(TrainingExtension):
    """A clock that only batches and snapshots advance."""

    def __init__(self, cost):
        super().__init__("clock")
        self.now, self.cost, self.spent, self.taken = 0.0, cost, 0.0, []

    def __call__(self):
        return self.now

    def after_batch(self, batch):
        self.now += BATCH

    def take(self, main_loop, *args, **kwargs):
        self.now += self.cost
        self.spent += self.cost
        self.taken.append(main_loop.log.status["iterations_done"])
        return snapshot_taker_of(main_loop, *args, **kwargs)


snapshot_taker_of = snapshot_taker.snapshot_of


@pytest.mark.parametrize(("cost", "batches"), [(0.001, 5), (0.02, 10), (0.05, 25)])
def test_snapshots_take_two_per_cent_of_the_time_or_come_twice_a_second(monkeypatch, cost, batches):
    clock = Clock(cost)
    monkeypatch.setattr(snapshot_taker, "perf_counter", clock)
    monkeypatch.setattr(snapshot_taker, "snapshot_of", clock.take)
    session = runs.build(100, clock).start()
    assert session.wait(SOON)
    first, *periodic = clock.taken
    assert first == 0
    gaps = [b - a for a, b in pairwise(periodic)]
    assert len(gaps) >= 2 and all(batches <= gap <= batches + 1 for gap in gaps)
    assert (clock.spent - 2 * cost) / clock.now <= snapshot_taker.SHARE


def test_a_setting_limits_the_memory_of_the_snapshots():
    with config.override(snapshot_memory=0):  # the newest one is kept in any case
        session = runs.build(30).start(paused=True)
    session.step(3).wait(SOON)
    paused_at(session, 3)
    session.snapshot().wait(SOON)
    assert [one.iteration for one in session.snapshots] == [3]
    session.stop()
    assert session.wait(SOON)


def test_snapshots_at_the_start_at_interventions_and_at_forks_are_pinned():
    session = runs.build(30).start(paused=True)
    session.step(3).wait(SOON)
    paused_at(session, 3)
    session.set("learning_rate", 0.5).wait(SOON)
    session.step(4).wait(SOON)
    paused_at(session, 7)
    paused_at(session.fork(), 7)
    pins = {(one.iteration, one.pin) for one in session.snapshots if one.pin}
    assert pins == {
        (0, "start"),
        (3, "before set learning_rate = 0.5"),
        (3, "after an intervention"),
        (7, "fork"),
    }


def test_a_snapshot_that_is_due_after_an_epoch_is_pinned(monkeypatch):
    class Due(TrainingExtension):
        """An extension that makes the next snapshot due at the last batch of an epoch."""

        def after_batch(self, batch):
            now.append(self.main_loop.status["iterations_done"] // 5)

    now = [0]
    monkeypatch.setattr(snapshot_taker, "perf_counter", lambda: float(now[-1]))
    session = runs.build(14, Due()).start()
    assert session.wait(SOON)
    pins = {one.iteration: one.pin for one in session.snapshots}
    assert pins[0] == "start"
    assert set(pins) >= {5, 10}
