"""Our project: gradient descent in a main loop that records the cost of every batch."""

from __future__ import annotations

import time

from tests.benchmarks.contenders.base import LEARNING_RATE, Contender
from tests.benchmarks.models import Work
from workbench import tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.extensions import TrainingExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.graph import ComputationGraph
from workbench.main_loop import MainLoop


class Timer(TrainingExtension):
    """Extension that ends training after some epochs, one by default, and measures their time."""

    epochs = 1
    left = 0
    started = seconds = 0.0

    def before_epoch(self) -> None:
        if not self.left:
            self.started, self.left = time.perf_counter(), self.epochs

    def after_epoch(self) -> None:
        self.left -= 1
        if not self.left:
            self.seconds = time.perf_counter() - self.started
            self.main_loop.log.current_row["training_finish_requested"] = True


class Project(Contender):
    """A main loop over an in-memory stream."""

    library = "workbench"
    execution: str

    def __init__(self, work: Work) -> None:
        x = tensor.variable("features", shape=(None, *work.inputs.shape[1:]))
        cost = work.cost(x, tensor.lvector("targets"))
        cost.name = "cost"
        algorithm = GradientDescent(
            cost=cost,
            parameters=ComputationGraph(cost).parameters,
            step_rule=Scale(LEARNING_RATE),
            function_kwargs={"execution": self.execution},
        )
        dataset = IndexableDataset({"features": work.inputs, "targets": work.targets})
        scheme = SequentialScheme(dataset.num_examples, work.batch_size)
        self.timer = Timer()
        self.main_loop = MainLoop(
            algorithm,
            DataStream(dataset, iteration_scheme=scheme),
            extensions=[TrainingDataMonitoring([cost], after_batch=True), self.timer],
        )

    def epoch(self) -> float:
        self.main_loop.run()
        return self.timer.seconds

    def costs(self) -> list[float]:
        values: list[float] = self.main_loop.log.column("cost")[1].tolist()
        return values


class Eager(Project):
    """The eager tier."""

    name = "this project, eager"
    execution = "eager"


class Compiled(Project):
    """The compiled tier."""

    name = "this project, compiled"
    execution = "compiled"


class InSession(Compiled):
    """The compiled tier in a background thread, as notebooks run it."""

    name = "this project, in a session"

    def epoch(self) -> float:
        self.main_loop.start().wait()
        return self.timer.seconds
