"""Functions that read the examples and the axis names of a source in an HDF5 file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.hdf5.layout import refuse_elsewhere
from workbench.data.schemes import Indices
from workbench.errors import DataFileError

if TYPE_CHECKING:
    import h5py


def varies(stored: h5py.Dataset) -> bool:
    """Return True if the examples of a source are stored flattened, as rows of variable length."""
    import h5py

    # text of variable length has a similar dtype, but its examples are single values
    if h5py.check_string_dtype(stored.dtype) is not None:
        return False
    return h5py.check_vlen_dtype(stored.dtype) is not None


def axis_labels(stored: h5py.Dataset, path: Path, allow_external: bool) -> tuple[str, ...]:
    """Return the axis names of a source; an unnamed axis has the name ''."""
    labels = tuple([str(axis.label) for axis in stored.dims])
    if not varies(stored) or "shape_labels" not in stored.dims[0].keys():  # noqa: SIM118
        return labels
    scale = stored.dims[0]["shape_labels"]
    refuse_elsewhere(scale, path, allow_external)
    inner = scale[...]
    return (*labels, *[x.decode() if isinstance(x, bytes) else str(x) for x in inner])


def class_names(file: h5py.File) -> tuple[str, ...] | None:
    """Return the names in the ``classes`` attribute of a file, or None if it has no such names."""
    found = np.asarray(file.attrs.get("classes", ()))
    texts = [one.decode() if isinstance(one, bytes) else one for one in found.reshape(-1).tolist()]
    if found.ndim != 1 or not texts or not all(isinstance(one, str) for one in texts):
        return None
    return tuple(texts)


def read_rows(
    stored: h5py.Dataset, rows: int | Indices, path: Path, allow_external: bool = False
) -> Any:
    """Read rows of a source.

    Parameters
    ----------
    stored : h5py.Dataset
        The source.
    rows : int, range or array of int
        The index of one row, a range of consecutive rows, or the indices of arbitrary rows.
    path : Path
        The path of the file, for error messages.
    allow_external : bool
        True if the shapes of the examples may be stored in another file.

    Returns
    -------
    array
        One example, or a batch; if examples vary in shape, the batch is an array of objects.
    """
    values = _picked(stored, rows)
    expected = () if isinstance(rows, int) else (len(rows),)
    if values.shape[: len(expected)] != expected:
        raise DataFileError(
            f"{path}: some of the requested rows of source {stored.name.lstrip('/')!r} no longer "
            "exist; the file must not change while it is read"
        )
    if not varies(stored):
        return values
    if "shapes" not in stored.dims[0].keys():  # noqa: SIM118
        return values
    known = stored.dims[0]["shapes"]
    refuse_elsewhere(known, path, allow_external)
    if known.shape[:1] != stored.shape[:1] or known.ndim != 2:
        raise DataFileError(
            f"{path}: source {stored.name.lstrip('/')!r} has {stored.shape[0]} "
            f"example{'s' * (stored.shape[0] != 1)}, but its table of shapes has shape "
            f"{known.shape}; the file is damaged"
        )
    shapes = _picked(known, rows)
    if isinstance(rows, int):
        return _shaped(values, shapes, stored, path)
    batch = np.empty(len(rows), dtype=object)
    for index, (flat, shape) in enumerate(zip(values, shapes, strict=True)):
        batch[index] = _shaped(flat, shape, stored, path)
    return batch


def _picked(stored: h5py.Dataset, rows: int | Indices) -> npt.NDArray[Any]:
    import h5py

    text = h5py.check_string_dtype(stored.dtype)
    readable = stored.asstr() if text is not None and text.length is None else stored
    if isinstance(rows, int):
        return np.asarray(readable[rows])
    if isinstance(rows, range) and rows.step == 1:
        return np.asarray(readable[rows.start : rows.stop])
    # HDF5 reads only ascending indices without repetition
    unique, inverse = np.unique(np.asarray(rows), return_inverse=True)
    values = _ascending(readable, unique)
    return values[inverse] if len(values) == len(unique) else values  # the caller checks the number


def _ascending(readable: Any, rows: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Read rows whose indices are in ascending order.

    If the rows form only a few runs of consecutive rows, each run is read separately; this is
    twice as fast.
    """
    starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
    if not 0 < len(starts) <= len(rows) // 8:
        return np.asarray(readable[rows])
    ends = [*(starts[1:] - 1), -1]
    runs = zip(rows[starts].tolist(), rows[ends].tolist(), strict=True)
    return np.concatenate([readable[first : last + 1] for first, last in runs])


def _shaped(
    flat: npt.NDArray[Any], shape: npt.NDArray[Any], stored: h5py.Dataset, path: Path
) -> npt.NDArray[Any]:
    wanted = tuple(int(size) for size in shape)
    if min(wanted, default=0) < 0 or math.prod(wanted) != len(flat):
        raise DataFileError(
            f"{path}: an example of source {stored.name.lstrip('/')!r} has {len(flat)} "
            f"value{'s' * (len(flat) != 1)}, but its stored shape is {wanted}; the file is damaged"
        )
    return flat.reshape(wanted)
