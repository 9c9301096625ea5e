"""Runs in other processes on GPUs: one process for each, or two that share one."""

import gc

import numpy as np
import pytest
import torch

from tests.support.forked_runs import build, costs
from tests.support.waiting import paused_at
from workbench.config import config
from workbench.distributed import all_gather
from workbench.main_loop.processes import distributed_of
from workbench.tensor.execution.captured import Captured, Replay

pytestmark = pytest.mark.gpu

one_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
two_gpus = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")


@pytest.fixture(autouse=True)
def on_gpus(tmp_path):
    """Let processes use GPUs, and keep their runs in a temporary folder."""
    with config.override(device="cuda", runs_path=tmp_path):
        yield


@pytest.fixture(scope="module")
def expected():
    """Return the costs of two epochs in this process, on one GPU."""
    with config.override(device="cuda"):
        loop = build(epochs=2)
        loop.run()
    return costs(loop.log)


def places(loop):
    """Return the library that exchanges values, and the numbers of the GPUs of all processes."""
    assert distributed_of(loop) is not None
    device = loop.algorithm.parameters[0].tensor.device
    own = torch.tensor([device.index], device=device)
    return torch.distributed.get_backend(), all_gather(own).tolist()


def trained(execution, **options):
    """Return a session after two epochs."""
    session = build(epochs=2, execution=execution).start(**options)
    assert session.wait(250)
    return session


@two_gpus
@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_each_process_has_a_gpu(expected, execution):
    session = trained(execution, processes=2)
    assert session.call(places).wait(60) == ("nccl", [0, 1])
    np.testing.assert_allclose(costs(session.log), expected, rtol=1e-4, atol=1e-5)
    session.close()


@two_gpus
def test_a_pause_and_a_rewind_keep_the_numbers(expected):
    session = build(epochs=2).start(processes=2, paused=True)
    session.step(3).wait(60)
    paused_at(session, 3)
    session.rewind(1).wait(60)
    paused_at(session, 1)
    session.resume()
    assert session.wait(120)
    np.testing.assert_allclose(costs(session.log), expected, rtol=1e-4, atol=1e-5)
    session.close()


@pytest.mark.skipif(torch.cuda.device_count() != 1, reason="needs exactly one GPU")
def test_two_processes_share_a_gpu(expected):
    session = trained("eager", processes=2)
    assert session.call(places).wait(60) == ("gloo", [0, 0])
    np.testing.assert_allclose(costs(session.log), expected, rtol=1e-4, atol=1e-5)
    session.close()


@one_gpu
def test_a_detached_process_captures_its_steps(expected):
    session = trained("compiled", detached=True)
    assert session.execution["tier"] == Captured.name
    assert session.call(captures).wait(60) > 0
    np.testing.assert_allclose(costs(session.log), expected, rtol=1e-4, atol=1e-5)
    session.close(end=True)


def captures(loop):
    """Return the number of programs that this process has captured."""
    programs = [one for one in gc.get_objects() if isinstance(one, Replay)]
    return sum(one.graph is not None for one in programs)
