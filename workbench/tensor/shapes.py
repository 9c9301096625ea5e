"""What a variable would be: shape and dtype inference on torch's own fake tensors.

Every unknown size is an *unbacked* symbolic integer of one `ShapeEnv`: nothing is guessed and no
test value is needed. Applying a torch function to fake tensors infers the result, *learns* sizes
(``x`` becomes ``(?, 784)`` once it meets a 784 x 100 matrix) and raises at once where shapes
cannot fit; `infer` turns that into an error that names the variables and the running brick.

Some of torch's shape rules branch on a size ("is the batch 1?"). For those `_probe` runs the rule
on a few concrete sizes and reads the result's sizes off as linear functions of the unknown ones;
a size that follows no such rule becomes a new unknown.

The machinery (sympy included) is imported at the first use, which keeps ``import workbench`` light.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import torch

from workbench import errors
from workbench.tensor.structure import map_structure, name_of

Fake = Any
"""A fake tensor, or a symbolic number (``torch.SymInt``, ``SymFloat``, ``SymBool``)."""

SYMBOLIC_NUMBERS = (torch.SymInt, torch.SymFloat, torch.SymBool)
PROBES = 3
PRODUCTS = frozenset(
    "matmul mm mv bmm dot addmm addmv baddbmm linear conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d".split()
)

_lock = threading.RLock()


class _World:
    """The fake mode and shape environment shared by all variables of the process."""

    def __init__(self) -> None:
        from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
        from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode, ShapeEnv

        self.sizes = ShapeEnv(allow_scalar_outputs=True, allow_dynamic_output_shape_ops=True)
        self.mode = FakeTensorMode(shape_env=self.sizes, allow_non_fake_inputs=True)
        self.concrete = FakeTensorMode(allow_non_fake_inputs=True)
        self.Guard = GuardOnDataDependentSymNode
        self.Fake = FakeTensor


@functools.cache
def _world() -> _World:
    return _World()


@contextlib.contextmanager
def _inferring() -> Iterator[_World]:
    """Enter the fake world: one thread at a time, without gradients and without torch's log."""
    logs = [logging.getLogger(name) for name in ("torch._subclasses.fake_tensor", "torch.fx")]
    with _lock, torch.no_grad():
        world = _world()
        before = [log.disabled for log in logs]
        for log in logs:
            log.disabled = True
        try:
            yield world
        finally:
            for log, disabled in zip(logs, before, strict=True):
                log.disabled = disabled


def unknown_size() -> torch.SymInt:
    """A new symbolic integer that may be any size."""
    size = _world().sizes.create_unbacked_symint()
    torch._check(size >= 0)
    return size


def fake_tensor(
    shape: Sequence[int | torch.SymInt | None], dtype: torch.dtype, device: torch.device
) -> Fake:
    """A fake tensor of `shape`, where ``None`` stands for an unknown size."""
    with _inferring() as world, world.mode:
        sizes = [unknown_size() if size is None else size for size in shape]
        return torch.empty(sizes, dtype=dtype, device=device)


def empty_like(fake: Fake) -> Fake:
    """A fake tensor of the same sizes and dtype that shares no storage with `fake`."""
    with _inferring() as world, world.mode:
        return torch.empty_like(fake)


def known(size: int | torch.SymInt) -> int | None:
    """The value of `size` if it has been learned, else ``None``."""
    if isinstance(size, int):
        return size
    value: int | None = size.node.maybe_as_int()
    return value


def symbol(size: int | torch.SymInt) -> Any:
    """The expression of `size` after all that has been learned: an int, or a sympy expression."""
    value = known(size)
    return value if value is not None else size.node.expr  # type: ignore[union-attr]


def equal_to(size: Any) -> list[Any]:
    """The symbols that what has been learned makes equal to the symbol `size`."""
    found: list[Any] = []
    for learned in _world().sizes.deferred_runtime_asserts.get(size, ()):
        expression = learned.expr
        if type(expression).__name__ == "Equality" and size in expression.args:
            found.extend(other for other in expression.args if other.is_Symbol and other != size)
    return found


def learn_equal(one: int | torch.SymInt, other: int | torch.SymInt) -> None:
    """Learn that two sizes are equal; raises `RuntimeError` if they cannot be."""
    with _inferring() as world, world.mode:
        torch._check(one == other)


