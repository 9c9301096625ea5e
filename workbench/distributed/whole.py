"""Values for a whole batch, computed from the values for the shares of several processes.

The expression of a variable determines how its values are combined, by the same rules as for
several batches in `workbench.monitoring`: sums are added, means are weighted by the numbers of
examples, and functions of both are applied to the combined values.
"""

from __future__ import annotations

import functools
import math
import operator
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import torch

from workbench import errors
from workbench.algorithms.rules import Steps
from workbench.distributed.statistics import statistic_of
from workbench.graph.training import averaged, is_count, reduced
from workbench.monitoring.inferred import WeightedMean, own_part
from workbench.monitoring.kinds import NO_DATA, Part, Rows, Summary, Unknown, Weight, product
from workbench.monitoring.schemes import Maximum, Mean, Minimum, Perplexity, Sum
from workbench.monitoring.sizes import data_sizes, size_of
from workbench.monitoring.weights import Algebra, Own
from workbench.roles import BATCH_NORM_MINIBATCH_ESTIMATE, has_roles
from workbench.tensor import SharedVariable, Variable, as_variable, constant, grad
from workbench.tensor.call import apply
from workbench.tensor.collectives import all_reduce, is_exchanged
from workbench.tensor.gradient import gradient
from workbench.tensor.processes import ProcessGroup
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.variable import identity

NOT_COMBINED = (
    "{name!r} cannot be computed for a batch that is divided among processes: {why}. Use a mean or "
    "a sum over the examples, or a function of these; or set tag.aggregation_scheme to "
    "Mean(numerator, denominator)"
)
DOUBTFUL = (
    "the weight of {name!r} is uncertain when a batch is divided among processes, because this "
    "variable applies a nonlinear function to a sum over a dimension; set tag.aggregation_scheme "
    "to Mean(numerator, denominator)"
)
PER_BATCH = "it has one value for each batch, and how this value depends on the examples is unknown"
ROWS = "it has a value for each example of a batch"
EXTREME = "its gradient would flow through a {kind} over all examples"

NOT_SEEDED = (
    "the gradient of {parameter!r} is not a result of workbench.grad, so it cannot be computed for "
    "a batch that is divided among processes and normalised as a whole; pass the cost instead of "
    "gradients, or DataParallel(statistics='share')"
)

Statistics = Literal["batch", "share"]
"""The examples that a batch normalisation computes its statistics from."""

Plan = Part | Unknown | dict[Variable, Part]
"""The rule for combining the values of a variable, or the rules for its subexpressions."""


