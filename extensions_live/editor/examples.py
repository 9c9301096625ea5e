"""Examples that are pushed through a model so that each edge shows its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from extensions_live.messages import ExampleData
from workbench.builder import InputSpec
from workbench.data.editing import checked_examples, read_examples, training_indices
from workbench.data.schemes import Indices
from workbench.data.streams import AbstractDataStream
from workbench.errors import BuilderError, DataError, nearest
from workbench.interfaces import Session

NO_INDEX = "index must be a whole number, not {index!r}"
NO_STEP = "there are no other examples; pass a stream to step through its examples"
NOT_AN_EXAMPLE = (
    "an example must be the index of a training example, a stream and an index, or a dictionary "
    "with an array for each input, not {given!r:.60}"
)
NO_SOURCES = (
    "the example has no array for any input of the model; the inputs are {names}, but the names of "
    "the arrays are {given}"
)
NOT_ROWS = (
    "the example {name!r} must have {wanted} dimensions, like the input, not {found}; if the batch "
    "axis is missing, add it with values[None]"
)
NONE = "the examples of the training data cannot be read individually{reason}"


class Example(Protocol):
    """Protocol for examples that can be pushed through a model."""

    @property
    def values(self) -> Mapping[str, Any] | None:
        """The example as a batch of size 1, keyed by source; None until it has been read."""

    def wait(self, timeout: float) -> None:
        """Wait until the example has been read, for at most `timeout` seconds."""

    def step(self, session: Session, by: int) -> Example:
        """Return the example `by` places after this example, wrapping around at the end."""

    def data(self) -> ExampleData:
        """Return the data that the page shows about the example."""


class Given:
    """An example that the user has given as one array for each input."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    def wait(self, timeout: float) -> None:
        pass

    def step(self, session: Session, by: int) -> Example:
        raise BuilderError(NO_STEP)

    def data(self) -> ExampleData:
        return {"text": "the given example", "index": None, "can_step": False}


class OfTraining:
    """A training example of a session, with the training stream's transformations applied.

    Raises
    ------
    SessionError
        If there is no such example.
    """

    def __init__(self, session: Session, index: int, indices: Indices) -> None:
        self._probe = session.probe((), examples=[index])
        self._index, self._indices = index, indices

    @property
    def values(self) -> Mapping[str, Any] | None:
        if not self._probe.done:
            return None
        self._probe.wait()  # raises if it was refused
        return self._probe.batch

    def wait(self, timeout: float) -> None:
        self._probe.wait(timeout)

    def step(self, session: Session, by: int) -> Example:
        return OfTraining(session, further(self._indices, self._index, by), self._indices)

    def data(self) -> ExampleData:
        return {"text": "training example", "index": self._index, "can_step": True}


class OfStream:
    """An example from a stream that the user has passed; the example is read immediately.

    Raises
    ------
    BuilderError
        If there is no such example.
    """

    def __init__(self, stream: AbstractDataStream, index: int) -> None:
        try:
            checked_examples(stream, [index])
            self.values, _ = read_examples(stream, [index])
        except DataError as error:
            raise BuilderError(str(error)) from error
        self._stream, self._index = stream, index

    def wait(self, timeout: float) -> None:
        pass

    def step(self, session: Session, by: int) -> Example:
        return OfStream(self._stream, further(training_indices(self._stream), self._index, by))

    def data(self) -> ExampleData:
        return {"text": "example of the stream", "index": self._index, "can_step": True}


def example_of(
    given: object, index: object, session: Session, inputs: Sequence[InputSpec]
) -> Example:
    """Return the example that the arguments of `Editor.push` specify.

    Raises
    ------
    BuilderError
        If there is no such example, or if it does not fit the inputs.
    """
    if isinstance(given, Mapping):
        return Given(checked_values(given, inputs))
    if isinstance(given, int) and index is None:
        given, index = None, given
    if index is not None and (isinstance(index, bool) or not isinstance(index, (int, np.integer))):
        raise BuilderError(NO_INDEX.format(index=index))
    place = None if index is None else int(index)
    if isinstance(given, AbstractDataStream):
        try:
            first = int(training_indices(given)[0])
        except DataError as error:
            raise BuilderError(str(error)) from error
        return OfStream(given, first if place is None else place)
    if given is not None:
        raise BuilderError(NOT_AN_EXAMPLE.format(given=given))
    about = session.training_examples
    indices = about["indices"]
    if not len(indices):
        reason = f": {about['reason']}" if about["reason"] else ""
        raise BuilderError(NONE.format(reason=reason))
    return OfTraining(session, int(indices[0]) if place is None else place, indices)


def checked_values(given: Mapping[Any, Any], inputs: Sequence[InputSpec]) -> dict[str, Any]:
    """Return the arrays of an example for the inputs of a model.

    Raises
    ------
    BuilderError
        If none of the arrays belongs to an input, or an array has the wrong number of dimensions.
    """
    known = {one.name: one for one in inputs}
    found = {str(name): np.asarray(value) for name, value in given.items() if name in known}
    if not found:
        names = ", ".join(known) or "none"
        shown = ", ".join(map(repr, given)) or "nothing"
        hint = next((nearest(str(name), known) for name in given), "")
        raise BuilderError(NO_SOURCES.format(names=names, given=shown) + hint)
    for name, array in found.items():
        wanted = len(known[name].shape)
        if known[name].shape and array.ndim != wanted:
            raise BuilderError(NOT_ROWS.format(name=name, wanted=wanted, found=array.ndim))
    return found


def further(indices: Indices, index: int, by: int) -> int:
    """Return the index that is `by` places after `index`, wrapping around at the end.

    Examples
    --------
    >>> further(range(3), 1, 1), further(range(3), 2, 1), further([2, 5, 9], 2, -1)
    (2, 0, 9)
    """
    if isinstance(indices, range):
        return indices[(indices.index(index) + by) % len(indices)]
    place = int(np.searchsorted(indices, index))
    return int(indices[(place + by) % len(indices)])
