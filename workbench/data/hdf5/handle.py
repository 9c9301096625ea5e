"""Picklable handle for an HDF5 file, for use by several threads and in forked processes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.files import one_line, regular_file
from workbench.errors import DataError, DataFileError

if TYPE_CHECKING:
    import h5py


class FileHandle:
    """Handle for a file that is opened on its first use in each process and stays open.

    A pickle contains only the path. h5py lets only one thread read at a time. A forked process
    opens the file again, because the inherited file object has a copy of the parent's caches.

    Parameters
    ----------
    path : str, Path or h5py.File
        The file. A relative path is resolved immediately. An open file that was passed is never
        closed.

    Attributes
    ----------
    name : Path
        The path of the file, as it was passed.
    given : h5py.File or None
        The open file that was passed, if any.
    """

    def __init__(self, path: str | os.PathLike[str] | h5py.File) -> None:
        self.given: h5py.File | None = None
        if not isinstance(path, (str, os.PathLike)):
            self.given = _as_file(path)
            path = str(self.given.filename)
        self.name = Path(path)
        self.path = self.name.absolute()
        self._begin()

    def _begin(self) -> None:
        self._file: h5py.File | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()

    def open(self) -> h5py.File:
        """Return the file, opened for reading.

        Raises
        ------
        MissingDataError
            If the file does not exist.
        DataFileError
            If the file is not an HDF5 file, or is damaged.
        """
        if self.given is not None:
            return self.given
        if self._process != os.getpid():
            self._begin()  # new lock: a thread of the parent could hold the old one
        with self._lock:
            if self._file is None:
                self._file = _opened(self.path)
            return self._file

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._process == os.getpid():
            with self._lock:
                if self._file is not None:
                    self._file.close()
        self._begin()

    def __reduce__(self) -> tuple[type[FileHandle], tuple[Path]]:
        return FileHandle, (self.path,)


def _as_file(given: object) -> h5py.File:
    import h5py

    if not isinstance(given, h5py.File):
        raise DataError(
            f"path must be the name of an HDF5 file, or an open h5py.File, not {given!r:.60}"
        )
    if not given:
        raise DataError(
            f"if path is a file object, it must be open, not {given!r}; pass the name of the file"
        )
    return given


def _opened(path: Path) -> h5py.File:
    import h5py

    regular_file(path, "HDF5 file")
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise DataFileError(
            f"{path} is not an HDF5 file, or is damaged ({one_line(error)})"
        ) from None


@contextlib.contextmanager
def faults_named(path: Path, what: str) -> Iterator[None]:
    """Convert the errors that h5py raises for a damaged file to `DataFileError`."""
    try:
        yield
    except DataError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError) as error:
        raise DataFileError(f"{path}: {what} cannot be read ({one_line(error)})") from None
