"""Base classes of streams that know which examples of a dataset are in their batches.

`workbench.data.editing` uses the methods of these classes to drop, relabel and read single
examples. Each stream calls the methods of the stream below it, down to the `Origin`, which reads
the dataset.
"""

from __future__ import annotations

from typing import Any

from workbench.data.edits import EditedScheme, Edits
from workbench.data.reader_copies import Part
from workbench.data.schemes import IterationScheme
from workbench.errors import DataError

NO_INDICES = (
    "{stream!r} does not know which examples of a dataset its batches contain, so individual "
    "examples cannot be changed; train on DataStream(IndexableDataset({{source: array}}), "
    "iteration_scheme=ShuffledScheme(...))"
)
IN_ORDER = (
    "the examples of {dataset!r} can only be read in order and have no indices, so individual "
    "examples cannot be changed; put the data into an IndexableDataset"
)


class Traced(Part):
    """Base class of all streams; by default, a stream does not know which examples it contains."""

    num_batches: int | None = None
    num_examples: int | None = None

    def _base(self) -> Any:
        """Return the stream that reads the dataset; raise a `DataError` if there is none."""
        raise DataError(NO_INDICES.format(stream=self))

    def _taken(self, epoch: int, position: int) -> int:
        """Return the number of dataset examples in the first `position` items of an epoch."""
        raise DataError(NO_INDICES.format(stream=self))

    def _lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        """Return the numbers of examples and items in an epoch, after all edits."""
        return self.num_examples, self.num_batches

    def _keeps_rows(self) -> bool:
        """Return True if the items contain all examples that the dataset returns, in that order."""
        return False

    def _source_below(self, name: str) -> str:
        """Return the name that a source of this stream has in the dataset."""
        raise DataError(NO_INDICES.format(stream=self))

    def _over(self, base: Any, size: int) -> Any:
        """Return a copy of this stream that reads from `base`, with items of `size` examples."""
        raise DataError(NO_INDICES.format(stream=self))


class Origin:
    """Base class of the stream that reads a dataset and applies the edits."""

    dataset: Any
    iteration_scheme: IterationScheme | None
    num_batches: int | None
    num_examples: int | None

    _edits: Edits | None = None
    _known: tuple[Edits, int | None, tuple[int | None, int | None]] | None = None  # last lengths

    @property
    def _differs_for_others(self) -> bool:
        return self._edits is not None

    def _copied(self) -> None:
        if self._edits is not None:
            self._edits = self._edits.everywhere()

    def _edited_scheme(self) -> EditedScheme:
        assert self.iteration_scheme is not None
        return EditedScheme(self.iteration_scheme, () if self._edits is None else self._edits.drops)

    def _taken(self, epoch: int, position: int) -> int:
        return self._edited_scheme().taken(epoch, position)

    def _lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        if self._edits is None:
            return self.num_examples, self.num_batches
        known = self._known
        if known is None or known[0] is not self._edits or known[1] != epoch:
            lengths = self._edited_scheme().lengths(epoch)
            self._known = known = self._edits, epoch, lengths
        return known[2]

    def _keeps_rows(self) -> bool:
        return True

    def _source_below(self, name: str) -> str:
        return name

    def _over(self, base: Any, size: int) -> Any:
        return base
