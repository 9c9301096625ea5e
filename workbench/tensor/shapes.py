"""Inference of shapes and dtypes with torch's fake tensors.

Every unknown size is an *unbacked* symbolic integer of one `ShapeEnv`, so no example value is
needed. A torch function that is applied to fake tensors infers the result and *learns* sizes: the
shape of ``x`` becomes ``(?, 784)`` when ``x`` is multiplied by a 784 x 100 matrix. The function
raises an error immediately if the shapes are incompatible. `infer` replaces this error with an
error that names the variables and the running brick.

Some of torch's shape rules branch on a size ("is the batch size 1?"). `Probe` runs these rules with
a few concrete sizes.

sympy and torch's symbolic shapes are imported on first use to keep ``import workbench`` fast.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from workbench import errors
from workbench.tensor import torch_internals as internals
from workbench.tensor.blank import blank, in_rows
from workbench.tensor.probing import Probe
from workbench.tensor.structure import map_structure, name_of
from workbench.tracebacks import line_of_user

Fake = Any
"""A fake tensor, or a symbolic number (``torch.SymInt``, ``SymFloat``, ``SymBool``)."""

SYMBOLIC_NUMBERS = (torch.SymInt, torch.SymFloat, torch.SymBool)
PRODUCTS = frozenset(
    "matmul mm mv bmm dot addmm addmv baddbmm linear conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d".split()
)

OF_SEVERAL = frozenset("addcmul addcdiv lerp where clamp clip".split())
"""Functions whose operands are broadcast before shape inference.

Their shape rules use only one operand, or reject operands of different symbolic sizes.
"""
MOST_SYMBOLS = 1000
"""Maximum number of symbols before unused symbols are removed."""
NEWEST = 200
"""Number of newest symbols that are always kept."""
BY_SYMBOL = (
    "var_to_range",
    "var_to_range_sloc",
    "var_to_stack",
    "replacements",
    "replacements_slocs",
    "deferred_runtime_asserts",
)


def _baddbmm(input: Any, batch1: Any, batch2: Any, **_: Any) -> Any:
    return torch.bmm(batch1, batch2) + input


def _bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    return torch.einsum("...i,kij,...j->...k", input1, weight, input2)


BY_ANOTHER: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.baddbmm: _baddbmm,
    torch.Tensor.baddbmm: _baddbmm,
    torch.nn.functional.bilinear: _bilinear,
    torch.Tensor.view: torch.Tensor.reshape,
    torch.Tensor.view_as: torch.Tensor.reshape_as,
}
"""Functions whose shape rules need strides or known sizes, with their replacements in inference."""

NEVER_EQUAL = "two sizes must be equal, but one is computed from the other and is always different"
SIZES = 40
"""Sizes from 2 up to, but not including, this number are tried as solutions of an equation."""

CONSTRUCTION = 5.0
"""Seconds after shape inference during which a variable may still be under construction."""

MOST_SHARED = 20
"""Factor by which the number of symbols may exceed its limit while several threads use symbols."""

_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A child process would otherwise inherit a lock that a thread of its parent holds.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


class World:
    """The fake mode and shape environment shared by all variables of the process."""

    def __init__(self) -> None:
        from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

        self.sizes = internals.shape_env()
        self.mode = internals.FakeTensorMode(shape_env=self.sizes, allow_non_fake_inputs=True)
        self.concrete = internals.FakeTensorMode(allow_non_fake_inputs=True)
        # The caches of the modes never shrink and would keep unused symbols alive.
        self.mode.cache_enabled = self.concrete.cache_enabled = False
        self.Guard = GuardOnDataDependentSymNode
        self.Fake = internals.FakeTensor

        self.holders: weakref.WeakSet[Any] = weakref.WeakSet()
        self.limit = MOST_SYMBOLS
        self.depth = 0
        self.last_use: dict[int, float] = {}

    def note_use(self) -> None:
        """Record the time when this thread used shape inference."""
        self.last_use[threading.get_ident()] = time.monotonic()

    def _is_shared(self) -> bool:
        """Return True if another thread may be constructing a variable."""
        recent = time.monotonic() - CONSTRUCTION
        own = threading.get_ident()
        self.last_use = {key: at for key, at in self.last_use.items() if at > recent}
        return any(key != own for key in self.last_use)

    def forget(self) -> None:
        """Remove symbols that are no longer used by any variable.

        torch's `ShapeEnv` would otherwise keep every symbol forever. If another thread has just
        used shape inference, its variables may be under construction, so symbols are kept longer.
        """
        env = self.sizes
        count = len(env.var_to_range)
        if self.depth or count < self.limit:
            return
        if count < MOST_SHARED * self.limit and self._is_shared():
            return
        alive = {s for holder in self.holders for s in _symbols(holder.fake)}
        alive.update(list(env.var_to_range)[-NEWEST:])  # their variables may be under construction
        found = list(alive)
        while found:
            one = found.pop()
            related = [env.replacements.get(one)]
            related += [learned.expr for learned in env.deferred_runtime_asserts.get(one, ())]
            new = {s for e in related for s in getattr(e, "free_symbols", ())} - alive
            alive |= new
            found += new
        for name in BY_SYMBOL:
            table = getattr(env, name)
            for dead in [s for s in table if s is not None and s not in alive]:
                del table[dead]
        for dead in [e for e in env.axioms if not e.free_symbols <= alive]:
            del env.axioms[dead]
        fresh = env.pending_fresh_unbacked_symbols
        fresh[:] = [s for s in fresh if s in alive]
        env._version_counter += 1  # invalidates the caches of its methods
        self.limit = max(MOST_SYMBOLS, 2 * len(env.var_to_range))

    def unknown_size(self) -> torch.SymInt:
        """Return a new symbolic integer for an unknown size."""
        with _lock:
            self.note_use()
            size: torch.SymInt = self.sizes.create_unbacked_symint()
            symbol = size.node.expr
            self.sizes.constrain_symbol_range(symbol, 0, self.sizes.var_to_range[symbol].upper)
            return size


def _symbols(fake: Fake) -> Iterator[Any]:
    """Yield the symbols in the sizes of `fake`, before and after applying the learned relations."""
    for size in fake.shape if isinstance(fake, torch.Tensor) else (fake,):
        if isinstance(size, SYMBOLIC_NUMBERS):
            yield from size.node._expr.free_symbols
            yield from size.node.expr.free_symbols


def hold(variable: Any) -> None:
    """Keep the symbols of ``variable.fake`` as long as `variable` exists."""
    with _lock:
        _world().holders.add(variable)


@functools.cache
def _the_world() -> World:
    return World()


def _world() -> World:
    """Return the shared `World`, which is created only once even if two threads need it."""
    with _lock:
        return _the_world()


@contextlib.contextmanager
def inferring() -> Iterator[World]:
    """Run shape inference in one thread at a time, with gradients and torch's logging disabled."""
    with _lock, torch.no_grad(), internals.quiet():
        world = _world()
        world.note_use()
        world.depth += 1
        try:
            yield world
        finally:
            world.depth -= 1


