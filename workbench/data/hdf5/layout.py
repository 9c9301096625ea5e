"""Table that lists the rows of each source in each split of an HDF5 file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.files import one_line, some
from workbench.data.hdf5.examine import examiner
from workbench.data.schemes import Indices
from workbench.errors import DataError, DataFileError, SourceError, nearest

if TYPE_CHECKING:
    import h5py

COLUMNS = ("split", "source", "start", "stop", "indices", "available", "comment")
NEEDED = set(COLUMNS) - {"comment"}
LINKS = 100
"""Maximum number of successive links; a longer chain is considered a cycle."""
NO_SPLITS = (
    "{path} must have an attribute 'split', the table of splits that write_hdf5 writes; read the "
    "arrays of any other HDF5 file with h5py, and pass the arrays, as in file = h5py.File(path) "
    "and fit(model, (file['X'][:], file['y'][:]))"
)
ELSEWHERE = (
    "{path}: {what}, but other files are not read by default; pass allow_external=True if you "
    "trust the source of the file"
)


class SplitTable:
    """Attribute ``split`` of an open HDF5 file.

    Parameters
    ----------
    file : h5py.File
        The open file.
    path : Path
        The path of the file, for error messages.
    allow_external : bool
        If True, follow references to other files.

    Attributes
    ----------
    splits : tuple of str
        The split names.

    Raises
    ------
    DataFileError
        If the file has no attribute ``split``, or if the attribute is not a table of splits.
    """

    def __init__(self, file: h5py.File, path: Path, allow_external: bool = False) -> None:
        self.file, self.path, self.allow_external = file, path, allow_external
        _examine(file)
        try:
            table: npt.NDArray[Any] = np.asarray(file.attrs["split"])
        except KeyError:
            raise DataFileError(NO_SPLITS.format(path=path)) from None
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise DataFileError(
                f"{path} must have an attribute 'split', a table of the splits "
                f"({one_line(error)}); write_hdf5 creates such files"
            ) from None
        if table.ndim != 1 or not set(table.dtype.names or ()) >= NEEDED:
            raise DataFileError(
                f"{path}: the attribute 'split' must be a table with the columns "
                f"{', '.join(COLUMNS[:-1])}, but has dtype {table.dtype}"
            )
        try:
            self._rows = [(_text(row["split"]), _text(row["source"]), row) for row in table]
        except UnicodeDecodeError as error:
            raise DataFileError(
                f"{path}: a name in the attribute 'split' is damaged ({error})"
            ) from None
        self.splits = tuple(dict.fromkeys(split for split, _, _ in self._rows))

    def sources(self, split: str) -> list[str]:
        """Return the sources of a split; raise a `SourceError` if the split does not exist."""
        if split not in self.splits:
            raise SourceError(
                f"{self.path} has no split {split!r}, only "
                f"{', '.join(map(repr, self.splits))}{nearest(split, self.splits)}"
            )
        return [source for name, source, row in self._rows if name == split and row["available"]]

    def rows(self, split: str, source: str) -> Indices:
        """Return the rows of a source that belong to a split."""
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
                f"{self.path}: the rows of split {split!r} must be among the {length} "
                f"row{'s' * (length != 1)} of source {source!r}, but some are not; the file is "
                "damaged"
            )
        return rows

    def _length(self, source: str) -> int:
        import h5py

        stored = found(self.file, source, self.path, self.allow_external)
        if not isinstance(stored, h5py.Dataset) or not stored.shape:
            raise DataFileError(
                f"{self.path}: the source {source!r} must be a dataset with an axis of examples"
            )
        return int(stored.shape[0])

    def _referred(self, reference: Any, split: str, source: str) -> npt.NDArray[np.intp]:
        stored = self.file[reference]
        refuse_elsewhere(stored, self.path, self.allow_external)
        indices = np.asarray(stored[...])
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise DataFileError(
                f"{self.path}: the indices of source {source!r} in split {split!r} must be a list "
                f"of integers, not an array of shape {indices.shape} and dtype {indices.dtype}"
            )
        return indices.astype(np.intp)


def found(file: h5py.File, name: str, path: Path, allow_external: bool) -> Any:
    """Return the object `name` in a file, after checking that it is stored in this file.

    Raises
    ------
    DataFileError
        If the object does not exist, or is stored in another file and `allow_external` is False.
    """
    if not allow_external:
        _refuse_links(file, name, path)
    if name not in file:
        raise DataFileError(
            f"{path}: the source {name!r}, listed in the attribute 'split', is missing; the file "
            "is damaged"
        )
    stored = file[name]
    refuse_elsewhere(stored, path, allow_external)
    return stored


def refuse_elsewhere(stored: Any, path: Path, allow_external: bool) -> None:
    """Raise a `DataFileError` if the values of a dataset are stored in other files."""
    import h5py

    if allow_external or not isinstance(stored, h5py.Dataset):
        return
    where = None
    if stored.is_virtual:
        where = "is composed of datasets in " + some(
            dict.fromkeys(source.file_name for source in stored.virtual_sources())
        )
    elif stored.external:
        where = f"stores its values in {some(name for name, *_ in stored.external)}"
    if where is not None:
        raise DataFileError(ELSEWHERE.format(path=path, what=f"{stored.name!r} {where}"))


def _refuse_links(file: h5py.File, name: str, path: Path) -> None:
    """Check a name one link at a time, because looking up the whole name could open other files."""
    import h5py

    place: Any = file
    parts = [part for part in name.split("/") if part not in ("", ".")][::-1]
    for _ in range(LINKS):
        if not parts or not isinstance(place, h5py.Group):
            return
        part = parts.pop()
        link = place.get(part, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            what = f"{part!r} is a link to {link.path!r} in the file {link.filename!r}"
            raise DataFileError(ELSEWHERE.format(path=path, what=what))
        if isinstance(link, h5py.SoftLink):
            place = file if link.path.startswith("/") else place
            parts += [part for part in link.path.split("/") if part not in ("", ".")][::-1]
        elif link is None:
            return
        else:
            place = place[part]
    raise DataFileError(
        f"{path}: {name!r} must not consist of more than {LINKS} links; the links probably form "
        "a cycle"
    )


def joined(rows: Sequence[Indices]) -> Indices:
    """Concatenate the rows of several splits; return a range if they are consecutive."""
    together = rows[0]
    for more in rows[1:]:
        if isinstance(together, range) and isinstance(more, range) and together.stop == more.start:
            together = range(together.start, more.stop)
        else:
            together = np.concatenate([together, more]).astype(np.intp)
    return together


def _examine(file: h5py.File) -> None:
    """Check the table in another process if its text is stored in a heap."""
    with contextlib.suppress(KeyError, OSError, RuntimeError, TypeError):  # reported later
        dtype = file.attrs.get_id("split").dtype
        if varying(dtype):
            path = Path(file.filename)
            examiner.check(path, ["/"], rows=False, what="the attribute 'split'")


def split_array(splits: Mapping[str, Mapping[str, Sequence[Any]]]) -> npt.NDArray[Any]:
    """Create the table with the rows of each source in each split; see `H5PYDataset`."""
    import h5py

    sources = dict.fromkeys(source for named in splits.values() for source in named)
    rows = []
    for split, named in splits.items():
        for source in sources:
            place: tuple[Any, ...] = tuple(named.get(source, (0, 0)))
            if not 2 <= len(place) <= 4:
                raise DataError(
                    f"the position of source {source!r} in split {split!r} must consist of the "
                    "first row, the end row (exclusive) and, optionally, a reference and a "
                    f"comment, not {place!r}"
                )
            defaults: tuple[Any, ...] = (None, ".")
            start, stop, indices, comment = place + defaults[len(place) - 2 :]
            rows.append(
                (
                    split.encode(),
                    source.encode(),
                    start,
                    stop,
                    indices or h5py.Reference(),
                    source in named,
                    str(comment).encode(),
                )
            )
    kinds: list[Any] = [
        f"S{max((len(row[0]) for row in rows), default=1)}",
        f"S{max((len(row[1]) for row in rows), default=1)}",
        np.int64,
        np.int64,
        h5py.ref_dtype,
        np.bool_,
        f"S{max((len(row[6]) for row in rows), default=1) or 1}",
    ]
    return np.array(rows, dtype=list(zip(COLUMNS, kinds, strict=True)))


def varying(dtype: np.dtype[Any]) -> bool:
    """Return True if values of a dtype have variable length and are therefore stored in a heap."""
    import h5py

    if dtype.names is not None:
        return any(varying(dtype[name]) for name in dtype.names)
    if dtype.subdtype is not None:
        return varying(dtype.subdtype[0])
    text = h5py.check_string_dtype(dtype)
    return h5py.check_vlen_dtype(dtype) is not None or (text is not None and text.length is None)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
