"""Small functions on lists, dictionaries, arguments and bricks, without tensors."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, TypeVar

from workbench.errors import (
    ArgumentError,
    SurplusArgumentError,
    UnknownArgumentError,
    nearest,
)
from workbench.hints import hinted

K = TypeVar("K")
V = TypeVar("V")


class Nested(Protocol):
    """Object with children of its own kind, such as a brick."""

    @property
    def children(self) -> Iterable[Any]:
        """Objects directly below this one."""


B = TypeVar("B", bound=Nested)


@hinted
def pack(arg: Any) -> list[Any]:
    """Make a list of `arg`: return a list unchanged, convert a tuple, wrap anything else.

    Examples
    --------
    >>> pack((1, 2)), pack(3)
    ([1, 2], [3])
    """
    if isinstance(arg, list):
        return arg
    return list(arg) if isinstance(arg, tuple) else [arg]


@hinted
def unpack(arg: Any, singleton: bool = False) -> Any:
    """Undo `pack`: return the only element of a list or tuple; convert a longer tuple to a list.

    Parameters
    ----------
    arg : object
        A list or tuple; anything else is returned unchanged.
    singleton : bool
        True if `arg` must be a list or tuple of exactly one element.

    Raises
    ------
    ArgumentError
        If `singleton` is True and `arg` is anything else.

    Examples
    --------
    >>> unpack([1]), unpack((1, 2)), unpack(3)
    (1, [1, 2], 3)
    """
    if isinstance(arg, (list, tuple)) and len(arg) == 1:
        return arg[0]
    if singleton:
        raise ArgumentError(f"arg must be a list or tuple of exactly one element, not {arg!r}")
    return list(arg) if isinstance(arg, tuple) else arg


@hinted
def dict_subset(
    dict_: MutableMapping[K, V], keys: Iterable[K], pop: bool = False, must_have: bool = True
) -> dict[K, V]:
    """Return the pairs of `dict_` that belong to `keys`, in the order of `keys`.

    Parameters
    ----------
    dict_ : dict
        The dictionary.
    keys : iterable
        The keys of the wanted pairs.
    pop : bool
        True to remove the pairs from `dict_`.
    must_have : bool
        True if a missing key is an error; otherwise it is left out.

    Raises
    ------
    ArgumentError
        If `must_have` is True and a key is missing; `dict_` is then unchanged.

    Examples
    --------
    >>> dict_subset({"a": 1, "b": 2, "c": 3}, ["c", "a"])
    {'c': 3, 'a': 1}
    """
    keys = list(keys)
    missing = [key for key in keys if key not in dict_]
    if missing and must_have:
        hint = nearest(str(missing[0]), dict_)
        raise ArgumentError(f"no key {missing[0]!r} in a dictionary of {list(dict_)}{hint}")
    found = {key: dict_[key] for key in keys if key in dict_}
    if pop:
        for key in found:
            del dict_[key]
    return found


def dict_union(*dicts: Mapping[Any, Any], **kwargs: object) -> dict[Any, Any]:
    """Return one dictionary of all pairs of `dicts` and all `kwargs`.

    The result is an `OrderedDict` if the first of `dicts` is one.

    Raises
    ------
    ArgumentError
        If a key occurs twice.

    Examples
    --------
    >>> dict_union({"a": 1}, {"b": 2}, c=3)
    {'a': 1, 'b': 2, 'c': 3}
    """
    union: dict[Any, Any] = OrderedDict() if dicts and isinstance(dicts[0], OrderedDict) else {}
    for part in (*dicts, kwargs):
        repeated = [key for key in part if key in union]
        if repeated:
            key = repeated[0]
            raise ArgumentError(
                f"key {key!r} occurs twice, with the values {union[key]!r} and {part[key]!r}; "
                "the dictionaries must have no key in common"
            )
        union.update(part)
    return union


def extract_args(expected: Sequence[str], *args: Any, **kwargs: object) -> dict[str, Any]:
    """Match positional and keyword arguments with the expected names.

    For methods whose arguments are known only at run time and therefore declared with ``*args,
    **kwargs``: this function checks a call as Python would.

    Parameters
    ----------
    expected : sequence of str
        Names of all arguments, in order.
    *args, **kwargs
        The arguments of the call.

    Returns
    -------
    dict
        Name -> value, in the order of `expected`.

    Raises
    ------
    UnknownArgumentError
        For a keyword that is not expected.
    SurplusArgumentError
        If an argument is given both by position and by keyword, or too many are given.
    ArgumentError
        If an expected argument is not given.

    Examples
    --------
    >>> extract_args(["x", "mask"], 1, mask=2)
    {'x': 1, 'mask': 2}
    """
    takes = f"the arguments are ({', '.join(expected)})"
    if len(args) > len(expected):
        raise SurplusArgumentError(f"{len(args)} positional arguments were given; {takes}")
    routed = dict(zip(expected, args, strict=False))
    for name in kwargs:
        if name not in expected:
            hint = nearest(name, expected)
            raise UnknownArgumentError(f"argument {name!r} is not known; {takes}{hint}")
        if name in routed:
            raise SurplusArgumentError(
                f"argument {name!r} was given twice, by position and by keyword; {takes}"
            )
    routed |= kwargs
    missing = [name for name in expected if name not in routed]
    if missing:
        raise ArgumentError(f"missing arguments: {', '.join(missing)}; {takes}")
    return {name: routed[name] for name in expected}


@hinted
def find_bricks(top_bricks: Iterable[B], predicate: Callable[[B], bool]) -> list[B]:
    """Return all bricks at or below `top_bricks` that satisfy `predicate`.

    Parameters
    ----------
    top_bricks : iterable of Brick
        The bricks to start from.
    predicate : callable
        Called once with each brick; returns True if the brick is wanted.

    Returns
    -------
    list of Brick
        In breadth-first order; each brick once, even if several parents share it.
    """
    queue = deque(top_bricks)
    seen: set[int] = set()
    found = []
    while queue:
        brick = queue.popleft()
        if id(brick) in seen:
            continue
        seen.add(id(brick))
        queue.extend(brick.children)
        if predicate(brick):
            found.append(brick)
    return found


@hinted
def repr_attrs(instance: object, *attrs: str) -> str:
    """Return Python's standard representation of `instance` with some of its attributes added.

    Parameters
    ----------
    instance : object
        The object to represent.
    *attrs : str
        Names of the attributes to show.

    Examples
    --------
    >>> class Rule:
    ...     rate = 0.1
    ...     def __repr__(self):
    ...         return repr_attrs(self, "rate")
    >>> Rule()
    <....Rule object at 0x...: rate=0.1>
    """
    shown = ", ".join(f"{name}={getattr(instance, name)}" for name in attrs)
    plain = object.__repr__(instance)
    return f"{plain[:-1]}: {shown}>" if attrs else plain
