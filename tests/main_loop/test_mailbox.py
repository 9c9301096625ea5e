"""Letters to the thread that trains: their order, at boundaries and within evaluations."""

import threading

import pytest

from tests.support.fakes import FakeAlgorithm, GatedAlgorithm, make
from workbench.errors import EvaluationAbandoned
from workbench.main_loop.mailbox import Letter, Mailbox


@pytest.fixture
def seen():
    return []


@pytest.fixture
def mailbox():
    return Mailbox()


def noting(seen, name, **options):
    return Letter(lambda: seen.append(name), **options)


def test_letters_are_delivered_in_order_and_new_ones_the_next_time(mailbox, seen):
    mailbox.post(noting(seen, "a"))
    mailbox.post(Letter(lambda: mailbox.post(noting(seen, "later"))))
    mailbox.post(noting(seen, "b"))
    mailbox.deliver()
    assert seen == ["a", "b"]
    mailbox.deliver()
    assert seen == ["a", "b", "later"]


def test_a_letter_that_waits_for_the_next_one_does_not_make_delivery_wait(mailbox, seen):
    mailbox.post(Letter(mailbox.attend))
    mailbox.post(noting(seen, "a"))
    mailbox.deliver()
    assert seen == ["a"]


def test_what_is_not_for_a_breath_is_kept_in_order(mailbox, seen):
    mailbox.post(noting(seen, "a"))
    mailbox.post(noting(seen, "never", early=lambda: seen.append("early") is None))
    mailbox.post(noting(seen, "b", early=lambda: False))
    mailbox.breathe()
    assert seen == ["early"] and not mailbox.breathing
    mailbox.post(noting(seen, "c"))
    mailbox.deliver()
    assert seen == ["early", "a", "b", "c"]


def test_an_urgent_letter_ends_every_breath_until_it_is_delivered(mailbox, seen):
    mailbox.post(noting(seen, "stop", urgent=True))
    for _ in range(2):
        with pytest.raises(EvaluationAbandoned, match="training is to end now"):
            mailbox.breathe()
    mailbox.deliver()
    mailbox.breathe()
    assert seen == ["stop"]


def test_cleared_letters_are_gone(mailbox, seen):
    mailbox.post(noting(seen, "a"))
    mailbox.breathe()
    mailbox.post(noting(seen, "b"))
    mailbox.clear()
    mailbox.deliver()
    assert seen == []


def test_only_the_thread_that_trains_breathes():
    main_loop = make(algorithm=FakeAlgorithm())
    main_loop.post(lambda: None, urgent=True)
    main_loop.breathe()
    thread = threading.Thread(target=main_loop.breathe)
    thread.start()
    thread.join()
    assert not main_loop._mailbox.kept


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
