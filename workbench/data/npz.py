"""Reader for ``npz`` archives: several numpy arrays in a zip file, none of them pickled."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.files import one_line
from workbench.errors import DataFileError, MissingDataError, nearest


def read_npz(path: str | os.PathLike[str], names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Read some arrays of an archive.

    Parameters
    ----------
    path : str or Path
        The file.
    names : sequence of str
        The arrays wanted, in this order.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataFileError
        If it is no archive, is damaged, lacks an array, or has one of Python objects.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.npz"
    >>> np.savez(path, x=[1, 2], y=[3, 4])
    >>> read_npz(path, ["y"])
    [array([3, 4])]
    """
    if not Path(path).is_file():
        raise MissingDataError(f"there is no npz file {path}")
    try:
        # np.load(path) leaves the file open where it finds no archive in it
        with Path(path).open("rb") as file:
            return _picked(np.load(file), names, path)
    except DataFileError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DataFileError(
                f"{path}: not an npz file of plain arrays; it holds pickled Python objects, which "
                "are not read, for they could run any code"
            ) from None
        raise DataFileError(f"{path}: {_damaged(error)}") from None
    except (OSError, EOFError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataFileError(f"{path}: {_damaged(error)}") from None


def _picked(
    loaded: Any, names: Sequence[str], path: str | os.PathLike[str]
) -> list[npt.NDArray[Any]]:
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        raise DataFileError(f"{path}: not an npz file, but a single array of shape {loaded.shape}")
    with loaded as archive:
        for name in names:
            if name not in archive.files:
                raise DataFileError(
                    f"{path}: {name} is not among the arrays of the archive, which are "
                    f"{', '.join(archive.files)}{nearest(name, archive.files)}"
                )
        arrays = [archive[name] for name in names]
    for name, array in zip(names, arrays, strict=True):
        if not isinstance(array, np.ndarray):  # the bytes of whatever is no array
            raise DataFileError(f"{path}: not an npz file of arrays; {name} in it is none")
    return arrays


def _damaged(error: Exception) -> str:
    return f"not an npz file, or a damaged one ({one_line(error)})"
