"""Shape inference in several threads at once."""

import contextlib
import functools
import os
import signal
import sys
import threading
import warnings

import pytest
import torch

from workbench import function, grad, shared, tensor
from workbench.builder import BrickSpec, CallSpec, InputSpec, Spec, check
from workbench.tensor import Variable, shapes

SOON = 60


@pytest.fixture
def switching():
    """Let threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(*tasks):
    """Run each task in a thread, all at the same time, and raise the first error."""
    together, problems = threading.Barrier(len(tasks)), []

    def run(task):
        together.wait(SOON)
        try:
            task()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    if problems:
        raise problems[0]


def test_the_first_threads_create_one_environment(monkeypatch):
    both, World = threading.Barrier(2), shapes.World

    def world():
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # until the other thread also creates one, which it must not
        return World()

    monkeypatch.setattr(shapes, "_the_world", functools.cache(world))
    sizes = []
    at_once(
        lambda: sizes.append(shapes.unknown_size()),
        lambda: sizes.append(tensor.matrix().fake.shape[0]),
        lambda: sizes.append(shapes.unknown_size()),
    )
    assert len({size.node.shape_env for size in sizes}) == 1
    assert len({str(shapes.symbol(size)) for size in sizes}) == 3


def test_a_size_that_is_read_while_it_is_learned_is_known_afterwards(monkeypatch):
    x, y = tensor.matrix("x"), tensor.matrix("y")
    shapes.learn_equal(y.fake.shape[0], 7)  # so that torch applies what was learned
    size, env = x.fake.shape[1], shapes._world().sizes
    reading, learned, find = threading.Event(), threading.Event(), env._find
    reader = threading.Thread(target=lambda: shapes.known(size))

    def slow(symbol):
        found = find(symbol)
        if threading.current_thread() is reader:
            reading.set()
            learned.wait(0.5)
        return found

    monkeypatch.setattr(env, "_find", slow, raising=False)
    reader.start()
    assert reading.wait(SOON)
    shapes.learn_equal(size, 3)
    learned.set()
    reader.join(SOON)
    assert x.shape[1] == 3
    assert (x + 0).shape[1] == 3


@pytest.mark.slow
def test_variables_can_be_created_while_symbols_are_removed(monkeypatch, switching):
    world = shapes._world()
    monkeypatch.setattr(world, "_is_shared", lambda: False)
    monkeypatch.setattr(shapes, "MOST_SYMBOLS", 0)
    create_fake = functools.partial(shapes.fake_tensor, (3, 2), torch.float32, torch.device("cpu"))
    fake = create_fake()
    kept = [Variable(fake) for _ in range(2000)]

    def remove():
        for _ in range(100):
            world.limit = 0
            create_fake()

    def create():
        for _ in range(5000):
            kept.append(Variable(fake))

    at_once(remove, create)
    assert len(kept) == 7000


def test_warnings_of_probes_do_not_change_what_other_threads_see():
    caught = warnings.catch_warnings()

    def rule(x):
        if x.shape[0] == 1:  # so that it is probed
            return x
        warnings.warn("of the probe", stacklevel=2)
        if not entered.is_set():
            entered.set()
            at_once(caught.__enter__)  # another thread does so during the probe
        return x[1:]

    entered, x = threading.Event(), tensor.matrix("x")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        shapes.infer(rule, (x.fake,), {}, lambda: "x")
        caught.__exit__(None, None, None)
        at_once(lambda: warnings.warn("of a thread", stacklevel=2))
    assert entered.is_set()
    assert [str(one.message) for one in seen] == ["of a thread"]


def trained(width, execution):
    """Build models in a loop, and compare their gradients with torch's for several batch sizes."""
    for units in range(4, 7 if execution == "eager" else 5):
        x, w = tensor.matrix("x"), shared(torch.full((width, units), 0.1), "w")
        hidden = torch.tanh(x @ w)
        cost = (hidden[1:] * hidden[:-1]).sum() + (hidden.sum(1) - x[:, 0]).square().mean()
        run = function([x], grad(cost, [w])[0], execution=execution)
        for count in (5, 6, 9):
            batch = torch.rand(count, width)
            value = torch.full((width, units), 0.1, requires_grad=True)
            h = torch.tanh(batch @ value)
            ((h[1:] * h[:-1]).sum() + (h.sum(1) - batch[:, 0]).square().mean()).backward()
            torch.testing.assert_close(run(batch), value.grad)


def checked(outputs):
    """Check specifications in a loop, each with other sizes."""
    for inputs in range(3, 23):
        spec = Spec(
            (BrickSpec("Linear", "linear", {"input_dim": inputs, "output_dim": outputs}),),
            (InputSpec("x", "float32", (None, inputs)),),
            (CallSpec("linear", "linear", "apply", inputs={"input_": "x"}, outputs=("y",)),),
        )
        found = check(spec)
        assert found.faults == ()
        assert found.wires["y"].shape == ("batch", outputs)


def test_threads_build_train_compile_and_check_different_models_at_once(switching, caplog):
    at_once(
        functools.partial(trained, 3, "eager"),
        functools.partial(trained, 4, "eager"),
        functools.partial(trained, 5, "compiled"),
        functools.partial(checked, 91),
        functools.partial(checked, 92),
    )
    assert [one.getMessage() for one in caplog.records if one.levelname != "DEBUG"] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_can_infer_shapes_while_a_thread_of_its_parent_does():
    ended, x = threading.Event(), tensor.matrix("x")

    def infer():
        while not ended.is_set():
            with shapes.inferring():  # almost always
                _ = x * 2

    thread = threading.Thread(target=infer)
    thread.start()
    try:
        for _ in range(3):
            child = os.fork()
            if not child:  # pragma: no cover
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(10)
                try:
                    assert (x + 1).ndim == 2
                    os._exit(0)
                finally:
                    os._exit(1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        ended.set()
        thread.join(SOON)
