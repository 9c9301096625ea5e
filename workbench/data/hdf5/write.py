"""Functions that write arrays to an HDF5 file in the layout of `H5PYDataset`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.datasets import as_array
from workbench.data.exact_dtypes import of_one_dtype
from workbench.data.hdf5.layout import split_array
from workbench.errors import DataError, MissingDataError
from workbench.hints import hinted
from workbench.utils.atomic import replacing

if TYPE_CHECKING:
    import h5py

FORMAT = "v110"
"""First version of the HDF5 format with checksums for all structures except heaps."""


@hinted
def write_hdf5(
    path: str | os.PathLike[str],
    splits: Mapping[str, Mapping[str, npt.ArrayLike]],
    *,
    axis_labels: Mapping[str, Sequence[str]] | None = None,
    attributes: Mapping[str, str | Sequence[str]] | None = None,
) -> None:
    """Write arrays to a compressed HDF5 file that `H5PYDataset` can read.

    The file gets its final name only when it is complete.

    Parameters
    ----------
    path : str or Path
        The file to write; an existing file is replaced.
    splits : mapping from split to mapping from source to array
        The data, such as ``{"train": {"features": x}}``. A source whose examples differ in shape
        must be a list of arrays or an array of objects, and is stored with one row per example.
    axis_labels : mapping from source to sequence of str, optional
        The axis names of each source.
    attributes : mapping of str to str or sequence of str, optional
        Attributes of the root group of the file, such as the origin and the licence of the data.

    Raises
    ------
    DataError
        If there are no data, if the sources of a split have different numbers of examples, or if
        the splits of a source cannot be concatenated or stored.

    Examples
    --------
    >>> import tempfile
    >>> from workbench.data import H5PYDataset
    >>> path = Path(tempfile.mkdtemp()) / "coins.h5"
    >>> write_hdf5(path, {"train": {"heads": [0, 1, 1]}}, attributes={"licence": "CC0-1.0"})
    >>> H5PYDataset(path, ("train",)).indexables
    (array([0, 1, 1]),)
    """
    import h5py

    path = Path(path)
    pieces: dict[str, list[npt.NDArray[Any]]] = {}
    table: list[tuple[str, str, int, int]] = []
    for split, data in splits.items():
        if not isinstance(data, Mapping):
            raise DataError(
                f"split {split!r} must be a mapping from source to array, not {data!r:.60}"
            )
        for source, values in data.items():
            before = pieces.setdefault(source, [])
            start = sum(map(len, before))
            before.append(as_array(values, source))
            table.append((split, source, start, start + len(before[-1])))
        lengths = {source: len(pieces[source][-1]) for source in data}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"the sources of split {split!r} must have the same number of examples, but have "
                f"{lengths}"
            )
    if not table:
        raise DataError(
            f"splits must contain at least one source to write to {path}, but is {dict(splits)!r}"
        )
    with (
        replacing(path, MissingDataError) as temporary,
        h5py.File(temporary, "w", libver=FORMAT) as file,
    ):
        for source, arrays in pieces.items():
            labels = (axis_labels or {}).get(source, ())
            if any(array.dtype == object for array in arrays):
                _write_ragged(file, source, arrays, labels)
            else:
                _write_dense(file, source, arrays, labels)
        write_table(file, table)
        for name, text in (attributes or {}).items():
            several = not isinstance(text, str)
            file.attrs[name] = np.array(text, dtype=h5py.string_dtype()) if several else text


def create_dense(
    file: h5py.File, source: str, shape: tuple[int, ...], dtype: Any, labels: Sequence[str]
) -> h5py.Dataset:
    """Create the compressed HDF5 dataset for a source whose examples all have the same shape."""
    # large chunks compress better, but must fit into h5py's chunk cache of one megabyte
    bytes_each = int(np.dtype(dtype).itemsize * np.prod(shape[1:], dtype=object))
    rows = max(1, min(shape[0], 2**20 // max(1, bytes_each)))
    packed: dict[str, Any] = {}
    if shape[0] and bytes_each:
        packed = {
            "chunks": (rows, *shape[1:]),
            "compression": "gzip",
            "compression_opts": 9,
            "shuffle": True,
        }
    stored = file.create_dataset(source, shape, dtype, **packed)
    for axis, label in zip(stored.dims, labels, strict=False):
        axis.label = label
    return stored


def create_ragged(
    file: h5py.File, source: str, count: int, axes: int, dtype: Any, labels: Sequence[str]
) -> tuple[h5py.Dataset, h5py.Dataset]:
    """Create two HDF5 datasets for a source with varying shapes: the examples and their shapes.

    Row k of the first dataset is example k, flattened. Row k of the second dataset is the shape of
    this example, which has `axes` axes.
    """
    import h5py

    stored = file.create_dataset(source, (count,), h5py.vlen_dtype(np.dtype(dtype)))
    shapes = file.create_dataset(f"{source}_shapes", (count, axes), np.int64)
    shapes.make_scale("shapes")
    stored.dims[0].attach_scale(shapes)
    outer, *inner = labels or ("batch",)
    stored.dims[0].label = outer
    if inner:
        names = np.array([label.encode() for label in inner])
        scale = file.create_dataset(f"{source}_shape_labels", data=names)
        scale.make_scale("shape_labels")
        stored.dims[0].attach_scale(scale)
    return stored, shapes


def write_table(file: h5py.File, rows: Sequence[tuple[str, str, int, int]]) -> None:
    """Write the table of splits, given as tuples (split, source, first row, end row)."""
    splits: dict[str, dict[str, tuple[int, int]]] = {}
    for split, source, start, stop in rows:
        splits.setdefault(split, {})[source] = (start, stop)
    table = split_array(splits)
    file.attrs["split"] = table[table["available"]]


def _write_dense(
    file: h5py.File, source: str, arrays: list[npt.NDArray[Any]], labels: Sequence[str]
) -> None:
    import h5py

    arrays = of_one_dtype(arrays, f"source {source!r}")
    try:
        whole = np.concatenate(arrays)
    except ValueError as error:
        raise DataError(
            f"the arrays of source {source!r} in the different splits cannot be concatenated: "
            f"{error}"
        ) from None
    text = whole.dtype.kind == "U"
    dtype = h5py.string_dtype() if text else whole.dtype
    try:
        stored = create_dense(file, source, whole.shape, dtype, labels)
        if whole.size:
            stored[...] = whole.astype(object) if text else whole
    except (TypeError, ValueError) as error:  # raised for dates and for text with a NUL character
        raise DataError(
            f"the values of source {source!r} must have a dtype that HDF5 can store, not "
            f"{whole.dtype}: {error}"
        ) from None


def _write_ragged(
    file: h5py.File, source: str, arrays: list[npt.NDArray[Any]], labels: Sequence[str]
) -> None:
    examples = [np.asarray(example) for array in arrays for example in array]
    axes = {example.ndim for example in examples}
    dtype = np.result_type(*[example.dtype for example in examples])
    if len(axes) > 1 or dtype.kind not in "biufc":
        raise DataError(
            f"the examples of source {source!r} must be numeric arrays with the same number of "
            f"axes, but have ndim {' or '.join(map(str, sorted(axes)))} and dtype {dtype}"
        )
    examples = of_one_dtype(examples, f"source {source!r}")
    stored, shapes = create_ragged(file, source, len(examples), axes.pop(), dtype, labels)
    for index, example in enumerate(examples):
        stored[index] = example.reshape(-1)
        shapes[index] = example.shape
