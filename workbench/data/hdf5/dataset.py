"""`H5PYDataset`, a dataset with selected splits of an HDF5 file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.axes import AxisLabels
from workbench.data.checksum import checksum, same_or_raise
from workbench.data.datasets import Dataset, IndexableDataset, after_state, as_index, check_slice
from workbench.data.hdf5.examine import examiner
from workbench.data.hdf5.handle import FileHandle, faults_named
from workbench.data.hdf5.layout import SplitTable, found, joined, split_array, varying
from workbench.data.hdf5.source import axis_labels, class_names, read_rows, varies
from workbench.data.schemes import Indices, Request, SequentialExampleScheme
from workbench.data.streams import Data
from workbench.errors import DataError, DataFileError

if TYPE_CHECKING:
    import h5py

EMBEDDED = Path(__file__).parents[1] / "embedded"
"""Folder of this package's data files, which are not checked for damage."""


class H5PYDataset(Dataset):
    """Dataset with selected splits of an HDF5 file in Fuel's layout.

    Some parts of a damaged file, such as rows of variable length and axis names, could crash
    the HDF5 library. Therefore another process reads these parts first, once for each version of
    the file.

    The file stays open between reads. Several threads can share the dataset; a forked process opens
    the file again. A pickle refers to the file and contains no data; unpickling loads the data
    again if they were in memory.

    Parameters
    ----------
    path : str, Path or h5py.File
        The path of the file, or an open file, which stays open.
    which_sets : sequence of str
        The splits to read, in this order, such as ``("train", "valid")``.
    subset : slice or sequence of int, optional
        The examples to use from these splits, in this order; by default all.
    load_in_memory : bool
        If True, read all data now instead of reading each batch from the file.
    sources : sequence of str, optional
        The sources to read, in this order; by default the sources that these splits have in common.
    allow_external : bool
        If True, follow references to other files: links, external values and virtual datasets. A
        malicious file could refer to any file that you can read.

    Attributes
    ----------
    axis_labels : dict of str to tuple of str
        The axis names of each source, where the file contains them. For examples of varying
        shape, these are ``batch``, followed by the axis names of an example.
    classes : tuple of str or None
        The class names, whose indices are in the source ``targets``; `csv_to_hdf5` and
        `images_to_hdf5` write them. None if the file has no names, or if `targets` is not read.
    vlen_sources : tuple of str
        The sources whose examples vary in shape. A batch of such a source is an array of objects;
        each object is an array.

    Raises
    ------
    MissingDataError
        If the file does not exist.
    DataFileError
        If the file is damaged, has a different layout, or refers to other files although
        `allow_external` is False.
    SourceError
        If one of the splits or sources is missing from the file.
    DataError
        If `which_sets` is empty, `subset` is not valid, or the splits have no source in common.

    Examples
    --------
    >>> import tempfile
    >>> from workbench.data import write_hdf5
    >>> path = Path(tempfile.mkdtemp()) / "squares.h5"
    >>> write_hdf5(path, {"train": {"x": [1, 2, 3]}, "test": {"x": [4, 5]}})
    >>> dataset = H5PYDataset(path, ("test",))
    >>> dataset.num_examples, dataset.get_data(slice(0, 2))
    (2, (array([4, 5]),))
    >>> H5PYDataset(path, ("train", "test"), subset=[4, 0]).indexables
    (array([5, 1]),)
    """

    num_examples: int
    _guards_itself = True

    def __init__(
        self,
        path: str | os.PathLike[str] | h5py.File,
        which_sets: Sequence[str],
        *,
        subset: slice | Sequence[int] | npt.NDArray[np.integer] | None = None,
        load_in_memory: bool = False,
        sources: Sequence[str] | None = None,
        allow_external: bool = False,
    ) -> None:
        self._handle = FileHandle(path)
        self.path = self._handle.name
        self.allow_external = allow_external
        self._seen: object = None
        self._read_labels: AxisLabels | None = None
        self._read_classes: tuple[tuple[str, ...] | None] | None = None
        self.which_sets = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
        self._memory: IndexableDataset | None = None
        self._checksum: int | None = None
        file = self._handle.open()
        with faults_named(self.path, "the layout"):
            table = SplitTable(file, self.path, allow_external)
            if not self.which_sets:
                splits = ", ".join(map(repr, table.splits))
                raise DataError(
                    f"which_sets of {self.path} must not be empty; pass at least one of {splits}"
                )
            parts = [table.sources(split) for split in self.which_sets]
            common = [name for name in parts[0] if all(name in part for part in parts)]
            if not common:
                raise DataError(
                    f"{self.path}: the splits {self.which_sets} must have a source in common, but "
                    "have none"
                )
            super().__init__(common, sources=sources)
            rows = {
                name: joined([table.rows(split, name) for split in self.which_sets])
                for name in self.sources
            }
            self._check_lengths(rows)
            self._rows = {name: _subset(indices, subset, self) for name, indices in rows.items()}
            self.num_examples = len(next(iter(self._rows.values())))
            self._seen = file
            self.vlen_sources = tuple(name for name in self.sources if varies(file[name]))
            self._examine(file)
        if load_in_memory:
            self._memory = self._load()
            self._inferred_labels()  # read the names while the file is open
            self.classes  # noqa: B018
            self.close()
        if self.num_examples:
            self.example_iteration_scheme = SequentialExampleScheme(self.num_examples)

    @staticmethod
    def create_split_array(
        splits: Mapping[str, Mapping[str, Sequence[Any]]],
    ) -> npt.NDArray[Any]:
        """Create the table for the ``split`` attribute of a file that the caller writes.

        Parameters
        ----------
        splits : mapping from split to mapping from source to tuple
            The position of the examples: the first row, the end row (exclusive) and, optionally, a
            reference to a dataset of row numbers (or None) and a comment.

        Examples
        --------
        >>> table = H5PYDataset.create_split_array({"train": {"x": (0, 20)}, "test": {}})
        >>> table[["split", "source", "start", "stop", "available"]].tolist()
        [(b'train', b'x', 0, 20, True), (b'test', b'x', 0, 0, False)]
        """
        return split_array(splits)

    @staticmethod
    def get_all_splits(path: str | os.PathLike[str] | h5py.File) -> tuple[str, ...]:
        """Return the names of all splits of a file.

        Examples
        --------
        >>> import tempfile
        >>> from workbench.data import write_hdf5
        >>> path = Path(tempfile.mkdtemp()) / "squares.h5"
        >>> write_hdf5(path, {"train": {"x": [1, 2, 3]}, "test": {"x": [4, 5]}})
        >>> H5PYDataset.get_all_splits(path), H5PYDataset.get_all_sources(path)
        (('train', 'test'), ('x',))
        """
        with _table(path) as table:
            return table.splits

    @staticmethod
    def get_all_sources(path: str | os.PathLike[str] | h5py.File) -> tuple[str, ...]:
        """Return the names of all sources that occur in any split of a file."""
        with _table(path) as table:
            named = [name for split in table.splits for name in table.sources(split)]
            return tuple(dict.fromkeys(named))

    @property
    def load_in_memory(self) -> bool:
        """True if the data are in memory."""
        return self._memory is not None

    @property
    def indexables(self) -> tuple[npt.NDArray[Any], ...]:
        """All examples, one array per source; they are loaded from the file if necessary."""
        return (self._memory or self._load()).indexables

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names, if the file has them."""
        if vars(self).get("_read_classes") is None:  # missing from older pickles
            self._read_classes = (self._classes_of_file() if "targets" in self.sources else None,)
        assert self._read_classes is not None
        return self._read_classes[0]

    def _classes_of_file(self) -> tuple[str, ...] | None:
        file = self._open()
        if "classes" not in file.attrs:
            return None
        if self._handle.given is None and EMBEDDED not in self._handle.path.parents:
            examiner.check(self._handle.path, ["/"], rows=False, what="the class names")
        with faults_named(self.path, "the class names"):
            return class_names(file)

    def _inferred_labels(self) -> AxisLabels:
        if self._read_labels is None:
            self._read_labels = self._labels_of_file()
        return dict(self._read_labels)

    def _labels_of_file(self) -> AxisLabels:
        file = self._open()
        if self._handle.given is None and EMBEDDED not in self._handle.path.parents:
            examiner.check(self._handle.path, self.sources, rows=False, what="the names of axes")
        with faults_named(self.path, "the names of axes"):
            allowed = self.allow_external
            return {name: axis_labels(file[name], self.path, allowed) for name in self.sources}

    def _examine(self, file: h5py.File) -> None:
        names = [name for name in self.sources if varying(file[name].dtype)]
        if names and self._handle.given is None:
            what = f"source {' or '.join(map(repr, names))}"
            examiner.check(self._handle.path, names, rows=True, what=what)

    def _open(self) -> h5py.File:
        """Return the open file, after checking the layout if the file has just been opened."""
        file = self._handle.open()
        if file is not self._seen:
            with faults_named(self.path, "the layout"):
                for name in self.sources:
                    found(file, name, self.path, self.allow_external)
                self._examine(file)
            self._seen = file
        return file

    def get_data(
        self, request: Request | Sequence[int] | None = None, *then: Any, state: object = None
    ) -> Data:
        """Return the requested examples, one array per source.

        Parameters
        ----------
        request : int, slice or sequence of int
            One example, or the indices of a batch.
        then, state
            For compatibility with Fuel, where a state precedes the request; the state is ignored.

        Raises
        ------
        DataError
            If the request is not an index, a slice or a sequence of indices of existing examples.
        DataFileError
            If the file is damaged.
        """
        request = after_state(request, then, self)
        if self._memory is not None:
            return self._memory.get_data(request)
        return tuple(
            [self._read(name, _chosen(self._rows[name], request, self)) for name in self.sources]
        )

    def __getstate__(self) -> dict[str, Any]:
        if self._memory is not None and self._checksum is None:
            self._checksum = checksum(self._memory.indexables)
        missing = {"_memory": None, "_seen": None, "_load_in_memory": self.load_in_memory}
        return {**vars(self), **missing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        in_memory = state.pop("_load_in_memory")
        vars(self).update(state)
        if in_memory:
            try:
                self._memory = self._load()
                same_or_raise(self.indexables, state["_checksum"], self.path)
            except DataError as error:
                error.add_note(
                    f"raised while unpickling {self!r}, which reads its data from the file again"
                )
                raise
            finally:
                self.close()

    def close(self, state: object = None) -> None:
        """Close the file; the next read opens it again."""
        self._handle.close()

    def _load(self) -> IndexableDataset:
        return IndexableDataset({name: self._read(name, rows) for name, rows in self._rows.items()})

    def _read(self, name: str, rows: int | Indices) -> Any:
        file = self._open()
        with faults_named(self.path, f"source {name!r}"):
            return read_rows(file[name], rows, self.path, self.allow_external)

    def _check_lengths(self, rows: dict[str, Indices]) -> None:
        lengths = {name: len(indices) for name, indices in rows.items()}
        if len(set(lengths.values())) != 1:
            raise DataFileError(
                f"{self.path}: the sources of {self.which_sets} must have the same number of "
                f"examples, but the numbers are {lengths}"
            )

    def __repr__(self) -> str:
        number = self.num_examples
        return (
            f"H5PYDataset({str(self.path)!r}, {self.which_sets}, "
            f"{number} example{'s' * (number != 1)}, sources={self.sources})"
        )


@contextlib.contextmanager
def _table(path: str | os.PathLike[str] | h5py.File) -> Iterator[SplitTable]:
    handle = FileHandle(path)
    try:
        with faults_named(handle.path, "the layout"):
            yield SplitTable(handle.open(), handle.path)
    finally:
        handle.close()


def _subset(
    rows: Indices,
    subset: slice | Sequence[int] | npt.NDArray[np.integer] | None,
    dataset: H5PYDataset,
) -> Indices:
    if subset is None:
        return rows
    if isinstance(subset, slice):
        return rows[subset]
    try:
        chosen: Indices = np.asarray(rows, dtype=np.intp)[as_index(subset) if len(subset) else []]
        return chosen
    except (IndexError, TypeError) as error:
        raise DataError(
            f"subset of {dataset.which_sets} in {dataset.path} must contain indices of its "
            f"{len(rows)} example{'s' * (len(rows) != 1)}: {error}"
        ) from None


def _chosen(rows: Indices, request: Request | Sequence[int], dataset: H5PYDataset) -> int | Indices:
    """Convert example indices to row numbers in the file."""
    if isinstance(request, slice):
        return rows[check_slice(request, dataset.num_examples, dataset)]
    try:
        index = as_index(request)
        # as an array, a range could need as much memory as the data
        chosen = _of_range(rows, index) if isinstance(rows, range) else rows.take(index)
    except (IndexError, TypeError) as error:
        raise DataError(f"{dataset!r} cannot read {request!r}: {error}") from None
    return chosen if np.ndim(chosen) else int(chosen)


def _of_range(rows: range, index: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    count = len(rows)
    if index.size and not -count <= index.min() <= index.max() < count:
        raise IndexError(f"indices must be between {-count} and {count - 1}")
    places = index.astype(np.intp)
    return rows.start + rows.step * np.where(places < 0, places + count, places)
