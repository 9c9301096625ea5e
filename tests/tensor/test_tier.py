"""Tiers are interchangeable, and a new one takes a few lines."""

import numpy
import pytest
import torch

import workbench
from tests.tensor.test_execution import batch, descent
from workbench import function, tensor
from workbench.tensor.execution.captured import Captured
from workbench.tensor.execution.compiled import Compiled
from workbench.tensor.execution.eager import Eager
from workbench.tensor.execution.task import Task
from workbench.tensor.execution.threads import Threads
from workbench.tensor.execution.tier import TIERS


class Counted(Eager):
    """Tier that runs eagerly, and counts the calls for each size."""

    name = "counted"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.counts = {}

    def find(self, sizes):
        self.counts[sizes] = self.counts.get(sizes, 0) + 1
        return super().find(sizes)

    def state(self):
        return list(self.counts)

    def describe(self):
        yield f"  counted   {sum(self.counts.values())} calls"


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setitem(TIERS, "counted", Counted)


def test_a_function_runs_in_a_users_tier(counted, capsys):
    x = tensor.vector("x")
    f = function([x], x * 2, execution="counted")
    assert f([1.0, 2.0]).tolist() == [2, 4] and f([3.0]).tolist() == [6]
    assert f.execution.tier.counts == {(2,): 1, (1,): 1}
    assert f.execution.described == "counted: requested"
    assert f.execution.state() == [(2,), (1,)]
    workbench.explain(f)
    assert "  counted   2 calls\n" in capsys.readouterr().out


def test_a_model_trains_in_a_users_tier(counted):
    (f, ours), (g, theirs) = descent("counted"), descent("eager")
    for seed in range(3):
        assert f(*batch(6, seed))[0] == g(*batch(6, seed))[0]
    for a, b in zip(ours, theirs, strict=True):
        numpy.testing.assert_array_equal(a.get_value(), b.get_value())
    assert sum(f.execution.tier.counts.values()) == 3


@pytest.mark.parametrize("kind", TIERS)
def test_every_tier_has_a_name_a_state_and_a_description(kind):
    x = tensor.vector("x")
    task: Task = function([x], x * 2).execution.task
    tier = TIERS[kind](task, Threads(task), [(3,)])
    assert tier.name and tier.seconds >= 0
    assert set(tier.state()) <= {(3,)}
    assert all(isinstance(line, str) for line in tier.describe())


def test_an_unknown_tier_is_refused():
    x = tensor.vector("x")
    with pytest.raises(workbench.errors.InputError, match="must be 'auto', 'eager' or 'compiled'"):
        function([x], x, execution="fast")


def test_captured_is_a_tier_that_runs_the_programs_of_the_compiled_one():
    """Test all calls before the capture, which needs a GPU."""
    x = tensor.vector("x")
    task = function([x], x * 2).execution.task
    tier = Captured(task, Threads(task), [(3,)])
    for _ in range(2):
        assert tier.find((3,))([torch.ones(3)])[0].tolist() == [2, 2, 2]
    assert tier.name == "captured" and tier.state() == [(3,)]
    assert next(iter(tier.describe())).startswith("  captured  program 1, for x.shape[0] >= 2")


@pytest.mark.parametrize("device, kind", [("cpu", Compiled), ("cuda", Captured)])
def test_compiled_programs_are_captured_if_the_device_can_replay(device, kind, monkeypatch):
    x = tensor.vector("x")
    task = function([x], x * 2).execution.task
    monkeypatch.setattr(Task, "device", torch.device(device))
    assert type(TIERS["compiled"](task, Threads(task))) is kind
