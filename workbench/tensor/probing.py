"""Shape inference with concrete sizes, for functions that branch on unknown sizes.

Some of torch's shape rules check whether an unknown size is 1, or whether two unknown sizes are
equal. Other rules accept only Python integers. `Probe` runs these rules with concrete sizes. In the
first run, all sizes differ. If the rule rejects them, further runs make some sizes equal to each
other or to a known size, until the rule accepts the sizes. Equalities that the rule requires are
recorded, so that a later contradiction raises an error. The sizes of the result are expressed as
linear functions of the sizes of the arguments. A size that is not a linear function becomes a new
unknown size. The size 1 is never tried, since axes of unknown size are not broadcast.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import torch

from workbench.tensor import torch_internals as internals
from workbench.tensor.structure import map_structure

PROBES = 3  # two runs determine a linear function, and the third confirms it
DIVISIBLE = 120
"""Common factor of the chosen sizes, so that small strides and group counts divide these sizes."""
REQUIRED = (2, 3)
"""Fixed sizes that some functions require: 2 for complex numbers, 3 for cross products."""

GUESSES = 6
"""Number of attempts to find a size that gives an expression a certain value."""

Tie = Any
"""Label shared by sizes that must be equal; an integer label is the value of these sizes."""


_probing: ContextVar[bool] = ContextVar("probing", default=False)


class _WhileProbing(type):
    """Metaclass of a warning category that matches exactly the warnings of a probing thread."""

    def __subclasscheck__(cls, category: type) -> bool:
        return _probing.get()


class _Probed(Warning, metaclass=_WhileProbing):
    """Warning category that matches all warnings of a probed function."""


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress the warnings of this thread.

    `warnings.catch_warnings` restores the filters of all threads. If another thread also used it at
    the same time, the filter could remain, and hide all later warnings.
    """
    if not any(one[2] is _Probed for one in warnings.filters[:1]):
        warnings.simplefilter("ignore", _Probed)
    token = _probing.set(True)
    try:
        yield
    finally:
        _probing.reset(token)


class Infeasible(Exception):
    """Error raised if no input sizes are found that give the arguments the requested sizes."""


@dataclass
class Unknown:
    """Unknown size in the arguments, with the first axis that has this size.

    Attributes
    ----------
    size : torch.SymInt
    expression : sympy.Expr
        The size as an expression of input sizes.
    axis : int or None
        The axis, counted from the first axis; ``None`` for a number that is not a size of a tensor.
    back : int or None
        The axis, counted from the last axis.
    """

    size: Any
    expression: Any
    axis: int | None
    back: int | None


class Inference(Protocol):
    """Interface to shape inference for probes, implemented by `workbench.tensor.shapes.World`."""

    @property
    def Fake(self) -> Any:
        """The class of fake tensors."""

    @property
    def mode(self) -> Any:
        """The mode that runs functions on fake tensors."""

    @property
    def concrete(self) -> Any:
        """The mode for fake tensors with concrete sizes."""

    def unknown_size(self) -> Any:
        """Return a new symbolic size."""


