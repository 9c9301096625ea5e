"""What a variable says of a whole data set, read off the expression that computes it.

An algebra over the graph, of five kinds. A variable that depends on no data is the same for every
batch. One with a dimension of unknown size has *rows*, the examples of a batch: what is said of the
data set must not depend on how rows are divided into batches. A *summary* is what remains of rows
once all such dimensions are gone. Sums over rows, and their number, add up from batch to batch, and
are of degree one in the amount of data; means, ratios of sums and largest elements are of degree
zero, and so is any function of them: only these can be said of a data set of any size. A batch may
also have one value of its own, as the gradient has, or what is computed from inputs without rows;
its mean over batches is meant. All else is not known.

What is known of a summary of degree zero is either a weight, the number of rows that it is a mean
of, or the summaries that it is a function of, to be aggregated each in its own way.

Known limits: any dimension of unknown size counts as one of data; bricks are trusted, so that what
batch normalisation makes of a row is a row although it depends on the others.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import torch
from torch.nn import functional

from workbench.tensor import SharedVariable, Variable, shapes
from workbench.tensor.gradient import gradient
from workbench.tensor.inputs import as_variable
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
"""Functions that leave the degree as it is, though they are not linear."""
ROOTS: Final = {"sqrt": Fraction(1, 2), "rsqrt": Fraction(-1, 2), "square": Fraction(2)}
CONTRACTIONS: Final = {"dot", "vdot", "inner", "matmul", "mm", "tensordot"}
COUNTS: Final = {"size", "numel", "nelement"}
LARGEST: Final = {"max": "max", "amax": "max", "min": "min", "amin": "min"}

ZERO: Final = Fraction(0)
ONE: Final = Fraction(1)


@dataclass(frozen=True)
class Weight:
    """How much a batch counts: a function of variables, computed only where batches are added up.

    Parameters
    ----------
    of : tuple of Variable
    count : callable
        Gives the weight from their values.
    """

    of: tuple[Variable, ...]
    count: Callable[..., Any]

    def same(self, other: Weight | None) -> bool:
        """Whether two weights are equal, whatever they turn out to be."""
        if other is None or self.count != other.count or len(self.of) != len(other.of):
            return False
        return all(_same(a, b) for a, b in zip(self.of, other.of, strict=True))


def product(*factors: Any) -> Any:
    """The weight of a mean over several dimensions: the product of their sizes."""
    return functools.reduce(operator.mul, factors)


@dataclass(frozen=True)
class Part:
    """A summary that is aggregated as it is.

    Attributes
    ----------
    kind : {'mean', 'sum', 'max', 'min', 'scheme', 'constant'}
        How; `scheme` is that of its own tag, `constant` does not depend on data.
    weight : Weight or None
        Of a mean.
    doubtful : bool
        Whether rows may have been taken for something else, which shows if their number varies.
    """

    kind: str
    weight: Weight | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class Unknown:
    """A variable whose value over a data set does not follow from its expression."""

    reason: str


@dataclass(frozen=True)
class Rows:
    """A variable with dimensions of data.

    Attributes
    ----------
    over : tuple of Variable
        Sizes that it has been divided by, so that a sum of it is a mean over them.
    gone : frozenset
        The sizes of dimensions that were summed over.
    mixed : bool
        Whether a row depends on other rows.
    doubtful : bool
        Whether the dimensions that are left may be none of data.
    """

    over: tuple[Variable, ...] = ()
    gone: frozenset[Any] = frozenset()
    mixed: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Summary:
    """A variable in which no dimension of data is left.

    Attributes
    ----------
    degree : Fraction or None
        How it grows with the amount of data; None if that has no simple form.
    weight : Weight or None
        If it is a mean, or linear in means of this weight.
    additive : bool
        If it is a sum over rows, or linear in such sums.
    """

    degree: Fraction | None
    weight: Weight | None = None
    additive: bool = False


class _NoData:
    """A variable that depends on no data."""


class _PerBatch:
    """A variable of which every batch has one value of its own."""


NO_DATA: Final = _NoData()
PER_BATCH: Final = _PerBatch()

Kind = _NoData | _PerBatch | Unknown | Rows | Summary
Own = Callable[[Variable], Part | None]

Conclusion = Part | Unknown | dict[Variable, Part] | None
"""How to aggregate: in one part; from the parts of an expression; None for the mean over batches"""


def conclude(variable: Variable, own: Own) -> Conclusion:
    """How the value of `variable` over a data set follows from batches.

    Parameters
    ----------
    variable : Variable
    own : callable
        Gives what a variable says of itself, or None.

    Returns
    -------
    Part, dict of Variable to Part, Unknown or None
        The one way to aggregate it; the parts of which it is a function; why that is not known; or
        None where a mean over batches is what is meant.

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
    return _Algebra(variable, own).conclusion()


