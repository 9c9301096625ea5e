"""skorch: a `NeuralNet`, whose history contains the cost of every batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from tests.benchmarks.contenders.base import LEARNING_RATE, Contender
from tests.benchmarks.models import Work


class Slices:
    """Replacement of torch's loader, from which skorch gets the batches of a dataset."""

    def __init__(self, dataset: Any, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        size, inputs, targets = self.batch_size, self.dataset.X, self.dataset.y
        for start in range(0, len(inputs), size):
            yield inputs[start : start + size], targets[start : start + size]


class Skorch(Contender):
    """A net without validation and without callbacks."""

    name = "skorch"

    library = "skorch"

    def __init__(self, work: Work) -> None:
        from skorch import NeuralNet

        contender = self

        class Timed(NeuralNet):  # type: ignore[misc, unused-ignore]
            def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
                super().on_epoch_begin(*args, **kwargs)
                contender.started = time.perf_counter()

            def on_epoch_end(self, *args: Any, **kwargs: Any) -> None:
                contender.seconds = time.perf_counter() - contender.started
                super().on_epoch_end(*args, **kwargs)

        torch.manual_seed(0)
        self.started = self.seconds = 0.0
        self.data = torch.from_numpy(work.inputs), torch.from_numpy(work.targets)
        self.net = Timed(
            work.module(),
            torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.SGD,
            lr=LEARNING_RATE,
            batch_size=work.batch_size,
            iterator_train=Slices,
            train_split=None,
            callbacks="disable",
            verbose=0,
        )
        self.net.initialize()

    def epoch(self) -> float:
        self.net.partial_fit(*self.data, epochs=1)
        return self.seconds

    def costs(self) -> list[float]:
        costs: list[list[float]] = self.net.history[:, "batches", :, "train_loss"]
        return [cost for epoch in costs for cost in epoch]
