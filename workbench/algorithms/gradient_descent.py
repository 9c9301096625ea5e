"""Gradient descent: gradients of a cost, made into steps by a rule, subtracted from parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench import errors
from workbench.algorithms.base import OnTrouble, UpdatesAlgorithm, named
from workbench.algorithms.finite import FiniteCost
from workbench.algorithms.rules import Scale, StepRule, check_parameters, total_norm
from workbench.tensor import SharedVariable, Variable, grad
from workbench.tensor.execution import Guard
from workbench.tensor.function import Updates

Gradients = Mapping[SharedVariable, Variable] | Iterable[tuple[SharedVariable, Variable]]


class GradientDescent(UpdatesAlgorithm):
    r"""Training by following gradients.

    For every batch, with the steps that `step_rule` makes of the gradients,
    :math:`p \leftarrow p - \text{step}_p` for each parameter :math:`p`.

    Parameters
    ----------
    cost : Variable, optional
        The scalar to minimise. Needed unless `gradients` are given.
    parameters : list of SharedVariable, optional
        What to change; by default the keys of `gradients`.
    step_rule : StepRule, optional
        By default ``Scale(1.0)``.
    gradients : dict or pairs, optional
        An expression for each parameter, in place of the gradients of `cost`.
    known_grads, consider_constant : optional
        As in `workbench.grad`; only without `gradients`.
    on_not_finite : {'raise', 'warn', 'ignore'}, optional
        What to do when the cost is infinite or not a number. The error is raised before anything
        changes, so that training can go on after a remedy. By default ``'raise'``, but
        ``'ignore'`` if `step_rule` deals with it, as `RemoveNotFinite` does.
    updates, function_kwargs, on_unused_sources : optional
        As in `UpdatesAlgorithm`.

    Attributes
    ----------
    gradients, steps : dict of SharedVariable to Variable
        The gradient of each parameter, named ``grad_W`` (``grad_mlp/linear_0.W`` where several
        parameters have the name), and the step subtracted from it.
    total_gradient_norm, total_step_norm : Variable
        The L2 norms of all gradients and of all steps together. Nothing computes them unless they
        are monitored.

    Raises
    ------
    AlgorithmError
        If the arguments contradict each other, or a parameter is no shared variable.
    GradientError
        If a gradient is not defined.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> x, w = tensor.vector("x"), shared(1.0, "w")
    >>> cost = ((w - x) ** 2).mean()
    >>> algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.25))
    >>> algorithm.process_batch({"x": [2.0, 4.0]})
    >>> w.get_value()
    array(2., dtype=float32)
    >>> algorithm.gradients, algorithm.total_gradient_norm
    ({w: grad_w}, total_gradient_norm)
    >>> algorithm
    <GradientDescent on mean: 1 parameter, Scale(learning_rate=0.25)>
    """

    _fixed = dict.fromkeys(
        (
            "cost", "parameters", "step_rule", "gradients", "steps", "total_gradient_norm",
            "total_step_norm",
        ),
        "make a new GradientDescent, and a main loop with it",
    )  # fmt: skip

    def __init__(
        self,
        cost: Variable | None = None,
        parameters: Sequence[SharedVariable] | None = None,
        step_rule: StepRule | None = None,
        gradients: Gradients | None = None,
        known_grads: Mapping[Variable, Any] | None = None,
        consider_constant: Iterable[Variable] | None = None,
        *,
        on_not_finite: OnTrouble | None = None,
        updates: Updates | None = None,
        function_kwargs: Mapping[str, Any] | None = None,
        on_unused_sources: OnTrouble = "raise",
    ) -> None:
        super().__init__(updates, function_kwargs, on_unused_sources)
        self.cost = cost
        self.step_rule = Scale() if step_rule is None else step_rule
        if not isinstance(self.step_rule, StepRule):
            raise errors.AlgorithmError(
                f"step_rule is a StepRule such as Scale(0.1) or Adam(), got {step_rule!r}"
            )
        if gradients is None:
            gradients = _differentiated(cost, parameters, known_grads, consider_constant)
        elif known_grads or consider_constant:
            raise errors.AlgorithmError(
                "known_grads and consider_constant tell how to differentiate the cost, but "
                "gradients are given; leave out one or the other"
            )
        self.gradients = _of_parameters(dict(gradients), parameters)
        self.parameters = list(self.gradients)
        check_parameters(type(self).__name__, self.parameters)
        self.steps, rule_updates = self.step_rule.compute_steps(self.gradients)
        self.step_rule.fix()
        self.total_gradient_norm = total_norm(self.gradients, "total_gradient_norm")
        self.total_step_norm = total_norm(self.steps, "total_step_norm")
        self.add_updates([(p, p - step) for p, step in self.steps.items()])
        self.add_updates(rule_updates)
        if on_not_finite is None:
            on_not_finite = "ignore" if self.step_rule.handles_not_finite else "raise"
        self.finite = FiniteCost(cost, on_not_finite)

    def _outputs(self) -> list[Variable]:
        return self.finite.outputs

    def _guard(self) -> Guard | None:
        return self.finite.guard

    def settle(self) -> None:
        self.finite.settle()

    def __repr__(self) -> str:
        on, count = "" if self.cost is None else f" on {self.cost!r}", len(self.parameters)
        return f"<{self._kind}{on}: {count} parameter{'s' * (count != 1)}, {self.step_rule!r}>"


def _differentiated(
    cost: Variable | None,
    parameters: Sequence[SharedVariable] | None,
    known_grads: Mapping[Variable, Any] | None,
    consider_constant: Iterable[Variable] | None,
) -> dict[SharedVariable, Variable]:
    if (cost is None and not known_grads) or parameters is None:
        raise errors.AlgorithmError(
            "GradientDescent needs a cost and its parameters, or the gradients of parameters; got "
            f"cost={cost!r}, parameters={parameters!r}"
        )
    check_parameters("GradientDescent", parameters)
    gradients = grad(
        cost,
        list(parameters),
        known_grads=known_grads,
        consider_constant=list(consider_constant or ()),
    )
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):  # the W of several bricks: told apart by path, for monitoring
        for name, gradient in zip(named(parameters), gradients, strict=True):
            gradient.name = f"grad_{name}"
    return dict(zip(parameters, gradients, strict=True))


def _of_parameters(
    gradients: dict[SharedVariable, Variable], parameters: Sequence[SharedVariable] | None
) -> dict[SharedVariable, Variable]:
    """The gradients in the order of the parameters, one for each."""
    if parameters is None:
        parameters = list(gradients)
    if not parameters:
        raise errors.AlgorithmError(
            "GradientDescent has no parameters to change; got an empty list"
        )
    different = set(parameters) ^ set(gradients)
    if different:
        raise errors.AlgorithmError(
            "gradients and parameters differ: "
            f"{', '.join(map(repr, different))} is in one of them only"
        )
    return {parameter: gradients[parameter] for parameter in parameters}
