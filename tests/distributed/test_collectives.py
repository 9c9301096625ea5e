"""Collectives: their values in every tier, one message instead of many, and a process that ends."""

import os
import socket

import pytest
import torch

from tests.support import ranks_collectives as jobs
from tests.support.ranks import Ranks
from tests.support.sockets import LOOPBACK
from workbench import errors, tensor
from workbench.tensor import processes
from workbench.tensor.collectives import all_gather, all_reduce, broadcast, reduce_scatter
from workbench.tensor.processes import known_group, process_group

TIERS = ["eager", "compiled"]


@pytest.mark.parametrize("execution", TIERS)
def test_every_collective_has_its_value(together, execution):
    (one, first), (other, second) = together(2, jobs.every_collective, execution)
    a, b = torch.tensor(first), torch.tensor(second)
    total = (a + b).tolist()
    both = [*first, *second]
    largest = torch.maximum(a, b).tolist()
    assert one == [total, largest, both, total[:3], second]
    assert other == [total, largest, both, total[3:], second]


def test_values_that_are_known_are_exchanged_at_once(together):
    assert together(3, jobs.on_values) == [[3, 3]] * 3


@pytest.mark.parametrize("execution", TIERS)
def test_sums_that_do_not_wait_for_each_other_share_a_message(together, execution):
    assert together(2, jobs.merged, execution) == [(True, 2)] * 2


def test_a_paused_process_waits_for_calls_longer_than_for_tensors(tmp_path):
    found = Ranks(tmp_path, 2, jobs.patient).results()
    assert found == [("result", (30, [{"do": "ProcessError"}]))] * 2


def test_an_update_can_use_a_collective(together):
    assert together(2, jobs.updated) == [[4.0, 2.0]] * 2


def test_no_gradient_flows_through_a_collective(together):
    for said in together(2, jobs.differentiated):
        assert said.startswith("GradientError: no gradient flows through all_reduce")


@pytest.mark.parametrize("execution", TIERS)
def test_a_process_that_is_killed_makes_the_others_fail(tmp_path, execution):
    first, second, last = Ranks(tmp_path, 3, jobs.one_ends, execution).results()
    assert last[0] == "dead"
    for kind, said in (first, second):
        assert kind == "result"
        assert said.startswith("ProcessError: process ")
        assert "of 3 lost the connection to the other processes" in said


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="no /proc")
def test_processes_listen_on_the_loopback_interface_only(together):
    for addresses in together(2, jobs.listening):
        assert addresses and set(addresses) <= LOOPBACK


def test_a_process_alone_is_a_group_of_one():
    group = process_group()
    assert (group.rank, group.size, group.is_first) == (0, 1, True)
    assert known_group() is group
    x = tensor.vector("x")
    for exchange in (all_reduce, all_gather, reduce_scatter, broadcast):
        assert exchange(x) is x


@pytest.mark.parametrize(
    "call, said",
    [
        (
            lambda: all_reduce(torch.ones(2), "mean"),
            "how must be 'sum', 'max' or 'min', not 'mean'",
        ),
        (lambda: broadcast(torch.ones(2), 3), "source must be a rank from 0 to 0, not 3"),
        (lambda: all_gather(torch.tensor(1.0)), "the value has no axis; reshape it"),
        (lambda: all_reduce([1.0]), "must be a variable or a tensor, not"),
    ],
)
def test_wrong_arguments(call, said):
    with pytest.raises(errors.WorkbenchError, match=said):
        call()


def test_incomplete_arguments_of_a_group(monkeypatch):
    monkeypatch.setattr("workbench.tensor.processes._joined", [None])
    with pytest.raises(errors.ProcessError, match="not rank=0, size=2, meeting_place=None"):
        process_group(0, 2)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(errors.ProcessError, match="MASTER_ADDR, MASTER_PORT are not; launch"):
        process_group()


def joining(monkeypatch, gpus=0, said="could not join.*no others here", **environment):
    """Return the GPU, the backend and the interface with which a process joins a group."""
    found = []

    def join(backend, *arguments, **options):
        found.extend([backend, os.environ.get("GLOO_SOCKET_IFNAME")])
        raise RuntimeError("no others here")

    for name in ("LOCAL_WORLD_SIZE", "LOCAL_RANK", "GLOO_SOCKET_IFNAME"):
        monkeypatch.delenv(name, raising=False)
    given = {"RANK": "3", "WORLD_SIZE": "8", "MASTER_PORT": "29500", **environment}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes, "_joined", [None])
    monkeypatch.setattr(torch.distributed, "init_process_group", join)
    monkeypatch.setattr(processes, "_local_store", lambda *_: None)
    if gpus:
        monkeypatch.setattr(processes, "default_device", lambda: torch.device("cuda", 0))
        monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "set_device", found.append)
    with pytest.raises(errors.ProcessError, match=f"process 3 of 8 {said}"):
        process_group()
    return found


LOOP = next(name for _, name in socket.if_nameindex() if name in ("lo", "lo0"))
HERE, ELSEWHERE = {"MASTER_ADDR": "127.0.0.1"}, {"MASTER_ADDR": "10.0.0.5"}


@pytest.mark.parametrize(
    "environment, interface",
    [
        (ELSEWHERE, None),
        (HERE, LOOP),
        ({**ELSEWHERE, "LOCAL_WORLD_SIZE": "8"}, LOOP),
        ({**HERE, "LOCAL_WORLD_SIZE": "4"}, None),
    ],
)
def test_only_processes_of_one_machine_use_the_loopback_interface(
    monkeypatch, environment, interface
):
    assert joining(monkeypatch, **environment) == ["gloo", interface]


@pytest.mark.parametrize(
    "gpus, environment, expected",
    [
        (1, ELSEWHERE, [0, "nccl", None]),  # a container with one process and one GPU
        (4, {**ELSEWHERE, "LOCAL_RANK": "3"}, [3, "nccl", None]),
        (8, HERE, [3, "nccl", LOOP]),
        (4, HERE, ["gloo", LOOP]),
        (4, {**ELSEWHERE, "LOCAL_WORLD_SIZE": "8", "LOCAL_RANK": "3"}, ["gloo", LOOP]),
    ],
)
def test_each_process_uses_nccl_if_it_has_a_gpu(monkeypatch, gpus, environment, expected):
    assert joining(monkeypatch, gpus, **environment) == expected


def test_a_process_that_does_not_know_its_gpu_says_so(monkeypatch):
    said = "must have a GPU of its own, but it sees 4 GPUs and .* export LOCAL_RANK="
    assert joining(monkeypatch, 4, said, **ELSEWHERE) == []
