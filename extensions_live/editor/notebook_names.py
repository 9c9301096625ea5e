"""The variables of the notebook that a board can use: brick classes and data streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from extensions_live.editor.checking import TIMES
from extensions_live.editor.source_examples import source_examples
from extensions_live.messages import SourceData, SourceExample, StreamData
from extensions_live.notebook import shell
from workbench.builder import InputSpec, register, registry
from workbench.data import MNIST, DataStream, Flatten, Prefetch, ShuffledScheme
from workbench.data import Mapping as Mapped
from workbench.data.making import dataset_below
from workbench.data.streams import AbstractDataStream
from workbench.errors import BuilderError, nearest

DIGITS, IMAGES = "digits", "digit images"
"""Names of the two streams of handwritten digits: one yields rows of pixels, the other images."""

PASSED = "stream of the run"
"""The name of a training stream that is not a variable of the notebook."""

BATCH = 64


def names() -> dict[str, Any]:
    """Return the variables of the notebook; outside a notebook, return an empty dictionary."""
    running = shell()
    return {} if running is None else dict(running.user_ns)


def classes(given: Mapping[str, Any]) -> list[type[Any]]:
    """Return the classes of bricks, schemes and modules that are defined in cells."""
    return [
        value
        for name, value in given.items()
        if isinstance(value, type)
        and not name.startswith("_")
        and value.__module__ == "__main__"
        and registry.kind_of(value) is not None
    ]


def register_classes(given: Mapping[str, Any]) -> bool:
    """Register the new classes of the notebook, and return True if there are any."""
    fresh = [cls for cls in classes(given) if registry.name_of(cls) is None]
    for cls in fresh:
        register(cls)
    return bool(fresh)


def _vectors(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a batch of images and labels, with the labels reshaped to ``(batch,)``."""
    features, targets = batch
    return features, np.asarray(targets).reshape(-1)


def digits() -> dict[str, AbstractDataStream]:
    """Return the two streams of handwritten digits that this package contains, keyed by name.

    The first stream has rows of 784 pixels, and classes of shape ``(batch,)``. The second stream
    has images of shape ``(batch, 1, 28, 28)``, and classes of shape ``(batch, 1)``.
    """
    data = MNIST(("train",), full=False)
    scheme = ShuffledScheme(data.num_examples, batch_size=BATCH)
    images = DataStream.default_stream(data, iteration_scheme=scheme)
    rows = Mapped(Flatten(images, which_sources=("features",)), _vectors)
    return {DIGITS: rows, IMAGES: images}


@cache
def facts_of_digits() -> tuple[StreamData, ...]:
    """Return the data that the page needs to show the two streams of handwritten digits."""
    return tuple(facts(name, stream) for name, stream in digits().items())


