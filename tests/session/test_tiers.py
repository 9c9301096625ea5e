"""Runs that change the tier: rewinds, forks and replays repeat batches in the tier of then."""

import pytest
import torch

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.errors import CompilationError
from workbench.extensions import TrainingExtension
from workbench.extensions.alerts import ALERTS
from workbench.tensor.execution import policy
from workbench.tensor.execution.eager import Eager

pytestmark = pytest.mark.usefixtures("no_session_is_left")

END = 30


class Rounding(Eager):
    """A tier in the place of the compiled one, whose results always differ from the eager ones."""

    name = "compiled"

    def find(self, sizes):
        run = super().find(sizes)

        def rounded(values):
            outputs = run(values)
            with torch.no_grad():
                for variable in self.task.updated:
                    if variable.tensor.is_floating_point():
                        variable.tensor.mul_(1.001)
            return outputs

        return rounded


class Unable(Eager):
    """A tier that cannot be made."""

    def __init__(self, *args, **kwargs):
        raise CompilationError("no compiler")


class Patience(TrainingExtension):
    """An extension that waits for the compilation of the training step."""

    def after_batch(self, batch):
        thread = self.main_loop.algorithm.execution.thread
        if thread is not None:
            thread.join()


@pytest.fixture
def swapped(monkeypatch):
    """Return a run that changed to the compiled tier long before its end."""
    for name, value in [("SECONDS", 0.0), ("SECONDS_AN_OPERATION", 0.0), ("SAMPLE_EVERY", 1)]:
        monkeypatch.setattr(policy, name, value)
    monkeypatch.setitem(policy.TIERS, "compiled", Rounding)
    monkeypatch.setattr(policy.Execution, "_compare", lambda self: None)
    session = build().start()
    assert session.wait(SOON)
    monkeypatch.setattr(policy, "SECONDS", float("inf"))  # no further run changes it by itself
    assert 3 < swap_of(session) < 20
    return session


def build():
    return runs.build(END, Patience())


def swap_of(session):
    """Return the iteration at which the tier changed."""
    texts = session.log.channel("execution")
    [iteration] = texts.index[texts.str.startswith("compiled: ")]
    return int(iteration)


def alerts(session):
    if ALERTS not in session.log.channels:
        return []
    return [one["text"] for row in session.log.channel(ALERTS).dropna() for one in row]


def finish(session):
    session.resume()
    assert session.wait(SOON)


@pytest.mark.parametrize("after", [-2, 3])
def test_a_rewound_run_repeats_batches_in_the_tier_of_then(swapped, after):
    expected, swap = swapped.log.frame, swap_of(swapped)
    swapped.rewind(swap + after).wait(SOON)
    assert swapped.execution["tier"] == ("eager" if after < 0 else "compiled")
    finish(swapped)
    assert swapped.log.channel("cost").tolist() == expected["cost"].dropna().tolist()
    assert swap_of(swapped) == swap
    assert not alerts(swapped)


@pytest.mark.parametrize("after", [-2, 3])
def test_a_fork_trains_in_the_tier_of_then(swapped, after):
    start = swap_of(swapped) + after
    fork = paused_at(swapped.fork(start), start)
    finish(fork)
    runs.assert_same(fork.main_loop, swapped.main_loop)
    assert not alerts(fork)


def test_a_replay_changes_the_tier_at_the_same_batch(swapped):
    session = build().start(paused=True)
    session.replay(swapped.log)
    finish(session)
    runs.assert_same(session.main_loop, swapped.main_loop)


def test_a_run_that_was_rewound_goes_on_in_its_own_tier(swapped):
    swapped.rewind(swap_of(swapped) - 1).wait(SOON)
    swapped.train(batches=10).wait(SOON)
    finish(swapped)
    assert swapped.execution["tier"] == "compiled"


def test_a_fork_that_cannot_compile_names_the_tier(swapped, monkeypatch):
    monkeypatch.setitem(policy.TIERS, "compiled", Unable)
    fork = paused_at(swapped.fork(END - 1), END - 1)
    [text] = alerts(fork)
    assert "processed in the compiled tier, but now in the eager tier" in text
    assert "without a command" not in text


def test_a_replay_in_another_tier_is_told(swapped, capsys):
    loop = build()
    loop.algorithm.function_kwargs = {"execution": "eager"}
    session = loop.start(paused=True)
    session.replay(swapped.log).wait(SOON)
    assert "used execution='auto', but this run uses execution='eager'" in capsys.readouterr().err
