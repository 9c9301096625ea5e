"""Functions that edit the examples of a data stream or read single examples.

The index of an example is its index in the dataset of the stream. The edits are stored in the
`DataStream` below all transformers, so they affect everything that the transformers compute from an
example. A stream whose items do not correspond to examples, such as a generator, does not accept
edits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.datasets import IndexableDataset, stack
from workbench.data.edits import Edits
from workbench.data.reader_copies import apart
from workbench.data.schemes import (
    ConcatenatedScheme,
    IndexScheme,
    Indices,
    IterationScheme,
    SequentialExampleScheme,
    SequentialScheme,
)
from workbench.data.streams import AbstractDataStream, Data, DataStream
from workbench.data.transformers.batching import joined
from workbench.errors import DataError, nearest
from workbench.utils.numbers import is_whole

NOT_INDICES = (
    "examples must be the index of an example or a list of indices, such as 17 or [17, 240], not "
    "{given!r}"
)
NO_EXAMPLE = (
    "this run does not train on example {index}: {scheme!r} of {dataset!r} reads examples {low} to "
    "{high}{some}"
)
NONE_LEFT = "this would leave none of the {count} training examples; at least one must remain"
GONE = "example {index} has been dropped already, so it cannot be {done}"
NO_SOURCE = "the training data have no source {name!r}; their sources: {known}{hint}"
NO_VALUE = (
    "the value of source {source!r} of example {index} is {old}, so a new value must be {needed}, "
    "not {given}"
)
OTHER_ROWS = (
    "{stream!r} does not return one example for each example of the dataset, so individual "
    "examples cannot be shown"
)


def edits_of(stream: AbstractDataStream) -> Edits | None:
    """Return the edits of a stream, or None if its examples cannot be edited."""
    try:
        return stream._base()._edits or Edits()
    except DataError:
        return None


def set_edits(stream: AbstractDataStream, edits: Edits) -> None:
    """Replace the edits of a stream; epochs that are being read keep the old edits.

    Raises
    ------
    DataError
        If the examples of the stream cannot be edited.
    """
    stream._base()._edits = edits or None
    if stream._for_others is stream:
        stream._for_others = None  # a copy is needed now
    elif stream._for_others is not None:
        stream._for_others._base()._edits = edits.everywhere() or None


def training_indices(stream: AbstractDataStream) -> Indices:
    """Return the sorted indices of the examples in an epoch, including dropped examples.

    Raises
    ------
    DataError
        If the examples of the stream have no indices.
    """
    scheme = stream._base().iteration_scheme
    assert scheme is not None
    return _indices(scheme)


def _indices(scheme: IterationScheme) -> Indices:
    if isinstance(scheme, IndexScheme):
        given = scheme.indices
        return given if isinstance(given, range) and given.step == 1 else np.unique(given)
    if isinstance(scheme, ConcatenatedScheme):
        return np.unique(np.concatenate([np.asarray(_indices(part)) for part in scheme.schemes]))
    assert scheme.bounds is not None
    return range(scheme.bounds[0], scheme.bounds[1] + 1)


def checked_examples(stream: AbstractDataStream, examples: Any, done: str = "") -> list[int]:
    """Return indices in ascending order, after checking that the stream reads these examples.

    Parameters
    ----------
    stream : AbstractDataStream
    examples : int or sequence of int
    done : str
        A participle that describes the edit in the message, such as ``dropped``. If it is given,
        examples that are already dropped cause an error.

    Raises
    ------
    DataError
        If the examples of the stream have no indices, or do not include all of `examples`.
    """
    base, trained = stream._base(), training_indices(stream)
    if is_whole(examples):
        examples = [examples]
    array = isinstance(examples, np.ndarray) and examples.ndim == 1
    sequence = isinstance(examples, Sequence) and not isinstance(examples, (str, bytes))
    if not (array or sequence) or not len(examples) or not all(map(is_whole, examples)):
        raise DataError(NOT_INDICES.format(given=examples))
    found = sorted({int(index) for index in examples})
    for index in found:
        if not _contains(trained, index):
            low, high = int(trained[0]), int(trained[-1])
            some = "" if len(trained) == high - low + 1 else f", but not {index}"
            some = some if low <= index <= high else ""
            scheme, dataset = base.iteration_scheme, base.dataset
            raise DataError(
                NO_EXAMPLE.format(
                    index=index, scheme=scheme, dataset=dataset, low=low, high=high, some=some
                )
            )
    edits = base._edits or Edits()
    gone = set(edits.dropped).intersection(found) if done else ()
    if gone:
        raise DataError(GONE.format(index=min(gone), done=done))
    return found


def _contains(trained: Indices, index: int) -> bool:
    if isinstance(trained, range):
        return index in trained
    place = int(np.searchsorted(trained, index))
    return place < len(trained) and bool(trained[place] == index)


def check_rest(stream: AbstractDataStream, examples: Sequence[int]) -> None:
    """Raise a `DataError` if dropping `examples` would leave no training example."""
    trained = training_indices(stream)
    edits = stream._base()._edits or Edits()
    if len(set(edits.dropped).union(examples)) >= len(trained):
        raise DataError(NONE_LEFT.format(count=len(trained)))


def source_in_dataset(stream: AbstractDataStream, name: str) -> str:
    """Return the name that a stream's source has in the dataset.

    Raises
    ------
    DataError
        If there is no such source, or if a transformer computes it.
    """
    base = stream._base()
    if name in stream.sources:
        found = stream._source_below(name)
        if found in base.sources:
            return found
    known = ", ".join(map(repr, stream.sources))
    hint = nearest(str(name), stream.sources)
    raise DataError(NO_SOURCE.format(name=name, hint=hint, known=known))


def checked_value(
    stream: AbstractDataStream, examples: Sequence[int], source: str, value: Any
) -> tuple[Any, list[Any]]:
    """Return a value as plain numbers or text, and the values that it replaces.

    Parameters
    ----------
    stream : AbstractDataStream
    examples : sequence of int
    source : str
        The name in the dataset.
    value : number, str or array
        The new value, with the shape and kind of the values that it replaces.

    Raises
    ------
    DataError
        If the value does not fit.
    """
    stored = stored_rows(stream, examples)[source]
    plain = value.tolist() if hasattr(value, "tolist") else value
    for index, old in zip(examples, stored, strict=True):
        needed = _misfit(plain, old)
        if needed:
            shown = f"{_plain(old)!r:.60}"
            text = NO_VALUE.format(
                source=source, index=index, old=shown, needed=needed, given=f"{value!r:.60}"
            )
            raise DataError(text)
    return plain, [_plain(old) for old in stored]


def _misfit(value: Any, old: Any) -> str:
    """Describe the required value if `value` cannot replace `old`; otherwise return ''."""
    if isinstance(old, (str, bytes)):
        return "" if type(value) is type(old) else f"of type {type(old).__name__}"
    like = np.asarray(old)
    kinds = {"b": "b", "i": "bi", "u": "biu", "f": "biuf"}.get(like.dtype.kind)
    if kinds is None:
        return "" if type(value) is type(old) else f"of type {type(old).__name__}"
    needed = {"b": "True or False", "f": "a finite number"}.get(
        like.dtype.kind, f"an integer that fits {like.dtype}"
    )
    if like.size != 1:
        needed = f"an array of shape {like.shape} and dtype {like.dtype}"
    try:
        given = np.asarray(value)
    except ValueError:
        return needed
    same = given.size == like.size == 1 or given.shape == like.shape
    if not same or given.dtype.kind not in "biuf":
        return needed
    with np.errstate(all="ignore"):
        new = given.astype(like.dtype)
    whole = like.dtype.kind not in "f"
    exact = np.array_equal(new, given) if whole else bool(np.isfinite(new).all())
    if like.dtype.kind == "b":
        exact = given.dtype.kind == "b"
    return "" if exact else needed


def stored_rows(stream: AbstractDataStream, indices: Sequence[int]) -> dict[str, Any]:
    """Read examples from the dataset, apply the edits, and return one array per source."""
    base = stream._base()
    request: npt.NDArray[np.intp] = np.asarray(indices, dtype=np.intp)
    data = base.dataset.get_data(request)  # type: ignore[attr-defined]
    edits = base._edits or Edits()
    return dict(zip(base.sources, edits.replaced(base.sources, data, request), strict=True))


def read_examples(
    stream: AbstractDataStream, indices: Sequence[int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read single examples, both before any transformer is applied and after all of them.

    Random transformers are applied as in the first batch of the first epoch.

    Parameters
    ----------
    stream : AbstractDataStream
    indices : sequence of int

    Returns
    -------
    batch, stored : dict of str to array
        The examples after all transformers, one row each, and the values before all transformers,
        for the sources that have one number per example. Both mappings are keyed by source.

    Raises
    ------
    DataError
        If the examples of the stream have no indices, or if a transformer does not
        return one row per example.

    Examples
    --------
    >>> from workbench.data import IndexableDataset, ScaleAndShift, ShuffledScheme
    >>> dataset = IndexableDataset({"x": [2.0, 4.0, 6.0], "y": [0, 1, 2]})
    >>> stream = DataStream(dataset, iteration_scheme=ShuffledScheme(3, batch_size=2))
    >>> batch, stored = read_examples(ScaleAndShift(stream, 0.5, 0, which_sources=["x"]), [2, 0])
    >>> batch["x"].tolist(), stored["y"].tolist()
    ([3.0, 1.0], [2, 0])
    """
    base, raw = stream._base(), stored_rows(stream, indices)
    count = len(indices)
    size = count if stream._keeps_rows() else 1
    scheme = SequentialExampleScheme(count) if base.produces_examples else None
    held = DataStream(
        IndexableDataset(raw),
        iteration_scheme=scheme or SequentialScheme(count, size),
        axis_labels=base.axis_labels,
    )
    items = list(apart(stream)._over(held, size).iterate(0))
    batch = _together(stream, items, count)
    return dict(zip(stream.sources, batch, strict=True)), _numbers(stream, base, raw)


def _together(stream: AbstractDataStream, items: list[Data], count: int) -> Data:
    """Join the examples in all items into one batch."""
    sources = list(zip(*items, strict=True))
    if stream.produces_examples:
        batch = tuple([stack(source) for source in sources])
    else:
        even = stream._keeps_rows() or all(len(entry) == 1 for item in items for entry in item)
        batch = tuple([joined(source) for source in sources]) if even else ()
    if not batch or any(len(entry) != count for entry in batch):
        raise DataError(OTHER_ROWS.format(stream=stream))
    return batch


def _numbers(
    stream: AbstractDataStream, base: DataStream, raw: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of the sources that have one number per example, keyed by name."""
    found: dict[str, Any] = {}
    for name in stream.sources:
        try:
            below = stream._source_below(name)
        except DataError:
            continue
        values = np.asarray(raw[below]) if below in base.sources else np.zeros(0)
        if values.dtype.kind in "biuf" and values.size == len(values) > 0:
            found[name] = values.reshape(-1)
    return found


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
