"""PyTorch-Ignite: its supervised trainer, and a handler that keeps the cost."""

from __future__ import annotations

import time

import torch

from tests.benchmarks.contenders.base import LEARNING_RATE, Batches, Contender
from tests.benchmarks.models import Work


class Ignite(Contender):
    """``create_supervised_trainer``, which reads the cost of every batch."""

    name = "Ignite"
    library = "ignite"

    def __init__(self, work: Work) -> None:
        from ignite.engine import Events, create_supervised_trainer

        torch.manual_seed(0)
        model = work.module()
        optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)
        self.trainer = create_supervised_trainer(model, optimizer, torch.nn.CrossEntropyLoss())
        self.batches = Batches(work)
        self.log: list[float] = []
        self.started = self.seconds = 0.0

        @self.trainer.on(Events.ITERATION_COMPLETED)
        def keep(engine: object) -> None:
            self.log.append(self.trainer.state.output)

        @self.trainer.on(Events.EPOCH_STARTED)
        def start(engine: object) -> None:
            self.started = time.perf_counter()

        @self.trainer.on(Events.EPOCH_COMPLETED)
        def end(engine: object) -> None:
            self.seconds = time.perf_counter() - self.started

    def epoch(self) -> float:
        self.trainer.run(self.batches, max_epochs=1)
        return self.seconds

    def costs(self) -> list[float]:
        return self.log
