"""A fixture that checks graphs, programs and traces after every rewrite, and layouts in calls."""

import functools
import importlib

import pytest

from workbench.tensor import checks, shapes, traversal
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution import compiled, eager, policy


def after(monkeypatch, owner, name, check):
    """Call `check` with the result and the arguments of the function after every call."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def checked(*args, **kwargs):
        result = function(*args, **kwargs)
        if hasattr(shapes, "infer"):  # a test can have removed it
            with internals.disable_current_modes():  # loops are lowered within the mode that counts
                checks.refuse(check(result, *args))
        return result

    monkeypatch.setattr(owner, name, checked)


@pytest.fixture(autouse=True)
def every_rewrite_is_checked(monkeypatch):
    """Check replacements, lowering, joining, fusion, traces, rewrites, and layouts of results."""

    def task(_, execution, task, *args):
        return checks.check_all(task.program, task.outputs, task.updated)

    def fused(result, tier):
        return checks.check_rewritten(tier.task.program, result[0].graph)

    # Compiled programs then raise an error if an operation returns other sizes or strides than
    # they were compiled for.
    monkeypatch.setitem(compiled.ASSERTS, "size_asserts", True)
    after(monkeypatch, traversal.Rewriting, "__call__", lambda new, *_: checks.check_graph(new))
    # The attribute `workbench.tensor.scan` is the function, not the module.
    scan = importlib.import_module("workbench.tensor.scan")
    after(monkeypatch, scan, "lower", lambda program, *_: checks.check_program(program))
    after(monkeypatch, policy.Execution, "__init__", task)
    after(monkeypatch, eager.Eager, "_prepared", fused)
    after(monkeypatch, compiled, "trace", lambda trace, *_: checks.check_trace(trace))
    after(monkeypatch, compiled, "rewrite", lambda _, trace: checks.check_trace(trace))