class Whole:
    """Function that maps variables to their values for a whole batch.

    Parameters
    ----------
    group : ProcessGroup
        The processes that each batch is divided among.
    statistics : {'batch', 'share'}
        The examples that batch normalisations compute their statistics from.
    """

    def __init__(self, group: ProcessGroup, statistics: Statistics = "batch") -> None:
        self.group = group
        self.statistics = statistics
        self._known: dict[Variable, Variable] = {}
        self._weights: dict[tuple[Any, ...], tuple[Variable, Variable]] = {}

    def __call__(self, variable: Variable) -> Variable:
        """Return a variable for the whole batch, or `variable` if it is the same for all shares.

        Raises
        ------
        MonitoringError
            If the values of the shares cannot be combined.
        """
        if variable not in self._known:
            self._known[variable] = self._found(variable)
        return self._known[variable]

    def gradients(self, cost: Variable, gradients: Steps) -> Steps:
        """Return the gradients of the cost for the whole batch.

        Parameters
        ----------
        cost : Variable
            The cost of this process's share.
        gradients : dict of SharedVariable to Variable
            The gradients of this cost.

        Returns
        -------
        dict of SharedVariable to Variable

        Raises
        ------
        AlgorithmError
            If the costs of the shares cannot be combined.
        """
        plan = self._plan(cost)
        if isinstance(plan, Unknown):
            text = NOT_COMBINED.format(name=str(cost), why=plan.reason)
            raise errors.AlgorithmError(text)
        if isinstance(plan, dict) or plan.kind not in ("mean", "sum"):
            parts = plan if isinstance(plan, dict) else {cost: plan}
            return self._summed(self._of_expression(cost, parts, list(gradients)), None)
        weight = self._weight(plan.weight) if plan.weight else None
        if weight is None or not any(map(self._is_whole, ancestors([cost]))):
            return self._summed(gradients, weight)
        # Statistics of the whole batch depend on all shares. Their gradients are summed during
        # backpropagation, so the weight must be applied before it.
        return self._summed(_seeded(gradients, *weight), None)

    def _found(self, variable: Variable, *, declared: bool = True) -> Variable:
        """Return a variable for the whole batch, based on the declared scheme or the expression."""
        if not _is_local(variable):
            return variable
        originals = set() if declared else set(_copied(variable))
        plan = plan_of(variable, lambda one: None if one in originals else self._own(one))
        if isinstance(plan, Unknown):
            raise errors.MonitoringError(NOT_COMBINED.format(name=str(variable), why=plan.reason))
        if isinstance(plan, Part):
            found = self._part(variable, plan)
        else:
            parts = {one: self._part(one, part) for one, part in plan.items()}
            found = replace([variable], parts)[variable]
        if found is not variable:
            found = found.copy(name=variable.name)
        return found

    def _plan(self, variable: Variable) -> Plan:
        return plan_of(variable, self._own)

    def _own(self, variable: Variable) -> Part | None:
        if is_count(variable):  # `over_batch` sums counts for statistics of the batch
            return Part("constant" if self.statistics == "batch" else "sum")
        return Part("constant") if self._is_whole(variable) else _own(variable)

    def _is_whole(self, variable: Variable) -> bool:
        """Return True if `variable` is a statistic that `over_batch` replaces."""
        return self.statistics == "batch" and statistic_of(variable) is not None

    def _part(self, variable: Variable, part: Part) -> Variable:
        if part.doubtful:
            warnings.warn(
                DOUBTFUL.format(name=str(variable)), errors.MonitoringWarning, stacklevel=2
            )
        if part.kind == "constant":
            return variable
        if part.kind == "scheme":
            return self._by_scheme(variable)
        if variable.is_number:
            return self._of_number(variable)
        if part.kind == "mean":
            assert part.weight is not None
            weight, total = self._weight(part.weight)
            summed = all_reduce(weighted(variable, weight), group=self.group)
            mean: Variable = summed / total.to(variable.dtype)
            return mean
        if part.kind == "sum":
            own = several(variable) if is_count(variable) else variable
            found: Variable = all_reduce(own, group=self.group)
            return found
        return self._extreme(variable, part.kind)

    def _of_number(self, number: Variable) -> Variable:
        """Return the sum of a size, such as the number of examples, over the shares."""
        total: Variable = all_reduce(_float(number), group=self.group).round().long()
        return total

    def _extreme(self, variable: Variable, kind: str) -> Variable:
        """Return a maximum or minimum over processes, using a sum with one entry per process."""
        variable = _of_any_size(variable, kind)
        own = torch.arange(self.group.size) == self.group.rank
        mine: Any = constant(own.reshape(-1, *[1] * variable.ndim))
        places = variable.unsqueeze(0).where(mine, torch.zeros((), dtype=variable.dtype))
        values = all_reduce(places, group=self.group)
        found: Variable = values.amax(0) if kind == "max" else values.amin(0)
        return found

    def _by_scheme(self, variable: Variable) -> Variable:
        scheme = vars(variable.tag)["aggregation_scheme"]
        kind = type(scheme)
        if kind in (Mean, Perplexity) and isinstance(scheme.denominator, Variable):
            numerator = all_reduce(_float(scheme.numerator), group=self.group)
            mean: Any = numerator / self._part(scheme.denominator, Part("sum"))
            found: Variable = ((-mean).exp() if kind is Perplexity else mean).to(variable.dtype)
            return found
        if kind is WeightedMean:
            return self._part(variable, Part("mean", scheme.weight))
        if kind in (Sum, Maximum, Minimum):
            return self._found(variable, declared=False)  # the scheme applies to whole batches
        raise errors.MonitoringError(
            NOT_COMBINED.format(name=str(variable), why=f"its aggregation scheme is {scheme!r}")
        )

    def _weight(self, weight: Weight) -> tuple[Variable, Variable]:
        """Return the weight of this process's share and the weight of the whole batch."""
        key = (weight.count, *weight.of)
        if key not in self._weights:
            # Other integers may be class indices, which select from class weights.
            sizes = [
                one if isinstance(one, Variable) and not one.is_number else _float(one)
                for one in weight.of
            ]
            own = _float(weight.count(*sizes))
            self._weights[key] = own, all_reduce(own, group=self.group)
        return self._weights[key]

    def _of_expression(
        self, cost: Variable, plan: dict[Variable, Part], parameters: list[SharedVariable]
    ) -> Steps:
        """Return this process's contributions to the gradients of a cost with several parts.

        The cost is differentiated with respect to its combined parts. The parts of this process are
        then multiplied by these derivatives, which are treated as constants, and differentiated.
        """
        of_data = {one: part for one, part in plan.items() if part.kind != "constant"}
        wrong = [part for part in of_data.values() if part.kind not in ("mean", "sum")]
        if wrong:
            kind = {"max": "maximum", "min": "minimum"}.get(wrong[0].kind, "scheme")
            why = EXTREME.format(kind=kind)
            raise errors.AlgorithmError(NOT_COMBINED.format(name=str(cost), why=why))
        combined = {one: self._part(one, part).copy() for one, part in of_data.items()}
        whole = replace([cost], combined)[cost]
        slopes = grad(whole, list(combined.values()))
        fixed: list[Variable] = [*combined.values(), *slopes]
        local: list[Variable] = [whole / self.group.size]
        for (one, part), slope in zip(of_data.items(), slopes, strict=True):
            share = one
            if part.weight is not None:
                own, total = self._weight(part.weight)
                fixed += [own, total]
                share = weighted(one, own) / total.to(one.dtype)
            local.append((slope * share).sum())
        contribution = functools.reduce(operator.add, local)
        gradients = grad(contribution, list(parameters), consider_constant=fixed)
        return dict(zip(parameters, gradients, strict=True))

    def _summed(self, gradients: Steps, weight: tuple[Variable, Variable] | None) -> Steps:
        """Return the sum of gradients over processes, or their weighted mean."""
        found: Steps = {}
        by_dtype: dict[torch.dtype, list[SharedVariable]] = {}
        for parameter, one in gradients.items():
            by_dtype.setdefault(one.dtype, []).append(parameter)
        for dtype, several in by_dtype.items():
            flat: Any = torch.cat([gradients[p].reshape(-1) for p in several])
            if weight is not None:
                flat = weighted(flat, weight[0])
            total: Variable = all_reduce(flat, group=self.group)
            if weight is not None:
                total = total / weight[1].to(dtype)
            sizes: Any = [parameter.tensor.numel() for parameter in several]
            pieces: Sequence[Any] = total.split(sizes)
            for parameter, piece in zip(several, pieces, strict=True):
                found[parameter] = piece.reshape(tuple(parameter.tensor.shape))
                found[parameter].name = gradients[parameter].name
        return {parameter: found[parameter] for parameter in gradients}


