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


class Scaling(Eager):
    """A tier in the place of the compiled one, whose first output always differs."""

    name = "compiled"

    def find(self, sizes):
        run = super().find(sizes)

        def scaled(values):
            first, *others = run(values)
            return [first * 1.001, *others]

        return scaled


class Waiting(TrainingExtension):
    """An extension that waits for all compilations."""

    def after_batch(self, batch):
        for thread in list(policy._threads):
            thread.join()


def build_monitored():
    return runs.build(END, Waiting(), algorithm=runs.in_tier("eager"))


@pytest.fixture
def monitored(monkeypatch):
    """Return a run whose monitor changed to the compiled tier between two evaluations."""
    for name, value in [("SECONDS", 0.0), ("SECONDS_AN_OPERATION", 0.0), ("SAMPLE_EVERY", 1)]:
        monkeypatch.setattr(policy, name, value)
    monkeypatch.setitem(policy.TIERS, "compiled", Scaling)
    monkeypatch.setattr(policy.Execution, "_compare", lambda self: None)
    session = build_monitored().start()
    assert session.wait(SOON)
    monkeypatch.setattr(policy, "SECONDS", float("inf"))
    assert 0 < monitor_swap_of(session) < 20
    return session


def monitor_swap_of(session):
    """Return the iteration at which the tier of the monitor changed."""
    texts = session.log.channel("valid_monitoring_execution")
    [iteration] = texts.index[texts.str.startswith("compiled: ")]
    return int(iteration)


def valid_costs(session):
    return session.log.channel("valid_cost").to_dict()


def test_a_monitor_changes_the_tier_only_between_evaluations(monitored):
    eager = runs.build(END, algorithm=runs.in_tier("eager")).start()
    assert eager.wait(SOON)
    swap = monitor_swap_of(monitored)
    ratios = {i: value / valid_costs(eager)[i] for i, value in valid_costs(monitored).items()}
    assert ratios == {i: pytest.approx(1.001 if i >= swap else 1, abs=1e-5) for i in ratios}


@pytest.mark.parametrize("after", [-2, 3])
def test_a_rewound_run_repeats_evaluations_in_the_tier_of_then(monitored, after):
    expected, swap = valid_costs(monitored), monitor_swap_of(monitored)
    monitored.rewind(swap + after).wait(SOON)
    finish(monitored)
    assert valid_costs(monitored) == expected
    assert monitor_swap_of(monitored) == swap
    assert not alerts(monitored)


@pytest.mark.parametrize("start", [1, END])
def test_a_fork_evaluates_in_the_tier_of_then(monitored, start):
    fork = paused_at(monitored.fork(start), start)
    finish(fork)
    assert valid_costs(fork) == valid_costs(monitored)
    assert not alerts(fork)


def test_a_replay_changes_the_tier_of_the_monitor_at_the_same_iteration(monitored):
    session = build_monitored().start(paused=True)
    session.replay(monitored.log)
    finish(session)
    assert valid_costs(session) == valid_costs(monitored)


def test_a_fork_whose_monitor_cannot_compile_names_the_tier(monitored, monkeypatch):
    monkeypatch.setitem(policy.TIERS, "compiled", Unable)
    fork = paused_at(monitored.fork(END), END)
    [text] = alerts(fork)
    assert "processed in the compiled tier, but now in the eager tier" in text
    assert "valid_cost at iteration" in text
