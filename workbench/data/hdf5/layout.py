"""The table of splits in an HDF5 file: which rows of each source are whose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.files import one_line
from workbench.data.schemes import Indices
from workbench.errors import DataFileError, SourceError, nearest

if TYPE_CHECKING:
    import h5py

COLUMNS = ("split", "source", "start", "stop", "indices", "available", "comment")
NEEDED = set(COLUMNS) - {"comment"}


class SplitTable:
    """The attribute ``split`` of an open file.

    Parameters
    ----------
    file : h5py.File
        The file.
    path : Path
        Its name, for messages.

    Attributes
    ----------
    splits : tuple of str
        The names of the splits.

    Raises
    ------
    DataFileError
        If there is no such attribute, or it is not a table of splits.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self.file, self.path = file, path
        try:
            table: npt.NDArray[Any] = np.asarray(file.attrs["split"])
        except (KeyError, OSError, RuntimeError, ValueError, TypeError) as error:
            raise DataFileError(
                f"{path}: no readable attribute 'split' ({one_line(error)}), which says "
                "what each set holds; write_hdf5 makes files that have it"
            ) from None
        if table.ndim != 1 or not set(table.dtype.names or ()) >= NEEDED:
            raise DataFileError(
                f"{path}: the attribute 'split' has the wrong columns: {table.dtype}"
            )
        try:
            self._rows = [(_text(row["split"]), _text(row["source"]), row) for row in table]
        except UnicodeDecodeError as error:
            raise DataFileError(
                f"{path}: a name in the attribute 'split' is damaged ({error})"
            ) from None
        self.splits = tuple(dict.fromkeys(split for split, _, _ in self._rows))

    def sources(self, split: str) -> list[str]:
        """Return the sources of a split, or raise a `SourceError` if there is no such split."""
        if split not in self.splits:
            raise SourceError(
                f"{self.path} has no set {split!r}, only {', '.join(map(repr, self.splits))}"
                f"{nearest(split, self.splits)}"
            )
        return [source for name, source, row in self._rows if name == split and row["available"]]

    def rows(self, split: str, source: str) -> Indices:
        """Return where in its data set the examples of a source stand."""
        if source not in self.file:
            raise DataFileError(
                f"{self.path}: the source {source!r} of the attribute 'split' is missing"
            )
        length = self._length(source)
        [row] = [row for name, other, row in self._rows if (name, other) == (split, source)][-1:]
        rows: Indices
        if row["indices"]:
            rows = self._referred(row["indices"], split, source)
            beyond = len(rows) and not 0 <= rows.min() <= rows.max() < length
        else:
            rows = range(int(row["start"]), int(row["stop"]))
            beyond = not 0 <= rows.start <= rows.stop <= length
        if beyond:
            raise DataFileError(
                f"{self.path}: the set {split!r} reaches beyond the {length} examples of source "
                f"{source!r}; the file is damaged"
            )
        return rows

    def _length(self, source: str) -> int:
        import h5py

        stored = self.file[source]
        if not isinstance(stored, h5py.Dataset) or not stored.shape:
            raise DataFileError(
                f"{self.path}: the source {source!r} is no data set with an axis of examples"
            )
        return int(stored.shape[0])

    def _referred(self, reference: Any, split: str, source: str) -> npt.NDArray[np.intp]:
        indices = np.asarray(self.file[reference][...])
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise DataFileError(
                f"{self.path}: the indices of set {split!r}, source {source!r}, are of shape "
                f"{indices.shape} and dtype {indices.dtype}; expected a list of integers"
            )
        return indices.astype(np.intp)


def joined(rows: Sequence[Indices]) -> Indices:
    """Return the rows of several splits, one behind another; a range where they are neighbours."""
    together = rows[0]
    for more in rows[1:]:
        if isinstance(together, range) and isinstance(more, range) and together.stop == more.start:
            together = range(together.start, more.stop)
        else:
            together = np.concatenate([together, more]).astype(np.intp)
    return together


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
