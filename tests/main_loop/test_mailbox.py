"""Requests to the thread that trains: their order at boundaries and within evaluations."""

import threading

import pytest

from tests.support.fakes import FakeAlgorithm, GatedAlgorithm, make
from workbench.errors import EvaluationAbandoned
from workbench.main_loop.mailbox import Mailbox, Request


@pytest.fixture
def seen():
    return []


@pytest.fixture
def mailbox():
    return Mailbox()


def noting(seen, name, **options):
    return Request(lambda: seen.append(name), **options)


def test_requests_are_carried_out_in_order_and_new_ones_the_next_time(mailbox, seen):
    mailbox.post(noting(seen, "a"))
    mailbox.post(Request(lambda: mailbox.post(noting(seen, "later"))))
    mailbox.post(noting(seen, "b"))
    mailbox.run_all()
    assert seen == ["a", "b"]
    mailbox.run_all()
    assert seen == ["a", "b", "later"]


def test_a_request_that_waits_for_the_next_one_does_not_hold_up_the_queue(mailbox, seen):
    mailbox.post(Request(mailbox.run_next))
    mailbox.post(noting(seen, "a"))
    mailbox.run_all()
    assert seen == ["a"]


def test_requests_for_the_boundary_are_kept_in_order(mailbox, seen):
    mailbox.post(noting(seen, "a"))
    mailbox.post(noting(seen, "never", early=lambda: seen.append("early") is None))
    mailbox.post(noting(seen, "b", early=lambda: False))
    mailbox.yield_to_commands()
    assert seen == ["early"] and not mailbox.yielding
    mailbox.post(noting(seen, "c"))
    mailbox.run_all()
    assert seen == ["early", "a", "b", "c"]


def test_an_urgent_request_ends_every_evaluation_until_it_is_carried_out(mailbox, seen):
    mailbox.post(noting(seen, "stop", urgent=True))
    for _ in range(2):
        with pytest.raises(EvaluationAbandoned, match="abandoned because of an urgent request"):
            mailbox.yield_to_commands()
    mailbox.run_all()
    mailbox.yield_to_commands()
    assert seen == ["stop"]


def test_cleared_requests_are_gone(mailbox, seen):
    mailbox.post(noting(seen, "a"))
    mailbox.yield_to_commands()
    mailbox.post(noting(seen, "b"))
    mailbox.clear()
    mailbox.run_all()
    assert seen == []


def test_only_the_thread_that_trains_yields_to_commands():
    main_loop = make(algorithm=FakeAlgorithm())
    main_loop.post(lambda: None, urgent=True)
    main_loop.yield_to_commands()
    thread = threading.Thread(target=main_loop.yield_to_commands)
    thread.start()
    thread.join()
    assert not main_loop._run.mailbox.kept


def test_pausing_and_resuming_within_one_batch_leaves_training_running():
    algorithm = GatedAlgorithm()
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire()
    pause, resume = session.pause(), session.resume()
    algorithm.allowed.release(10**6)
    for _ in range(10):
        algorithm.arrived.acquire(timeout=20)
    assert pause.iteration == resume.iteration == 1
    assert session.stop().wait(20) is None and session.wait(20)


def test_a_request_that_rests_waits_for_the_end_of_a_pause():
    mailbox, done = Mailbox(), []

    def again():
        done.append("again")
        mailbox.post(Request(again, rests=True))

    mailbox.resting = []
    mailbox.post(Request(again))
    mailbox.post(Request(lambda: done.append("other")))
    mailbox.run_next()
    mailbox.run_next()
    assert done == ["again", "other"]
    assert mailbox.requests.empty()
    mailbox.wake()
    assert done == ["again", "other", "again"]
    assert mailbox.requests.qsize() == 1


def test_a_request_that_rests_waits_behind_a_gate():
    mailbox, done = Mailbox(), []
    mailbox.resting = []
    mailbox.post(Request(lambda: done.append("rested"), rests=True))
    mailbox.gate = lambda: False
    mailbox.wake()
    assert not done
    mailbox.gate = None
    mailbox.run_all()
    assert done == ["rested"]
