"""HDF5 files that say by themselves which examples are for training and which for testing.

The layout is the one Fuel used, so that its files can be read: one data set a source at the root,
all examples of all splits one after another, the axes named as HDF5 dimension labels, and an
attribute ``split`` of the root, a table with one row for each pair of split and source::

    split  source  start  stop  indices  available  comment

The examples of a split are those from `start` to before `stop`, or those that `indices` refers to.
`H5PYDataset` reads such files and `write_hdf5` writes them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.datasets import Data, Dataset, IndexableDataset, as_index
from workbench.data.schemes import Indices, Request, SequentialExampleScheme
from workbench.errors import DataError, DataFileError, MissingDataError, SourceError, nearest

if TYPE_CHECKING:
    import h5py


class H5PYDataset(Dataset):
    """Some splits of an HDF5 file in Fuel's layout.

    Parameters
    ----------
    path : str or Path
        The file.
    which_sets : sequence of str
        The splits to read, one after another, such as ``("train", "valid")``.
    subset : slice, optional
        Use only these of their examples.
    load_in_memory : bool
        Whether to read everything now instead of opening the file for each batch.
    sources : sequence of str, optional
        Which sources to give, in this order; all that every one of the splits has if not given.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataFileError
        If the file is damaged or laid out otherwise.
    SourceError
        If it has no such split or source.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "squares.h5"
    >>> write_hdf5(path, {"train": {"x": [1, 2, 3]}, "test": {"x": [4, 5]}})
    >>> dataset = H5PYDataset(path, ("test",))
    >>> dataset.num_examples, dataset.get_data(slice(0, 2))
    (2, (array([4, 5]),))
    """

    num_examples: int

    def __init__(
        self,
        path: str | os.PathLike[str],
        which_sets: Sequence[str],
        *,
        subset: slice | None = None,
        load_in_memory: bool = False,
        sources: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.which_sets = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
        with _opened(self.path) as file:
            table = _splits(file, self.path)
            parts = [_split(table, name, self.path) for name in self.which_sets]
            if not parts:
                raise DataError(f"no split of {self.path} was asked for; it has {_names(table)}")
            common = [name for name in parts[0] if all(name in part for part in parts)]
            super().__init__(common, sources=sources)
            self._rows: dict[str, Indices] = {}
            for name in self.sources:
                rows = [_rows(file, part[name], name, self.path) for part in parts]
                self._rows[name] = _joined(rows)[subset or slice(None)]
            self.num_examples = self._check_lengths()
            self._memory = self._load(file) if load_in_memory else None
        if self.num_examples:
            self.example_iteration_scheme = SequentialExampleScheme(self.num_examples)

    @property
    def load_in_memory(self) -> bool:
        """Whether the data are in memory."""
        return self._memory is not None

    @property
    def indexables(self) -> tuple[npt.NDArray[Any], ...]:
        """All the examples, one array a source; read now if they are not in memory."""
        if self._memory is not None:
            return self._memory.indexables
        with _opened(self.path) as file:
            return self._load(file).indexables

    def get_data(self, request: Request | Sequence[int]) -> Data:
        if self._memory is not None:
            return self._memory.get_data(request)
        with _opened(self.path) as file:
            return tuple(
                [
                    _read(file[name], _chosen(self._rows[name], request, self), name, self.path)
                    for name in self.sources
                ]
            )

    def _load(self, file: h5py.File) -> IndexableDataset:
        return IndexableDataset(
            {name: _read(file[name], rows, name, self.path) for name, rows in self._rows.items()}
        )

    def _check_lengths(self) -> int:
        lengths = {name: len(rows) for name, rows in self._rows.items()}
        if len(set(lengths.values())) != 1:
            raise DataFileError(
                f"{self.path}: the sources of {self.which_sets} differ in their number of "
                f"examples: {lengths}"
            )
        return next(iter(lengths.values()))

    def __repr__(self) -> str:
        return (
            f"H5PYDataset({str(self.path)!r}, {self.which_sets}, {self.num_examples} examples, "
            f"sources={self.sources})"
        )


def write_hdf5(
    path: str | os.PathLike[str],
    splits: Mapping[str, Mapping[str, npt.ArrayLike]],
    *,
    axis_labels: Mapping[str, Sequence[str]] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Write arrays to a compressed HDF5 file that `H5PYDataset` reads.

    The file appears under its name only when it is complete.

    Parameters
    ----------
    path : str or Path
        Where to; a file there is replaced.
    splits : mapping from split to mapping from source to array
        The data, such as ``{"train": {"features": x}}``.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes.
    attributes : mapping of str to str, optional
        Notes kept at the root of the file: where the data come from, their licence.

    Raises
    ------
    DataError
        If the splits of a source do not fit one behind another.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "coins.h5"
    >>> write_hdf5(path, {"train": {"heads": [0, 1, 1]}}, attributes={"licence": "CC0-1.0"})
    >>> H5PYDataset(path, ("train",)).indexables
    (array([0, 1, 1]),)
    """
    import h5py

    path = Path(path)
    arrays: dict[str, list[npt.NDArray[Any]]] = {}
    table = []
    for split, data in splits.items():
        for source, values in data.items():
            pieces = arrays.setdefault(source, [])
            start = sum(map(len, pieces))
            pieces.append(np.asarray(values))
            stop = start + len(pieces[-1])
            table.append((split.encode(), source.encode(), start, stop, None, True, b"."))
    columns = [
        ("split", f"S{max(len(row[0]) for row in table)}"),
        ("source", f"S{max(len(row[1]) for row in table)}"),
        ("start", np.int64),
        ("stop", np.int64),
        ("indices", h5py.ref_dtype),
        ("available", np.bool_),
        ("comment", "S1"),
    ]
    with _replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for source, pieces in arrays.items():
            try:
                whole = np.concatenate(pieces)
            except ValueError as error:
                raise DataError(f"the splits of source {source!r} do not fit: {error}") from None
            # large chunks compress better; a megabyte is what h5py's cache of chunks holds
            rows = max(1, min(len(whole), 2**20 // max(1, whole[:1].nbytes)))
            stored = file.create_dataset(
                source,
                data=whole,
                chunks=(rows, *whole.shape[1:]),
                compression="gzip",
                compression_opts=9,
                shuffle=True,
            )
            for axis, label in zip(stored.dims, (axis_labels or {}).get(source, ()), strict=False):
                axis.label = label
        file.attrs["split"] = np.array(table, dtype=columns)
        for name, text in (attributes or {}).items():
            file.attrs[name] = text


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give the name of a temporary file that takes the place of `path` if all goes well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # mkstemp would keep others out
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py

    if not path.is_file():
        raise MissingDataError(f"there is no HDF5 file {path}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataFileError(f"{path}: not an HDF5 file, or a damaged one ({error})") from None
    with file:
        yield file


def _splits(file: h5py.File, path: Path) -> npt.NDArray[Any]:
    try:
        table: npt.NDArray[Any] = np.asarray(file.attrs["split"])
    except (KeyError, OSError) as error:
        raise DataFileError(
            f"{path}: no readable attribute 'split' ({error}), which says what each set holds; "
            "write_hdf5 makes files that have it"
        ) from None
    if not {"split", "source", "start", "stop", "indices", "available"} <= set(
        table.dtype.names or ()
    ):
        raise DataFileError(f"{path}: the attribute 'split' has the wrong columns: {table.dtype}")
    return table


def _names(table: npt.NDArray[Any]) -> str:
    return ", ".join(repr(name) for name in dict.fromkeys(map(_text, table["split"])))


def _split(table: npt.NDArray[Any], wanted: str, path: Path) -> dict[str, Any]:
    """Return the rows of the table about split `wanted`, by source."""
    rows = [row for row in table if _text(row["split"]) == wanted]
    if not rows:
        names = [_text(name) for name in table["split"]]
        raise SourceError(
            f"{path} has no set {wanted!r}, only {_names(table)}{nearest(wanted, names)}"
        )
    return {_text(row["source"]): row for row in rows if row["available"]}


def _rows(file: h5py.File, row: Any, source: str, path: Path) -> Indices:
    """Return where in its data set the examples of a source stand."""
    if source not in file:
        raise DataFileError(f"{path}: the source {source!r} of the attribute 'split' is missing")
    length = len(file[source])
    rows: Indices
    if row["indices"]:
        rows = np.asarray(file[row["indices"]][...]).astype(np.intp)
        beyond = len(rows) and not 0 <= rows.min() <= rows.max() < length
    else:
        rows = range(int(row["start"]), int(row["stop"]))
        beyond = not 0 <= rows.start <= rows.stop <= length
    if beyond:
        raise DataFileError(
            f"{path}: the set {_text(row['split'])!r} reaches beyond the {length} examples of "
            f"source {source!r}; the file is damaged"
        )
    return rows


def _joined(rows: Sequence[Indices]) -> Indices:
    joined = rows[0]
    for more in rows[1:]:
        if isinstance(joined, range) and isinstance(more, range) and joined.stop == more.start:
            joined = range(joined.start, more.stop)
        else:
            joined = np.concatenate([joined, more]).astype(np.intp)
    return joined


def _chosen(rows: Indices, request: Request | Sequence[int], dataset: Dataset) -> int | Indices:
    """Return which rows of the file a request for examples means."""
    try:
        if isinstance(request, slice):
            if request.stop > len(rows):
                raise IndexError(f"there are {len(rows)} examples")
            return rows[request]
        chosen = np.asarray(rows, dtype=np.intp).take(as_index(request))
    except (IndexError, TypeError) as error:
        raise DataError(f"{dataset!r} was asked for {request!r}: {error}") from None
    return chosen if np.ndim(chosen) else int(chosen)


def _read(stored: h5py.Dataset, rows: int | Indices, source: str, path: Path) -> Any:
    import h5py

    if h5py.check_vlen_dtype(stored.dtype):
        raise DataFileError(
            f"{path}: the examples of source {source!r} vary in length, which H5PYDataset does not "
            "read; pad them to one length when writing the file"
        )
    try:
        if isinstance(rows, int):
            return stored[rows]
        if isinstance(rows, range) and rows.step == 1:
            return stored[rows.start : rows.stop]
        # HDF5 reads ascending indices without repetition only
        unique, inverse = np.unique(np.asarray(rows), return_inverse=True)
        return stored[unique][inverse]
    except OSError as error:
        raise DataFileError(f"{path}: source {source!r} cannot be read ({error})") from None


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
