"""Learning rate range test, which trains on batches with increasing learning rates.

The test trains a copy of the run, so the run does not change. For the method, see L. Smith,
"Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.algorithms import GradientDescent
from workbench.errors import (
    ArgumentError,
    MissingLibraryError,
    NotFiniteError,
    SessionError,
)
from workbench.extensions import TrainingExtension
from workbench.main_loop import MainLoop
from workbench.session.descent import Fall, largest_fall
from workbench.session.hyperparameters import variable_of
from workbench.tensor import SharedVariable
from workbench.utils.live_layer import from_live_layer
from workbench.utils.numbers import as_whole

if TYPE_CHECKING:
    import pandas as pd

DECAY = 0.9
"""Weight of the previous average in the smoothed cost."""

SETTLING = 10
"""Number of batches that the smoothed cost needs to settle."""

FEWEST = 20
"""Minimum number of batches for a meaningful smoothed cost."""

WIDTH = 88
"""Number of characters in a line below a cell of a notebook."""

NO_COST = (
    "find_learning_rate requires the cost of each batch, but {algorithm} does not provide it; "
    "train with GradientDescent(cost=...) without on_not_finite='ignore'"
)
NO_BOUNDS = "low and high must be numbers with 0 < low < high, not low={low!r} and high={high!r}"
NO_FALL = "the cost did not fall at any learning rate from {low:.3g} to {last:.3g}"
NO_CLEAR_FALL = (
    "the cost did not fall clearly at any learning rate from {low:.3g} to {last:.3g}; the clearest "
    "fall was {size:.3g}, with a standard error of {error:.2g}"
)
ADVICE = (
    "; try lower rates, or more or larger batches. If the run has converged, no rate is suitable; "
    "go back to an earlier state of the run"
)
NO_BATCHES = (
    "the test requires at least {fewest} batches, but the data ended after {count}; use a data "
    "stream with more batches"
)


@dataclass(repr=False)
class LearningRateTest:
    """Result of a learning rate range test.

    Attributes
    ----------
    rates : list of float
        The learning rate of each batch.
    costs : list of float
        The cost of each batch, before the step on this batch.
    """

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    @property
    def smoothed(self) -> list[float]:
        """The exponential moving average of `costs`, with bias correction."""
        average = _Average()
        return [average.add(cost) for cost in self.costs]

    @property
    def suggestion(self) -> float | None:
        """The learning rate where the cost falls most clearly; None if no fall is clear.

        For each rate, two mean costs are compared: one over several batches before the rate is
        reached, and one over several batches from then on. The fall is clear if it exceeds five
        standard errors and 1 % of the first mean. The batches after the lowest smoothed cost are
        excluded. If there are at least thirty batches, the first ten are also excluded.
        """
        fall = self._fall
        return self.rates[fall.at] if fall is not None and fall.clear else None

    @property
    def reason(self) -> str:
        """The reason why no rate is suggested, and advice; empty if there is a suggestion."""
        fall = self._fall
        if not self.rates or (fall is not None and fall.clear):
            return ""
        low, last = self.rates[0], self.rates[-1]
        if fall is None:
            return NO_FALL.format(low=low, last=last) + ADVICE
        text = NO_CLEAR_FALL.format(low=low, last=last, size=fall.size, error=fall.error)
        return text + ADVICE

    @property
    def _fall(self) -> Fall | None:
        costs, smoothed = np.array(self.costs), np.array(self.smoothed)
        skipped = SETTLING if len(costs) >= 3 * SETTLING else 0
        if not len(costs):
            return None
        found = largest_fall(costs[skipped:], int(smoothed[skipped:].argmin()) + 1)
        return found and found._replace(at=found.at + skipped)

    @property
    def frame(self) -> pd.DataFrame:
        """A pandas frame with the columns ``learning_rate``, ``cost`` and ``smoothed``."""
        import pandas as pd

        columns = {"learning_rate": self.rates, "cost": self.costs, "smoothed": self.smoothed}
        return pd.DataFrame(columns).rename_axis("batch")

    def plot(self) -> Any:
        """Return a Bokeh figure of the cost against the learning rate.

        A notebook displays the figure, even offline, if the call is the last line of a cell.

        Raises
        ------
        MissingLibraryError
            If Bokeh is not installed.
        """
        draw = from_live_layer("learning_rate_figure", "figure_of", what="plot()")
        return draw(self.rates, self.costs, self.smoothed, self.suggestion)

    def _ipython_display_(self) -> None:
        # Broken at words: a notebook would break a long line anywhere.
        print(textwrap.fill(repr(self), WIDTH, break_long_words=False, break_on_hyphens=False))
        if self.rates:
            with contextlib.suppress(MissingLibraryError):
                from_live_layer("learning_rate_figure", "show", what="plot()")(self.plot())

    def __repr__(self) -> str:
        if not self.rates:
            return "<LearningRateTest: no batches>"
        n = len(self.rates)
        tried = f"{self.rates[0]:.3g} to {self.rates[-1]:.3g} in {n} batch{'es' * (n != 1)}"
        found = self.suggestion
        end = f"no suggestion: {self.reason}" if found is None else f"suggestion {found:.3g}"
        return f"<LearningRateTest: learning rates from {tried}, {end}>"


class _Average:
    """Exponential moving average with bias correction."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def add(self, value: float) -> float:
        """Add a value, and return the average."""
        self._sum = DECAY * self._sum + (1 - DECAY) * value
        self._weight = DECAY * self._weight + (1 - DECAY)
        return self._sum / self._weight


