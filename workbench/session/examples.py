"""Functions that check, make and list edits of examples in a training stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.data.editing import (
    checked_examples,
    edits_of,
    source_in_dataset,
    training_indices,
)
from workbench.errors import DataError, SessionError
from workbench.main_loop import MainLoop
from workbench.main_loop.data_edits import drop, relabel, stream_of

FEW = 10
"""Maximum number of examples that are listed in the text of a command."""

SMALL = 16
"""Maximum number of elements of an old value that is recorded."""

NOTHING: dict[str, Any] = {"indices": range(0), "sources": (), "dropped": [], "relabelled": {}}
"""Result of `training_examples` if no example can be edited; the ``reason`` is added to it."""


def checked(
    main_loop: MainLoop, examples: Any, source: str | None = None
) -> tuple[list[int], str | None]:
    """Check that examples and a source exist; return the indices and the name of the source.

    Raises
    ------
    SessionError
        If an example or the source does not exist, or if no example of the run can be edited.
    """
    try:
        stream = stream_of(main_loop)
        if source is not None:
            source_in_dataset(stream, source)
        return checked_examples(stream, examples), source
    except DataError as error:
        raise SessionError(str(error)) from error


def make(main_loop: MainLoop, kind: str, details: dict[str, Any]) -> None:
    """Make an edit in the training thread, and add old values to `details` if they are small."""
    if kind == "drop":
        drop(main_loop, details["examples"])
        return
    old = relabel(main_loop, details["examples"], details["source"], details["value"])
    details.pop("old", None)
    if all(not isinstance(value, list) or _count(value) <= SMALL for value in old):
        details["old"] = old


def training_examples(main_loop: MainLoop) -> dict[str, Any]:
    """Return the examples that training reads; see `Session.training_examples`."""
    try:
        stream = stream_of(main_loop)
        edits = edits_of(stream)
        assert edits is not None
        names: dict[str, str] = {}
        for source in stream.sources:
            try:
                names[source_in_dataset(stream, source)] = source
            except DataError:
                continue
        return {
            "indices": training_indices(stream),
            "sources": tuple(names.values()),
            "dropped": edits.dropped,
            "relabelled": {names.get(n, n): dict(v) for n, v in edits.values.items()},
            "reason": "",
        }
    except DataError as error:
        return {**NOTHING, "reason": str(error)}


def shown(examples: Sequence[int]) -> str:
    """Return example indices as text.

    Examples
    --------
    >>> shown([17]), shown([1, 2])
    ('example 17', 'examples 1, 2')
    """
    some = ", ".join(map(str, examples[:FEW]))
    if len(examples) > FEW:
        return f"{len(examples):,} examples ({some}, …)"
    return f"example{'s' * (len(examples) > 1)} {some}"


def _count(value: Any) -> int:
    return sum(map(_count, value)) if isinstance(value, list) else 1
