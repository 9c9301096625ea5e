"""The pump and its limits."""

import logging
import threading

from extensions_live.pump import Limiter, Pump
from workbench.errors import SessionError

from .runs import Clock


class FakeView:
    """View that records the calls of the pump; it can fail or take time."""

    period = 0.2
    pace = 0.0

    def __init__(self, clock=None, cost=0.0, messages=1, error=None):
        self.clock, self.cost, self.messages, self.error = clock, cost, messages, error
        self.refreshed, self.failures = [], []
        self.reached = threading.Event()

    def watched(self):
        return True

    def refresh(self):
        self.refreshed.append(threading.current_thread())
        self.reached.set()
        if self.clock is not None:
            self.clock.now += self.cost
        if self.error is not None:
            raise self.error
        return self.messages

    def fail(self, error):
        self.failures.append(error)


def quiet_pump(clock):
    """Return a pump without its thread; a test calls ``serve``."""
    pump = Pump(limiter=Limiter(clock=clock), clock=clock)
    pump._thread = threading.current_thread()
    return pump


def test_no_second_has_more_messages_than_allowed():
    clock = Clock()
    limiter = Limiter(per_second=12, clock=clock)
    sent = []
    while clock.now < 5.0:
        if limiter.delay() == 0.0:
            limiter.count()
            sent.append(clock.now)
        clock.now += 0.01
    assert len(sent) >= 59
    assert all(b - a >= 1.0 for a, b in zip(sent, sent[12:], strict=False))


def test_a_slow_view_waits_ten_times_its_duration():
    clock = Clock()
    view, pump = FakeView(clock, cost=0.5), quiet_pump(clock)
    pump.attach(view)
    pump.serve(view)
    assert pump._due[view] == 10 * 0.5


def test_a_fast_view_waits_its_period():
    clock = Clock()
    view, pump = FakeView(clock), quiet_pump(clock)
    pump.attach(view)
    pump.serve(view)
    assert pump._due[view] == view.period


def test_a_view_whose_page_draws_slowly_waits_for_the_page():
    clock = Clock()
    view, pump = FakeView(clock), quiet_pump(clock)
    view.pace = 1.5
    pump.attach(view)
    pump.serve(view)
    assert pump._due[view] == 1.5


def test_one_separate_thread_refreshes_all_views():
    pump, views = Pump(), [FakeView(), FakeView()]
    for view in views:
        pump.attach(view)
    for view in views:
        assert view.reached.wait(10)
        pump.detach(view)
    threads = {thread for view in views for thread in view.refreshed}
    assert len(threads) == 1
    assert threads.isdisjoint({threading.current_thread()})


def test_the_thread_ends_with_the_last_view_and_starts_again():
    pump, view = Pump(), FakeView()
    for _ in range(2):
        view.reached.clear()
        pump.attach(view)
        thread = pump._thread
        assert view.reached.wait(10)
        pump.detach(view)
        thread.join(10)
        assert not thread.is_alive()


def test_an_error_is_shown_and_logged_once_and_other_views_continue(caplog):
    clock = Clock()
    pump, broken, sound = quiet_pump(clock), FakeView(error=ValueError("no ink")), FakeView()
    with caplog.at_level(logging.ERROR):
        for view in (broken, sound, broken):
            pump.serve(view)
    assert [str(error) for error in broken.failures] == ["no ink"]
    assert [record.message for record in caplog.records] == ["FakeView cannot be drawn"]
    assert len(sound.refreshed) == 1


def test_an_error_of_the_workbench_is_only_shown_in_its_view(caplog):
    pump, view = quiet_pump(Clock()), FakeView(error=SessionError("no source"))
    pump.serve(view)
    assert [str(error) for error in view.failures] == ["no source"]
    assert caplog.records == []


def test_a_view_that_recovered_reports_the_next_error_again(caplog):
    pump, view = quiet_pump(Clock()), FakeView(error=ValueError("first"))
    pump.serve(view)
    view.error = None
    pump.serve(view)
    view.error = ValueError("second")
    pump.serve(view)
    assert [str(error) for error in view.failures] == ["first", "second"]
