"""Copies of random generators, so that users can inspect data without affecting training.

The streams of this package depend only on the epoch and the position, so reading them changes no
state. However, a scheme, transformer or dataset that a user writes may contain a random generator,
whose state changes with each draw. Training reads the original of such an object (a `Part`). All
other readers share one copy, which is created when it is first needed and does not duplicate the
data. A part that cannot be copied, for instance because it contains a Python generator, can be read
either by training or by the other readers, but not by both.
"""

from __future__ import annotations

import copy
import functools
import random
import types
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import numpy as np
import torch

from workbench.attributes import KnownAttributes
from workbench.errors import DataError

Reader = Literal["training", "others"]
PartT = TypeVar("PartT", bound="Part")

ONE_READER = (
    "{part!r} contains {held}, which changes with every reading and cannot be copied. Since "
    "{who}, reading the data here too would change the training data. Create a separate stream "
    "for this reader, or derive random numbers from the epoch that get_request_iterator and "
    "iterate receive, for example with numpy.random.default_rng((seed, epoch))"
)
BY = {
    "training": "training reads the same data",
    "others": "the data have been read before training, for inspection or evaluation",
}

_PLACES = {"_here", "_trained", "_for_others"}
FEW = 100
"""Maximum number of elements of a list that are searched for random generators."""
_GENERATORS = (
    random.Random,
    np.random.Generator,
    np.random.RandomState,
    np.random.BitGenerator,
    torch.Generator,
)
_DATA = (np.ndarray, torch.Tensor, torch.nn.Module, torch.utils.data.DataLoader)
_OTHERS = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, str, bytes)


class Part(KnownAttributes):
    """Base class of objects whose random generators can be copied, such as streams."""

    _read_by: Reader | None = None  # the only reader if the part cannot be copied

    @property
    def _differs_for_others(self) -> bool:
        """True if readers other than training always need a copy, adapted by `_copied`."""
        return False

    def _copied_whole(self, moves: bool) -> bool:
        """Return True if all attributes of an instance of a user-defined class must be copied.

        Otherwise only random generators are copied. `moves` is True if reading changes the object.
        """
        return moves

    def _copied(self) -> None:
        """Remove the state that this copy must not share with the original."""


def check_reader(part: Part, reader: Reader) -> None:
    """Register `reader` as the only reader of the parts that cannot be copied.

    Raises
    ------
    DataError
        If another reader has already read one of these parts.
    """
    for owner, name in _Copies().of(part)[1]:
        if owner._read_by not in (None, reader):
            held = f"the {type(vars(owner)[name]).__name__} {name!r}"
            raise DataError(ONE_READER.format(part=owner, held=held, who=BY[str(owner._read_by)]))
        owner._read_by = reader


def apart(part: PartT) -> PartT:
    """Return a copy of `part` for readers other than training, or `part` if it needs no copy."""
    copied: PartT = _Copies().of(part)[0]
    return copied


def read_by_one(part: Part) -> bool:
    """Return True if `part` cannot be copied and can therefore have only one reader."""
    return bool(_Copies().of(part)[1])


class _Copies:
    """Object that copies a part and the parts that it contains; each part is copied only once."""

    def __init__(self) -> None:
        self.memo: dict[int, Any] = {}
        self.stuck: list[tuple[Part, str]] = []
        self.seen: dict[int, Any] = {}

    def of(self, part: Any) -> tuple[Any, list[tuple[Part, str]]]:
        """Return a part, copied if necessary, and the attributes that cannot be copied."""
        return self._part(part), self.stuck

    def _part(self, part: Any) -> Any:
        if id(part) in self.seen:
            return self.seen[id(part)]
        self.seen[id(part)] = part  # ends the recursion
        attributes = {name: v for name, v in vars(part).items() if name not in _PLACES}
        own = not type(part).__module__.startswith("workbench.")
        whole = own and part._copied_whole(any(map(_moves, attributes.values())))
        news = {
            name: self._whole(value, part, name) if whole else self._generators(value, part, name)
            for name, value in attributes.items()
        }
        same = not whole and all(new is attributes[name] for name, new in news.items())
        if same and not part._differs_for_others:
            return part
        new = self.seen[id(part)] = object.__new__(type(part))
        vars(new).update({**vars(part), **news})
        new._copied()
        return new

    def _whole(self, value: Any, part: Part, name: str) -> Any:
        """Return a deep copy of `value`; copy parts and iterators as `_generators` does."""
        if isinstance(value, (Part, Iterator)) or _has_parts(value):
            return self._generators(value, part, name)
        return self._deep(value)

    def _generators(self, value: Any, part: Part, name: str) -> Any:
        """Copy `value` if reading may change it; otherwise return it unchanged."""
        if isinstance(value, Part):
            return self._part(value)
        if _has_parts(value):
            news = [self._generators(each, part, name) for each in value]
            same = all(new is each for new, each in zip(news, value, strict=True))
            return value if same else type(value)(news)
        if not _moves(value):
            return value
        new = self._deep(value)
        if new is value and isinstance(value, Iterator):
            self.stuck.append((part, name))
        return new

    def _deep(self, value: Any) -> Any:
        """Return a deep copy of `value`, or `value` if it cannot be copied."""
        for each in vars(value).values() if hasattr(value, "__dict__") else ():
            if isinstance(each, _DATA):
                self.memo[id(each)] = each
        try:
            if isinstance(value, torch.Generator):
                return self.memo.setdefault(id(value), value.clone_state())
            return copy.deepcopy(value, self.memo)
        except Exception:  # a user's class can raise any error
            return value


def _has_parts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(each, Part) for each in value)


def _moves(value: Any, depth: int = 3) -> bool:
    """Return True if reading a value, such as an iterator or a random generator, may change it."""
    if isinstance(value, _GENERATORS):
        return True
    if isinstance(value, Iterator):
        return not type(value).__module__.startswith("workbench.")
    if not depth or isinstance(value, (*_DATA, *_OTHERS, Part)):
        return False
    if isinstance(value, types.MethodType):
        return _moves(value.__self__, depth)
    inner: list[Any] = list(getattr(value, "__dict__", {}).values())
    if isinstance(value, dict):
        inner += value.values()
    elif isinstance(value, (list, tuple)):
        inner += value[:FEW]
    elif isinstance(value, functools.partial):
        inner += [value.func, *value.args, *value.keywords.values()]
    return any(_moves(each, depth - 1) for each in inner)
