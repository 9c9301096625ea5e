"""Edits of a run in other processes, which have the results of the same edits in a thread.

A detached process, and two processes together, get the same commands as a session in this process.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from tests.support import runs
from tests.support.forked_runs import Forked, costs
from tests.support.waiting import paused_at
from workbench import errors, interfaces
from workbench.algorithms import Momentum
from workbench.builder import Spec
from workbench.extensions import SharedVariableModifier
from workbench.extensions.alerts import ALERTS

KINDS = {"detached": {"detached": True, "linger": 0}, "two": {"processes": 2}}


def build():
    """Return a main loop with a model that can be rebuilt, and a learning rate with a schedule."""
    rule = Momentum(0.02, 0.9)
    schedule = SharedVariableModifier(rule.learning_rate, lambda done: 0.02 / (1 + done / 50))
    return runs.build(None, schedule, rule=rule, dropout=0)


def rate(session):
    """Return the learning rate."""
    return session.describe("learning_rate").value


class Twins(NamedTuple):
    """Session of a run in other processes, and one of the same run in a thread."""

    far: interfaces.Session
    near: interfaces.Session

    def ask(self, f):
        """Give both sessions a command; return its results."""
        return [f(session).wait(60) for session in self]

    def get(self, f):
        """Return an attribute that both sessions must have with the same value."""
        far, near = map(f, self)
        assert far == near
        return far

    def train(self, batches=3):
        """Train on some batches, and compare all costs and parameters."""
        done = self.near.log.status["iterations_done"] + batches
        self.ask(lambda session: session.step(batches))
        for session in self:
            paused_at(session, done)
        np.testing.assert_allclose(
            *map(costs, (session.log for session in self)), rtol=1e-6, atol=1e-6
        )
        far, near = (session.probe().wait(60) for session in self)
        assert far.keys() == near.keys()
        for name, value in near.items():
            np.testing.assert_allclose(far[name], value, rtol=0, atol=1e-5 * value.abs().max())


@pytest.fixture(scope="module", params=KINDS)
def twins(folder_of_runs, request):
    """Yield the two sessions, paused after two batches."""
    far = build().start(launcher=Forked(), paused=True, **KINDS[request.param])
    near = build().start(paused=True)
    both = Twins(far, near)
    both.train(2)
    yield both
    far.close(end=True)
    near.stop()
    assert near.wait(60)


def test_a_schedule_is_held_and_released(twins):
    twins.ask(lambda session: session.hold("learning_rate", 0.03125))
    twins.train()
    assert twins.get(rate) == 0.03125
    twins.ask(lambda session: session.release("learning_rate"))
    twins.train()
    assert twins.get(rate) < 0.02


def test_examples_are_relabelled_and_dropped(twins):
    twins.ask(lambda session: session.relabel([1, 2], 0))
    twins.ask(lambda session: session.drop([3, 4, 5]))
    twins.train(7)
    assert twins.get(lambda session: session.training_examples["dropped"]) == [3, 4, 5]
    relabelled = twins.get(lambda session: list(session.training_examples["relabelled"]["targets"]))
    assert relabelled == [1, 2]
    with pytest.raises(errors.SessionError, match="no source 'target'; .* mean 'targets'"):
        twins.far.relabel(0, 1, source="target")


def test_the_model_is_rebuilt_and_the_change_is_undone(twins):
    spec = Spec.from_dict(twins.get(lambda session: session.spec()))
    mlp = next(brick for brick in spec.bricks if brick.type == "MLP")
    settings = {**mlp.settings, "activations": [{"brick": {"type": "Rectifier"}}, None]}
    new = tuple(replace(b, settings=settings) if b is mlp else b for b in spec.bricks)
    before = twins.near.log.status["iterations_done"]
    far, near = twins.ask(lambda session: session.rebuild(replace(spec, bricks=new)))
    assert far == near and len(far["kept"]) == 4
    twins.train()
    assert "Rectifier" in str(twins.get(lambda session: session.model_tree))
    twins.ask(lambda session: session.undo())
    for session in twins:
        paused_at(session, before)
    twins.train()
    assert "Rectifier" not in str(twins.get(lambda session: session.model_tree))


def test_the_end_is_set(twins):
    end = twins.near.log.status["iterations_done"] + 1_000
    twins.ask(lambda session: session.set_end(batches=end))
    assert twins.get(lambda session: dict(session.planned))["batches"] == end
    with pytest.raises(errors.SessionError, match="must be greater than"):
        twins.far.set_end(batches=1).wait(60)
    twins.train()


def test_an_alert_is_recorded(twins):
    twins.ask(lambda session: session.alert("look here", "error"))
    done = twins.near.log.status["iterations_done"]
    [alert] = twins.get(lambda session: session.log[done][ALERTS])
    assert alert == {"level": "error", "text": "look here", "by": "code"}
    twins.train()


def test_a_snapshot_is_kept_and_a_fork_continues_from_it(twins):
    done = twins.near.log.status["iterations_done"]
    assert twins.ask(lambda session: session.snapshot("mine")) == [done, done]
    assert [one.iteration for one in twins.far.snapshots if one.pin == "mine"] == [done]
    twins.train()
    forks = Twins(*[session.fork(done) for session in twins])
    try:
        for fork in forks:
            paused_at(fork, done)
        forks.train()
        np.testing.assert_array_equal(costs(forks.far.log), costs(twins.far.log))
    finally:
        forks.far.close(end=True)
        forks.near.stop()
        assert forks.near.wait(60)


def test_commands_are_replayed(twins):
    """All commands of this module so far are replayed, in two new processes."""
    twins.ask(lambda session: session.hold("learning_rate", 0.03))
    twins.train()
    twins.ask(lambda session: session.release("learning_rate"))
    twins.train()
    commands = twins.get(lambda session: [one["command"] for one in session.interventions])
    assert commands[-4:] == ["hold", "step", "release", "step"]
    done = twins.near.log.status["iterations_done"]
    again = build().start(launcher=Forked(), paused=True, processes=2)
    try:
        again.replay(twins.far)
        again.step(done).wait(60)
        paused_at(again, done)
        np.testing.assert_allclose(costs(again.log), costs(twins.near.log), rtol=1e-6, atol=1e-6)
    finally:
        again.close()