class Probe:
    """Inference of the output shapes of one call by running the function with concrete sizes.

    Parameters
    ----------
    world : Inference
    function : callable
    args, kwargs : structures
        Arguments of the function, with fake tensors in place of variables.
    symbol : callable
        A function that returns the expression of a symbolic number.
    """

    def __init__(
        self,
        world: Inference,
        function: Callable[..., Any],
        args: Any,
        kwargs: Any,
        symbol: Callable[[Any], Any],
    ) -> None:
        self.world = world
        self.function = function
        self.args, self.kwargs = args, kwargs
        self.symbol = symbol
        self.unknown: dict[Any, Unknown] = {}
        self.constants: set[int] = set()
        self.known_at: dict[tuple[str, int], int] = {}
        self.symbolic = False
        map_structure(self._collect, (args, kwargs))
        self.tried: set[int] = set()

    def _collect(self, leaf: Any) -> None:
        if isinstance(leaf, torch.Tensor):
            for axis, size in enumerate(leaf.shape):
                self._add(size, axis, axis - leaf.dim())
        elif isinstance(leaf, (torch.SymInt, torch.SymFloat, torch.SymBool)):
            self._add(leaf, None, None)

    def _add(self, size: Any, axis: int | None, back: int | None) -> None:
        self.symbolic |= not isinstance(size, int)
        expression = self.symbol(size)
        if isinstance(expression, int):
            self.constants.add(expression)
            if axis is not None and back is not None and expression > 1:
                self.known_at.setdefault(("back", back), expression)
                self.known_at.setdefault(("axis", axis), expression)
        elif isinstance(size, torch.SymInt):
            new = Unknown(size, expression, axis, back)
            if self.unknown.setdefault(expression, new).axis is None:
                self.unknown[expression] = new  # a size of a tensor is preferred to a bare number

    def result(self) -> Any:
        """Return the result of the function, with fake tensors.

        Raises
        ------
        Exception
            The first error that the function raised, if it accepts none of the tried sizes.
        """
        problem: Exception | None = None
        for ties, descending, real in self._starts():
            try:
                self._run(ties, 0, descending, real)
                ties = self._needed(ties, descending, real)
                runs = [self._run(ties, k, descending, real) for k in range(PROBES)]
            except Exception as error:
                problem = problem or error
                continue
            self._learn(ties)
            return self._general(runs)
        assert problem is not None
        raise problem

    # Search for sizes that must be equal.

    def _starts(self) -> Iterator[tuple[dict[Any, Tie], bool, bool]]:
        """Yield ties to try, each with a flag for descending sizes and a flag for real tensors.

        At first, no sizes are tied. Then sizes on the same axis are tied; axes are counted from the
        last axis, as in broadcasting, or from the first axis. Real tensors are the last resort, for
        functions without rules for fake tensors.
        """
        free: dict[Any, Tie] = {e: e for e in self.unknown}
        yield free, False, False
        yield free, True, False
        by_back = {e: e if u.back is None else ("back", u.back) for e, u in self.unknown.items()}
        by_axis = {e: e if u.axis is None else ("axis", u.axis) for e, u in self.unknown.items()}
        equal = {e: e if u.axis is None else "equal" for e, u in self.unknown.items()}
        for ties in (by_back, by_axis):  # equal to a known size on the same axis, or to each other
            yield {e: self.known_at.get(tie, tie) for e, tie in ties.items()}, False, False
        for ties in (by_back, by_axis, equal):
            yield ties, False, False
        for constant in sorted(self.constants.union(REQUIRED) - {0, 1}):
            for place in ("back", "axis"):
                for at in sorted({getattr(u, place) for u in self._placed()}):
                    here = [u.expression for u in self._placed() if getattr(u, place) == at]
                    for ties in (by_back, by_axis):
                        yield ties | dict.fromkeys(here, constant), False, False
        for ties in (by_back, by_axis, equal):
            yield ties, False, True

    def _placed(self) -> list[Unknown]:
        return [u for u in self.unknown.values() if u.axis is not None]

    def _needed(self, ties: dict[Any, Tie], descending: bool, real: bool) -> dict[Any, Tie]:
        """Return the ties that the function requires.

        A tie is dropped if the function also works without it.
        """

        def works(changed: dict[Any, Tie]) -> bool:
            for order in (descending, not descending):
                with contextlib.suppress(Exception):
                    self._run(changed, 0, order, real)
                    return True
            return False

        for expression in self.unknown:  # try to drop the ties of single sizes
            tied = isinstance(ties[expression], int) or _together(ties, expression) > 1
            if tied and works(ties | {expression: expression}):
                ties = ties | {expression: expression}
        for place in ("back", "axis"):  # then of all sizes of one axis
            for at in {getattr(u, place) for u in self._placed()}:
                here = [u.expression for u in self._placed() if getattr(u, place) == at]
                for tie in {ties[e] for e in here}:
                    apart = {e: (place, at, tie) for e in here if ties[e] == tie}
                    rest = list(ties.values()).count(tie) - len(apart)
                    fewer = isinstance(tie, int) or rest > 1  # else `apart` only renames the tie
                    if len(apart) > 1 and fewer and works(ties | apart):
                        ties = ties | apart
        for i, one in enumerate(self.unknown):  # then of any two sizes
            for other in list(self.unknown)[i + 1 :]:
                same = ties[one] == ties[other] and not isinstance(ties[one], int)
                pair: dict[Any, Tie] = {one: (one, other), other: (one, other)}
                if same and _together(ties, one) > 3 and works(ties | pair):
                    ties = ties | pair
        return ties

    def _learn(self, ties: dict[Any, Tie]) -> None:
        """Record that tied sizes are equal."""
        first: dict[Tie, Any] = {}
        for expression, tie in ties.items():
            size = self.unknown[expression].size
            known = tie if isinstance(tie, int) else first.setdefault(tie, size)
            if known is not size:
                internals.check_size(size == known)

    # Runs with concrete sizes.

    def _run(self, ties: dict[Any, Tie], k: int, descending: bool, real: bool) -> _Run:
        """Call the function with the `k`-th choice of sizes."""

        def wanted(i: int) -> int:
            i = len(ties) - 1 - i if descending else i
            if real:
                return 4 + i + k * (i + 2)
            # The ratio of the two differences varies with i, so no size is linear in another.
            return DIVISIBLE * (2 + i + (0, 1, 2 + i)[k])

        sizes = _chosen(ties, wanted)
        world = self.world

        def number(size: Any) -> Any:
            expression = self.symbol(size)
            if isinstance(expression, int):
                return expression
            value = expression.subs(sizes)
            kinds = {torch.SymFloat: float, torch.SymBool: bool}
            return kinds.get(type(size), int)(value)

        def concrete(leaf: Any) -> Any:
            if isinstance(leaf, (torch.SymInt, torch.SymFloat, torch.SymBool)):
                return number(leaf)
            if isinstance(leaf, world.Fake):
                shape = [number(size) for size in leaf.shape]
                if not real:
                    return torch.empty(shape, dtype=leaf.dtype, device=leaf.device)
                # Small values are valid indices. They differ between runs.
                value = k % 2 == 0 if leaf.dtype is torch.bool else k + 1
                return torch.full(shape, value, dtype=leaf.dtype, device=leaf.device)
            return leaf

        with contextlib.nullcontext() if real else world.concrete:
            args, kwargs = map_structure(concrete, (self.args, self.kwargs))
            with _without_warnings():
                result = self.function(*args, **kwargs)
        seen = {e: int(e.subs(sizes)) for e in self.unknown}
        self.tried.update(seen.values())
        return _Run(result, seen)

    # Conversion of concrete sizes back to symbolic sizes.

    def _general(self, runs: Sequence[_Run]) -> Any:
        """Combine the results of the runs, with symbolic sizes in place of concrete sizes."""
        leaves: list[list[Any]] = []
        for run in runs:
            found: list[Any] = []
            map_structure(found.append, run.result)
            leaves.append(found)
        if len({len(found) for found in leaves}) != 1:
            raise RuntimeError("the number of results depends on an unknown size")
        seen = {e: [run.sizes[e] for run in runs] for e in self.unknown}
        columns = iter(zip(*leaves, strict=True))

        def general(leaf: Any) -> Any:
            column = next(columns)
            if isinstance(leaf, torch.Tensor):
                dims = zip(*(t.shape for t in column), strict=True)
                shape = [self._size(sizes, seen) for sizes in dims]
                with self.world.mode:
                    return torch.empty(shape, dtype=leaf.dtype, device=leaf.device)
            if isinstance(leaf, int) and not isinstance(leaf, bool):
                return self._size(column, seen)
            if any(one != leaf for one in column):
                raise RuntimeError("a number in the result depends on an unknown size")
            return leaf

        return map_structure(general, runs[0].result)

    def _size(self, found: Sequence[int], seen: dict[Any, list[int]]) -> Any:
        """Express the sizes `found` in the runs as a linear function of an unknown size."""
        for expression, at in seen.items():
            if list(found) == at and (len(set(at)) > 1 or found[0] not in self.constants):
                return self.unknown[expression].size
        if len(set(found)) == 1:
            return found[0]
        for expression, at in seen.items():
            if at[0] == at[1]:
                continue
            slope = Fraction(found[1] - found[0], at[1] - at[0])
            offset = found[0] - slope * at[0]
            if slope.denominator == offset.denominator == 1 and found[2] == slope * at[2] + offset:
                scaled = self.unknown[expression].size * int(slope)
                return scaled if offset == 0 else scaled + int(offset)
        return self.world.unknown_size()


