"""Converters from IDX and npz files to HDF5."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from workbench.data.convert.splits import check_splits
from workbench.data.hdf5 import write_hdf5
from workbench.data.idx import read_idx
from workbench.data.npz import read_npz
from workbench.hints import hinted


@hinted
def idx_to_hdf5(
    path: str | os.PathLike[str],
    splits: Mapping[str, Mapping[str, str | os.PathLike[str]]],
    *,
    axis_labels: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Convert IDX files to one HDF5 file; each IDX file contains one source of one split.

    Parameters
    ----------
    path : str or Path
        The HDF5 file to write.
    splits : mapping from split to mapping from source to path
        The IDX files to read, with or without gzip compression.
    axis_labels : mapping from source to sequence of str, optional
        The axis names of each source.

    Raises
    ------
    MissingDataError
        If a file does not exist.
    DataFileError
        If a file is damaged.
    DataError
        If the arrays of the files do not match, for instance in the number of examples.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from workbench.data import H5PYDataset
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "labels.idx").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> idx_to_hdf5(folder / "data.h5", {"train": {"targets": folder / "labels.idx"}})
    >>> H5PYDataset(folder / "data.h5", ("train",)).indexables
    (array([7, 2, 1], dtype=uint8),)
    """
    check_splits(splits, "path", by_source=True)
    read = {
        split: {source: read_idx(file) for source, file in files.items()}
        for split, files in splits.items()
    }
    write_hdf5(path, read, axis_labels=axis_labels)


@hinted
def npz_to_hdf5(
    path: str | os.PathLike[str],
    archive: str | os.PathLike[str],
    splits: Mapping[str, Mapping[str, str]],
    *,
    axis_labels: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Convert arrays in an npz archive to an HDF5 file.

    Parameters
    ----------
    path : str or Path
        The HDF5 file to write.
    archive : str or Path
        The npz archive to read.
    splits : mapping from split to mapping from source to str
        For each source, the name of its array in the archive.
    axis_labels : mapping from source to sequence of str, optional
        The axis names of each source.

    Raises
    ------
    MissingDataError
        If the archive does not exist.
    DataFileError
        If the archive is damaged, or if an array is missing.
    DataError
        If the arrays do not match, for instance in the number of examples.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from workbench.data import H5PYDataset
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "data.npz", x_train=[1, 2], x_test=[3])
    >>> names = {"train": {"features": "x_train"}, "test": {"features": "x_test"}}
    >>> npz_to_hdf5(folder / "data.h5", folder / "data.npz", names)
    >>> H5PYDataset(folder / "data.h5", ("test",)).indexables
    (array([3]),)
    """
    check_splits(splits, "name", by_source=True)
    names = [name for sources in splits.values() for name in sources.values()]
    arrays = dict(zip(names, read_npz(archive, names), strict=True))
    read = {
        split: {source: arrays[name] for source, name in sources.items()}
        for split, sources in splits.items()
    }
    write_hdf5(path, read, axis_labels=axis_labels)
