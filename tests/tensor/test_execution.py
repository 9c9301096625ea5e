"""Tiers of execution: equal results, reasons for the choice, and compilation in the background."""

import os
import re
import subprocess
import sys
import threading
import time

import numpy
import pytest
import torch

from workbench import errors, explain, function, grad, shared, tensor
from workbench.tensor import RandomStream, put_hook
from workbench.tensor.execution import policy
from workbench.tensor.execution.compiled import Compiled
from workbench.tensor.execution.eager import Eager
from workbench.tensor.execution.report import _shortened
from workbench.tensor.execution.tier import TIERS
from workbench.tensor.execution.tracing import HOOKED

TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


def descent(execution, **options):
    """Return a step of gradient descent, and its parameters."""
    x, y = tensor.matrix("x"), tensor.lvector("y")
    generator = numpy.random.default_rng(0)
    w = shared(generator.normal(size=(5, 4)).astype("float32"), "w")
    v = shared(generator.normal(size=(4, 3)).astype("float32"), "v")
    cost = torch.nn.functional.cross_entropy(torch.tanh(x @ w) @ v, y)
    gradients = grad(cost, [w, v])
    updates = [(p, p - 0.5 * g) for p, g in zip([w, v], gradients, strict=True)]
    f = function([x, y], [cost, x.shape[0]], updates=updates, execution=execution, **options)
    return f, [w, v]


def batch(n, seed=0):
    generator = numpy.random.default_rng(seed)
    return generator.normal(size=(n, 5)).astype("float32"), generator.integers(0, 3, n)


@pytest.fixture(scope="module")
def compiled():
    f, parameters = descent("compiled")
    f(*batch(6))
    start = [p.get_value() for p in descent("eager")[1]]

    def fresh():
        for parameter, value in zip(parameters, start, strict=True):
            parameter.set_value(value)
        return f, parameters

    return fresh


@pytest.mark.parametrize("sizes", [[6, 6], [2, 100, 7], [1, 3], [0, 3]])
def test_compiled_and_eager_steps_agree_for_every_batch_size(compiled, sizes):
    (f, ours), (g, theirs) = compiled(), descent("eager")
    for seed, n in enumerate(sizes):
        (cost, count), (expected, _) = f(*batch(n, seed)), g(*batch(n, seed))
        assert count == n
        torch.testing.assert_close(cost, expected, equal_nan=True, **TOLERANCE)
    for a, b in zip(ours, theirs, strict=True):
        numpy.testing.assert_allclose(a.get_value(), b.get_value(), **TOLERANCE)


def test_one_program_serves_all_batches_of_two_and_more(compiled):
    f, _ = compiled()
    for n in (2, 3, 64, 1):
        f(*batch(n))
    assert isinstance(f.execution.tier, Compiled)
    assert [variant.example for variant in f.execution.tier.variants] == [(6,)]


def test_a_compiled_step_gives_the_same_bits_every_time(compiled):
    runs = []
    for _ in range(2):
        f, parameters = compiled()
        for seed in range(5):
            f(*batch(9, seed))
        runs.append([p.get_value() for p in parameters])
    assert all((a == b).all() for a, b in zip(*runs, strict=True))


def test_inputs_that_are_not_contiguous(compiled):
    (f, _), (g, _) = compiled(), descent("eager")
    x, y = batch(8)
    strided = torch.from_numpy(numpy.asfortranarray(x))
    torch.testing.assert_close(f(strided, y)[0], g(x, y)[0], **TOLERANCE)


def test_views_that_torch_negates_when_it_reads_them(compiled):
    (f, _), (g, _) = compiled(), descent("eager")
    x, y = batch(8)
    torch.testing.assert_close(
        f(torch._neg_view(torch.from_numpy(-x)), y)[0], g(x, y)[0], **TOLERANCE
    )


