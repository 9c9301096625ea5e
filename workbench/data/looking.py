"""Copies of what draws random numbers, so that looking at data never changes training.

The streams of this package depend on the epoch and the position alone and may be read by anybody.
A scheme, a transformer or a data set of one's own may hold a random generator, which every reading
moves. So all who read a stream for anything but training get a copy of such parts, made when the
first of them reads; the data are not copied. What cannot be copied, such as a Python generator,
has one reader: training, or all others.
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
    "{part!r} holds {held}, which moves with every reading and cannot be copied: {who}, so that "
    "reading it here too would change what is trained on. Make another stream for one of the two, "
    "or derive what is random from the epoch that get_request_iterator and iterate are given, as "
    "numpy.random.default_rng((seed, epoch)) does"
)
BY = {
    "training": "training reads it",
    "others": "it has been read before training, to look at the data or to evaluate",
}

_PLACES = {"_here", "_trained", "_for_others"}
FEW = 100
"""Elements of a list that are looked through for random generators."""
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
    """A piece of what is read: a stream, a scheme, or a data set."""

    _read_by: Reader | None = None  # of what cannot be copied

    def _copied_whole(self, moves: bool) -> bool:
        """Whether all attributes are copied, of a class of one's own that `moves` or does not.

        Others are shared as long as reading does not draw from them.
        """
        return moves

    def _copied(self) -> None:
        """Let go of what a copy, which this is, must not share with the original."""


def claim(part: Part, reader: Reader) -> None:
    """Refuse to read for `reader` what cannot be copied and belongs to the other one.

    Raises
    ------
    DataError
        If it does.
    """
    for owner, name in _Copies().of(part)[1]:
        if owner._read_by not in (None, reader):
            held = f"the {type(vars(owner)[name]).__name__} {name!r}"
            raise DataError(ONE_READER.format(part=owner, held=held, who=BY[str(owner._read_by)]))
        owner._read_by = reader


def apart(part: PartT) -> PartT:
    """Return a part to be read by all but training: itself, where reading it moves nothing."""
    copied: PartT = _Copies().of(part)[0]
    return copied


class _Copies:
    """Copies of a part and of those that it is made of, each once."""

    def __init__(self) -> None:
        self.memo: dict[int, Any] = {}
        self.stuck: list[tuple[Part, str]] = []
        self.seen: dict[int, Any] = {}

    def of(self, part: Any) -> tuple[Any, list[tuple[Part, str]]]:
        """A copy, or the part itself; and the attributes that cannot be copied."""
        return self._part(part), self.stuck

    def _part(self, part: Any) -> Any:
        if id(part) in self.seen:
            return self.seen[id(part)]
        self.seen[id(part)] = part  # it does not contain itself
        attributes = {name: v for name, v in vars(part).items() if name not in _PLACES}
        own = not type(part).__module__.startswith("workbench.")
        whole = own and part._copied_whole(any(map(_moves, attributes.values())))
        news = {
            name: self._whole(value, part, name) if whole else self._generators(value, part, name)
            for name, value in attributes.items()
        }
        if not whole and all(new is attributes[name] for name, new in news.items()):
            return part
        new = self.seen[id(part)] = object.__new__(type(part))
        vars(new).update({**vars(part), **news})
        new._copied()
        return new

    def _whole(self, value: Any, part: Part, name: str) -> Any:
        """A copy of all that a method may change."""
        if isinstance(value, (Part, Iterator)) or _has_parts(value):
            return self._generators(value, part, name)
        return self._deep(value)

    def _generators(self, value: Any, part: Part, name: str) -> Any:
        """A copy if reading draws from it."""
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
        """A copy, or the same if there can be none."""
        for each in vars(value).values() if hasattr(value, "__dict__") else ():
            if isinstance(each, _DATA):
                self.memo[id(each)] = each
        try:
            if isinstance(value, torch.Generator):
                return self.memo.setdefault(id(value), value.clone_state())
            return copy.deepcopy(value, self.memo)
        except Exception:  # whatever a class of the user's raises
            return value


def _has_parts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(each, Part) for each in value)


def _moves(value: Any, depth: int = 3) -> bool:
    """Whether reading may draw from a value: it is an iterator, or holds a random generator."""
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