def unknown_size() -> torch.SymInt:
    """Return a new symbolic integer for an unknown size."""
    return _world().unknown_size()


def fake_tensor(
    shape: Sequence[int | torch.SymInt | None], dtype: torch.dtype, device: torch.device
) -> Fake:
    """Return a fake tensor with the given shape, where ``None`` is an unknown size."""
    with _lock:
        _world().forget()
    with inferring() as world:
        sizes = [unknown_size() if size is None else size for size in shape]
        if any(isinstance(size, torch.Tensor) for size in sizes):  # a computed number
            with world.mode:
                return torch.empty(sizes, dtype=dtype, device=device)
        return blank(world.mode, sizes, in_rows(sizes), dtype, device)


def empty_like(fake: Fake) -> Fake:
    """Return a fake tensor with the sizes and dtype of `fake`, but with separate storage."""
    with inferring() as world:
        if fake.layout is torch.strided:
            rows = in_rows(fake.shape)
            if all(
                _expression(a) == _expression(b) for a, b in zip(rows, fake.stride(), strict=True)
            ):
                return blank(world.mode, fake.shape, rows, fake.dtype, fake.device)
        with world.mode:
            return torch.empty_like(fake)


def alike(one: Fake, other: Fake) -> bool:
    """Return True if two fake tensors are equal except for storage, which inference ignores."""
    if type(one) is not type(other):
        return False
    if not isinstance(one, torch.Tensor):
        return bool(_expression(one) == _expression(other))
    if one.layout is not torch.strided or other.layout is not torch.strided:
        return False
    if getattr(one, "constant", None) is not None or getattr(other, "constant", None) is not None:
        return False
    with _lock:  # during inference in another thread, the device of a fake tensor is "meta"
        kinds = [(t.dtype, t.device, t.requires_grad, t.is_conj(), t.is_neg())
                 for t in (one, other)]  # fmt: skip
        return kinds[0] == kinds[1] and sizes_of(one) == sizes_of(other)


