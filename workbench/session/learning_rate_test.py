"""Learning rate range test, which trains on batches with increasing learning rates.

The test trains a copy of the run, so the run does not change. For the method see L. Smith,
"Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.algorithms import GradientDescent
from workbench.errors import (
    ArgumentError,
    MissingLibraryError,
    NotFiniteError,
    SessionError,
    SessionWarning,
)
from workbench.extensions import TrainingExtension
from workbench.main_loop import MainLoop
from workbench.session.hyperparameters import variable_of
from workbench.tensor import SharedVariable
from workbench.utils.live_layer import from_live_layer
from workbench.utils.numbers import as_whole

if TYPE_CHECKING:
    import pandas as pd

DECAY = 0.9
"""Weight of the previous average in the smoothed cost."""

SETTLING = 10
"""Number of batches in which the smoothed cost settles."""

FEWEST = 20
"""Minimum number of batches for a meaningful smoothed cost."""

NO_COST = (
    "find_learning_rate requires the cost of each batch, but {algorithm} does not compute one; "
    "train with GradientDescent(cost=...) without on_not_finite='ignore'"
)
NO_BOUNDS = "low and high must be numbers with 0 < low < high, not low={low!r} and high={high!r}"
NO_FALL = (
    "the cost did not fall at any learning rate from {low:.3g} to {last:.3g}, so none is "
    "suggested; try lower rates, or an earlier state of the run"
)
NO_BATCHES = (
    "the data ended after {count} batches, but the test requires {fewest}; use a data stream with "
    "more batches"
)


@dataclass(repr=False)
class LearningRateTest:
    """Result of a learning rate range test.

    Attributes
    ----------
    rates : list of float
        The learning rate of each batch.
    costs : list of float
        The cost of each batch, before its step.
    """

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    @property
    def smoothed(self) -> list[float]:
        """The exponential moving average of `costs`, corrected for its start at zero."""
        found, average = [], 0.0
        for count, cost in enumerate(self.costs, 1):
            average = DECAY * average + (1 - DECAY) * cost
            found.append(average / (1 - DECAY**count))
        return found

    @property
    def suggestion(self) -> float | None:
        """The learning rate at which the smoothed cost falls fastest; None if it does not fall.

        The slope is taken with respect to the logarithm of the rate, up to the lowest cost. The
        first ten batches, in which the average settles, are excluded if there are enough other
        batches.
        """
        smoothed = np.array(self.smoothed)
        skipped = SETTLING if len(smoothed) >= 3 * SETTLING else 0
        lowest = skipped + int(smoothed[skipped:].argmin()) if len(smoothed) else 0
        if lowest < skipped + 2 or smoothed[lowest] > 0.99 * smoothed[skipped] + 1e-12:
            return None
        part = slice(skipped, lowest + 1)
        slopes = np.gradient(smoothed[part], np.log(self.rates[part]))
        return float(self.rates[skipped + int(slopes.argmin())])

    @property
    def frame(self) -> pd.DataFrame:
        """A pandas frame with the columns ``learning_rate``, ``cost`` and ``smoothed``."""
        import pandas as pd

        columns = {"learning_rate": self.rates, "cost": self.costs, "smoothed": self.smoothed}
        return pd.DataFrame(columns).rename_axis("batch")

    def plot(self) -> Any:
        """Return a Bokeh figure of the cost against the learning rate.

        A notebook displays it if it is the last line of a cell, even offline.

        Raises
        ------
        MissingLibraryError
            If Bokeh is not installed.
        """
        draw = from_live_layer("learning_rate_figure", "figure_of", what="plot()")
        return draw(self.rates, self.costs, self.smoothed, self.suggestion)

    def _ipython_display_(self) -> None:
        print(self)
        if self.rates:
            with contextlib.suppress(MissingLibraryError):
                from_live_layer("learning_rate_figure", "show", what="plot()")(self.plot())

    def __repr__(self) -> str:
        if not self.rates:
            return "<LearningRateTest: no batches>"
        tried = f"{self.rates[0]:.3g} to {self.rates[-1]:.3g} in {len(self.rates)} batches"
        found = self.suggestion
        end = "no suggestion" if found is None else f"suggestion {found:.3g}"
        return f"<LearningRateTest: learning rates from {tried}, {end}>"


class _RangeTest(TrainingExtension):
    """Extension that sets the learning rate before each batch and stores the cost of each batch.

    Parameters
    ----------
    rate : SharedVariable
    low, high : float
        The first and the last rate.
    batches : int
    diverged : float
        The multiple of the lowest smoothed cost at which the test ends.
    """

    def __init__(
        self, rate: SharedVariable, low: float, high: float, batches: int, diverged: float
    ) -> None:
        super().__init__()
        self.result = LearningRateTest()
        self.planned = np.geomspace(low, high, batches).tolist()
        self._rate = rate
        self._diverged = diverged

    def before_batch(self, batch: Any) -> None:
        """Set the next learning rate."""
        self._rate.set_value(self.planned[len(self.result.rates)])

    def after_batch(self, batch: Any) -> None:
        """Store the cost, and end the test if it has grown too much."""
        algorithm, result = self.main_loop.algorithm, self.result
        assert isinstance(algorithm, GradientDescent)
        algorithm.settle()
        cost = algorithm.last_cost
        if cost is None or not math.isfinite(cost):  # with on_not_finite="warn"
            self.main_loop.request_finish()
            return
        result.rates.append(self.planned[len(result.rates)])
        result.costs.append(cost)
        if len(result.costs) <= SETTLING:
            return
        # Neither one batch of low cost nor the noise of the first costs, at low rates, ends it.
        smoothed = result.smoothed[SETTLING - 1 :]
        low, high = min(smoothed), max(smoothed)
        grown = smoothed[-1] - low > (self._diverged - 1) * max(abs(low), (high - low) / 10)
        if grown and smoothed[-1] > max(result.costs[:SETTLING]):
            self.main_loop.request_finish()


def check_options(low: float, high: float, batches: int) -> None:
    """Raise an `ArgumentError` unless the options of a test are valid."""
    numbers = all(isinstance(one, (int, float)) and math.isfinite(one) for one in (low, high))
    if not numbers or not 0 < low < high:
        raise ArgumentError(NO_BOUNDS.format(low=low, high=high))
    as_whole(batches, "batches", ArgumentError, FEWEST)


def run_test(
    copy: MainLoop,
    *,
    low: float,
    high: float,
    batches: int,
    parameter: str,
    diverged: float = 4.0,
) -> LearningRateTest:
    """Train a copy of a run with increasing learning rates in this thread.

    Raises
    ------
    SessionError
        If the run has no such hyperparameter, no cost, or too few batches.
    """
    algorithm = copy.algorithm
    if not (isinstance(algorithm, GradientDescent) and algorithm.checks_cost):
        raise SessionError(NO_COST.format(algorithm=type(algorithm).__name__))
    test = _RangeTest(variable_of(copy, parameter), low, high, batches, diverged)
    copy.extensions = [test]  # no schedules, checkpoints or evaluations
    with contextlib.suppress(NotFiniteError):  # the rate was too high, which ends the test
        copy.run(batches=batches)
    result = test.result
    if len(result.rates) < FEWEST and copy.log.status.get("training_error") is None:
        count = len(result.rates)
        if not copy.log.current_row.get("training_finish_requested"):
            raise SessionError(NO_BATCHES.format(count=count, fewest=FEWEST))
    if result.rates and result.suggestion is None:
        text = NO_FALL.format(low=result.rates[0], last=result.rates[-1])
        warnings.warn(text, SessionWarning, stacklevel=3)
    return result
