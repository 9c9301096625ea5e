"""Edits to the training examples of a main loop, made in the training thread between batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workbench.data import AbstractDataStream
from workbench.data.editing import (
    check_rest,
    checked_examples,
    checked_value,
    edits_of,
    source_in_dataset,
)
from workbench.data.edits import Edits
from workbench.errors import DataError
from workbench.interfaces import Loop
from workbench.main_loop.state import go_to, position

NO_STREAM = "this run has no data stream, so it has no training examples"


def stream_of(loop: Loop) -> AbstractDataStream:
    """Check that the examples of a main loop can be edited, and return its data stream.

    Raises
    ------
    DataError
    """
    if loop.data_stream is None:
        raise DataError(NO_STREAM)
    loop.data_stream._base()
    loop.data_stream._taken(0, 0)
    return loop.data_stream


def drop(loop: Loop, examples: Sequence[int]) -> None:
    """Omit examples from the next batch onwards.

    Raises
    ------
    DataError
        If the stream has no such examples, or if no examples would be left.
    """
    stream = stream_of(loop)
    examples = checked_examples(stream, examples, "dropped")
    check_rest(stream, examples)
    place = position(loop, in_hand=False)
    epoch, read = (place["epoch"] or place["stream"]).values()
    taken = stream._taken(epoch, read)
    _change(loop, lambda edits: edits.without(examples, epoch=epoch, taken=taken))


def relabel(loop: Loop, examples: Sequence[int], source: str, value: Any) -> list[Any]:
    """Replace the values of a source for some examples from the next batch onwards.

    Returns
    -------
    list
        The values that were replaced, as plain values.

    Raises
    ------
    DataError
        If the stream has no such examples or no such source, or if the value does not fit.
    """
    stream = stream_of(loop)
    examples = checked_examples(stream, examples, "relabelled")
    name = source_in_dataset(stream, source)
    plain, old = checked_value(stream, examples, name, value)
    _change(loop, lambda edits: edits.with_value(name, examples, plain))
    return old


def _change(loop: Loop, change: Callable[[Edits], Edits]) -> None:
    """Change the edits, so that the remaining batches of the epoch are read with them."""
    assert loop.data_stream is not None
    edits = change(edits_of(loop.data_stream) or Edits())
    go_to(loop, {**position(loop, in_hand=False), "edits": edits.state_dict()})
