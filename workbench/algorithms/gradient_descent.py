"""`GradientDescent`, which trains with a step rule and the gradients of a cost."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench import errors
from workbench.algorithms.base import (
    DIVIDERS,
    Distributed,
    OnTrouble,
    UpdatesAlgorithm,
    named,
)
from workbench.algorithms.finite import FiniteCost
from workbench.algorithms.rules import Scale, StepRule, check_parameters, parameters_of, total_norm
from workbench.graph.computation import ComputationGraph
from workbench.graph.criteria import is_criterion
from workbench.graph.hierarchy import path_of
from workbench.graph.modes import evaluated, is_chosen
from workbench.graph.selection import select
from workbench.graph.training import GraphMode, TrainingGraph
from workbench.roles import ALGORITHM_STATE, has_roles
from workbench.tensor import SharedVariable, Variable, as_variable, grad
from workbench.tensor.execution import Guard, Watch
from workbench.tensor.processes import launched_size
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.updates import Updates

GRADIENTS_IN_USE = (
    "the given gradients belong to a graph in evaluation mode, but {bricks} would behave "
    "differently in training mode; pass the gradients of "
    "apply_training_mode(ComputationGraph(cost)).outputs[0], or pass the cost instead of "
    "gradients, or pass mode='as given' if evaluation mode is intended"
)

OTHER_CLASS = (
    "the algorithm is a {name}, which cannot be recreated for another model; use GradientDescent "
    "itself instead"
)
MORE_THAN_A_COST = (
    "the algorithm was given gradients, known_grads, consider_constant or updates, which belong to "
    "its model and have no counterparts in another model; pass only a cost and parameters to "
    "GradientDescent"
)

NOT_DISTRIBUTED = (
    "{rule!r} divides its buffers among several processes, which must have the same gradients; "
    "pass distributed=DataParallel() to GradientDescent"
)

Gradients = Mapping[SharedVariable, Variable] | Iterable[tuple[SharedVariable, Variable]]


class GradientDescent(UpdatesAlgorithm):
    r"""Training algorithm that minimises a cost by subtracting steps from parameters.

    For every batch, `step_rule` computes steps from the gradients, and each parameter :math:`p` is
    updated to :math:`p - \text{step}_p`.

    Parameters
    ----------
    cost : Variable, optional
        The scalar to minimise. Required unless `gradients` or `known_grads` are given.
    parameters : list of SharedVariable or criterion, optional
        The variables to train; by default the keys of `gradients`. A criterion (see
        `workbench.filter.as_predicate`) selects from the parameters of the cost, or from these
        keys. For example, ``~as_predicate("/mlp/encoder")`` freezes a brick and its descendants.
    step_rule : StepRule, optional
        The step rule; by default ``Scale(1.0)``.
    gradients : dict or pairs, optional
        An expression for each parameter, used instead of the gradients of `cost`.
    known_grads, consider_constant : optional
        Arguments of `workbench.grad`; not allowed with `gradients`. A criterion in
        `consider_constant` selects from the variables of the cost.
    on_not_finite : {'raise', 'warn', 'ignore'}, optional
        The action if the cost is infinite or NaN. With ``'raise'``, such a batch changes nothing,
        so training can continue once the cause has been removed. The default is ``'raise'``, or
        ``'ignore'`` if the step rule handles such batches, as `RemoveNotFinite` does.
    mode : {'training', 'as given'}
        By default, bricks that behave differently in training (dropout, batch normalisation,
        wrapped modules) are in training mode, even if the graph of `cost` was built in evaluation
        mode, and population statistics are updated as moving averages. Everything that the
        algorithm computes, including added updates and the values that `TrainingDataMonitoring`
        records, is part of the trained graph. `cost` and all other variables are not changed and
        can be evaluated on other data. A graph is trained unchanged with ``mode='as given'``, or if
        its mode was set explicitly by `training_mode`, `apply_training_mode`, `apply_dropout` or
        another rewrite. The expressions in `gradients` are never changed.
    distributed : DataParallel, optional
        The object that divides each batch among several processes; see
        `workbench.distributed.DataParallel`. Gradients, steps and monitored values then refer to
        the whole batch. The default is a `DataParallel` in a script that a launcher such as
        ``torchrun`` has started in several processes, and None otherwise.
    updates, function_kwargs, on_unused_sources : optional
        See `UpdatesAlgorithm`.

    Attributes
    ----------
    gradients, steps : dict of SharedVariable to Variable
        The gradient of each parameter, named ``grad_W`` (or ``grad_mlp/linear_0.W`` if several
        parameters are named ``W``), and the step that is subtracted from the parameter.
    total_gradient_norm, total_step_norm : Variable
        The joint L2 norm of all gradients, and the joint L2 norm of all steps. They are computed
        only if they are monitored.

    Raises
    ------
    AlgorithmError
        If the arguments contradict each other, or a parameter is not a shared variable.
    SelectionError
        If a criterion selects nothing.
    GradientError
        If a gradient is not defined.

    Warns
    -----
    UserWarning
        If `gradients` belong to a graph in evaluation mode, or if updates of the graph are not
        applied (see `UpdatesAlgorithm`).

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
        "create a new GradientDescent and a new main loop",
    )  # fmt: skip

    _of_cost = False  # also in archives that earlier versions wrote
    _own_updates = 0

    def __init__(
        self,
        cost: Variable | None = None,
        parameters: Sequence[SharedVariable] | Any = None,
        step_rule: StepRule | None = None,
        gradients: Gradients | None = None,
        known_grads: Mapping[Variable, Any] | None = None,
        consider_constant: Iterable[Variable] | Any = None,
        *,
        mode: GraphMode = "training",
        distributed: Distributed | None = None,
        on_not_finite: OnTrouble | None = None,
        updates: Updates | None = None,
        function_kwargs: Mapping[str, Any] | None = None,
        on_unused_sources: OnTrouble = "raise",
    ) -> None:
        super().__init__(updates, function_kwargs, on_unused_sources)
        self.cost = cost
        if distributed is None and launched_size() > 1 and DIVIDERS:
            distributed = DIVIDERS[0]()
        self.distributed = distributed
        if distributed is not None and not hasattr(distributed, "is_active"):
            raise errors.AlgorithmError(
                f"distributed must be an object such as DataParallel(), not {distributed!r}"
            )
        self.step_rule = Scale() if step_rule is None else step_rule
        if not isinstance(self.step_rule, StepRule):
            raise errors.AlgorithmError(
                f"step_rule must be a StepRule such as Scale(0.1) or Adam(), not {step_rule!r}"
            )
        gradients = None if gradients is None else dict(gradients)
        self._differentiates = gradients is None and not updates
        if parameters is not None and is_criterion(parameters):
            source = parameters_of(cost) if gradients is None else list(gradients)
            found: list[Any] = select(parameters, source, type(self).__name__)
            gradients = gradients and {p: gradients[p] for p in found}
            parameters = found
        if gradients is None:
            self._check_complete(parameters, known_grads)
            if is_criterion(consider_constant) and cost is not None:
                graph = ComputationGraph(cost)
                consider_constant = select(consider_constant, graph, "consider_constant")
            known, constant = dict(known_grads or {}), list(consider_constant or ())
            roots = [*([] if cost is None else [cost]), *known, *constant]
            self.training_graph = TrainingGraph(roots, mode)
            gradients = self._differentiated(list(parameters or ()), known, constant)
        elif known_grads or consider_constant:
            raise errors.AlgorithmError(
                "gradients cannot be combined with known_grads or consider_constant, which control "
                "the differentiation of the cost; pass either gradients or these arguments"
            )
        else:
            self.training_graph = TrainingGraph((), mode)
            self._check_mode(gradients, mode)
        self._mode: GraphMode = mode
        self._of_cost = cost is not None and not known_grads and consider_constant is None
        self._of_cost &= self._differentiates
        self.gradients = _of_parameters(dict(gradients), parameters)
        if self._active is not None:
            self._active.check_rule(self.step_rule)
            self.gradients = self._active.gradients(self._trained_cost, self.gradients)
        self.parameters = [parameter.original for parameter in self.gradients]
        check_parameters(type(self).__name__, self.parameters)
        statistics = self._statistics()
        self.step_rule.see_updates(statistics)
        self.steps, rule_updates = self.step_rule.compute_steps(self.gradients)
        if self._active is not None:
            self.steps = self._active.steps(self.step_rule, self.steps, rule_updates)
        self.step_rule.fix()
        if self.step_rule.originals and self._active is None:
            raise errors.AlgorithmError(NOT_DISTRIBUTED.format(rule=self.step_rule))
        self.total_gradient_norm = total_norm(self.gradients, "total_gradient_norm")
        self.total_step_norm = total_norm(self.steps, "total_step_norm")
        self.add_updates([(p, p - step) for p, step in self.steps.items()])
        self.add_updates(rule_updates)
        self._accepts = self.step_rule.accepts
        self._of_rule = {*self.steps, *(target for target, _ in rule_updates)}
        if on_not_finite is None:
            on_not_finite = "ignore" if self.step_rule.handles_not_finite else "raise"
        buffers = [v for v, _ in rule_updates if has_roles(v, [ALGORITHM_STATE])]
        buffers += [v for v, _ in statistics]
        self._own_updates = len(self._updates)
        watched = [] if cost is None else self._observed([cost])
        self.finite = FiniteCost(
            watched[0] if watched else None, on_not_finite, self.gradients, buffers=buffers
        )

    @property
    def checks_cost(self) -> bool:
        """True if the cost of every batch is computed and checked, so that `last_cost` is known."""
        return bool(self.finite.outputs)

    @property
    def last_cost(self) -> float | None:
        """The last cost that was checked, finite or not.

        The value is None before the first batch, if there is no cost, and if `on_not_finite` is
        ``'ignore'``. On an accelerator it may be a few batches old.
        """
        return self.finite.latest

    @property
    def _trained_cost(self) -> Variable | None:
        return None if self.cost is None else self.training_graph([self.cost])[0]

    def _check_complete(self, parameters: Any, known_grads: Any) -> None:
        if (self.cost is None and not known_grads) or parameters is None:
            raise errors.AlgorithmError(
                "GradientDescent requires a cost and its parameters, or the gradients of "
                f"parameters, but was given cost={self.cost!r} and parameters={parameters!r}"
            )
        if self.cost is not None and not isinstance(self.cost, Variable):
            raise errors.AlgorithmError(
                f"cost must be a variable, such as SquaredError().apply(targets, outputs), not "
                f"{self.cost!r:.80}"
            )
        check_parameters("GradientDescent", parameters)

    def _differentiated(
        self,
        parameters: list[SharedVariable],
        known_grads: Mapping[Variable, Any],
        consider_constant: list[Variable],
    ) -> dict[SharedVariable, Variable]:
        def trained(given: Any) -> Any:
            return self.training_graph([given])[0] if isinstance(given, Variable) else given

        gradients = grad(
            self._trained_cost,
            parameters,
            known_grads={trained(v): trained(gradient) for v, gradient in known_grads.items()},
            consider_constant=map(trained, consider_constant),
        )
        names = [parameter.name for parameter in parameters]
        if len(set(names)) < len(names):  # the W of several bricks, distinguished by path
            for name, gradient in zip(named(parameters), gradients, strict=True):
                gradient.name = f"grad_{name}"
        return dict(zip(parameters, gradients, strict=True))

    def _check_mode(self, gradients: Mapping[SharedVariable, Variable], mode: GraphMode) -> None:
        """Warn if the graph of the given gradients is not in training mode."""
        order = ancestors(g for g in gradients.values() if isinstance(g, Variable))
        bricks = evaluated(order)
        if mode == "training" and bricks and not is_chosen(order):
            names = ", ".join(brick.path() for brick in bricks)
            warnings.warn(GRADIENTS_IN_USE.format(bricks=names), stacklevel=3)

    def _trained_updates(self) -> list[tuple[SharedVariable, Any]]:
        updates, accepts = super()._trained_updates(), self._accepts
        if accepts is None:
            return updates
        return [  # the rule has already revised its own updates
            (kept, new if kept in self._of_rule else as_variable(new).where(accepts, kept))
            for kept, new in updates
        ]

    def _in_one_process(self, roots: list[Variable]) -> list[Variable]:
        originals = self.step_rule.originals
        if not originals:
            return roots
        found = replace(roots, originals)
        return [found[root] for root in roots]

    def further_updates(self) -> list[SharedVariable]:
        """Return the shared variables whose updates were added after construction."""
        return [target for target, _ in self._updates[self._own_updates :]]

    def for_cost(
        self, cost: Variable, parameters: Sequence[SharedVariable], step_rule: StepRule
    ) -> GradientDescent:
        """Return an algorithm that minimises another cost with the same options.

        Raises
        ------
        AlgorithmError
            If this algorithm is an instance of a subclass, or was created with gradients, updates
            or other arguments that belong to its model.
        """
        return GradientDescent(
            cost=cost, parameters=parameters, step_rule=step_rule, **self.options()
        )

    def options(self) -> dict[str, Any]:
        """Return the arguments for another algorithm, except cost, parameters and step rule.

        Raises
        ------
        AlgorithmError
            If this algorithm is an instance of a subclass, or has arguments that belong to its
            model.
        """
        if type(self) is not GradientDescent:
            raise errors.AlgorithmError(OTHER_CLASS.format(name=type(self).__name__))
        if not self._of_cost:
            raise errors.AlgorithmError(MORE_THAN_A_COST)
        return {
            "mode": self._mode,
            "distributed": self.distributed,
            "on_not_finite": self.finite.on_not_finite,
            "function_kwargs": self.function_kwargs,
            "on_unused_sources": self.on_unused_sources,
        }

    def _outputs(self) -> list[Variable]:
        return self.finite.outputs

    def _guard(self) -> Guard | None:
        return self.finite.guard

    def _watch(self) -> Watch | None:
        return self.finite.watch_of({target for target, _ in self.updates})

    def settle(self) -> None:
        self.finite.settle()

    def __repr__(self) -> str:
        on, count = "" if self.cost is None else f" on {self.cost!r}", len(self.parameters)
        return f"<{self._kind}{on}: {count} parameter{'s' * (count != 1)}, {self.step_rule!r}>"


def _of_parameters(
    gradients: dict[SharedVariable, Variable], parameters: Sequence[SharedVariable] | None
) -> dict[SharedVariable, Variable]:
    """Return the gradients in the order of `parameters`."""
    if parameters is None:
        parameters = list(gradients)
    if not parameters:
        raise errors.AlgorithmError(
            "the list of parameters of GradientDescent is empty; pass at least one parameter"
        )
    both = set(parameters) & set(gradients)
    different = [v for v in (*parameters, *gradients) if v not in both]
    if different:
        raise errors.AlgorithmError(
            "parameters must be the same as the keys of gradients, but only one of these "
            f"collections contains {', '.join(map(path_of, different))}"
        )
    return {parameter: gradients[parameter] for parameter in parameters}
