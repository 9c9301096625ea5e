"""Captures of programs as CUDA graphs, and other threads that use the device meanwhile."""

import contextlib
import threading
from types import SimpleNamespace

import pytest
import torch

from workbench import function, shared, tensor
from workbench.config import config
from workbench.tensor.execution.captured import RECURS, WARM_UP, Captured, Replay

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Graph:
    """Graph that counts its replays."""

    replays = 0

    def replay(self):
        self.replays += 1


@pytest.fixture
def captures(monkeypatch):
    """Replace CUDA by fakes, and return the options of the captures."""
    options = []

    @contextlib.contextmanager
    def graph(graph, **given):
        options.append(given)
        yield

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    return options


def replay_of(variable):
    """Return a runner of a program that adds its input to a variable."""

    def run(values):
        variable.tensor.add_(values[0])
        return [variable.tensor * 1]

    return Replay(run, SimpleNamespace(device=torch.device("cpu"), updated=[variable]))


def test_another_thread_may_use_the_device_during_a_capture(captures):
    replay, total = replay_of(variable := shared(0.0, "total")), RECURS + 2
    for _ in range(total):
        replay([torch.tensor(1.0)])
    assert captures == [{"capture_error_mode": "thread_local"}]
    assert replay.failure is None and replay.graph.replays == total - RECURS
    # The fake graph adds nothing, and the warm-up runs were undone.
    assert WARM_UP and variable.get_value() == RECURS


def test_a_program_that_cannot_be_captured_runs_on(captures, monkeypatch):
    @contextlib.contextmanager
    def refusing(graph, **options):
        yield
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(torch.cuda, "graph", refusing)
    replay = replay_of(variable := shared(0.0, "total"))
    for _ in range(RECURS + 3):
        replay([torch.tensor(1.0)])
    assert replay.failure == "operation not permitted when stream is capturing"
    assert variable.get_value() == RECURS + 3


@gpu
@pytest.mark.gpu
def test_values_are_read_by_another_thread_while_graphs_are_captured(monkeypatch):
    made = []

    def prepared(self, run):
        made.append(Replay(run, self.task))
        return made[-1]

    monkeypatch.setattr(Captured, "prepared", prepared)
    with config.override(device="cuda"):
        rate, w, x = shared(0.5, "rate"), shared(torch.zeros(8), "w"), tensor.vector("x")
        step = function([x], (w * x).sum(), updates=[(w, w + rate * x)], execution="compiled")
        over, seen = threading.Event(), []

        def read():
            while not over.is_set():
                seen.append(rate.tensor.item())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for _ in range(4 * RECURS):
                step(torch.ones(8))
        finally:
            over.set()
            reader.join()
        assert seen and made and [one.failure for one in made] == [None] * len(made)
        assert w.get_value().tolist() == [2.0 * RECURS] * 8
