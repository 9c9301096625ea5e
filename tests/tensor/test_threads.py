"""Number of threads of a task, and number of available processors."""

import threading

import numpy as np
import pytest
import torch

import workbench
from workbench import tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import MLP, Rectifier
from workbench.config import config
from workbench.errors import ConfigurationError
from workbench.initialization import Constant, IsotropicGaussian
from workbench.tensor.execution import available_threads, processors, threads


@pytest.fixture
def four_threads(monkeypatch):
    """Pretend that the machine has four processors, and torch uses all of them."""
    monkeypatch.setattr(threads, "available_processors", lambda: 4)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def spy(execution="eager"):
    """Return a function that sums a matrix, and a set of the numbers of threads of its calls."""
    x = tensor.matrix("x")
    run = workbench.function([x], (x @ x.T).sum(), execution=execution)
    seen = []
    tier = run.execution.tier
    forward = tier._forward
    tier._forward = lambda *given: seen.append(torch.get_num_threads()) or forward(*given)
    return run, seen


def ones(*shape):
    return np.ones(shape, "float32")


def test_a_small_step_uses_one_thread_and_a_large_one_all(four_threads):
    run, seen = spy()
    run(ones(8, 8))
    run(ones(300, 2000))
    assert seen == [1, 4]
    assert torch.get_num_threads() == 4


def test_no_other_thread_has_fewer_threads_meanwhile(four_threads):
    run, seen = spy()
    others = []

    def other():
        others.append(torch.get_num_threads())

    forward = run.execution.tier._forward

    def slow(*given):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return forward(*given)

    run.execution.tier._forward = slow
    run(ones(8, 8))
    assert (seen, others) == ([1], [4])


def test_a_large_task_uses_at_most_the_threads_of_torch(four_threads):
    run, seen = spy()
    run(ones(300, 2000))
    torch.set_num_threads(2)
    run(ones(300, 2000))
    assert seen == [4, 2]


def test_a_number_that_was_asked_for_holds_for_every_step(four_threads):
    with config.override(threads=3):
        run, seen = spy()
    run(ones(8, 8))
    run(ones(300, 2000))
    assert seen == [3, 3]


@pytest.mark.parametrize("number", [0, -1, 1.5, "many", True])
def test_an_invalid_number_of_threads_is_refused(number):
    with pytest.raises(ConfigurationError, match="setting 'threads'"):
        config.threads = number


def test_the_number_of_threads_is_restored_after_a_failure(four_threads):
    x = tensor.matrix("x")
    run = workbench.function([x], x.reshape(3, 3), execution="eager")
    with pytest.raises(Exception, match="shape"):
        run(ones(2, 2))
    assert torch.get_num_threads() == 4


def mlp(width=16):
    x, y = tensor.matrix("x"), tensor.variable("y", shape=(None, 1))
    brick = MLP([Rectifier(), None], [8, width, 1], weights_init=IsotropicGaussian(0.1))
    brick.biases_init = Constant(0)
    brick.initialize()
    cost = ((brick.apply(x) - y) ** 2).mean()
    algorithm = GradientDescent(
        cost=cost,
        parameters=[p for child in brick.linear_transformations for p in child.parameters],
        step_rule=Scale(0.1),
        function_kwargs={"execution": "eager"},
    )
    algorithm.initialize()
    return algorithm.function.execution.task


def test_the_work_of_a_step_grows_as_its_products_do():
    task = mlp()
    work = threads.work(task, [2000]).total
    assert work == pytest.approx(2 * threads.work(task, [1000]).total, rel=0.05)


def test_the_work_of_a_product_is_its_number_of_multiplications():
    x = tensor.matrix("x")
    run = workbench.function([x], x @ x.T, execution="eager")
    assert threads.work(run.execution.task, [20, 300]).total == 20 * 300 * 20


def test_counting_the_work_ends_at_a_limit():
    assert 1000 < threads.work(mlp(), [4096], enough=1000)[0] < threads.work(mlp(), [4096])[0]


def test_the_choice_is_the_same_for_sizes_that_are_nearly_the_same():
    chooser = threads.Threads(mlp())
    chooser.number((100,)), chooser.number((101,))
    assert list(chooser._known) == [(128,)]


def test_sizes_that_do_not_fit_when_they_are_rounded_are_counted_as_they_are(capfd):
    x = tensor.variable("x", shape=(None,))
    task = workbench.function([x], x.reshape(3, -1).sum(), execution="eager").execution.task
    assert threads.Threads(task).is_small((300,))
    x, y = tensor.matrix("x"), tensor.matrix("y")
    task = workbench.function([x, y], x[1:] + y, execution="eager").execution.task
    threads.Threads(task).is_small(tuple(5 - i for i, _ in enumerate(task.free)))
    assert capfd.readouterr().err == ""  # torch's log would report the first attempt


@pytest.mark.parametrize(("size", "small"), [(10, True), (10**7, False)])
def test_uncountable_work_is_estimated_from_inputs(size, small):
    x = tensor.vector("x")
    task = workbench.function([x], x[x > 0].sum(), execution="eager").execution.task
    assert threads.work(task, [size]).total == float("inf")
    assert threads.Threads(task).is_small((size,)) is small


def test_uncountable_work_is_estimated_from_parameters():
    x = tensor.matrix("x")
    held = workbench.shared(np.ones((2000, 2000), "float32"), "held")
    y = torch.tanh(x @ held)
    task = workbench.function([x], y[y > 0].sum(), execution="eager").execution.task
    chooser = threads.Threads(task)
    assert not chooser.is_small((300,)) and not chooser.is_small((2,))