def describe(fake: Fake) -> str:
    """Shape and dtype for people: ``(?, 784) float32``; unknown sizes are question marks."""
    if isinstance(fake, SYMBOLIC_NUMBERS):
        return "int" if isinstance(fake, torch.SymInt) else "number"
    sizes = ["?" if known(size) is None else str(known(size)) for size in fake.shape]
    inside = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
    return f"({inside}) {str(fake.dtype).removeprefix('torch.')}"


def infer(function: Callable[..., Any], args: Any, kwargs: Any, shown: Callable[[], str]) -> Any:
    """Apply `function` to fakes and return what it gives.

    Parameters
    ----------
    function : callable
        Any torch function, method or operator.
    args, kwargs : structures
        Its arguments, with fakes in place of variables.
    shown : callable
        Gives the arguments in words, for the error message.

    Raises
    ------
    ShapeError, DtypeError, OperationError
        If the function refuses these arguments; the text begins with the running brick.
    """
    with _inferring() as world:
        _check_products(function, args, kwargs, shown)
        try:
            with world.mode:
                return function(*args, **kwargs)
        except Exception as error:
            problem = error
        found = _unknown_sizes((args, kwargs))
        if found and not isinstance(problem, TypeError):
            try:
                return _probe(world, function, args, kwargs, found)
            except Exception as error:
                if isinstance(problem, world.Guard):
                    problem = error
        raise _explained(function, problem, shown) from None


def _check_products(
    function: Callable[..., Any], args: Any, kwargs: Any, shown: Callable[[], str]
) -> None:
    """Refuse factors of different dtypes, which torch finds only when it computes."""
    if name_of(function) not in PRODUCTS:
        return
    dtypes = set()

    def collect(leaf: Any) -> None:
        if isinstance(leaf, torch.Tensor):
            dtypes.add(leaf.dtype)

    map_structure(collect, (args, kwargs))
    if len(dtypes) > 1:
        found = " and ".join(sorted(str(dtype) for dtype in dtypes))
        message = f"got {found}, but all of these need one dtype; convert with .to(dtype)"
        raise _explained(function, RuntimeError(message), shown)


def _explained(
    function: Callable[..., Any], error: Exception, shown: Callable[[], str]
) -> errors.WorkbenchError:
    """The error to raise in place of torch's own."""
    from torch._subclasses.fake_tensor import DataDependentOutputException

    text = str(error).strip().splitlines()
    said = re.sub(r"\bu\d+\b", "?", text[0]) if text else type(error).__name__
    running = errors.location.get()
    message = f"{running[-1] + ': ' if running else ''}{name_of(function)}({shown()}): "
    if isinstance(error, (DataDependentOutputException, _world().Guard)):
        return errors.SymbolicError(
            f"{message}needs the value of a variable, which has none until it is evaluated; "
            "use variable.eval({...}), or torch.where in place of an if"
        )
    if isinstance(error, TypeError):
        return errors.OperationError(message + said)
    if re.search(r"dtype|scalar type|[Ff]loating point|ScalarType|isDifferentiableType", said):
        return errors.DtypeError(message + said)
    return errors.ShapeError(message + said)


@dataclasses.dataclass
class _Unknown:
    """An unknown size of the arguments: a number if it stands alone, and where it first occurs."""

    size: torch.SymInt | None = None
    axis: int = 0


def _unknown_sizes(structure: Any) -> tuple[dict[Any, _Unknown], set[int]] | None:
    """The free symbols among the sizes of `structure`, and the sizes that are known.

    ``None`` if all sizes are plain integers. A size that has been learned is none, and some of
    torch's shape rules take only those.
    """
    symbols: dict[Any, _Unknown] = {}
    constants: set[int] = set()
    symbolic = False

    def collect(leaf: Any) -> Any:
        nonlocal symbolic
        dims = leaf.shape if isinstance(leaf, torch.Tensor) else [leaf]
        for axis, dim in enumerate(dims):
            if isinstance(dim, SYMBOLIC_NUMBERS):
                symbolic = True
                expression = symbol(dim)  # type: ignore[arg-type]
                for free in getattr(expression, "free_symbols", ()):
                    unknown = symbols.setdefault(free, _Unknown(axis=axis))
                    if free == expression:
                        unknown.size = dim  # type: ignore[assignment]
            elif isinstance(leaf, torch.Tensor):
                constants.add(dim)
        return leaf

    map_structure(collect, structure)
    return (symbols, constants) if symbolic else None


