"""Step rules, which compute steps from gradients, and their composition.

For each parameter, a rule receives one expression (the gradient, or the step from the previous
rule) and returns an expression for the step. Like gradients, steps are *subtracted* from
parameters, so that rules can be chained. The state that a rule keeps between batches consists of
shared variables with the role ``ALGORITHM_BUFFER``. The hyperparameters of a rule are shared
variables with the role ``ALGORITHM_HYPERPARAMETER``; they can be changed during training.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch

from workbench import errors
from workbench.expressions import l2_norm
from workbench.graph.computation import ComputationGraph
from workbench.graph.hierarchy import path_of
from workbench.roles import ALGORITHM_BUFFER, ALGORITHM_HYPERPARAMETER, VariableRole, add_role
from workbench.tensor import SharedVariable, Variable, shared
from workbench.tensor.collectives import all_reduce
from workbench.tensor.device import floatx
from workbench.tensor.interval import Interval
from workbench.tensor.processes import ProcessGroup
from workbench.tensor.row_shards import Rows
from workbench.tensor.shared import ElsewhereVariable
from workbench.utils.attributes import FixedAttributes
from workbench.utils.numbers import is_single

HALF = (torch.float16, torch.bfloat16)

FINITE = Interval(error=errors.AlgorithmError)
NOT_NEGATIVE = Interval(0, error=errors.AlgorithmError)
POSITIVE = Interval(0, closed="neither", error=errors.AlgorithmError)
RATE = Interval(0, 1, error=errors.AlgorithmError)
"""The interval of valid fractions, from 0 to 1."""
DECAY = Interval(0, 1, closed="left", error=errors.AlgorithmError)
"""The interval of valid decay rates.