class Streams:
    """The streams that can be selected on a page: streams in the notebook, and streams of digits.

    Parameters
    ----------
    look : callable, optional
        A function that returns the variables of the notebook.
    """

    def __init__(self, look: Callable[[], dict[str, Any]] = names) -> None:
        self._look = look
        self._digits: dict[str, AbstractDataStream] | None = None
        self._known: dict[str, tuple[AbstractDataStream, StreamData]] = {}
        self._last: str | None = None
        self._passed: AbstractDataStream | None = None

    def found(self, name: object) -> AbstractDataStream:
        """Return the stream with this name.

        Raises
        ------
        BuilderError
            If there is no such stream.
        """
        streams = self._streams()
        if not isinstance(name, str) or name not in streams:
            raise BuilderError(
                f"there is no stream {name!r:.60}{nearest(str(name), streams)}; the streams are "
                f"{', '.join(streams)}"
            )
        self._last = name
        return streams[name]

    def use(self, stream: AbstractDataStream) -> None:
        """Show examples of a stream that a run is about to read."""
        streams = self._streams()
        self._last = next((name for name, one in streams.items() if one is stream), PASSED)
        if self._last == PASSED:
            self._passed = stream
        self.listed()  # nothing else reads the stream now

    def shown_from(
        self, listed: Iterable[StreamData], inputs: Mapping[str, InputSpec]
    ) -> dict[str, str]:
        """Return the names of the streams whose examples are shown for inputs.

        The stream that was used last comes first, then the streams of the notebook, then the
        digits.

        Parameters
        ----------
        listed : list of StreamData
            The streams, suitable ones first.
        inputs : dict of str to InputSpec
            The inputs, keyed by the ids of their nodes.
        """
        usual = (DIGITS, IMAGES)
        own = self._own()
        order = sorted(
            listed,
            key=lambda one: (
                one["name"] != self._last, one["name"] in usual and one["name"] not in own,
            ),
        )  # fmt: skip
        found: dict[str, str] = {}
        for node, given in inputs.items():
            for one in order:
                if given.name in one["examples"] and misfit(one["sources"], [given]) is None:
                    found.setdefault(node, one["name"])
        return found

    def listed(self) -> list[StreamData]:
        """Return the data that the page needs to show all streams; unknown sources are omitted."""
        own = self._own()
        found = [one for one in facts_of_digits() if one["name"] not in own]
        for name, stream in own.items():
            old = self._known.get(name)
            if old is None or old[0] is not stream:
                try:
                    old = stream, facts(name, stream)
                except Exception:  # a user's stream can raise any error
                    old = stream, {
                        "name": name, "note": "sources unknown", "sources": [], "examples": {},
                    }  # fmt: skip
                self._known[name] = old
            found.append(old[1])
        return found

    def _streams(self) -> dict[str, AbstractDataStream]:
        if self._digits is None:
            self._digits = digits()
        return {**self._digits, **self._own()}

    def _own(self) -> dict[str, AbstractDataStream]:
        """Return the notebook's streams, keyed by variable name, and the stream passed to `use`."""
        return {
            name: value
            for name, value in {**self._look(), PASSED: self._passed}.items()
            if isinstance(value, AbstractDataStream) and not name.startswith("_")
        }


def facts(name: str, stream: AbstractDataStream) -> StreamData:
    """Return the sources of a stream, found in its first batch, and a description of the stream.

    The description says what each example has, such as ``1,000 examples in batches of 64. Each has
    features (784 numbers) and targets (a whole number).``
    """
    count, size = _whole(stream, "num_examples"), _whole(stream, "batch_size")
    note = "" if count is None else f"{count:,} examples"
    note += "" if size is None else f" in batches of {size}"
    batch = first_batch(stream)
    sources = _sources(stream, batch)
    parts = [f"{one['name']} ({contents(one, stream.produces_examples)})" for one in sources]
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
    note += f"{'. ' if note else ''}Each {'has' if note else 'example has'} {listed}."
    return {"name": name, "note": note, "sources": sources, "examples": _examples(stream, batch)}


def _examples(
    stream: AbstractDataStream, batch: Mapping[str, np.ndarray[Any, Any]]
) -> dict[str, SourceExample]:
    """Return the data that the page shows for the first example, keyed by source."""
    if not stream.produces_examples:
        batch = {name: array[0] for name, array in batch.items() if array.ndim and len(array)}
    try:
        return source_examples(batch, classes_of(stream))
    except Exception:  # examples only decorate the list, which is useful without them
        return {}


NOUNS = {"float32": "number", "int64": "whole number", "bool": "truth value"}


def contents(source: SourceData, single: bool = False) -> str:
    """Describe in words what an example of a source consists of.

    Parameters
    ----------
    source : SourceData
    single : bool
        True if `source` has the shape of one example, False if it has the shape of a batch.

    Examples
    --------
    >>> contents({"name": "features", "shape": [None, 1, 28, 28], "dtype": "float32"})
    '1 × 28 × 28 numbers'
    >>> contents({"name": "targets", "shape": [None], "dtype": "int64"})
    'a whole number'
    """
    shape = source["shape"] if single else source["shape"][1:]
    noun = NOUNS.get(source["dtype"], "value")
    if all(size == 1 for size in shape):
        return f"a {noun}"
    return f"{TIMES.join('?' if size is None else str(size) for size in shape)} {noun}s"