def _attempts(
    symbols: dict[Any, _Unknown], constants: set[int]
) -> Iterator[tuple[list[dict[Any, int]], bool]]:
    """Sizes to try, each for all probes, and whether to try them on real tensors.

    Sizes are divisible by everything small (reshapes, strides), and no one is linear in another.
    First every unknown size differs; then those in the same dimension are equal, then all, for
    functions that need it; then one dimension has a size that is known elsewhere, or one of the few
    that functions insist on; then all are small, for functions that look at values.
    """

    def values(offset: Callable[[int, _Unknown], int]) -> list[dict[Any, int]]:
        numbered = list(enumerate(symbols.items()))
        return [
            {free: 120 * (2 + offset(i, unknown)) ** k for i, (free, unknown) in numbered}
            for k in range(1, PROBES + 1)
        ]

    yield values(lambda i, unknown: i), False
    by_axis = values(lambda i, unknown: unknown.axis)
    yield by_axis, False
    yield values(lambda i, unknown: 0), False
    for constant in sorted(constants | {2, 3}):
        for axis in sorted({unknown.axis for unknown in symbols.values()}):
            fixed = {free: constant for free, unknown in symbols.items() if unknown.axis == axis}
            yield [value | fixed for value in by_axis], False
    yield (
        [
            {free: 4 + unknown.axis + 3 * k**2 for free, unknown in symbols.items()}
            for k in range(PROBES)
        ],
        True,
    )


def _probe(
    world: _World,
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    found: tuple[dict[Any, _Unknown], set[int]],
) -> Any:
    """Infer from concrete sizes, for rules that branch on an unknown one."""
    problem: Exception | None = None
    for values, real in _attempts(*found):
        try:
            results = [_run(world, function, args, kwargs, value, real) for value in values]
        except Exception as error:
            problem = problem or error
        else:
            return _generalise(world, results, values, found[0])
    assert problem is not None
    raise problem


def _run(
    world: _World,
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    values: dict[Any, int],
    real: bool,
) -> Any:
    def number(size: Any) -> Any:
        expression = symbol(size)
        return expression if isinstance(expression, int) else int(expression.subs(values))

    def concrete(leaf: Any) -> Any:
        if isinstance(leaf, SYMBOLIC_NUMBERS):
            return number(leaf)
        if isinstance(leaf, world.Fake):
            shape = [number(size) for size in leaf.shape]
            return torch.ones(shape, dtype=leaf.dtype, device=leaf.device)
        return leaf

    with contextlib.nullcontext() if real else world.concrete:
        new_args, new_kwargs = map_structure(concrete, (args, kwargs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*new_args, **new_kwargs)


def _generalise(
    world: _World, results: list[Any], values: list[dict[Any, int]], symbols: dict[Any, _Unknown]
) -> Any:
    """Put unknown sizes back into what the probes gave."""
    leaves: list[list[Any]] = []
    for result in results:
        found: list[Any] = []
        map_structure(lambda leaf, found=found: found.append(leaf), result)  # type: ignore[misc]
        leaves.append(found)
    if len({len(found) for found in leaves}) != 1:
        raise RuntimeError("the number of results depends on a size that is not known")
    columns = iter(zip(*leaves, strict=True))

    def general(leaf: Any) -> Any:
        column = next(columns)
        if isinstance(leaf, torch.Tensor):
            shape = [
                _size(dims, values, symbols)
                for dims in zip(*(t.shape for t in column), strict=True)
            ]
            with world.mode:
                return torch.empty(shape, dtype=leaf.dtype, device=leaf.device)
        if isinstance(leaf, int) and not isinstance(leaf, bool):
            return _size(column, values, symbols)
        return leaf

    return map_structure(general, results[0])


def _size(seen: Sequence[int], values: list[dict[Any, int]], symbols: dict[Any, _Unknown]) -> Any:
    """The size that was `seen` at the probes, as a function of the unknown sizes."""
    if len(set(seen)) == 1:
        return seen[0]
    sizes = {free: unknown.size for free, unknown in symbols.items() if unknown.size is not None}
    for free, size in sizes.items():
        if list(seen) == [value[free] for value in values]:
            return size
    for free, size in sizes.items():
        at = [value[free] for value in values]
        if at[0] == at[1]:
            continue
        slope = Fraction(seen[1] - seen[0], at[1] - at[0])
        offset = seen[0] - slope * at[0]
        if slope.denominator == offset.denominator == 1 and seen[2] == slope * at[2] + offset:
            scaled = size if slope == 1 else size * int(slope)
            return scaled if offset == 0 else scaled + int(offset)
    return unknown_size()
