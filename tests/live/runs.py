"""Runs for views to show: nothing is learned, only a log is filled."""

import math

from extensions_live import Plot
from extensions_live.plot_view import PlotView
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.main_loop import MainLoop


class Clock:
    """Clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


class Idle:
    """Algorithm that does nothing, or fails at a given batch."""

    def __init__(self, fail_at=None):
        self.left = fail_at

    def initialize(self):
        pass

    def process_batch(self, batch):
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise ValueError("the weights ran away")


class Writer(TrainingExtension):
    """Records a cost for every batch and a test cost for every epoch."""

    def after_batch(self, batch):
        iteration = self.main_loop.status["iterations_done"]
        self.main_loop.log.current_row["cost"] = math.exp(-iteration / 10)

    def after_epoch(self):
        self.main_loop.log.current_row["test_cost"] = 0.5


def make_loop(*extensions, epochs=3, batches=4, channels=(("cost", "test_cost"),), fail_at=None):
    """Return a main loop with a plot."""
    stream = [{"x": [i]} for i in range(batches)]
    plot = Plot(channels=channels)
    finish = FinishAfter(after_n_epochs=epochs)
    return MainLoop(Idle(fail_at), stream, extensions=[Writer(), finish, plot, *extensions])


def plot_of(main_loop):
    """Return the plot among the extensions."""
    return main_loop.find_extension("Plot")


def plot_view(main_loop):
    """Return a view of the plot among the extensions."""
    plot = plot_of(main_loop)
    return PlotView(plot, *plot.views())