def plan_of(variable: Variable, own: Own | None = None) -> Plan:
    """Return a plan for computing the value of `variable` for a whole batch from its shares.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> plan_of((x ** 2).mean()).kind, plan_of(x.sum()).kind
    ('mean', 'sum')
    >>> plan_of(x * 2).reason
    'it has a value for each example of a batch'
    """
    algebra = Algebra(variable, _own if own is None else own)
    kind, parts = algebra.kinds[variable], algebra.parts
    if isinstance(kind, Unknown):
        return kind
    if kind is NO_DATA:
        return Part("constant")
    if isinstance(kind, Rows):
        return Unknown(ROWS)
    if not isinstance(kind, Summary):
        return Unknown(PER_BATCH)
    for original in _copied(variable):
        if original in parts:
            return parts[original]
    if kind.weight is not None:
        return Part("mean", kind.weight)
    return algebra.expression()


def _copied(variable: Variable) -> list[Variable]:
    """Return a variable and all variables that it copies, ending with the original."""
    found = [variable]
    while (call := found[-1].owner) is not None and call.function is identity:
        found.extend(call.inputs)
    return found


def _of_any_size(variable: Variable, kind: str) -> Variable:
    """Return a maximum or minimum over examples that is also defined if there are no examples.

    Without examples, it is infinite, or the limit of an integer dtype. To achieve this, each data
    dimension gets an additional entry that does not change the result for other entries.
    """
    reduced = _copied(variable)[-1]
    assert reduced.owner is not None
    [source] = [one for one in reduced.owner.inputs if data_sizes(one)]
    limits = _limits(source.dtype)
    never = limits[0] if kind == "max" else limits[1]
    added: list[int] = []
    for size in reversed(source.fake.shape):  # torch begins with the last dimension
        added += [0, int(bool(size_of(size)))]
    padded: Any = torch.nn.functional.pad(source, added, value=never)  # type: ignore[arg-type]
    return replace([reduced], {source: padded})[reduced]