class _Algebra:
    """The kinds of all variables that one is computed from."""

    def __init__(self, variable: Variable, own: Own) -> None:
        self.variable = variable
        self.order = ancestors([variable])
        self.parts: dict[Variable, Part] = {}
        self.kinds: dict[Variable, Kind] = {}
        self.leading = {
            _size(one.fake.shape[0])
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

    # Conclusions.

    def conclusion(self) -> Conclusion:
        variable, kind = self.variable, self.kinds[self.variable]
        if isinstance(kind, (Unknown, _NoData, _PerBatch)):
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
        return self._expression()

    def _expression(self) -> dict[Variable, Part]:
        """The parts that the summary is a function of."""
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
        return Weight(tuple(_at_source(one, self.order) for one in factors), product)

    # The kind of one variable.

    def _kind(self, variable: Variable) -> Kind:
        call = variable.owner
        if call is None:
            if isinstance(variable, SharedVariable):
                return NO_DATA
            return Rows() if _data_sizes(variable) else PER_BATCH
        kinds = {one: self.kinds[one] for one in call.inputs}
        of_data = [kind for kind in kinds.values() if kind is not NO_DATA]
        if not of_data:
            return NO_DATA
        unknown = next((kind for kind in of_data if isinstance(kind, Unknown)), None)
        if unknown is not None:
            return unknown
        if call.function is gradient:
            return Rows() if _data_sizes(variable) else PER_BATCH
        if call.name in COUNTS and variable.is_number:
            return self._part(variable, Part("sum"))
        if call.function in LOSSES and not _data_sizes(variable):
            return self._loss(variable)
        if any(isinstance(kind, Rows) for kind in of_data):
            return self._of_rows(variable)
        if all(isinstance(kind, Summary) for kind in of_data):
            return self._of_summaries(variable)
        if all(kind is PER_BATCH for kind in of_data):
            return PER_BATCH
        return Unknown(f"{call.name} combines what all examples give with a value of the batch")

    def _of_rows(self, variable: Variable) -> Kind:
        call = variable.owner
        assert call is not None
        name, left = call.name, _data_sizes(variable)
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
        plain = all(kind == Rows(gone=kind.gone) for kind in operands if isinstance(kind, Rows))
        if name in CONTRACTIONS and plain and all(isinstance(kind, Rows) for kind in operands):
            return self._part(variable, Part("sum"))
        return Unknown(f"{name} takes all examples of a batch together")

    def _reduced(self, variable: Variable, source: Variable, rows: Rows) -> Kind:
        """What a function makes of rows that takes some dimensions away."""
        call = variable.owner
        assert call is not None
        before, left = _data_sizes(source), _data_sizes(variable)
        removed = [size for size in before if size not in left]
        name = call.name
        over = rows.over
        if name == "mean":
            axes = {size: axis for axis, size in enumerate(map(_size, source.fake.shape))}
            over += tuple(source.shape[axes[size]] for size in removed)
        linear = name in ("sum", "mean")
        if left:
            new = self._settled(rows if linear else self._nonlinear(rows, left), removed)
            return Rows(over if linear else (), new.gone, new.mixed, new.doubtful)
        if rows.mixed or len(set(before)) < len(before):
            return Unknown(f"{name} is taken of what depends on all examples of a batch")
        if linear and over:
            if len(over) > 1 and not all(one.is_number for one in over):
                return Unknown(f"{name} is taken of what is a mean already")
            return self._part(variable, Part("mean", self._sizes(over), rows.doubtful))
        if linear:
            return self._part(variable, Part("sum"))
        if name in LARGEST and variable.index == 0 and not rows.over:
            return self._part(variable, Part(LARGEST[name]))
        if name == "count_nonzero":
            return self._part(variable, Part("sum"))
        return Unknown(f"{name} takes all examples of a batch together")

    def _settled(self, rows: Rows, removed: Iterable[Any]) -> Rows:
        gone = rows.gone | set(removed)
        return Rows(rows.over, gone, rows.mixed, rows.doubtful)

    def _nonlinear(self, rows: Rows, left: Sequence[Any]) -> Rows:
        """Rows of which something is computed that is not linear: those left are rows for good."""
        taken = bool(rows.gone & self.leading) and not self.leading.intersection(left)
        return Rows((), rows.gone, rows.mixed, rows.doubtful or taken)

    def _row_by_row(self, variable: Variable) -> Kind:
        """What a function makes of rows, and of what else, that has rows again."""
        call = variable.owner
        assert call is not None
        name, left = call.name, _data_sizes(variable)
        arithmetic = name in SUMS | PRODUCTS | QUOTIENTS
        rows = {one: self.kinds[one] for one in call.inputs if isinstance(self.kinds[one], Rows)}
        summaries = [
            one
            for one in call.inputs
            if isinstance(self.kinds[one], Summary) and (arithmetic or not one.is_number)
        ]
        found: list[Rows] = [kind for kind in rows.values() if isinstance(kind, Rows)]
        gone = frozenset().union(*[kind.gone for kind in found])
        present = {size for one in rows for size in _data_sizes(one)}
        mixed = any(kind.mixed for kind in found)
        if not call.location:  # what a brick does to rows is its own affair
            mixed = mixed or bool(gone & present & self.leading) or self._paired(left)
        if len(rows) == 1 and (name == "getitem" or name not in REARRANGED):
            gone = (gone | present) - set(left)
        doubtful = any(kind.doubtful for kind in found)
        merged = Rows(found[0].over, gone, mixed, doubtful)
        alone = len(found) == 1
        if summaries:
            over = self._divided(variable, summaries)
            if over is not None and alone:
                return Rows((*merged.over, over), gone, mixed, doubtful)
            return Rows((), gone, mixed or not call.location, doubtful)
        same = all(_all_same(kind.over, merged.over) for kind in found)
        linear = (
            (name in SUMS and same)
            or (alone and name in (*LINEAR, *PRODUCTS))
            or (alone and name in QUOTIENTS and call.args[0] in rows)
        )
        return merged if linear else self._nonlinear(merged, left)

    def _paired(self, sizes: Sequence[Any]) -> bool:
        """Whether every example meets every other, as in a matrix of all products of two."""
        return any(sizes.count(size) > 1 for size in self.leading)

    def _divided(self, variable: Variable, summaries: list[Variable]) -> Variable | None:
        """What rows are divided by, if that is a number of rows or a sum of their weights."""
        call = variable.owner
        assert call is not None
        if call.name not in QUOTIENTS or len(call.args) < 2 or call.kwargs:
            return None
        divisor = call.args[1]
        part = self.parts.get(divisor) if isinstance(divisor, Variable) else None
        known = part is not None and part.kind == "sum" and summaries == [divisor]
        return divisor if known and _data_sizes(divisor) == [] else None

    def _of_summaries(self, variable: Variable) -> Kind:
        call = variable.owner
        assert call is not None
        if _data_sizes(variable):  # zeros of the shape of a batch, random numbers
            return Rows()
        name = call.name
        if variable.is_number and name == "mul":  # the number of elements counts like that of rows
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
            additive = False  # a number was added
        weight = first.weight if linear else None
        if weight is not None and not all(weight.same(kind.weight) for kind in operands[1:]):
            weight = None
        if one_divided and not alone:
            weight = self._ratio(call.args[0], call.args[1])
        return Summary(degree, weight, additive)

    def _ratio(self, numerator: Any, denominator: Any) -> Weight | None:
        """The weight of a sum divided by the number of what was summed up."""
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

    # Losses, which reduce what they compute themselves.

    def _loss(self, variable: Variable) -> Kind:
        call = variable.owner
        assert call is not None
        mixed = any(isinstance(k, Rows) and k.mixed for k in map(self.kinds.get, call.inputs))
        arguments = _bound(call.function, call.args, call.kwargs)
        if mixed or not any(isinstance(self.kinds[one], Rows) for one in call.inputs):
            summaries = any(isinstance(self.kinds[one], Summary) for one in call.inputs)
            return Unknown(f"{call.name} combines examples") if mixed or summaries else PER_BATCH
        reduction = _reduction(arguments)
        if reduction == "sum":
            return self._part(variable, Part("sum"))
        if reduction not in ("mean", "batchmean"):
            return Unknown(f"the reduction {reduction!r} of {call.name} is not known")
        weight = self._weight_of_loss(call.function, arguments, reduction)
        return PER_BATCH if weight is None else self._part(variable, Part("mean", weight))

    def _weight_of_loss(
        self, function: Callable[..., Any], arguments: dict[str, Any], reduction: str
    ) -> Weight | None:
        target: Any = arguments.get("target")
        classes: Any = arguments.get("weight")
        if function in INDEXED and not target.dtype.is_floating_point:
            ignored = -100 if arguments["ignore_index"] is None else arguments["ignore_index"]
            # to be counted only where batches are added up, since it takes longer than to keep them
            of = (target,) if classes is None else (target, classes)
            return Weight(tuple(map(as_variable, of)), Targets(ignored))
        if function in WEIGHTED and classes is not None:
            return Weight((as_variable(classes).sum(),), product)
        if reduction == "batchmean":
            sizes = [arguments["input"].shape[0]]
        else:
            each = function(**_without_reduction(arguments))
            sizes = list(each.shape)
        unknown = tuple(size for size in sizes if isinstance(size, Variable))
        return self._sizes(unknown) if unknown else None


LOSSES: Final = frozenset(
    getattr(functional, name)
    for name in (
        "binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy "
        "gaussian_nll_loss hinge_embedding_loss huber_loss kl_div l1_loss linear_cross_entropy "
        "margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss "
        "multilabel_soft_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss "
        "triplet_margin_loss triplet_margin_with_distance_loss"
    ).split()
)
INDEXED: Final = {
    functional.cross_entropy,
    functional.linear_cross_entropy,
    functional.nll_loss,
}
WEIGHTED: Final = {functional.mse_loss, functional.l1_loss, functional.huber_loss}


@dataclass(frozen=True)
class Targets:
    """Counts class indices, each with the weight of its class, except those that are ignored."""

    ignored: int

    def __call__(self, target: Any, weights: Any = None) -> Any:
        kept = target != self.ignored
        return (kept if weights is None else weights[torch.where(kept, target, 0)] * kept).sum()


def _bound(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call of a loss by name, with defaults."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _reduction(arguments: Mapping[str, Any]) -> str:
    average, reduce = arguments.get("size_average"), arguments.get("reduce")
    if average is None and reduce is None:
        return str(arguments["reduction"])
    return "none" if reduce is False else "sum" if average is False else "mean"


def _without_reduction(arguments: Mapping[str, Any]) -> dict[str, Any]:
    legacy = ("size_average", "reduce")
    return {k: v for k, v in arguments.items() if k not in legacy} | {"reduction": "none"}


def _data_sizes(variable: Variable) -> list[Any]:
    """The sizes of a variable that are not known, as expressions."""
    return [] if variable.is_number else [size for size in map(_size, variable.fake.shape) if size]


def _size(size: Any) -> Any:
    """A size that is not known as an expression, the same for sizes that must be equal; else 0."""
    expression = shapes.symbol(size)
    if isinstance(expression, int):
        return 0
    first = {one: _first(one) for one in expression.free_symbols}
    return expression.xreplace({one: other for one, other in first.items() if one != other})


def _first(symbol: Any) -> Any:
    """The first of the symbols that are equal to `symbol`."""
    while others := shapes.equal_to(symbol):
        symbol = others[0]
    return symbol


def _at_source(number: Variable, order: Iterable[Variable]) -> Variable:
    """The same number, read off the first of `order`, all that something is computed from.

    What comes later need not be kept for its size, and may be computed in one with the rest.
    """
    if not isinstance(number.fake, torch.SymInt):
        return number
    wanted = _size(number.fake)
    for one in order:
        sizes = [] if isinstance(one, SharedVariable) or one.is_number else one.fake.shape
        for axis, size in enumerate(sizes):
            if _size(size) == wanted:
                found: Variable = one.shape[axis]
                return found
    return number


def _same(one: Variable, other: Variable) -> bool:
    """Whether two variables are equal, whatever they turn out to be."""
    if one is other:
        return True
    numbers = isinstance(one.fake, torch.SymInt) and isinstance(other.fake, torch.SymInt)
    return numbers and bool(_size(one.fake) == _size(other.fake))


def _all_same(some: Sequence[Variable], others: Sequence[Variable]) -> bool:
    return len(some) == len(others) and all(map(_same, some, others))