def _whole(stream: AbstractDataStream, name: str) -> int | None:
    """Return an integer attribute of a stream or of an inner stream, or None if it is missing."""
    here: Any = stream
    while here is not None:
        found = getattr(here, name, None)
        if isinstance(found, int):
            return found
        here = getattr(here, "data_stream", None)
    return None


def sources_of(stream: AbstractDataStream) -> list[SourceData]:
    """Return the names, shapes and dtypes of a stream's sources, without advancing the stream.

    The size of the first dimension is None, since batches may differ in size.
    """
    return _sources(stream, first_batch(stream))


def first_batch(stream: AbstractDataStream) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of the first batch, keyed by source, without advancing the stream.

    Raises
    ------
    BuilderError
        If reading the batch would have side effects.
    """
    if not can_be_looked_at(stream):
        raise BuilderError(
            "the sources of a stream that can be read only once, or that uses other processes, "
            "cannot be determined; add the inputs manually"
        )
    batch = next(iter(stream.iterate(0)))
    pairs = zip(stream.sources, batch, strict=True)
    return {source: np.asarray(value) for source, value in pairs}


def _sources(
    stream: AbstractDataStream, batch: Mapping[str, np.ndarray[Any, Any]]
) -> list[SourceData]:
    found: list[SourceData] = []
    for source, array in batch.items():
        shape: list[int | None] = list(array.shape)
        if shape and not stream.produces_examples:
            shape[0] = None
        found.append({"name": source, "shape": shape, "dtype": dtype_of(array)})
    return found


def classes_of(stream: AbstractDataStream) -> Sequence[Any] | None:
    """Return the class names of a stream's targets, or None if the dataset does not list them."""
    found = getattr(dataset_below(stream), "classes", None)
    return found if isinstance(found, (list, tuple)) else None


def can_be_looked_at(stream: AbstractDataStream) -> bool:
    """Return True if reading a batch has no side effects and starts no processes."""
    here: Any = stream
    while here is not None:
        if isinstance(here, Prefetch):
            return False
        here = getattr(here, "data_stream", None)
    return not stream.reads_once


def misfit(sources: Iterable[SourceData], inputs: Iterable[InputSpec]) -> str | None:
    """Return the reason why sources do not fit inputs, or None if they fit.

    Examples
    --------
    >>> source = {"name": "features", "shape": [None, 784], "dtype": "float32"}
    >>> misfit([source], [InputSpec("features", "float32", (None, 1, 28, 28))])
    'the source features has shape ? x 784, but the input features has ? x 1 x 28 x 28'
    >>> misfit([source], [InputSpec("features")]) is None
    True
    """
    known = {source["name"]: source["shape"] for source in sources}
    for given in inputs:
        if given.name not in known:
            hint = nearest(given.name, known, " ({})")
            return (
                f"the stream has no source {given.name!r}{hint}; its sources are "
                f"{', '.join(known)}. Rename the input or the source"
            )
        shape = known[given.name]
        pairs = zip(shape, given.shape, strict=False)
        if len(shape) != len(given.shape) or any(None not in p and p[0] != p[1] for p in pairs):
            found, wanted = (
                " x ".join("?" if size is None else str(size) for size in sizes) or "one number"
                for sizes in (shape, given.shape)
            )
            return (
                f"the source {given.name} has shape {found}, but the input {given.name} has "
                f"{wanted}"
            )
    return None


def dtype_of(array: np.ndarray[Any, Any]) -> str:
    """Return the dtype of an input for an array: float32 for any floating-point array."""
    kinds = {"f": "float32", "i": "int64", "u": "int64", "b": "bool"}
    if array.dtype.kind not in kinds:
        raise BuilderError(f"an input cannot have dtype {array.dtype}; convert the data to numbers")
    return kinds[array.dtype.kind]
