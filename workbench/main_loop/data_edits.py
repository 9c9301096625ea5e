"""Edits to the training examples of a main loop, made in the training thread between batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workbench.algorithms import GradientDescent
from workbench.data import AbstractDataStream
from workbench.data.editing import (
    check_rest,
    checked_examples,
    checked_value,
    edits_of,
    read_examples,
    source_in_dataset,
)
from workbench.data.edits import Edits
from workbench.errors import DataError, OutOfRangeError
from workbench.interfaces import Loop
from workbench.main_loop.state import go_to, position
from workbench.tensor import SharedVariable, function
from workbench.tensor.traversal import ancestors

NOT_A_CLASS = (
    "with the new value {value!r} of source {source!r}, the cost cannot be computed ({problem}); "
    "the examples keep their old values"
)
NO_STREAM = "this run has no data stream, so it has no training examples"


def stream_of(loop: Loop) -> AbstractDataStream:
    """Check that the examples of a main loop can be edited, and return its data stream.

    Raises
    ------
    DataError
        If the main loop has no data stream, or if its examples cannot be edited.
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
        If the stream does not contain these examples, or if no examples would be left.
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
        The old values, as plain numbers or text.

    Raises
    ------
    DataError
        If the stream does not contain these examples or this source, or if the value does not fit
        the source.
    """
    stream = stream_of(loop)
    examples = checked_examples(stream, examples, "relabelled")
    name = source_in_dataset(stream, source)
    plain, old = checked_value(stream, examples, name, value)
    before = edits_of(stream) or Edits()
    _change(loop, lambda edits: edits.with_value(name, examples, plain))
    problem = _out_of_range(loop, stream, examples[:1])
    if problem:
        _change(loop, lambda edits: before)
        raise DataError(NOT_A_CLASS.format(value=plain, source=source, problem=problem))
    return old


def _out_of_range(loop: Loop, stream: AbstractDataStream, examples: Sequence[int]) -> str:
    """Return an error message, or an empty string if all class and token indices are in range."""
    algorithm = loop.algorithm
    if not isinstance(algorithm, GradientDescent) or algorithm.cost is None:
        return ""
    drawn = [
        (v, v)  # unchanged, since a check must not change the random numbers of the run
        for v in ancestors([algorithm.cost])
        if isinstance(v, SharedVariable) and v.default_update is not None
    ]
    try:
        batch, _ = read_examples(stream, examples)
        compute = function(
            algorithm.inputs,
            [algorithm.cost],
            updates=drawn,
            on_unused_input="ignore",
            execution="eager",
        )
        compute(*(batch[str(source.name)] for source in algorithm.inputs))
    except OutOfRangeError as error:
        return str(error)
    except Exception:  # for example a cost that requires several examples
        return ""
    return ""


def _change(loop: Loop, change: Callable[[Edits], Edits]) -> None:
    """Change the edits for the remaining batches of the epoch."""
    assert loop.data_stream is not None
    edits = change(edits_of(loop.data_stream) or Edits())
    go_to(loop, {**position(loop, in_hand=False), "edits": edits.state_dict()})
