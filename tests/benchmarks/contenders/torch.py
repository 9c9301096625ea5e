"""Plain torch: the usual training loop, and the same with a compiled model."""

from __future__ import annotations

import time

import torch

from tests.benchmarks.contenders.base import LEARNING_RATE, Batches, Contender
from tests.benchmarks.models import Work


class Raw(Contender):
    """Forward, backward and step, with the cost appended to a list."""

    name = "raw torch, eager"

    def __init__(self, work: Work) -> None:
        torch.manual_seed(0)
        self.model = work.module()
        self.forward: torch.nn.Module = self.model
        self.batches = Batches(work)
        self.optimizer = torch.optim.SGD(self.model.parameters(), LEARNING_RATE)
        self.log: list[float] = []

    def epoch(self) -> float:
        forward, optimizer, log = self.forward, self.optimizer, self.log
        loss = torch.nn.functional.cross_entropy
        start = time.perf_counter()
        for x, y in self.batches:
            optimizer.zero_grad()
            cost = loss(forward(x), y)
            cost.backward()
            optimizer.step()
            log.append(cost.item())
        return time.perf_counter() - start

    def costs(self) -> list[float]:
        return self.log


class CompiledModel(Raw):
    """The same with ``torch.compile(model)``."""

    name = "torch.compile(model)"

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        # All batches have the same size here, and static shapes give faster kernels.
        self.forward = torch.compile(self.model, dynamic=False)