def repeated(results: Sequence[Fake], inputs: Sequence[Fake]) -> list[Fake] | None:
    """Copy the inferred `results` of a call, for other inputs of the same shapes and dtypes.

    Returns
    -------
    list or None
        Fake tensors with new storage. ``None`` if the call must be inferred again, for example
        because a result shares storage or has a new unknown size, as with ``nonzero``.
    """
    given, made = ([t for t in some if isinstance(t, torch.Tensor)] for some in (inputs, results))
    if any(one.layout is not torch.strided for one in (*given, *made)):
        return None
    own = {internals.storage_of(one) for one in made}
    shared = len(own) < len(made) or not own.isdisjoint(map(internals.storage_of, given))
    if shared or not _unknowns(results) <= _unknowns(inputs):
        return None
    with inferring() as world:
        return [
            blank(world.mode, one.shape, one.stride(), one.dtype, one.device)
            if isinstance(one, torch.Tensor)
            else one
            for one in results
        ]


def _unknowns(fakes: Iterable[Fake]) -> set[Any]:
    """Return the symbols in the sizes of `fakes`."""
    return {s for one in fakes for e in sizes_of(one) for s in getattr(e, "free_symbols", ())}


def _expression(number: Any) -> Any:
    """Return a number, or the expression of a symbolic number with all learned relations applied.

    The number stores the original expression, and the environment stores the relations. torch
    combines them each time the expression is read.
    """
    if not isinstance(number, SYMBOLIC_NUMBERS):
        return number
    with _lock:
        return number.node.expr


def sizes_of(fake: Fake) -> list[Any]:
    """Return the expressions of the sizes, strides and offset of `fake`."""
    if not isinstance(fake, torch.Tensor):
        return [_expression(fake)]
    return [_expression(n) for n in (*fake.shape, *fake.stride(), fake.storage_offset())]


def known(size: int | torch.SymInt) -> int | None:
    """Return the value of `size`, or ``None`` if it is unknown."""
    if isinstance(size, int):
        return size
    with _lock:
        value: int | None = size.node.maybe_as_int()
    return value


def symbol(size: int | torch.SymInt) -> Any:
    """Return the value of `size`, or its sympy expression if the value is unknown."""
    value = known(size)
    return value if value is not None else _expression(size)


def equal_to(size: Any) -> list[Any]:
    """Return the symbols that are known to be equal to the symbol `size`."""
    found: list[Any] = []
    with _lock:
        asserts = list(_world().sizes.deferred_runtime_asserts.get(size, ()))
    for learned in asserts:
        expression = learned.expr
        if type(expression).__name__ == "Equality" and size in expression.args:
            found.extend(other for other in expression.args if other.is_Symbol and other != size)
    return found


def facts(fakes: Iterable[Fake]) -> tuple[Any, ...]:
    """Return what is known about the sizes of `fakes`; the result changes as more is learned."""
    env = _world().sizes
    with _lock:
        return tuple(
            (one, env.replacements.get(one), env.var_to_range.get(one),
             len(env.deferred_runtime_asserts.get(one, ())))
            for fake in fakes
            for size in fake.shape
            if isinstance(size, torch.SymInt)
            for one in sorted(size.node._expr.free_symbols, key=str)
        )  # fmt: skip


def learn_equal(one: int | torch.SymInt, other: int | torch.SymInt) -> None:
    """Record that two sizes are equal; raise `RuntimeError` if they cannot be equal."""
    with inferring() as world, world.mode:
        internals.check_size(one == other)
        check_possible(world, (one, other))


def describe(fake: Fake) -> str:
    """Format a shape and dtype as text, with ``?`` for an unknown size: ``(?, 784) float32``."""
    if isinstance(fake, SYMBOLIC_NUMBERS):
        return "int" if isinstance(fake, torch.SymInt) else "number"
    sizes = ["?" if known(size) is None else str(known(size)) for size in fake.shape]
    inside = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
    return f"({inside}) {str(fake.dtype).removeprefix('torch.')}"


