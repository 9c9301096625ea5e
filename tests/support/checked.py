"""A fixture that checks graphs, programs and traces after every rewrite."""

import functools
import importlib

import pytest

from workbench.tensor import checks, shapes, traversal
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution import compiled, eager, policy


def after(monkeypatch, owner, name, check):
    """Have `check` look at what the function gives, and at what it was given."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def checked(*args, **kwargs):
        result = function(*args, **kwargs)
        if hasattr(shapes, "infer"):  # which a test may have taken away
            with internals.disable_current_modes():  # loops are lowered while they are counted
                checks.refuse(check(result, *args))
        return result

    monkeypatch.setattr(owner, name, checked)


@pytest.fixture(autouse=True)
def every_rewrite_is_checked(monkeypatch):
    """Replacements, lowering, joining, fusion, and what is rewritten before it is compiled."""

    def task(_, execution, task, *args):
        return checks.check_all(task.program, task.outputs, task.updated)

    def fused(result, tier):
        return checks.check_rewritten(tier.task.program, result[0].graph)

    after(monkeypatch, traversal.Rewriting, "__call__", lambda new, *_: checks.check_graph(new))
    # `workbench.tensor.scan` is the function.
    scan = importlib.import_module("workbench.tensor.scan")
    after(monkeypatch, scan, "lower", lambda program, *_: checks.check_program(program))
    after(monkeypatch, policy.Execution, "__init__", task)
    after(monkeypatch, eager.Eager, "_prepared", fused)
    after(monkeypatch, compiled, "trace", lambda trace, *_: checks.check_trace(trace))
    after(monkeypatch, compiled, "rewrite", lambda _, trace: checks.check_trace(trace))