@dataclass
class _Run:
    """Result of one run, and the sizes of the arguments in this run."""

    result: Any
    sizes: dict[Any, int]


def _together(ties: dict[Any, Tie], expression: Any) -> int:
    return list(ties.values()).count(ties[expression])


def _chosen(ties: dict[Any, Tie], wanted: Callable[[int], int]) -> dict[Any, int]:
    """Choose values of the symbols in `ties` that make the tied expressions equal.

    Raises
    ------
    Infeasible
        If no such values are found.
    """
    sizes: dict[Any, int] = {}
    classes: dict[Tie, list[Any]] = {}
    for expression, tie in ties.items():
        classes.setdefault(tie, []).append(expression)
    # Fixed values come first, then expressions that are a single symbol.
    order = sorted(
        enumerate(classes.items()),
        key=lambda c: (not isinstance(c[1][0], int), not any(e.is_Symbol for e in c[1][1])),
    )
    for i, (tie, members) in order:
        target = tie if isinstance(tie, int) else None
        for expression in sorted(
            members, key=lambda e: (bool(e.free_symbols - {*sizes}), not e.is_Symbol)
        ):
            value = _reach(expression, wanted(i) if target is None else target, sizes)
            if target is None:
                target = value
            elif value != target:
                raise Infeasible(f"{expression} cannot be {target}")
    return sizes


def _reach(expression: Any, wanted: int, sizes: dict[Any, int]) -> int:
    """Choose values of free symbols that make `expression` equal to `wanted`, if possible.

    Return the value of the expression.
    """
    free = sorted(expression.free_symbols - {*sizes}, key=str)
    if not free:
        return int(expression.subs(sizes))
    chosen: dict[Any, int] = {}
    for others in (2, 1):
        chosen = dict.fromkeys(free[1:], others)
        rest = expression.subs({**sizes, **chosen})
        for multiple in (False, True):
            found = _solved(rest, free[0], wanted, multiple)
            if found is not None:
                sizes |= {**chosen, free[0]: found}
                return wanted
    sizes |= {**chosen, free[0]: wanted}
    return int(expression.subs(sizes))


def _solved(expression: Any, symbol: Any, wanted: int, multiple: bool) -> int | None:
    """Return a value of `symbol` that makes `expression` equal `wanted`, or None if not found.

    The search assumes that the expression is the symbol plus a constant or, if `multiple` is True,
    the symbol times a constant.
    """
    guess = wanted
    for _ in range(GUESSES):
        found = int(expression.subs(symbol, guess))
        if found == wanted:
            return guess
        guess = guess * wanted // max(found, 1) if multiple else guess + wanted - found
    return None
