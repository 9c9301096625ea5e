"""Files that are whole at every moment, whatever happens to the process that writes them."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from workbench.errors import ArchiveError

UNFINISHED = ".unfinished"


def replace_file(path: str | os.PathLike[str], write_to: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that at every moment the old or the new one is whole.

    The content goes to a temporary file in the same directory, reaches the disk, and takes the
    place of `path` in one step. If `write_to` fails, `path` is untouched and the temporary file
    removed; what a killed process has left of one is removed by the next that writes `path`.

    Parameters
    ----------
    path : path
    write_to : callable
        Writes the content to the file, open for reading and writing, that it is given.

    Raises
    ------
    ArchiveError
        If the folder is not there.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    if not target.parent.is_dir():
        raise ArchiveError(f"{target}: cannot be written, for there is no folder {target.parent}")
    _remove_leftovers(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{UNFINISHED}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            _lock(descriptor)
            write_to(file)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def _lock(descriptor: int) -> bool:
    """Mark a file as being written, for as long as it is open; False if somebody else does."""
    if os.name != "posix":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_leftovers(target: Path) -> None:
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*{UNFINISHED}"):
        with contextlib.suppress(OSError), open(leftover, "rb") as file:
            if _lock(file.fileno()):
                leftover.unlink()


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