The interval excludes 1, because with this rate an average would never change, and its bias
correction would divide by zero.
"""

OF_A_COMPONENT = "it belongs to a component; call the variable's set_value() instead"
UPHILL = "; to maximise a function, minimise its negative"

Steps = dict[SharedVariable, Variable]
StepUpdates = list[tuple[SharedVariable, Any]]


class StepRule(FixedAttributes):
    """Base class of rules that compute steps from gradients.

    A subclass overrides `compute_step`, or `compute_steps` if it requires all parameters together.

    Examples
    --------
    A custom rule that computes the sign of the gradient:

    >>> import torch
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import CompositeRule, GradientDescent, Scale
    >>> class Sign(StepRule):
    ...     def compute_step(self, parameter, previous_step):
    ...         return torch.sign(previous_step), []
    >>> w, x = shared([1.0, -2.0], "w"), tensor.vector("x")
    >>> algorithm = GradientDescent(
    ...     cost=(w * x).sum(), parameters=[w], step_rule=CompositeRule([Sign(), Scale(0.5)]))
    >>> algorithm.process_batch({"x": [3.0, -3.0]})
    >>> w.get_value()
    array([ 0.5, -1.5], dtype=float32)
    """

    _called = "rule"

    def fix(self) -> None:
        """Make all attributes read-only after the training step has been built.

        The values of hyperparameters, which are shared variables, can still change.
        """
        public = [name for name in vars(self) if not name.startswith("_")]
        self._fixed = dict.fromkeys(public, "create a new rule and a new algorithm")
        for value in vars(self).values():
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, StepRule):
                    part.fix()

    one_by_one: ClassVar[bool] = True
    """True if `compute_steps` calls `compute_step` for each parameter."""

    elementwise: bool = False
    """True if each element of a step depends only on that element of the parameter and its
    gradient, and possibly on `joint_norm`; required if parameters are divided among processes."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "compute_step" in own and "compute_steps" not in own and not cls.one_by_one:
            maker = next(base for base in cls.__mro__ if "compute_steps" in vars(base))
            raise errors.AlgorithmError(
                f"{cls.__name__}.compute_step would never be called, because {maker.__name__} "
                "computes the steps of all parameters together; define "
                "compute_steps(previous_steps), or write a separate rule and combine both in a "
                "CompositeRule"
            )

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        """Compute the step for one parameter.

        Parameters
        ----------
        parameter : SharedVariable
        previous_step : Variable
            The gradient, or the step of the previous rule.

        Returns
        -------
        step : Variable
            The step, which has the same shape as `previous_step`.
        updates : list of pairs
            Shared variables of the rule and their new values.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define compute_step(parameter, previous_step), or "
            "compute_steps(previous_steps)"
        )

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        """Compute the steps for all parameters.

        Parameters
        ----------
        previous_steps : dict
            A dictionary from parameters to gradients, or to steps of the previous rule.

        Returns
        -------
        steps : dict
            A dictionary from the same parameters to steps.
        updates : list of pairs
            Shared variables of the rule and their new values.
        """
        steps: Steps = {}
        updates: StepUpdates = []
        for parameter, previous in previous_steps.items():
            steps[parameter], more = self.compute_step(parameter, previous)
            updates += more
        return steps, updates

    def see_updates(self, updates: StepUpdates) -> None:
        """Receive the updates of earlier rules in a chain, before `compute_steps` is called.

        Parameters
        ----------
        updates : list of pairs
            The updates of the earlier rules.
        """

    def revise_updates(self, updates: StepUpdates) -> StepUpdates:
        """Change the updates of earlier rules in a chain, after `compute_steps` has been called.

        Parameters
        ----------
        updates : list of pairs
            The updates of the earlier rules.

        Returns
        -------
        list of pairs
            The changed updates. By default, the method returns `updates` unchanged.
        """
        return updates

    @property
    def handles_not_finite(self) -> bool:
        """True if the rule computes finite steps from gradients that are not finite."""
        return False

    @property
    def accepts(self) -> Variable | None:
        """A variable that is true if a batch is accepted; ``None`` if every batch is accepted.

        The variable is created by `compute_steps`. For a rejected batch, an algorithm applies only
        the steps and no other updates.
        """
        return None

    @property
    def originals(self) -> Mapping[Variable, Variable]:
        """The steps before the exchange among processes, keyed by the steps after the exchange.

        The mapping is created by `compute_steps`.
        """
        return {}

    def __repr__(self) -> str:
        settings = ", ".join(
            f"{name}={value.get_value().item():.6g}"
            for name, value in vars(self).items()
            if isinstance(value, SharedVariable)
        )
        return f"{type(self).__name__}({settings})"


class CompositeRule(StepRule):
    """Step rule that applies several rules one after another.

    Parameters
    ----------
    components : list of StepRule
        The rules in the order they are applied; the first rule is applied to the
        gradients.

    Examples
    --------
    >>> from workbench.algorithms import Adam, StepClipping
    >>> CompositeRule([StepClipping(1.0), Adam()]).components[0]
    StepClipping(threshold=1)
    """

    _parts = ("components",)
    one_by_one = False

    def __init__(self, components: Iterable[StepRule]) -> None:
        if isinstance(components, StepRule):
            raise errors.AlgorithmError(
                f"components must be a list of step rules, not {components!r}; write "
                f"[{components!r}]"
            )
        self.components = list(components)
        for component in self.components:
            check_rule(component, type(self).__name__)
        self._before: StepUpdates = []

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        steps = dict(previous_steps)
        updates: StepUpdates = []
        for component in self.components:
            component.see_updates([*self._before, *updates])
            steps, more = component.compute_steps(steps)
            updates = component.revise_updates(updates) + more
        return steps, updates

    def see_updates(self, updates: StepUpdates) -> None:
        self._before = updates

    def revise_updates(self, updates: StepUpdates) -> StepUpdates:
        for component in self.components:
            updates = component.revise_updates(updates)
        return updates

    @property
    def handles_not_finite(self) -> bool:
        return any(component.handles_not_finite for component in self.components)

    @property
    def accepts(self) -> Variable | None:
        several = [component.accepts for component in self.components]
        return functools.reduce(_both, several, None)

    @property
    def originals(self) -> Mapping[Variable, Variable]:
        return {old: new for one in self.components for old, new in one.originals.items()}

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        return all(component.elementwise for component in self.components)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.components!r})"


def _both(one: Variable | None, other: Variable | None) -> Variable | None:
    if one is None or other is None:
        return other if one is None else one
    both: Variable = one.logical_and(other)
    return both


class Scale(StepRule):
    """Step rule that multiplies the step by a learning rate.

    Used as the only rule, it performs steepest descent.

    Parameters
    ----------
    learning_rate : float
        The learning rate, at least 0.

    Attributes
    ----------
    learning_rate : SharedVariable

    Raises
    ------
    AlgorithmError
        If `learning_rate` is not a number >= 0.

    Examples
    --------
    >>> rule = Scale(learning_rate=0.1)
    >>> rule.learning_rate.set_value(0.05)
    >>> rule
    Scale(learning_rate=0.05)
    """

    elementwise = True

    def __init__(self, learning_rate: float = 1.0) -> None:
        self.learning_rate = learning_rate_of(learning_rate)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        return self.learning_rate * previous_step, []


def hyperparameter(value: Any, name: str, allowed: Interval = FINITE) -> SharedVariable:
    """Create a hyperparameter, a shared variable that accepts only numbers in `allowed`.

    Raises
    ------
    AlgorithmError
        If `value` is not a single number, or is not in `allowed`.
    """
    check_number(value, name)
    new = shared(value, name, dtype=floatx(), check=allowed)
    add_role(new, ALGORITHM_HYPERPARAMETER)
    return new


def learning_rate_of(value: Any) -> SharedVariable:
    """Create a learning rate, a shared variable that accepts only numbers >= 0."""
    return hyperparameter(value, "learning_rate", replace(NOT_NEGATIVE, advice=UPHILL))


def check_rule(value: Any, user: str) -> None:
    """Raise `AlgorithmError` unless `value`, a component of `user`, is a step rule."""
    if not isinstance(value, StepRule):
        raise errors.AlgorithmError(
            f"a component of {user} must be a step rule such as Scale(0.1) or Adam(), not {value!r}"
        )


def check_number(value: Any, name: str) -> None:
    """Raise `AlgorithmError` unless `value` is a real number or a zero-dimensional array."""
    if isinstance(value, Variable):
        raise errors.AlgorithmError(
            f"{name} must be a number, not the variable {value!r}; pass a number, and change it "
            f"later with rule.{name}.set_value()"
        )
    if not is_single(value):
        raise errors.AlgorithmError(f"{name} must be a single number, such as 0.1, not {value!r}")


def buffer_for(
    parameter: SharedVariable,
    name: str,
    role: VariableRole = ALGORITHM_BUFFER,
    *,
    shown_by_step: bool = False,
) -> SharedVariable:
    """Create a buffer of a rule, filled with zeros and with the same shape as `parameter`.

    Set `shown_by_step` to True if the step cannot be finite where the buffer is not finite; in that
    case, only the step is checked.
    """
    keeper, full_name = _keepers.get().get(parameter), f"{parameter.name}_{name}"
    new: SharedVariable
    if isinstance(parameter, Rows):
        new = parameter.buffer(full_name)
    elif keeper is None or keeper.is_here:
        new = shared(torch.zeros_like(parameter.tensor), full_name)
    else:
        new = ElsewhereVariable(parameter.tensor, full_name)
    new.tag.for_parameter = parameter
    new.tag.shown_by_step = shown_by_step or keeper is not None
    new.tag.kept_by = keeper
    add_role(new, role)
    return new


class Keeper(NamedTuple):
    """The process of a group that keeps the buffers of a parameter."""

    rank: int
    is_here: bool


@contextmanager
def kept_by(keepers: Mapping[SharedVariable, Keeper]) -> Iterator[None]:
    """Create buffers inside the ``with`` block only in the processes that keep them."""
    token = _keepers.set(keepers)
    try:
        yield
    finally:
        _keepers.reset(token)


_keepers: ContextVar[Mapping[SharedVariable, Keeper]] = ContextVar(
    "keepers", default=MappingProxyType({})
)


def keeper_of(variable: SharedVariable) -> Keeper | None:
    """Return the process that keeps a buffer, or None if every process keeps it."""
    found: Keeper | None = vars(variable.tag).get("kept_by")
    return found


def about(variable: SharedVariable) -> SharedVariable:
    """Return the parameter that `variable` belongs to, or `variable` itself if there is none."""
    parameter: SharedVariable = vars(variable.tag).get("for_parameter", variable)
    return parameter


def may_overflow(buffer: SharedVariable) -> bool:
    """Return True if a buffer must be checked because it may become infinite or NaN.

    No check is necessary if the buffer contains no floats, if it already contains infinite or NaN
    elements, or if the check of the step covers it.
    """
    if vars(buffer.tag).get("shown_by_step"):
        return False
    return buffer.dtype.is_floating_point and bool(buffer.tensor.isfinite().all())


def counter(name: str) -> SharedVariable:
    """Create a buffer that counts batches, starting at zero."""
    new = shared(0, name)
    add_role(new, ALGORITHM_BUFFER)
    return new


def check_parameters(what: str, parameters: Sequence[Any]) -> None:
    """Raise `AlgorithmError` unless `parameters` are distinct shared variables."""
    for parameter in parameters:
        if not isinstance(parameter, SharedVariable):
            raise errors.AlgorithmError(
                f"the parameters of {what} must be shared variables, but one of them is "
                f"{parameter!r}; pass ComputationGraph(cost).parameters, or variables created by "
                "workbench.shared"
            )
    if len(set(parameters)) != len(parameters):
        twice, _ = Counter(parameters).most_common(1)[0]
        raise errors.AlgorithmError(
            f"the parameters of {what} must be distinct, but {path_of(twice)} is given twice"
        )


def parameters_of(cost: Any) -> list[SharedVariable]:
    """Return the parameters of a cost, or an empty list if `cost` is not a variable."""
    return ComputationGraph(cost).parameters if isinstance(cost, Variable) else []


def total_norm(tensors: Mapping[SharedVariable, Variable], name: str) -> Variable:
    """Return the L2 norm of all gradients or steps together, as a variable named `name`."""
    norm = joint_norm(tensors)
    norm.name = name
    return norm


def joint_norm(tensors: Mapping[SharedVariable, Variable]) -> Variable:
    """Return the L2 norm of all gradients or steps together, over the rows in all processes.

    For float16 and bfloat16, the norm is computed in float32, because squares of ordinary steps
    overflow in float16.
    """
    group = group_of(tensors)
    norm = l2_norm(map(widened, tensors.values()))
    if group is None:
        return norm
    squares: Any = all_reduce(norm.double() ** 2, group=group)
    joint: Variable = squares.sqrt().to(norm.dtype)
    return joint


def widened(variable: Variable) -> Variable:
    """Return a variable of a half-precision dtype as float32, and any other variable unchanged."""
    wide: Variable = variable.float() if variable.dtype in HALF else variable
    return wide


def everywhere(condition: Variable, parameters: Iterable[SharedVariable]) -> Variable:
    """Return a condition that is true if `condition` is true in all processes.

    The result is `condition` itself if the parameters are not divided among processes.
    """
    group = group_of(parameters)
    if group is None:
        return condition
    failures: Any = all_reduce((~condition).float(), group=group)
    fine: Variable = failures.eq(0)
    return fine


def group_of(parameters: Iterable[SharedVariable]) -> ProcessGroup | None:
    """Return the processes that parameters are divided among, or None if they are not divided."""
    return next((p.group for p in parameters if isinstance(p, Rows)), None)
