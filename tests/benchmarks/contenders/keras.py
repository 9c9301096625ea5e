"""Keras on its torch backend: `fit`, and a callback that keeps the cost."""

from __future__ import annotations

import os
import time
from typing import Any

from tests.benchmarks.contenders.base import LEARNING_RATE, Contender
from tests.benchmarks.models import Work


class Keras(Contender):
    """A functional model; the cost that Keras reports is the average in the epoch so far."""

    name = "Keras"
    library = "keras"

    def __init__(self, work: Work) -> None:
        os.environ["KERAS_BACKEND"] = "torch"
        import keras

        contender = self

        class Watch(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                contender.started = time.perf_counter()

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                contender.log.append(float(logs["loss"]))

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                contender.seconds = time.perf_counter() - contender.started

        keras.utils.set_random_seed(0)
        self.started = self.seconds = 0.0
        self.log: list[float] = []
        self.work, self.watch = work, Watch()
        self.model = keras.Sequential([keras.Input(work.inputs.shape[1:]), *work.keras(keras)])
        self.model.compile(
            optimizer=keras.optimizers.SGD(LEARNING_RATE),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def epoch(self) -> float:
        self.model.fit(
            self.work.inputs,
            self.work.targets,
            batch_size=self.work.batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[self.watch],
        )
        return self.seconds

    def costs(self) -> list[float]:
        return self.log