def infer(function: Callable[..., Any], args: Any, kwargs: Any, shown: Callable[[], str]) -> Any:
    """Apply `function` to fake tensors and return its results.

    Parameters
    ----------
    function : callable
        Any torch function, method or operator.
    args, kwargs : structures
        The arguments of `function`, with fake tensors in place of variables.
    shown : callable
        A function that returns the arguments as text, for the error message.

    Raises
    ------
    ShapeError, DtypeError, OperationError
        If the function rejects the arguments. The message starts with the name of the running
        brick.
    SymbolicError
        If the function needs the value of a variable.
    """
    with inferring() as world:
        _check_products(function, args, kwargs, shown)
        learned = world.sizes.num_deferred_runtime_asserts
        try:
            with world.mode:
                if name_of(function) in OF_SEVERAL:
                    args, kwargs = _broadcast((args, kwargs))
                result = function(*args, **kwargs)
            if world.sizes.num_deferred_runtime_asserts != learned:
                tensors = _tensors((args, kwargs))
                check_possible(world, [size for one in tensors for size in one.shape])
            return result
        except Exception as error:
            problem = error
        if function in BY_ANOTHER:
            with contextlib.suppress(Exception), world.mode:
                return BY_ANOTHER[function](*args, **kwargs)
        probe = Probe(world, function, args, kwargs, symbol)
        if probe.symbolic and not isinstance(problem, TypeError):
            try:
                return probe.result()
            except Exception as error:
                if isinstance(problem, world.Guard):
                    problem = error
        raise _explained(function, problem, shown) from None


def _tensors(structure: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    map_structure(
        lambda leaf: found.append(leaf) if isinstance(leaf, torch.Tensor) else None, structure
    )
    return found


def _broadcast(structure: Any) -> Any:
    """Broadcast all tensors in `structure` against each other."""
    tensors = _tensors(structure)
    # Tensors with known sizes come first, so that two different known sizes raise an error.
    partly = [any(known(size) is None for size in tensor.shape) for tensor in tensors]
    order = sorted(range(len(tensors)), key=partly.__getitem__)
    wide = dict(zip(order, torch.broadcast_tensors(*[tensors[i] for i in order]), strict=True))
    number = iter(range(len(tensors)))
    return map_structure(
        lambda leaf: wide[next(number)] if isinstance(leaf, torch.Tensor) else leaf, structure
    )


def check_possible(world: World, sizes: Iterable[Any]) -> None:
    """Raise an error if a learned equation in one unknown has no small solution greater than 1.

    ``x[1:] + x`` learns ``n - 1 == n``, which torch does not detect as a contradiction.
    """
    symbols = [one for size in sizes for one in getattr(symbol(size), "free_symbols", ())]
    for one in dict.fromkeys(symbols):
        for learned in world.sizes.deferred_runtime_asserts.get(one, ()):
            expression = learned.expr
            if type(expression).__name__ != "Equality" or expression.free_symbols != {one}:
                continue
            if not any(expression.subs(one, size) == True for size in range(2, SIZES)):  # noqa: E712
                raise RuntimeError(NEVER_EQUAL)


def _check_products(
    function: Callable[..., Any], args: Any, kwargs: Any, shown: Callable[[], str]
) -> None:
    """Raise an error if factors have different dtypes; torch's inference would accept them."""
    if name_of(function) not in PRODUCTS:
        return
    dtypes = {tensor.dtype for tensor in _tensors((args, kwargs))}
    if len(dtypes) > 1:
        found = " and ".join(sorted(str(dtype) for dtype in dtypes))
        message = f"all operands must have the same dtype, not {found}; convert with .to(dtype)"
        raise _explained(function, RuntimeError(message), shown)


def _explained(
    function: Callable[..., Any], error: Exception, shown: Callable[[], str]
) -> errors.WorkbenchError:
    """Return the error to raise in place of torch's error."""
    text = str(error).strip().splitlines()
    said = re.sub(r"\bu\d+\b", "?", text[0]) if text else type(error).__name__
    running = errors.location.get()
    message = f"{running[-1] + ': ' if running else ''}{name_of(function)}({shown()}): "
    if isinstance(error, (internals.DataDependentOutputException, _world().Guard)):
        return errors.SymbolicError(
            f"{message}needs the value of a variable, which has no value until it is evaluated; "
            "use variable.eval({...}), or torch.where instead of an if statement"
        )
    line = line_of_user(error)  # if a module or another function of the user was called
    place = f" ({line})" if line else ""
    if line and isinstance(error, (AttributeError, ImportError, KeyError, NameError)):
        return errors.OperationError(f"{message}{type(error).__name__}: {said}{place}")
    kind: type[errors.WorkbenchError] = errors.ShapeError
    if isinstance(error, TypeError):
        kind = errors.OperationError
    elif re.search(r"dtype|scalar type|[Ff]loating point|ScalarType|isDifferentiableType", said):
        kind = errors.DtypeError
    return kind(message + said + place)
