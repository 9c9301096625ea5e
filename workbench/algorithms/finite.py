"""A look at the cost before anything changes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from workbench import errors
from workbench.algorithms.base import OnTrouble, choice
from workbench.tensor import Variable
from workbench.tensor.execution import Guard
from workbench.tensor.transfer import Arrivals

NOT_FINITE = (
    "the cost {cost} is {value} in batch {batch} of this run ({before}); {effect}. {advice}"
)
ADVICE = (
    "Try a smaller learning rate, clip the steps with CompositeRule([StepClipping(1.0), rule]), or "
    "leave such batches out with RemoveNotFinite as the last rule"
)
LATE = 32
"""How many costs of an accelerator may wait to be looked at."""
FIRST = "Look at the data, at the initial parameters and at the learning rate"


class FiniteCost:
    """Refuses, or complains about, a cost that is infinite or not a number.

    Parameters
    ----------
    cost : Variable or None
    on_not_finite : {'raise', 'warn', 'ignore'}

    Attributes
    ----------
    outputs : list of Variable
        What a function has to give first, for `guard`: the cost, or nothing.
    """

    def __init__(self, cost: Variable | None, on_not_finite: OnTrouble) -> None:
        self.cost = cost
        self.on_not_finite = choice("on_not_finite", on_not_finite)
        self.outputs = [] if cost is None or on_not_finite == "ignore" else [cost]
        self.batches = 0
        self.last: float | None = None
        self._finite = True
        self._arriving: Arrivals[None] = Arrivals()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_arriving": Arrivals()}

    @property
    def guard(self) -> Guard | None:
        """What the function shall ask before updates."""
        return self if self.outputs else None

    def holds(self, outputs: Sequence[Any]) -> torch.Tensor | None:
        """Whether parameters may change: if the cost is finite, or that does not matter."""
        return torch.isfinite(outputs[0]) if self.on_not_finite == "raise" else None

    def check(self, outputs: Sequence[Any]) -> None:
        """Raise, or warn, if the cost is not finite.

        One that an accelerator computes is looked at some batches later; those after it may have
        changed parameters then, but itself it has not.
        """
        cost = outputs[0]
        if cost.is_cpu:
            self._judge(cost.item())
            return
        self._arriving.send(None, [cost])
        for _, [value] in self._arriving.received(most=LATE):
            self._judge(value.item())

    def settle(self) -> None:
        """Look at all costs that have not been looked at."""
        for _, [value] in self._arriving.received(wait=True):
            self._judge(value.item())

    def _judge(self, value: float) -> None:
        if math.isfinite(value):
            self.last = value
            self._finite = True
            self.batches += 1
            return
        raising = self.on_not_finite == "raise"
        message = NOT_FINITE.format(
            cost=repr(str(self.cost)),
            value=value,
            batch=self.batches + 1,
            before="the first"
            if self.last is None
            else f"the last finite cost was {self.last:.6g}",
            effect="no parameter was changed" if raising else "parameters follow it",
            advice=FIRST if self.last is None else ADVICE,
        )
        if raising:
            raise errors.NotFiniteError(message)
        self.batches += 1
        if self._finite:
            warnings.warn(message, stacklevel=5)
        self._finite = False
