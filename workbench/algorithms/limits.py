"""Step rules that limit steps, skip batches, or restrict another rule to some parameters."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from workbench import errors
from workbench.algorithms.rules import (
    POSITIVE,
    StepRule,
    Steps,
    StepUpdates,
    about,
    check_parameters,
    everywhere,
    hyperparameter,
    joint_norm,
    may_overflow,
    widened,
)
from workbench.algorithms.wrapping import WrappingRule
from workbench.graph.criteria import is_criterion
from workbench.graph.hierarchy import path_of
from workbench.graph.selection import select
from workbench.tensor import SharedVariable, Variable, as_variable
from workbench.utils.predicates import Predicate, as_predicate


class StepClipping(StepRule):
    r"""Step rule that rescales the steps of all parameters if their joint L2 norm is too large.

    The steps :math:`s` become :math:`s \cdot \min(1, \theta / \|s\|)`, where :math:`\|s\|` is the
    norm over all parameters together and :math:`\theta` is the threshold. As the first rule of a
    chain, it clips gradients (Pascanu, Mikolov and Bengio 2013).

    Parameters
    ----------
    threshold : float, optional
        The largest norm, greater than 0; with ``None``, the steps are not changed.

    Attributes
    ----------
    threshold : SharedVariable or None

    Examples
    --------
    >>> StepClipping(threshold=5.0)
    StepClipping(threshold=5)
    """

    one_by_one = False
    elementwise = True

    def __init__(self, threshold: float | None = None) -> None:
        self.threshold = (
            None if threshold is None else hyperparameter(threshold, "threshold", POSITIVE)
        )

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        if self.threshold is None:
            return dict(previous_steps), []
        norm = joint_norm(previous_steps)
        # The maximum in the denominator limits the factor to one, and avoids 0 / 0.
        factor = self.threshold / norm.maximum(self.threshold.to(norm.dtype))
        factor = _known(factor, norm)
        return {p: _scaled(step, factor) for p, step in previous_steps.items()}, []


def _known(factor: Variable, norm: Variable) -> Variable:
    """Return a factor, or NaN if the norm is infinite, even if the elements are finite.

    A factor of zero would make all steps zero without an error.
    """
    known: Variable = factor.where(norm.isfinite(), torch.nan)
    return known


def _scaled(step: Variable, factor: Variable) -> Variable:
    """Return the product of a step and a factor, in the dtype of the step."""
    wide = widened(step)
    return factor * wide if wide is step else (factor * wide).to(step.dtype)


class VariableClipping(StepRule):
    r"""Step rule that limits the L2 norm of each parameter after the step.

    Let :math:`p` be the parameter, :math:`s` the step of the previous rule and :math:`\theta` the
    threshold. The step is changed so that the parameter becomes :math:`(p - s) \cdot \min(1, \theta
    / \|p - s\|)`, where the norm is computed over `axis`. The rule must be the last rule of a
    chain, because it assumes that its step is subtracted. The rule is used for max-norm
    regularisation (Srebro and Shraibman 2005), for instance to limit the weights of hidden units
    (Hinton et al. 2012): ``Restrict(VariableClipping(2.0, axis=0), WEIGHT)``.

    Parameters
    ----------
    threshold : float
        The largest norm, greater than 0.
    axis : int or iterable of int, optional
        The axes over which the norm is computed; by default all axes. If only some axes are given,
        each slice of the parameter is clipped separately.

    Attributes
    ----------
    threshold : SharedVariable
    axis : tuple of int or None

    Raises
    ------
    AlgorithmError
        If `axis` does not consist of distinct integers, or if a parameter does not have one of the
        axes.

    Examples
    --------
    >>> VariableClipping(2.0, axis=0)
    VariableClipping(threshold=2, axis=(0,))
    """

    def __init__(self, threshold: float, axis: int | Iterable[int] | None = None) -> None:
        self.threshold = hyperparameter(threshold, "threshold", POSITIVE)
        listed = list(axis) if isinstance(axis, Iterable) else [] if axis is None else [axis]
        if not all(isinstance(one, int) for one in listed):
            raise errors.AlgorithmError(
                f"axis must be an integer, several integers, or None for all axes, not {axis!r}"
            )
        if len(set(listed)) != len(listed):
            raise errors.AlgorithmError(f"axis must consist of distinct integers, not {axis!r}")
        self.axis = None if axis is None else tuple(listed)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        moved: Variable = parameter - previous_step
        wrong = [a for a in self.axis or () if not -moved.ndim <= a < moved.ndim]
        if wrong:
            raise errors.AlgorithmError(
                f"{self!r} cannot clip {path_of(parameter)}, which has {moved.ndim} "
                f"dimension{'s' * (moved.ndim != 1)} and therefore no axis {wrong[0]}; exclude "
                "this parameter with Restrict"
            )
        axes = self.axis or tuple(range(moved.ndim))
        wide = widened(moved)
        norm = (wide**2).sum(axes, keepdim=True).sqrt() if axes else wide.abs()
        clipped = parameter - _scaled(moved, _known(self.threshold / norm, norm))
        # Steps within the limit stay bitwise identical.
        step: Variable = clipped.where(norm > self.threshold, previous_step)
        return step, []

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, axis={self.axis})"


class RemoveNotFinite(StepRule):
    r"""Step rule that skips batches whose steps or buffers would not be finite.

    If any element of a step, or of a buffer of an earlier rule, would be infinite or NaN, the
    algorithm changes no buffer and applies no other updates, such as updates of population
    statistics. Parameters do not change either, except that each parameter whose own step is not
    finite is multiplied by `scaler`. A single bad batch therefore cannot make a velocity infinite.
    The rule must be the last rule of a chain.

    If this rule is used, `GradientDescent` raises no error when the cost or a step is not finite.

    Parameters
    ----------
    scaler : float
        The factor for parameters whose step is not finite. The default, 1, leaves them
        unchanged.

    Attributes
    ----------
    scaler : SharedVariable

    Examples
    --------
    >>> from workbench.algorithms import Adam, CompositeRule
    >>> CompositeRule([Adam(0.001), RemoveNotFinite()]).handles_not_finite
    True
    """

    one_by_one = False
    elementwise = True

    def __init__(self, scaler: float = 1.0) -> None:
        self.scaler = hyperparameter(scaler, "scaler")
        self._accepts: Variable | None = None
        self._before: StepUpdates = []

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        steps, updates = self.compute_steps({parameter: previous_step})
        return steps[parameter], updates

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        finite = {p: everywhere(step.isfinite().all(), [p]) for p, step in previous_steps.items()}
        buffers = [
            everywhere(as_variable(new).isfinite().all(), [kept])
            for kept, new in self._before
            if may_overflow(kept) and about(kept) in {kept, *previous_steps}
        ]
        self._accepts = functools.reduce(operator.and_, [*finite.values(), *buffers])
        steps: Steps = {}
        for parameter, step in previous_steps.items():
            shrunk = ((1 - self.scaler) * parameter).to(step.dtype)
            instead = shrunk.where(~finite[parameter], torch.zeros_like(shrunk))
            steps[parameter] = step.where(self._accepts, instead)
        return steps, []

    def see_updates(self, updates: StepUpdates) -> None:
        self._before = updates

    def revise_updates(self, updates: StepUpdates) -> StepUpdates:
        accepts: Any = self._accepts
        return [(kept, as_variable(new).where(accepts, kept)) for kept, new in updates]

    @property
    def handles_not_finite(self) -> bool:
        return True

    @property
    def accepts(self) -> Variable | None:
        return self._accepts


class Restrict(WrappingRule):
    """Step rule that applies another rule to some parameters only.

    Parameters
    ----------
    step_rule : StepRule
    variables : iterable of SharedVariable, or criterion
        The parameters that the rule is applied to; parameters that are not trained are ignored. A
        criterion (see `workbench.filter.as_predicate`) selects from the trained parameters.

    Raises
    ------
    AlgorithmError
        If `step_rule` is not a rule, if `variables` are not parameters, or if none of them is
        trained.
    SelectionError
        If a criterion selects none of the trained parameters.

    Examples
    --------
    >>> from workbench import shared
    >>> from workbench.roles import BIAS, PARAMETER
    >>> Restrict(StepClipping(1.0), [shared([1.0], "W")])
    Restrict(StepClipping(threshold=1), [W])
    >>> Restrict(StepClipping(1.0), PARAMETER & ~BIAS)
    Restrict(StepClipping(threshold=1), PARAMETER & ~BIAS)
    """

    def __init__(self, step_rule: StepRule, variables: Iterable[SharedVariable] | Any) -> None:
        super().__init__(step_rule)
        if isinstance(variables, Variable):
            raise errors.AlgorithmError(
                f"variables must be a list of parameters, not {variables!r}; write [{variables!r}]"
            )
        self.variables: list[SharedVariable] | Predicate
        if is_criterion(variables):
            self.variables = as_predicate(variables)
        else:
            self.variables = list(variables)
            check_parameters(type(self).__name__, self.variables)

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        if isinstance(self.variables, Predicate):
            variables: Iterable[Any] = select(self.variables, previous_steps, "Restrict")
        else:
            variables = [p if p.divided is None else p.divided for p in self.variables]
        chosen = {p: previous_steps[p] for p in variables if p in previous_steps}
        if self.variables and not chosen:
            raise errors.AlgorithmError(
                f"{self!r} has no variables that are trained; select some of the trained "
                f"parameters: {', '.join(map(path_of, previous_steps))}"
            )
        if not chosen:
            return dict(previous_steps), []
        steps, updates = self.step_rule.compute_steps(chosen)
        return {**previous_steps, **steps}, updates

    def __repr__(self) -> str:
        return f"Restrict({self.step_rule!r}, {self.variables!r})"
