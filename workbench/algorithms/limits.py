"""Step rules that keep steps within bounds."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.algorithms.rules import StepRule, Steps, StepUpdates, hyperparameter
from workbench.expressions import l2_norm
from workbench.tensor import SharedVariable, Variable


class StepClipping(StepRule):
    r"""Rescales the whole step, over all parameters, if its L2 norm exceeds a threshold.

    The steps :math:`s` become :math:`s \cdot \min(1, \theta / \|s\|)`, with :math:`\|s\|` the norm
    over all parameters together and :math:`\theta` the threshold. As the first rule of a chain it
    clips gradients (Pascanu et al. 2013).

    Parameters
    ----------
    threshold : float, optional
        The largest norm; ``None`` leaves steps as they are.

    Attributes
    ----------
    threshold : SharedVariable or None

    Examples
    --------
    >>> StepClipping(threshold=5.0)
    StepClipping(threshold=5)
    """

    def __init__(self, threshold: float | None = None) -> None:
        self.threshold = None if threshold is None else hyperparameter(threshold, "threshold")

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        if self.threshold is None:
            return dict(previous_steps), []
        norm = l2_norm(previous_steps.values())
        # Divided by the larger of the two, the factor is at most one and never 0 / 0.
        factor = self.threshold / norm.maximum(self.threshold.to(norm.dtype))
        return {p: factor * step for p, step in previous_steps.items()}, []