def _limits(dtype: torch.dtype) -> tuple[float, float]:
    """Return the smallest and the largest value of a dtype."""
    if dtype.is_floating_point:
        return -math.inf, math.inf
    if dtype == torch.bool:
        return False, True
    limits = torch.iinfo(dtype)
    return limits.min, limits.max


def _own(variable: Variable) -> Part | None:
    """Return the rule for combining the values of a variable, or None if it must be inferred.

    Statistics of shares are averaged over processes. Rows that are normalised with these statistics
    still count as independent of each other.
    """
    if not has_roles(variable, [BATCH_NORM_MINIBATCH_ESTIMATE]):
        return own_part(variable)
    call = reduced(variable).owner
    if call is None:
        return None
    sizes = averaged(variable)
    unknown = tuple(size for size in sizes or () if isinstance(size, Variable))
    if sizes is None or len(unknown) < len(sizes):
        return Part("mean", Weight((call.inputs[0].shape[0],), product))
    return Part("mean", Weight(unknown, several))


def several(*sizes: Variable) -> Variable:
    """Return the product of sizes, or 0 for a single element, which has no deviation."""
    number = product(*sizes)
    weight: Variable = number * (number > 1)
    return weight


def _seeded(gradients: Steps, own: Variable, total: Variable) -> Steps:
    """Return the gradients of a cost that is multiplied by its weight, ``own / total``."""
    found: dict[Variable, Variable] = {}
    for parameter, one in gradients.items():
        call = one.owner
        if call is None or call.function is not gradient:
            raise errors.AlgorithmError(NOT_SEEDED.format(parameter=parameter))
        if one not in found:
            costs, seeds, wrt = call.args
            factor = own / total
            weighted = [factor if seed is None else seed * factor for seed in seeds]
            found.update(
                zip(call.outputs, apply(gradient, (costs, weighted, wrt), {}), strict=True)
            )
        found[one].name = one.name
    return {parameter: found[one] for parameter, one in gradients.items()}


def _float(value: Any) -> Variable:
    """Return a size, or the value of an integer variable, as a floating-point variable."""
    if isinstance(value, Variable) and value.is_number:
        found: Any = torch.scalar_tensor(value, dtype=torch.float32)  # type: ignore[arg-type]
        return as_variable(found)
    variable = as_variable(value)
    return variable if variable.dtype.is_floating_point else variable.float()


def weighted(variable: Variable, weight: Variable) -> Variable:
    """Return `variable` times `weight`, or 0 if the weight is 0, even if `variable` is NaN."""
    weight = weight.to(variable.dtype)
    zero = torch.zeros((), dtype=variable.dtype)
    found: Variable = (variable * weight).where(weight.ne(0), zero)
    return found


def _is_local(variable: Variable) -> bool:
    """Return True if a variable depends on data that were not exchanged between processes."""
    seen: set[Variable] = set()
    stack = [variable]
    while stack:
        one = stack.pop()
        if one in seen or is_exchanged(one):
            continue
        seen.add(one)
        if one.owner is None and not isinstance(one, SharedVariable):
            return True
        stack.extend(() if one.owner is None else one.owner.inputs)
    return False