class _RangeTest(TrainingExtension):
    """Extension that sets the learning rate before each batch and stores the cost of each batch.

    Parameters
    ----------
    rate : SharedVariable
    low, high : float
        The first and the last rate.
    batches : int
    diverged : float
        The test ends when the smoothed cost exceeds this multiple of its lowest value.
    """

    def __init__(
        self, rate: SharedVariable, low: float, high: float, batches: int, diverged: float
    ) -> None:
        super().__init__()
        self.result = LearningRateTest()
        self.planned = np.geomspace(low, high, batches).tolist()
        self._rate = rate
        self._diverged = diverged
        self._average = _Average()
        self._lowest, self._highest = math.inf, -math.inf  # of the average once it has settled

    def before_batch(self, batch: Any) -> None:
        """Set the next learning rate."""
        self._rate.set_value(self.planned[len(self.result.rates)])

    def after_batch(self, batch: Any) -> None:
        """Store the cost; if it is not finite or has grown too much, end the test."""
        algorithm, result = self.main_loop.algorithm, self.result
        assert isinstance(algorithm, GradientDescent)
        algorithm.settle()
        cost = algorithm.last_cost
        if cost is None or not math.isfinite(cost):  # with on_not_finite="warn"
            self.main_loop.request_finish()
            return
        result.rates.append(self.planned[len(result.rates)])
        result.costs.append(cost)
        smoothed = self._average.add(cost)
        if len(result.costs) < SETTLING:
            return
        # One batch of low cost, or noise in the first costs, must not end the test.
        low = self._lowest = min(self._lowest, smoothed)
        high = self._highest = max(self._highest, smoothed)
        grown = smoothed - low > (self._diverged - 1) * max(abs(low), (high - low) / 10)
        if grown and smoothed > max(result.costs[:SETTLING]):
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
        If the run has no hyperparameter named `parameter`, no cost, or too few batches.
    """
    algorithm = copy.algorithm
    if not (isinstance(algorithm, GradientDescent) and algorithm.checks_cost):
        raise SessionError(NO_COST.format(algorithm=type(algorithm).__name__))
    test = _RangeTest(variable_of(copy, parameter), low, high, batches, diverged)
    copy.extensions = [test]  # no schedules, checkpoints or evaluations
    with contextlib.suppress(NotFiniteError):  # the rate was too high, so the test ends
        copy.run(batches=batches)
    result = test.result
    if len(result.rates) < FEWEST and copy.log.status.get("training_error") is None:
        count = len(result.rates)
        if not copy.log.current_row.get("training_finish_requested"):
            raise SessionError(NO_BATCHES.format(count=count, fewest=FEWEST))
    return result
