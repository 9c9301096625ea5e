"""Small functions on lists, dictionaries, arguments and bricks that need no tensor."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from numbers import Integral
from typing import Any, Protocol, TypeGuard, TypeVar

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
    """Whatever has children of its own kind, as bricks do."""

    @property
    def children(self) -> Iterable[Any]:
        """What stands directly below."""


B = TypeVar("B", bound=Nested)


def is_whole(number: object) -> TypeGuard[int]:
    """Whether something is an integer, of Python or of numpy, and no truth value.

    Examples
    --------
    >>> is_whole(3), is_whole(3.0), is_whole(True)
    (True, False, False)
    """
    return isinstance(number, Integral) and not isinstance(number, bool)


def is_count(number: object, least: int = 1) -> TypeGuard[int]:
    """Whether something is a whole number of `least` or more.

    Examples
    --------
    >>> is_count(1), is_count(0), is_count(0, least=0)
    (True, False, True)
    """
    return is_whole(number) and number >= least


@hinted
def pack(arg: Any) -> list[Any]:
    """Make a list of `arg`: a list stays itself, a tuple is converted, anything else is wrapped.

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
    """Undo `pack`: the only element of a list or tuple of one; a longer tuple becomes a list.

    Parameters
    ----------
    arg : object
        A list, a tuple, or anything else, which is returned as it is.
    singleton : bool
        Whether `arg` must be a list or tuple of exactly one element.

    Raises
    ------
    ArgumentError
        If `singleton` and it is not.

    Examples
    --------
    >>> unpack([1]), unpack((1, 2)), unpack(3)
    (1, [1, 2], 3)
    """
    if isinstance(arg, (list, tuple)) and len(arg) == 1:
        return arg[0]
    if singleton:
        raise ArgumentError(f"expected a list or tuple of exactly one element, got {arg!r}")
    return list(arg) if isinstance(arg, tuple) else arg


@hinted
def dict_subset(
    dict_: MutableMapping[K, V], keys: Iterable[K], pop: bool = False, must_have: bool = True
) -> dict[K, V]:
    """Return the pairs of `dict_` that belong to `keys`, in the order of `keys`.

    Parameters
    ----------
    dict_ : dict
        Where to look.
    keys : iterable
        What to look for.
    pop : bool
        Whether to remove the pairs from `dict_`.
    must_have : bool
        Whether a key that is not there is an error; otherwise it is left out.

    Raises
    ------
    ArgumentError
        If `must_have` and a key is not there; `dict_` is then unchanged.

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

    It is an `OrderedDict` if the first of `dicts` is one.

    Raises
    ------
    ArgumentError
        If a key comes twice.

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
                f"key {key!r} comes twice, with the values {union[key]!r} and {part[key]!r}; "
                "the dictionaries must have no key in common"
            )
        union.update(part)
    return union


def extract_args(expected: Sequence[str], *args: Any, **kwargs: object) -> dict[str, Any]:
    """Give positional and keyword arguments the names they are expected under.

    For methods that learn only at run time which arguments they take, and so are declared with
    ``*args, **kwargs``: this checks a call as Python would have.

    Parameters
    ----------
    expected : sequence of str
        Names of all arguments, in order.
    *args, **kwargs
        What was passed.

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
    takes = f"expected are ({', '.join(expected)})"
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
        Where to begin.
    predicate : callable
        Called once with each brick; says whether it is wanted.

    Returns
    -------
    list of Brick
        Each once, level by level, however many parents share it.
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
        What to represent.
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
