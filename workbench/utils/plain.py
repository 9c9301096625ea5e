"""Small functions for lists, dictionaries, arguments and bricks; they do not use tensors."""

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
    """Interface of objects with children of the same kind, such as bricks."""

    @property
    def children(self) -> Iterable[Any]:
        """The children of this object."""


B = TypeVar("B", bound=Nested)


@hinted
def pack(arg: Any) -> list[Any]:
    """Return a list unchanged, a tuple as a list, and any other object as the only item of a list.

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
    """Return the only element of a list or tuple, or convert any other tuple to a list.

    Parameters
    ----------
    arg : object
        A list or tuple; any other object is returned unchanged.
    singleton : bool
        True if `arg` must be a list or tuple of exactly one element.

    Raises
    ------
    ArgumentError
        If `singleton` is True and `arg` is not a list or tuple of exactly one element.

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
    """Return the items of `dict_` with the given keys, in the order of `keys`.

    Parameters
    ----------
    dict_ : dict
        The dictionary.
    keys : iterable
        The keys of the items.
    pop : bool
        True to remove the items from `dict_`.
    must_have : bool
        True to raise an error for a missing key, False to ignore it.

    Raises
    ------
    ArgumentError
        If `must_have` is True and a key is missing. In this case, `dict_` is not changed.

    Examples
    --------
    >>> dict_subset({"a": 1, "b": 2, "c": 3}, ["c", "a"])
    {'c': 3, 'a': 1}
    """
    keys = list(keys)
    missing = [key for key in keys if key not in dict_]
    if missing and must_have:
        hint = nearest(str(missing[0]), dict_)
        raise ArgumentError(
            f"the dictionary has no key {missing[0]!r}; its keys are {list(dict_)}{hint}"
        )
    found = {key: dict_[key] for key in keys if key in dict_}
    if pop:
        for key in found:
            del dict_[key]
    return found


def dict_union(*dicts: Mapping[Any, Any], **kwargs: object) -> dict[Any, Any]:
    """Return a dictionary with all items of `dicts` and all `kwargs`.

    The result is an `OrderedDict` if the first of `dicts` is an `OrderedDict`.

    Raises
    ------
    ArgumentError
        If a key occurs more than once.

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
                "the dictionaries must not have keys in common"
            )
        union.update(part)
    return union


def extract_args(expected: Sequence[str], *args: Any, **kwargs: object) -> dict[str, Any]:
    """Match positional and keyword arguments to the expected names.

    Methods whose arguments are known only at run time are declared with ``*args, **kwargs``. For
    such methods, this function checks the arguments of a call in the same way as Python does.

    Parameters
    ----------
    expected : sequence of str
        Names of all arguments, in order.
    *args, **kwargs
        The arguments of the call.

    Returns
    -------
    dict
        A dictionary that maps names to values, in the order of `expected`.

    Raises
    ------
    UnknownArgumentError
        If a keyword is not expected.
    SurplusArgumentError
        If an argument is given twice, or if there are too many positional arguments.
    ArgumentError
        If an expected argument is not given.

    Examples
    --------
    >>> extract_args(["x", "mask"], 1, mask=2)
    {'x': 1, 'mask': 2}
    """
    takes = f"the arguments are ({', '.join(expected)})"
    if len(args) > len(expected):
        raise SurplusArgumentError(
            f"the number of positional arguments must be at most {len(expected)}, not {len(args)}; "
            f"{takes}"
        )
    routed = dict(zip(expected, args, strict=False))
    for name in kwargs:
        if name not in expected:
            hint = nearest(name, expected)
            raise UnknownArgumentError(f"argument {name!r} is unknown; {takes}{hint}")
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
    """Return all bricks that satisfy `predicate` among `top_bricks` and their descendants.

    Parameters
    ----------
    top_bricks : iterable of Brick
        The bricks where the search starts.
    predicate : callable
        A function that is called once for each brick, and returns True to select it.

    Returns
    -------
    list of Brick
        The selected bricks in breadth-first order. A brick that several parents share is listed
        once.

    Examples
    --------
    >>> from workbench.bricks import MLP, Linear, Tanh
    >>> mlp = MLP([Tanh(), None], [4, 3, 2])
    >>> [brick.name for brick in find_bricks([mlp], lambda brick: isinstance(brick, Linear))]
    ['linear_0', 'linear_1']
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
    """Return the default `repr` of `instance`, extended with some of its attributes.

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
