"""Inference of rules that combine the values of batches into the value for a whole dataset.

The inference assigns one of five kinds to each variable of the graph:

- A variable that does not depend on data has the same value for every batch.
- A variable with a dimension of unknown size has *rows*, the examples of a batch. The value over
  the dataset must not depend on how the rows are divided into batches.
- A *summary* is computed from rows and has no dimension of unknown size. Sums over rows and the
  number of rows grow in proportion to the amount of data: they have degree one, and the values of
  the batches are added. Means, ratios of sums, maxima and minima, and functions of these, have
  degree zero. A summary is independent of the size of the dataset only if its degree is zero.
- Some variables have one value for each batch, for example a gradient, or a function of inputs
  without rows. Their values are averaged over batches.
- All other variables are of unknown kind.

A summary of degree zero is aggregated as a weighted mean, where the weight is the number of rows,
or as a function of other summaries, each of which is aggregated separately.

Known limitations: every dimension of unknown size is treated as a dimension of data. Calls inside
bricks are not checked for dependencies between rows; for example, the output of batch normalisation
is assumed to have independent rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Final

from workbench.monitoring.kinds import (
    NO_DATA,
    PER_BATCH,
    Kind,
    NoData,
    Part,
    PerBatch,
    Rows,
    Summary,
    Unknown,
    Weight,
    product,
)
from workbench.monitoring.losses import LOSSES, bound, reduction_of, weight_of
from workbench.monitoring.sizes import all_same, at_source, data_sizes, size_of
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.gradient import gradient
from workbench.tensor.traversal import ancestors, inputs_of
from workbench.tensor.variable import identity

SUMS: Final = {"add", "sub", "subtract", "rsub"}
PRODUCTS: Final = {"mul", "multiply"}
QUOTIENTS: Final = {"truediv", "div", "divide", "true_divide"}
REARRANGED: Final = set(
    "identity clone contiguous detach to float double half bfloat16 type_as scalar_tensor reshape "
    "view flatten unflatten squeeze unsqueeze transpose permute swapaxes movedim T mT t getitem "
    "select narrow index_select expand expand_as broadcast_to ravel atleast_1d stack cat concat "
    "concatenate hstack vstack pos positive constant".split()
)
LINEAR: Final = {*REARRANGED, "neg", "negative", "sum", "mean", "nansum"}
BOUNDED: Final = set(
    "abs absolute clamp clamp_min clamp_max clip maximum minimum max min amax amin relu long int "
    "round floor ceil floordiv floor_divide".split()
)
"""Nonlinear functions; all except floor division keep the degree of their argument."""
ROOTS: Final = {"sqrt": Fraction(1, 2), "rsqrt": Fraction(-1, 2), "square": Fraction(2)}
CONTRACTIONS: Final = {"dot", "vdot", "inner", "matmul", "mm", "tensordot"}
COUNTS: Final = {"size", "numel", "nelement"}
LARGEST: Final = {"max": "max", "amax": "max", "min": "min", "amin": "min"}

ZERO: Final = Fraction(0)
ONE: Final = Fraction(1)

Own = Callable[[Variable], Part | None]

Conclusion = Part | Unknown | dict[Variable, Part] | None
"""The aggregation of a variable or its subexpressions, if known; None for the mean over batches."""


def conclude(variable: Variable, own: Own) -> Conclusion:
    """Infer how to aggregate the values of `variable` from several batches into one value.

    Parameters
    ----------
    variable : Variable
    own : callable
        A function that returns the aggregation declared by a variable's tag, or None if there is no
        such declaration.

    Returns
    -------
    Part, dict of Variable to Part, Unknown or None
        A `Part`, if the aggregation of the variable is known; a dictionary, if the variable is
        computed from subexpressions whose aggregations are known; an `Unknown` with a reason, if
        the aggregation cannot be inferred; or None for the mean over batches.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> x, w = tensor.vector("x"), shared(1.0, "w")
    >>> cost = (x ** 2).mean()
    >>> conclude(cost + 0.1 * w ** 2, lambda variable: None).weight.of
    (x.shape[0],)
    >>> conclude(cost.sqrt(), lambda variable: None)
    {mean: Part(kind='mean', weight=..., doubtful=False)}
    >>> conclude(x.sum(), lambda variable: None).reason
    'it is a sum over the examples of a batch'
    """
    return Algebra(variable, own).conclusion()


class Algebra:
    """Inference of the kinds of all variables that a variable depends on."""

    def __init__(self, variable: Variable, own: Own) -> None:
        self.variable = variable
        self.order = ancestors([variable])
        self.parts: dict[Variable, Part] = {}
        self.kinds: dict[Variable, Kind] = {}
        self.leading = {
            size_of(one.fake.shape[0])
            for one in self.order
            if one.owner is None and not isinstance(one, SharedVariable) and one.ndim
        }
        for one in self.order:
            part = own(one)
            if part is None:
                self.kinds[one] = self._kind(one)
            elif part.weight is not None and part.kind == "mean":
                self._part(one, Part("mean", self._sizes(part.weight.of)))
            else:
                self._part(one, part)

    def conclusion(self) -> Conclusion:
        variable, kind = self.variable, self.kinds[self.variable]
        if isinstance(kind, (Unknown, NoData, PerBatch)):
            return kind if isinstance(kind, Unknown) else None
        if isinstance(kind, Rows):
            if kind.mixed or not kind.over:
                return Unknown("it has a value for each example of a batch")
            return Part("mean", self._sizes(kind.over), kind.doubtful)
        if kind.degree != ZERO:
            return Unknown(
                "it is a sum over the examples of a batch"
                if kind.degree == ONE
                else "it depends on the number of examples in a batch"
            )
        original = variable
        while original not in self.parts and getattr(original.owner, "function", 0) is identity:
            [original] = inputs_of(original)
        part = self.parts.get(original)
        if part is not None and part.kind != "scheme":
            return part
        if kind.weight is not None:
            return Part("mean", kind.weight)
        return self.expression()

    def expression(self) -> dict[Variable, Part]:
        """Return the subexpressions that the variable is computed from, with their aggregations."""
        found: dict[Variable, Part] = {}
        seen: set[Variable] = set()
        stack = [self.variable]
        while stack:
            one = stack.pop()
            if one in seen:
                continue
            seen.add(one)
            if one in self.parts:
                found[one] = self.parts[one]
            elif self.kinds[one] is not NO_DATA:
                stack.extend(reversed(inputs_of(one)))
            elif one.owner is not None or isinstance(one, SharedVariable):
                found[one] = Part("constant")
        return found

    def _part(self, variable: Variable, part: Part) -> Kind:
        self.parts[variable] = part
        extensive = part.kind == "sum"
        degree = ONE if extensive else ZERO
        kind = Summary(degree, None if part.doubtful else part.weight, extensive)
        self.kinds[variable] = kind
        return kind

    def _sizes(self, factors: Sequence[Variable]) -> Weight:
        return Weight(tuple(at_source(one, self.order) for one in factors), product)

    def _kind(self, variable: Variable) -> Kind:
        call = variable.owner
        if call is None:
            if isinstance(variable, SharedVariable):
                return NO_DATA
            return Rows() if data_sizes(variable) else PER_BATCH
        kinds = {one: self.kinds[one] for one in call.inputs}
        of_data = [kind for kind in kinds.values() if kind is not NO_DATA]
        if not of_data:
            return NO_DATA
        unknown = next((kind for kind in of_data if isinstance(kind, Unknown)), None)
        if unknown is not None:
            return unknown
        if call.function is gradient:
            return Rows() if data_sizes(variable) else PER_BATCH
        if call.name in COUNTS and variable.is_number:
            return self._part(variable, Part("sum"))
        if call.function in LOSSES and not data_sizes(variable):
            return self._loss(variable)
        if any(isinstance(kind, Rows) for kind in of_data):
            return self._of_rows(variable)
        if all(isinstance(kind, Summary) for kind in of_data):
            return self._of_summaries(variable)
        if all(kind is PER_BATCH for kind in of_data):
            return PER_BATCH
        return Unknown(f"{call.name} combines a value of all examples with a value of one batch")

    def _of_rows(self, variable: Variable) -> Kind:
        call = variable.owner
        assert call is not None
        name, left = call.name, data_sizes(variable)
        single = len(call.inputs) == 1 or all(
            self.kinds[one] is NO_DATA or one.is_number for one in call.inputs[1:]
        )
        source = call.inputs[0]
        rows = self.kinds[source]
        if single and isinstance(rows, Rows) and not variable.is_number:
            if name in ("sum", "mean", *LARGEST) or not left:
                return self._reduced(variable, source, rows)
            return self._row_by_row(variable)
        if left:
            return self._row_by_row(variable)
        operands = [self.kinds[one] for one in call.inputs]
        plain = all(kind == Rows(summed=kind.summed) for kind in operands if isinstance(kind, Rows))
        if name in CONTRACTIONS and plain and all(isinstance(kind, Rows) for kind in operands):
            return self._part(variable, Part("sum"))
        return Unknown(f"{name} combines all examples of a batch")

    def _reduced(self, variable: Variable, source: Variable, rows: Rows) -> Kind:
        """Return the kind of a variable that is reduced over row dimensions."""
        call = variable.owner
        assert call is not None
        before, left = data_sizes(source), data_sizes(variable)
        removed = [size for size in before if size not in left]
        name = call.name
        over = rows.over
        if name == "mean":
            axes = {size: axis for axis, size in enumerate(map(size_of, source.fake.shape))}
            over += tuple(source.shape[axes[size]] for size in removed)
        linear = name in ("sum", "mean")
        if left:
            new = self._settled(rows if linear else self._nonlinear(rows, left), removed)
            return Rows(over if linear else (), new.summed, new.mixed, new.doubtful)
        if rows.mixed or len(set(before)) < len(before):
            return Unknown(f"{name} reduces values that depend on all examples of a batch")
        if linear and over:
            if len(over) > 1 and not all(one.is_number for one in over):
                return Unknown(f"{name} reduces values that are already means")
            return self._part(variable, Part("mean", self._sizes(over), rows.doubtful))
        if linear:
            return self._part(variable, Part("sum"))
        if name in LARGEST and variable.index == 0 and not rows.over:
            return self._part(variable, Part(LARGEST[name]))
        if name == "count_nonzero":
            return self._part(variable, Part("sum"))
        return Unknown(f"{name} combines all examples of a batch")

    def _settled(self, rows: Rows, removed: Iterable[Any]) -> Rows:
        summed = rows.summed | set(removed)
        return Rows(rows.over, summed, rows.mixed, rows.doubtful)

    def _nonlinear(self, rows: Rows, left: Sequence[Any]) -> Rows:
        """Return the kind of a variable that a nonlinear function computes from rows."""
        taken = bool(rows.summed & self.leading) and not self.leading.intersection(left)
        return Rows((), rows.summed, rows.mixed, rows.doubtful or taken)

    def _row_by_row(self, variable: Variable) -> Kind:
        """Return the kind of a variable that has rows and is computed from rows."""
        call = variable.owner
        assert call is not None
        name, left = call.name, data_sizes(variable)
        arithmetic = name in SUMS | PRODUCTS | QUOTIENTS
        rows = {one: self.kinds[one] for one in call.inputs if isinstance(self.kinds[one], Rows)}
        summaries = [
            one
            for one in call.inputs
            if isinstance(self.kinds[one], Summary) and (arithmetic or not one.is_number)
        ]
        found: list[Rows] = [kind for kind in rows.values() if isinstance(kind, Rows)]
        summed = frozenset().union(*[kind.summed for kind in found])
        present = {size for one in rows for size in data_sizes(one)}
        mixed = any(kind.mixed for kind in found)
        if not call.location:  # calls inside bricks are not checked; see the module's docstring
            mixed = mixed or bool(summed & present & self.leading) or self._paired(left)
        if len(rows) == 1 and (name == "getitem" or name not in REARRANGED):
            summed = (summed | present) - set(left)
        doubtful = any(kind.doubtful for kind in found)
        merged = Rows(found[0].over, summed, mixed, doubtful)
        alone = len(found) == 1
        if summaries:
            over = self._divided(variable, summaries)
            if over is not None and alone:
                return Rows((*merged.over, over), summed, mixed, doubtful)
            return Rows((), summed, mixed or not call.location, doubtful)
        same = all(all_same(kind.over, merged.over) for kind in found)
        linear = (
            (name in SUMS and same)
            or (alone and name in (*LINEAR, *PRODUCTS))
            or (alone and name in QUOTIENTS and call.args[0] in rows)
        )
        return merged if linear else self._nonlinear(merged, left)

    def _paired(self, sizes: Sequence[Any]) -> bool:
        """Return True if examples are combined in pairs, as in a Gram matrix."""
        return any(sizes.count(size) > 1 for size in self.leading)

    def _divided(self, variable: Variable, summaries: list[Variable]) -> Variable | None:
        """Return the divisor of a quotient if it is the number of rows or a sum of row weights."""
        call = variable.owner
        assert call is not None
        if call.name not in QUOTIENTS or len(call.args) < 2 or call.kwargs:
            return None
        divisor = call.args[1]
        part = self.parts.get(divisor) if isinstance(divisor, Variable) else None
        known = part is not None and part.kind == "sum" and summaries == [divisor]
        return divisor if known and data_sizes(divisor) == [] else None

    def _of_summaries(self, variable: Variable) -> Kind:
        call = variable.owner
        assert call is not None
        if data_sizes(variable):  # zeros with the shape of a batch, random numbers
            return Rows()
        name = call.name
        if variable.is_number and name == "mul":  # a number of elements is additive too
            return self._part(variable, Part("sum"))
        operands: list[Summary] = []
        for one in call.inputs:
            kind = self.kinds[one]
            if isinstance(kind, Summary):
                operands.append(kind)
        first = operands[0]
        degree = self._degree(call.args, name, operands)
        one_divided = (
            name in QUOTIENTS
            and isinstance(call.args[0], Variable)
            and isinstance(self.kinds[call.args[0]], Summary)
        )
        alone = len(operands) == 1
        linear = name in LINEAR | SUMS or (alone and (name in PRODUCTS or one_divided))
        additive = linear and all(kind.additive for kind in operands)
        if name in SUMS and len(operands) < len(call.args):
            additive = False  # one operand is a constant
        weight = first.weight if linear else None
        if weight is not None and not all(weight.same(kind.weight) for kind in operands[1:]):
            weight = None
        if one_divided and not alone:
            weight = self._ratio(call.args[0], call.args[1])
        return Summary(degree, weight, additive)

    def _ratio(self, numerator: Any, denominator: Any) -> Weight | None:
        """Return the weight of a sum divided by the number of its terms."""
        over, of = self.kinds[numerator], self.parts.get(denominator)
        counts = isinstance(denominator, Variable) and denominator.is_number
        if not counts or of is None or of.kind != "sum" or not isinstance(over, Summary):
            return None
        return self._sizes((denominator,)) if over.additive else None

    def _degree(
        self, args: Sequence[Any], name: str, operands: Sequence[Summary]
    ) -> Fraction | None:
        degrees = [kind.degree for kind in operands]
        if any(degree is None for degree in degrees):
            return None
        known = [degree for degree in degrees if degree is not None]
        if name in SUMS | LINEAR | BOUNDED and name not in ("floordiv", "floor_divide"):
            return known[0] if len(set(known)) == 1 else None
        if name in PRODUCTS or name in QUOTIENTS or name in ("floordiv", "floor_divide"):
            signs = (1, 1) if name in PRODUCTS else (1, -1)
            return sum((s * self._own_degree(a) for s, a in zip(signs, args, strict=False)), ZERO)
        if name in ROOTS and len(known) == 1:
            return known[0] * ROOTS[name]
        if name == "pow" and len(args) > 1 and isinstance(args[1], (int, float)):
            return self._own_degree(args[0]) * Fraction(args[1])
        return ZERO if not any(known) else None

    def _own_degree(self, operand: Any) -> Fraction:
        kind = self.kinds.get(operand) if isinstance(operand, Variable) else None
        return kind.degree or ZERO if isinstance(kind, Summary) else ZERO

    def _loss(self, variable: Variable) -> Kind:
        call = variable.owner
        assert call is not None
        mixed = any(isinstance(k, Rows) and k.mixed for k in map(self.kinds.get, call.inputs))
        arguments = bound(call.function, call.args, call.kwargs)
        summaries = any(isinstance(self.kinds[one], Summary) for one in call.inputs)
        if mixed or summaries or not any(isinstance(self.kinds[one], Rows) for one in call.inputs):
            return Unknown(f"{call.name} combines examples") if mixed or summaries else PER_BATCH
        reduction = reduction_of(arguments)
        if reduction == "sum":
            return self._part(variable, Part("sum"))
        if reduction not in ("mean", "batchmean"):
            return Unknown(f"the reduction {reduction!r} of {call.name} is not known")
        weight = weight_of(call.function, arguments, reduction)
        if weight is not None and weight.count is product:
            weight = self._sizes(weight.of)
        return PER_BATCH if weight is None else self._part(variable, Part("mean", weight))
