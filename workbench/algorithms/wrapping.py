"""`WrappingRule`, the base class of step rules that apply another rule."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.algorithms.rules import StepRule, StepUpdates, check_rule
from workbench.tensor import Variable


class WrappingRule(StepRule):
    """Step rule that applies another rule and shares its properties, but computes different steps.

    A subclass defines `compute_steps`.

    Parameters
    ----------
    step_rule : StepRule

    Attributes
    ----------
    step_rule : StepRule

    Raises
    ------
    AlgorithmError
        If `step_rule` is not a rule.

    Examples
    --------
    >>> from workbench.algorithms import RemoveNotFinite
    >>> class Again(WrappingRule):
    ...     def compute_steps(self, previous_steps):
    ...         return self.step_rule.compute_steps(previous_steps)
    >>> Again(RemoveNotFinite()).handles_not_finite
    True
    """

    _parts = ("step_rule",)
    one_by_one = False

    def __init__(self, step_rule: StepRule) -> None:
        check_rule(step_rule, type(self).__name__)
        self.step_rule = step_rule

    def see_updates(self, updates: StepUpdates) -> None:
        self.step_rule.see_updates(updates)

    def revise_updates(self, updates: StepUpdates) -> StepUpdates:
        return self.step_rule.revise_updates(updates)

    @property
    def handles_not_finite(self) -> bool:
        return self.step_rule.handles_not_finite

    @property
    def accepts(self) -> Variable | None:
        return self.step_rule.accepts

    @property
    def originals(self) -> Mapping[Variable, Variable]:
        return self.step_rule.originals

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        return self.step_rule.elementwise

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.step_rule!r})"