@pytest.mark.parametrize(("rows", "number"), [(64, 1), (2**15, 4)])
def test_a_compiled_program_is_made_for_the_chosen_number(four_threads, rows, number):
    x = tensor.matrix("x")
    run = workbench.function([x], torch.tanh(x).sum(1), execution="compiled")
    run(ones(rows, 256))
    (variant,) = run.execution.tier.variants
    assert variant.threads == number
    assert (f"num_threads({number})" in variant.source) == (number > 1)


# Loops


def repeated(width, execution):
    """Return a function that multiplies a state by a matrix at every step, with a gradient."""
    x, h = tensor.variable("x", shape=(None, None, width)), tensor.matrix("h")
    held = workbench.shared(np.zeros((width, width), "float32"), "held")
    total = tensor.scan(lambda a, b: torch.tanh(a + b @ held), sequences=[x], states=[h])[0].sum()
    (gradient,) = tensor.grad(total, [held])
    return workbench.function([x, h], [total, gradient], execution=execution)


def spied(run, seen):
    """Wrap `run` so that it adds its number of threads to a set."""
    return lambda given: seen.add(torch.get_num_threads()) or run(given)


def call(run, length, rows, width):
    return run(ones(length, rows, width), ones(rows, width))


def test_the_work_of_a_loop_is_that_of_one_step_times_its_length():
    task = repeated(16, "eager").execution.task
    once = threads.work(task, task.sizes([torch.ones(10, 8, 16), torch.ones(8, 16)]))
    twice = threads.work(task, task.sizes([torch.ones(20, 8, 16), torch.ones(8, 16)]))
    assert once.loop_step == twice.loop_step == 8 * 16 * 16 + threads.AN_ELEMENT * 2 * 8 * 16
    assert twice.total == pytest.approx(2 * once.total, rel=0.05)


def test_an_empty_loop_makes_no_work():
    task = repeated(16, "eager").execution.task
    assert threads.work(task, task.sizes([torch.ones(0, 8, 16), torch.ones(8, 16)])).loop_step == 0


@pytest.mark.parametrize(("rows", "expected"), [(4, (4, 1)), (600, (4, 4))])
def test_a_loop_of_small_steps_uses_one_thread_within(four_threads, monkeypatch, rows, expected):
    monkeypatch.setattr(threads, "SMALL", 10**6)
    run = repeated(64, "compiled")
    call(run, 300, rows, 64)
    (variant,) = run.execution.tier.variants
    assert (variant.threads, variant.trace.steps[0][0].threads) == expected


def test_a_compiled_loop_step_has_one_thread_and_the_rest_all(four_threads, monkeypatch):
    monkeypatch.setattr(threads, "SMALL", 10**6)
    run = repeated(64, "compiled")
    call(run, 300, 4, 64)
    step, _ = run.execution.tier.variants[0].trace.steps[0]
    seen = set()
    monkeypatch.setattr(step, "forward", spied(step.forward, seen))
    monkeypatch.setattr(step, "backward", spied(step.backward, seen))
    call(run, 300, 4, 64)
    assert seen == {1} and torch.get_num_threads() == 4
    assert run.execution.threads.described == "4 of 4, 1 in loops"


def test_an_eager_loop_of_small_steps_uses_one_thread_everywhere(four_threads, monkeypatch):
    monkeypatch.setattr(threads, "SMALL", 10**6)
    run = repeated(64, "eager")
    chooser = run.execution.threads
    sizes = run.execution.task.sizes([torch.ones(300, 4, 64), torch.ones(4, 64)])
    assert not chooser.is_small(sizes) and chooser.number(sizes) == 1


def test_explain_shows_the_number_of_threads_and_the_reason(four_threads, capsys):
    run, _ = spy()
    run(ones(8, 8))
    workbench.explain(run)
    assert "threads   1 of 4: the work of a call is too small" in capsys.readouterr().out


def test_as_many_threads_are_available_as_processors(monkeypatch, four_threads):
    assert available_threads() == 4
    monkeypatch.setattr(threads, "available_processors", lambda: 1)
    assert available_threads() == 1


# The quota of a container


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Use a folder for control groups; return the file that lists those of this process."""
    monkeypatch.setattr(processors, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(processors, "_MOUNT", tmp_path / "mount")

    def write(membership, **files):
        (tmp_path / "cgroup").write_text(membership + "\n")
        for name, text in files.items():
            path = tmp_path / "mount" / name.replace("__", "/").replace("_max", ".max")
            path = path.with_name(path.name.replace("cfs", "cpu.cfs"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")

    return write


def count(monkeypatch):
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda pid: range(64), raising=False)
    return processors.available_processors.__wrapped__()


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 64), ("150000 100000", 2), ("50000 100000", 1)]
)
def test_a_quota_of_version_2_is_respected(groups, monkeypatch, quota, expected):
    groups("0::/pod", pod__cpu_max=quota)
    assert count(monkeypatch) == expected


def test_the_quota_of_a_group_above_counts_too(groups, monkeypatch):
    groups("0::/pod/box", pod__box__cpu_max="max 100000", pod__cpu_max="300000 100000")
    assert count(monkeypatch) == 3


def test_a_group_that_is_seen_from_within_a_container_is_found(groups, monkeypatch):
    groups("0::/kubepods/somewhere/on/the/host", cpu_max="200000 100000")
    assert count(monkeypatch) == 2


@pytest.mark.parametrize(("quota", "expected"), [("-1", 64), ("250000", 3)])
def test_a_quota_of_version_1_is_respected(groups, monkeypatch, quota, expected):
    groups("4:cpu,cpuacct:/", cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000")
    assert count(monkeypatch) == expected


def test_without_control_groups_there_are_the_processors_of_the_process(groups, monkeypatch):
    assert count(monkeypatch) == 64
