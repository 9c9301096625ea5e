"""HDF5 file that stays open between reads, and can be pickled, forked and shared by threads."""

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
    """Handle of a file, which is opened at first use in each process.

    A pickle contains only the path. h5py itself lets one thread read at a time. A forked process
    must not use the file of its parent, since it has copies of the parent's caches.

    Parameters
    ----------
    path : str, Path or h5py.File
        The file; a relative path is resolved now. An open file is never closed here, and a pickle
        refers to its name.

    Attributes
    ----------
    name : Path
        The given path.
    given : h5py.File or None
        The given file, if it was open.
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
        """Return the file, open for reading.

        Raises
        ------
        MissingDataError
            If the file does not exist.
        DataFileError
            If it is not an HDF5 file.
        """
        if self.given is not None:
            return self.given
        if self._process != os.getpid():
            self._begin()  # with a new lock, because a thread of the parent may hold the old one
        with self._lock:
            if self._file is None:
                self._file = _opened(self.path)
            return self._file

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
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
        raise DataError(f"path must be the name of an HDF5 file, or an open one, not {given!r:.60}")
    if not given:
        raise DataError(f"path must be an open file, but is {given!r}; give the name of the file")
    return given


def _opened(path: Path) -> h5py.File:
    import h5py

    regular_file(path, "HDF5 file")
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise DataFileError(
            f"{path}: not an HDF5 file, or a damaged one ({one_line(error)})"
        ) from None


@contextlib.contextmanager
def faults_named(path: Path, what: str) -> Iterator[None]:
    """Convert the errors of h5py about a damaged file, of almost any class, to `DataFileError`."""
    try:
        yield
    except DataError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError) as error:
        raise DataFileError(f"{path}: {what} cannot be read ({one_line(error)})") from None
