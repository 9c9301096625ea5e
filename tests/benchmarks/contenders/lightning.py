"""Lightning: a module that logs the cost of every step into a logger in memory."""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any

import torch

from tests.benchmarks.contenders.base import LEARNING_RATE, Batches, Contender
from tests.benchmarks.models import Work


class Lightning(Contender):
    """A trainer with everything switched off except training and logging."""

    name = "Lightning"
    library = "lightning"

    def __init__(self, work: Work) -> None:
        import lightning
        from lightning.pytorch.loggers.logger import DummyLogger

        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        contender = self

        class Module(lightning.LightningModule):  # type: ignore[misc, unused-ignore]
            def __init__(self) -> None:
                super().__init__()
                self.model = work.module()

            def training_step(self, batch: Any, index: int) -> Any:
                x, y = batch
                cost = torch.nn.functional.cross_entropy(self.model(x), y)
                self.log("cost", cost)
                return cost

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.SGD(self.parameters(), LEARNING_RATE)

            def on_train_epoch_start(self) -> None:
                contender.started = time.perf_counter()

            def on_train_epoch_end(self) -> None:
                contender.seconds = time.perf_counter() - contender.started

        class Memory(DummyLogger):  # type: ignore[misc, unused-ignore]
            def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
                if "cost" in metrics:
                    contender.log.append(metrics["cost"])

        torch.manual_seed(0)
        self.started = self.seconds = 0.0
        self.log: list[float] = []
        self.module, self.logger = Module(), Memory()
        self.new_trainer = lightning.Trainer
        self.batches = Batches(work)

    def epoch(self) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = self.new_trainer(
                accelerator="cpu",
                max_epochs=1,
                logger=self.logger,
                log_every_n_steps=1,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            trainer.fit(self.module, self.batches)
        return self.seconds

    def costs(self) -> list[float]:
        return self.log
