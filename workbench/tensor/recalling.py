"""Shape inference with a cache of results, keyed by function, argument shapes and dtypes.

The same function is often applied to the same shapes: by the layers of a deep model, by the steps
of a gradient, by several models built in one process, and by an editor that applies bricks again
after each edit. Each application of torch's shape rules takes about a millisecond, and some take
several milliseconds. Reading a result from the cache takes a small fraction of this time.

The cache gives unknown sizes new names, in the order they occur. Therefore the shape
``(batch, 10)`` has the same entry for every model. A result is stored only if three conditions
hold: the function belongs to torch or the workbench, the call revealed nothing about unknown sizes
except that some of them are equal, and each size in the result can be computed from the sizes of
the arguments. A stored result is used only if the same facts are known about the unknown sizes of
the new call. The equalities that the original call revealed are then recorded for these sizes, too.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workbench.tensor import shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.blank import blank
from workbench.tensor.structure import CONTAINERS, map_structure
from workbench.tensor.symbolic import is_symbolic

MOST = 2000
"""Maximum number of results in the cache."""

PLAIN = (int, float, bool, str, torch.dtype, torch.device, type(None), type(Ellipsis))
BUILTIN = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
NAMESPACES = frozenset({"aten", "prims", "workbench"})
"""Namespaces of operations that users do not define."""

_kept: dict[Any, _Kept] = {}


class _Unusual(Exception):
    """Error raised for arguments and results that the cache does not handle."""


@dataclass(frozen=True)
class _Size:
    """Unknown size in a result, expressed with the names of the cache."""

    expression: Any


@dataclass(frozen=True)
class _Tensor:
    """Tensor in a result: its sizes, and the number of the argument whose storage it shares."""

    sizes: tuple[Any, ...]
    strides: tuple[Any, ...]
    offset: Any
    dtype: torch.dtype
    device: torch.device
    base: int | None


@dataclass
class _Arguments:
    """Tensors in the arguments of a call, and the names of their unknown sizes.

    Attributes
    ----------
    tensors : list of fake tensor
    names : dict
        The name of each symbol in the sizes.
    numbers : dict
        The symbolic size for each expression that consists of these names.
    """

    tensors: list[torch.Tensor] = field(default_factory=list)
    names: dict[Any, Any] = field(default_factory=dict)
    numbers: dict[Any, Any] = field(default_factory=dict)

    def named(self, number: Any) -> Any:
        """Express a size with the names of the cache; symbols without names get new names."""
        if isinstance(number, int):
            return number
        expression = number.node.expr
        if expression.is_Symbol:
            name = self.names.get(expression)
            if name is None:
                name = self._name(expression)
        elif expression.is_Integer:
            return int(expression)
        else:
            free = sorted(expression.free_symbols - self.names.keys(), key=_age)
            for symbol in free:
                self._name(symbol)
            name = _renamed(expression, tuple(self.names.items()))
        self.numbers.setdefault(name, number)
        return name

    def _name(self, symbol: Any) -> Any:
        kind: Any = type(symbol)
        name = self.names[symbol] = _name(kind, len(self.names))
        return name

    def state(self, tensor: torch.Tensor) -> Any:
        """Return the properties of a tensor that results depend on."""
        if getattr(tensor, "constant", None) is not None or tensor.layout is not torch.strided:
            raise _Unusual
        if tensor.requires_grad or tensor.is_conj() or tensor.is_neg():
            raise _Unusual
        device = getattr(tensor, "fake_device", None)
        if device is None:
            if not tensor.is_floating_point():  # the values of integers may be sizes
                raise _Unusual
            device = tensor.device
        sizes = tuple(map(self.named, tensor.shape))
        strides = tuple(map(self.named, tensor.stride()))
        offset = self.named(tensor.storage_offset())
        return type(tensor), tensor.dtype, device, sizes, strides, offset

    def shared(self) -> tuple[int, ...]:
        """Return, for each tensor, the number of the first tensor that has the same storage."""
        storages = list(map(internals.storage_of, self.tensors))
        return tuple(map(storages.index, storages))

    def facts(self, world: shapes.World) -> Any:
        """Return the known facts about the unknown sizes: their bounds and their relations."""
        env = world.sizes
        alone = [(env.var_to_range.get(symbol), symbol in env.size_like) for symbol in self.names]
        names = tuple(self.names.items())
        related = [
            _renamed(learned.expr, names)
            for symbol in self.names
            for learned in env.deferred_runtime_asserts.get(symbol, ())
            if not _is_bound(learned.expr) and learned.expr.free_symbols <= self.names.keys()
        ]
        bounds = [(known and (known.lower, known.upper), is_size) for known, is_size in alone]
        return tuple(bounds), tuple(related)

    def real(self, size: Any, world: shapes.World) -> Any:
        """Return a size of this call, given the size expressed with the names of the cache."""
        if isinstance(size, int) or size.is_Integer:
            return int(size)
        number = self.numbers.get(size)
        if number is None:
            symbols = {name: symbol for symbol, name in self.names.items()}
            number = world.sizes.create_symintnode(size.xreplace(symbols), hint=None)
            self.numbers[size] = number
        return number


@functools.cache
def _name(kind: Any, index: int) -> Any:
    return kind(f"u{index}", integer=True)  # as torch names its symbols


def _age(symbol: Any) -> tuple[int, str]:
    """Return a key that sorts symbols in the order torch created them."""
    return len(symbol.name), symbol.name


def _is_bound(expression: Any) -> bool:
    """Return True for the comparison of a symbol with a number, as in ``0 <= u0``."""
    if type(expression).__name__ not in ("LessThan", "GreaterThan"):
        return False
    one, other = expression.args
    return bool((one.is_Symbol and other.is_Number) or (one.is_Number and other.is_Symbol))


@functools.lru_cache(maxsize=MOST)
def _renamed(expression: Any, names: tuple[tuple[Any, Any], ...]) -> Any:
    return expression.xreplace(dict(names))


def infer(function: Callable[..., Any], args: Any, kwargs: Any, shown: Callable[[], str]) -> Any:
    """Return the result of `shapes.infer`, from the cache if possible."""
    with shapes.inferring() as world:
        given = _Arguments()
        try:
            key = _key(function, args, kwargs, given, world)
        except _Unusual:
            return shapes.infer(function, args, kwargs, shown)
        known = _kept.get(key)
        if known is not None:
            if not known.learned or _learn(known.learned, given, world):
                return known.of(given, world)
            return shapes.infer(function, args, kwargs, shown)  # raises an explanatory error
        before = _Known(given, world)
        result = shapes.infer(function, args, kwargs, shown)
        with contextlib.suppress(_Unusual):
            learned = before.learned()
            _kept[key] = _Kept(_outline(result, given), learned)
            while len(_kept) > MOST:
                del _kept[next(iter(_kept))]
        return result


@dataclass
class _Kept:
    """Entry of the cache: a result, and the pairs of sizes that the call found to be equal."""

    outline: Any
    learned: tuple[tuple[Any, Any], ...]
    latest: tuple[Any, Any] | None = None

    def of(self, given: _Arguments, world: shapes.World) -> Any:
        """Return the cached result for a call with the arguments `given`."""
        if not is_symbolic():
            return map_structure(lambda leaf: _made(leaf, given, world), self.outline)
        # Graphs without values are never run, so their variables can share a fake tensor.
        alone = isinstance(self.outline, _Tensor) and self.outline.base is None
        symbols = tuple(given.names)
        if self.latest is None or self.latest[0] != symbols or not alone:
            result = map_structure(lambda leaf: _made(leaf, given, world), self.outline)
            self.latest = symbols, result
        return self.latest[1]


class _Known:
    """Facts about the unknown sizes of a call that are known before its result is inferred."""

    def __init__(self, given: _Arguments, world: shapes.World) -> None:
        self.names, self.env = dict(given.names), world.sizes
        self.before = {symbol: self._about(symbol) for symbol in self.names}
        self.count = self.env.num_deferred_runtime_asserts

    def _about(self, symbol: Any) -> tuple[Any, Any, list[Any]]:
        facts = self.env.deferred_runtime_asserts.get(symbol, ())
        ranges, known = self.env.var_to_range, self.env.replacements
        return known.get(symbol), ranges.get(symbol), [learned.expr for learned in facts]

    def learned(self) -> tuple[tuple[Any, Any], ...]:
        """Return the pairs of sizes found to be equal, expressed with the names of the cache.

        Raises
        ------
        _Unusual
            If something else was learned.
        """
        pairs: dict[tuple[Any, Any], None] = {}
        count = 0
        for symbol, (value, bounds, facts) in self.before.items():
            new_value, new_bounds, new_facts = self._about(symbol)
            if new_value != value:
                pairs[symbol, new_value] = None
            elif new_bounds != bounds:
                raise _Unusual
            for fact in new_facts[len(facts) :]:
                count += 1
                if type(fact).__name__ != "Equality":
                    raise _Unusual
                pairs[fact.args] = None
        if self.env.num_deferred_runtime_asserts != self.count + count:
            raise _Unusual  # other sizes were also compared
        names = tuple(self.names.items())
        if any(not one.free_symbols <= self.names.keys() for pair in pairs for one in pair):
            raise _Unusual
        return tuple((_renamed(one, names), _renamed(other, names)) for one, other in pairs)


def _learn(pairs: tuple[tuple[Any, Any], ...], given: _Arguments, world: shapes.World) -> bool:
    """Record that sizes are equal; return False if they cannot be equal."""
    try:
        for one, other in pairs:
            internals.check_size(given.real(one, world) == given.real(other, world))
        shapes.check_possible(world, [size for one in given.tensors for size in one.shape])
    except RuntimeError:
        return False
    return True


def _key(
    function: Any, args: Any, kwargs: Any, given: _Arguments, world: shapes.World
) -> tuple[Any, ...]:
    """Return all facts that a result depends on."""
    if not _is_fixed(function):
        raise _Unusual
    parts: list[Any] = []

    def note(leaf: Any) -> int:
        if isinstance(leaf, torch.Tensor):
            given.tensors.append(leaf)
            parts.append(given.state(leaf))
        elif isinstance(leaf, torch.SymInt):
            parts.append((torch.SymInt, given.named(leaf)))
        elif isinstance(leaf, PLAIN):
            parts.append((type(leaf), leaf))
        else:
            raise _Unusual
        return len(parts)

    structure = map_structure(note, (args, kwargs))
    if not given.tensors:
        raise _Unusual
    if len(given.tensors) > 1:
        parts.append(given.shared())
    return function, repr(structure), tuple(parts), given.facts(world), _settings(given.tensors)


def _settings(tensors: Sequence[torch.Tensor]) -> tuple[Any, ...]:
    """Return the torch settings that affect results for these tensors."""
    kinds = dict.fromkeys((getattr(one, "fake_device", None) or one.device).type for one in tensors)
    casts = [torch.get_autocast_dtype(kind) if _is_cast(kind) else None for kind in kinds]
    return torch.get_default_dtype(), *casts


def _is_cast(kind: str) -> bool:
    """Return True if autocast is enabled for this type of device."""
    return kind != "meta" and torch.is_autocast_enabled(kind)


def _is_fixed(function: Any) -> bool:
    """Return True for torch or workbench functions that depend only on their arguments.

    Modules have attributes, and a custom operation calls functions of the user, which may depend on
    anything.
    """
    if isinstance(function, BUILTIN):
        return True
    if isinstance(function, (internals.OpOverload, internals.OpOverloadPacket)):
        return str(function).partition(".")[0] in NAMESPACES
    if not isinstance(function, types.FunctionType):
        return False
    # `functools.wraps` copies the module of the wrapped function, but not its global variables.
    modules = (function.__module__, function.__globals__.get("__name__"))
    packages = {str(module).partition(".")[0] for module in modules}
    if packages == {"workbench"}:
        return function.__closure__ is None and "<" not in function.__qualname__
    return packages == {"torch"}


def _outline(result: Any, given: _Arguments) -> Any:
    """Return the result with its sizes expressed with the names of the cache."""
    of_arguments = [internals.storage_of(tensor) for tensor in given.tensors]
    own: set[int] = set()
    count = len(given.names)

    def outlined(leaf: Any) -> Any:
        if isinstance(leaf, torch.SymInt):
            size = given.named(leaf)
            return size if isinstance(size, int) else _Size(size)
        if isinstance(leaf, PLAIN):
            return leaf
        device = getattr(leaf, "fake_device", None)
        if device is None:
            raise _Unusual
        _, dtype, device, sizes, strides, offset = given.state(leaf)
        storage = internals.storage_of(leaf)
        base = of_arguments.index(storage) if storage in of_arguments else None
        if storage in own or (base is not None and not _is_fake(given.tensors[base])):
            raise _Unusual  # two results share storage
        if base is None:
            own.add(storage)
        return _Tensor(sizes, strides, offset, dtype, device, base)

    _check_containers(result)
    outline = map_structure(outlined, result)
    if len(given.names) != count:  # a result has a new size, as with `nonzero`
        raise _Unusual
    return outline


def _check_containers(result: Any) -> None:
    """Raise `_Unusual` if a container in a result cannot be rebuilt."""
    if isinstance(result, CONTAINERS):
        usual = type(result) in (tuple, list) or type(result).__module__ == "torch.return_types"
        if not usual or not isinstance(result, (tuple, list)):
            raise _Unusual
        for part in result:
            _check_containers(part)


def _is_fake(tensor: torch.Tensor) -> bool:
    return getattr(tensor, "fake_device", None) is not None


def _made(leaf: Any, given: _Arguments, world: shapes.World) -> Any:
    """Create one part of the result of this call."""
    if isinstance(leaf, _Size):
        return given.real(leaf.expression, world)
    if not isinstance(leaf, _Tensor):
        return leaf
    return blank(
        world.mode,
        [given.real(size, world) for size in leaf.sizes],
        [given.real(stride, world) for stride in leaf.strides],
        leaf.dtype,
        leaf.device,
        offset=given.real(leaf.offset, world),
        base=None if leaf.base is None else given.tensors[leaf.base],
    )