def test_random_draws_are_the_same_in_every_tier():
    def draws(execution):
        x, stream = tensor.matrix("x"), RandomStream(seed=5)
        drawn = [
            stream.uniform(x.shape),
            stream.normal(x.shape),
            stream.bernoulli(x.shape, 0.3),
            stream.integers((x.shape[0],), -3, 12),
            stream.uniform(x.shape, dtype=torch.float64),
        ]
        f = function([x], drawn, execution=execution)
        return [value for n in (3, 5) for value in f(numpy.zeros((n, 4), "float32"))]

    for ours, theirs in zip(draws("compiled"), draws("eager"), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


def test_a_guard_that_refuses_leaves_everything_as_it_was():
    class Finite:
        def holds(self, outputs):
            return torch.isfinite(outputs[0])

        def check(self, outputs):
            if not outputs[0].isfinite():
                raise ArithmeticError("not finite")

    x, w, n = tensor.vector("x"), shared([1.0, 2.0], "w"), shared(0, "n")
    f = function(
        [x], (x * w).sum(), updates=[(w, w + x), (n, n + 1)], guard=Finite(), execution="compiled"
    )
    f([1.0, 1.0])
    with pytest.raises(ArithmeticError, match="not finite"):
        f([1.0, float("inf")])
    assert w.get_value().tolist() == [2.0, 3.0] and n.get_value() == 1


def test_updates_use_the_old_values_in_a_compiled_step():
    a, b = shared([1.0, 2.0], "a"), shared([3.0, 4.0], "b")
    swap = function([], [a, a + b], updates=[(a, b), (b, a)], execution="compiled")
    old, total = swap()
    assert old.tolist() == [1.0, 2.0] and total.tolist() == [4.0, 6.0]
    assert a.get_value().tolist() == [3.0, 4.0] and b.get_value().tolist() == [1.0, 2.0]


def test_arrays_in_the_graph_are_part_of_the_program():
    x = tensor.vector("x")
    f = function([x], x * tensor.constant([1.0, 2.0, 3.0]), execution="compiled")
    assert f([1.0, 1.0, 2.0]).tolist() == [1.0, 2.0, 6.0]


def test_programs_that_need_python_run_eagerly_with_a_warning():
    x, seen = tensor.vector("x"), []
    y = put_hook(x * 2, seen.append)
    f = function([x], y, execution="compiled", name="peek")
    with pytest.warns(
        errors.CompilationWarning, match="peek runs eagerly, since it cannot be compiled"
    ):
        f([1.0])
    assert f([2.0]).tolist() == [4.0] and len(seen) == 2
    assert "put_hook" in f.execution.described


def test_other_ways_of_execution_are_refused():
    with pytest.raises(errors.InputError, match="not 'compile'; did you mean 'compiled'"):
        function([], tensor.constant(1.0), execution="compile")


@pytest.fixture
def eager_to_compile(monkeypatch):
    """Make compiling always worthwhile, and the decision after few calls."""
    monkeypatch.setattr(policy, "SECONDS", 0.0)
    monkeypatch.setattr(policy, "SECONDS_AN_OPERATION", 0.0)
    monkeypatch.setattr(policy, "SAMPLE_EVERY", 1)


def test_auto_swaps_to_the_program_that_a_thread_has_compiled(eager_to_compile):
    f, ours = descent("auto")
    g, theirs = descent("eager")
    reports = []
    f.execution.report = lambda text: reports.append((text, threading.current_thread()))
    for seed in range(policy.SAMPLES + 1):
        f(*batch(6, seed)), g(*batch(6, seed))
    f.execution.thread.join()
    f(*batch(6)), g(*batch(6))
    assert isinstance(f.execution.tier, Compiled)
    [(text, thread)] = reports
    assert text.startswith("compiled: after 9 eager calls") and thread is threading.main_thread()
    for a, b in zip(ours, theirs, strict=True):
        numpy.testing.assert_allclose(a.get_value(), b.get_value(), **TOLERANCE)


def test_auto_returns_to_eager_if_the_program_is_slower(eager_to_compile, monkeypatch):
    f, _ = descent("auto")
    for seed in range(policy.SAMPLES + 1):
        f(*batch(6, seed))
    f.execution.thread.join()
    monkeypatch.setattr(f.execution, "_eager_time", 1e-9)
    for seed in range(policy.SAMPLES + 2):
        f(*batch(6, seed))
    assert isinstance(f.execution.tier, Eager)
    assert f.execution.described.startswith("eager: a compiled call took")


def test_auto_stays_eager_where_nothing_can_be_traced(eager_to_compile):
    x, reports = tensor.vector("x"), []
    f = function([x], put_hook(x * 2, lambda value: None), execution="auto")
    f.execution.report = reports.append
    for _ in range(policy.SAMPLES + 1):
        f([1.0])
    f.execution.thread.join()
    f([1.0])
    assert reports == [f"eager: it cannot be compiled ({HOOKED})"]


@pytest.mark.parametrize(("left", "pays"), [(10.0, False), (1e9, True), (None, False)])
def test_auto_compiles_only_if_that_pays(left, pays):
    f, _ = descent("auto")
    f.execution._times = [1e-3] * policy.SAMPLES
    f.execution.calls_left = lambda: left
    f.execution.calls = 100
    assert f.execution._pays() is pays


def test_explain_shows_tier_sizes_time_and_kernels(compiled, capsys):
    f, _ = compiled()
    explain(f)
    text = capsys.readouterr().out
    assert "tier      compiled: requested" in text
    assert re.search(r"program 1, for x.shape\[0\] (>=|from) 2", text)
    assert "s to trace and compile" in text and "kernels:" in text and "cpp_fused_" in text
    assert "forward(self, x, y, w, v, w_leaf, v_leaf)" in text


def test_explain_names_one_of_several_results_where_it_is_used(capsys):
    algorithm, _ = descent("eager")
    explain(algorithm)
    text = capsys.readouterr().out
    assert "getitem" not in text and re.search(r"return \(detach, size, _foreach_sub\[0\], ", text)
    listed = re.findall(r"^ {8}\w+ = .*[(\[@*+-]", text, re.MULTILINE)
    assert f"program   {len(listed)} operations" in text


def test_explain_still_shows_items_that_are_taken_of_a_tensor(capsys):
    x = tensor.matrix("x")
    explain(function([x], x[0] * 2, execution="eager"))
    assert "= x[0]" in capsys.readouterr().out


def test_explain_shortens_the_names_of_kernels():
    name = "cpp_fused_" + "_".join(f"operation{i}" for i in range(20))
    short = _shortened(name)
    assert len(short) == 71 and short.startswith("cpp_fused_op") and short.endswith("operation19")
    assert _shortened(name[:71]) == name[:71]


def test_explain_refuses_objects_without_a_program():
    with pytest.raises(errors.InputError, match="3 cannot be explained; pass a function"):
        explain(3)


def test_an_error_in_a_compiled_program_says_what_failed():
    x, k = tensor.matrix("x"), tensor.lvector("k")
    f = function([x, k], x[k] * 2, execution="compiled")
    f(numpy.ones((3, 2), "float32"), [0, 1])
    with pytest.raises((errors.OutOfRangeError, IndexError, RuntimeError)) as caught:
        f(numpy.ones((3, 2), "float32"), [0, 7])
    text = str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert "7" in text and "x" in text


def test_a_program_that_computes_nothing():
    x = tensor.vector("x")
    f = function([x], [tensor.constant(numpy.zeros(3)), x.detach()], execution="compiled")
    zeros, same = f(numpy.ones(3, dtype="float32"))
    assert not zeros.any() and same.tolist() == [1, 1, 1]
    assert isinstance(f.execution.tier, Compiled)


def test_auto_reports_errors_of_the_thread(eager_to_compile, monkeypatch):
    class Failing(Compiled):
        def __init__(self, *_, **__):
            raise ValueError("no such thing")

    monkeypatch.setitem(TIERS, "compiled", Failing)
    f, _ = descent("auto")
    for seed in range(policy.SAMPLES + 1):
        f(*batch(6, seed))
    f.execution.thread.join()
    monkeypatch.undo()
    f(*batch(6))
    assert f.execution.described == "eager: it cannot be compiled (ValueError: no such thing)"


def test_the_switch_interval_is_restored_after_two_threads_have_compiled(monkeypatch):
    before = sys.getswitchinterval()
    monkeypatch.setitem(TIERS, "compiled", lambda *_, **__: time.sleep(0.02))
    executions = [descent("auto")[0].execution for _ in range(2)]
    for execution in executions:
        execution._times = [1.0]
        execution._compile_later(())
    for execution in executions:
        execution.thread.join()
    assert sys.getswitchinterval() == before


def test_a_process_can_end_while_a_thread_compiles(tmp_path):
    script = (
        "from workbench import function, grad, shared, tensor\n"
        "x, w = tensor.vector('x'), shared(1.0, 'w')\n"
        "[g] = grad((x * w).tanh().sum(), [w])\n"
        "f = function([x], g, execution='auto')\n"
        "f.execution._times = [1.0]\n"
        "f.execution._compile_later((5,))\n"
    )
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_sizes_that_cannot_be_compiled_run_eagerly(monkeypatch):
    x = tensor.vector("x")
    f = function([x], x.reshape(2, -1).sum(0), execution="compiled")
    f(numpy.ones(4, dtype="float32"))

    def fail(*_):
        raise errors.CompilationError("too long")

    monkeypatch.setattr(f.execution.tier.variants[0].trace, "fits", lambda sizes: sizes == (4,))
    monkeypatch.setattr(f.execution.tier, "add", fail)
    with pytest.warns(
        errors.CompilationWarning, match=r"calls with sizes \(6,\) run eagerly.*too long"
    ):
        assert f(numpy.ones(6, dtype="float32")).tolist() == [2, 2, 2]


def test_examples_of_a_step_with_other_inputs_are_left_out():
    f, _ = descent("compiled")
    f.execution.examples = [(3, 4, 5, 6, 7), f.execution.task.sizes(batch(6))]
    f(*batch(9))
    assert f.execution.state() == [f.execution.task.sizes(batch(6))]


def test_explain_a_program_with_sizes_that_depend_on_values(capsys):
    x = tensor.vector("x")
    f = function([x], x[x > 0], execution="compiled")
    assert f([1.0, -1.0, 2.0]).tolist() == [1, 2] and f([-1.0, -2.0]).tolist() == []
    explain(f)
    assert "compiled  program 1" in capsys.readouterr().out
