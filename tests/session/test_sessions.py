"""The list of all sessions of a process."""

import gc

import pytest

from tests.support import runs
from tests.support.waiting import paused_at, until
from workbench.errors import LogError, SessionError, SessionWarning
from workbench.interfaces import State
from workbench.session import sessions

SOON = 20


@pytest.fixture
def first():
    session = runs.build(5).start(name="a <first> one")
    assert session.wait(SOON)
    return session


def test_one_that_has_ended_is_listed_while_it_is_used(first):
    assert sessions()["a <first> one"] is first
    assert first in sessions()


def test_one_that_has_ended_and_is_not_used_is_freed():
    session = runs.build(1).start(name="forgotten")
    assert session.wait(SOON)
    del session
    gc.collect()
    assert "forgotten" not in [one.name for one in sessions()]


def test_a_running_one_whose_variable_was_lost_is_found():
    runs.build(None).start(paused=True, name="lost")
    gc.collect()
    session = sessions()["lost"]
    session.stop()
    assert session.wait(SOON)


def test_the_order_is_that_of_their_starts(first):
    second = runs.build(1).start()
    assert second.wait(SOON)
    assert list(sessions()[-2:]) == [first, second]


def test_an_unknown_name_lists_the_known_ones(first):
    with pytest.raises(SessionError, match=r"no session 'a <frist> one'; .* mean 'a <first>"):
        sessions()["a <frist> one"]


def test_a_notebook_shows_a_table(first):
    text = sessions()._repr_html_()
    assert "<td>a &lt;first&gt; one</td><td>finished</td><td>5 of 5</td><td>0</td><td>" in text
    assert "<th>newest values</th>" in text


def test_one_whose_log_was_removed_does_not_hide_the_others(first, monkeypatch):
    def removed(self):
        raise LogError("the database was removed")

    monkeypatch.setattr(type(first), "log", property(removed))
    assert repr(first) == "<Session a <first> one: finished, its log cannot be read>"
    text = '<td>a &lt;first&gt; one</td><td colspan="4">finished: its log cannot be read</td>'
    assert text in sessions()._repr_html_()
    assert "<th>log</th><td>its log cannot be read</td>" in first._repr_html_()


def test_a_name_that_was_given_is_in_the_log_of_its_session_alone(first):
    assert first.log.status["session_name"] == "a <first> one"
    fork, other = first.fork(0), first.fork(0, name="another")
    for session in (fork, other):
        paused_at(session, 0)
        session.stop()
        assert session.wait(SOON)
    assert "session_name" not in fork.log.status
    assert other.log.status["session_name"] == "another"
    first.main_loop.run(batches=1)
    assert "session_name" not in first.log.status


def test_a_run_without_a_session_has_no_name():
    loop = runs.build(1)
    loop.run()
    assert "session_name" not in loop.log.status


def test_a_rewind_keeps_the_name(first):
    first.rewind(2).wait(SOON)
    assert first.log.status["session_name"] == "a <first> one"
    first.stop()
    assert first.wait(SOON)


def test_two_that_train_side_by_side_go_on_and_train_as_if_alone():
    first = runs.build(None).start()
    with pytest.warns(SessionWarning, match="is training too"):
        second = runs.build(None).start()
    both = first, second

    def done():
        return [session.log.status["iterations_done"] for session in both]

    for _ in range(3):  # each goes on while the other one runs
        one, other = done()
        until(lambda one=one, other=other: done()[0] > one and done()[1] > other)
        assert [session.state for session in both] == [State.RUNNING] * 2
    for session in both:
        session.stop()
        assert session.wait(SOON)
    alone = runs.build(None)
    alone.run(batches=max(done()))
    costs = alone.log.channel("cost").tolist()
    for session, count in zip(both, done(), strict=True):
        assert session.log.channel("cost").tolist() == costs[:count]
