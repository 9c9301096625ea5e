"""Removal of padding, which may contain anything (even NaN), from attended sequences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from workbench.bricks.base import Brick

_cleaned: ContextVar[Brick | None] = ContextVar("cleaned", default=None)
"""The mechanism whose attended sequence is currently padded with zeros."""


def without_padding(attended: Any, mask: Any) -> Any:
    """Return a sequence with zeros where a mask is zero, whatever the padding contains."""
    return attended.where(mask.ne(0).unsqueeze(-1), torch.zeros((), dtype=attended.dtype))


@contextmanager
def padding_removed(attention: Brick) -> Iterator[None]:
    """Declare, for a ``with`` block, that the padding of the attended sequence is already zero.

    Inside the block, the steps of a loop therefore do not zero it a second time. `attention` is the
    mechanism that attends to the sequence.
    """
    token = _cleaned.set(attention)
    try:
        yield
    finally:
        _cleaned.reset(token)


def has_padding(attention: Brick) -> bool:
    """Return False inside a ``with`` block of `padding_removed` for `attention`."""
    return _cleaned.get() is not attention
