"""Atomic writes: at every moment a file is whole, whatever happens to the process that writes it.

The content goes to a temporary file in the same folder, reaches the disk, and takes the place of
the old one in a single step. If writing fails, the old file is untouched and the temporary one is
removed; what a killed process left behind is removed by the next that writes the same file.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from workbench.errors import WorkbenchError

UNFINISHED = ".unfinished"
NO_FOLDER = "{path}: cannot be written, for there is no folder {folder}; make it first"


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], error: type[WorkbenchError]) -> Iterator[Path]:
    """Give the path of a temporary file that takes the place of `path` if all goes well.

    Parameters
    ----------
    path : path
        The file to write; a link stays a link.
    error : type
        The error to raise if its folder does not exist.

    Yields
    ------
    Path
        An empty file, to be opened and written.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise error(NO_FOLDER.format(path=target, folder=target.parent))
    _remove_leftovers(target)
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"  # mkstemp would keep other users out
    temporary = target.with_name(f".{target.name}.{unique}{UNFINISHED}")
    try:
        with open(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), "rb") as file:
            _lock(file.fileno())
            yield temporary
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


def replace_file(
    path: str | os.PathLike[str],
    write_to: Callable[[IO[bytes]], object],
    error: type[WorkbenchError],
) -> None:
    """Write a file by a function that gets it open for reading and writing.

    Parameters
    ----------
    path : path
    write_to : callable
        Writes the content to the binary file that it is given.
    error : type
        The error to raise if the folder does not exist.
    """
    with replacing(path, error) as temporary, open(temporary, "r+b") as file:
        write_to(file)
        file.flush()


def _lock(descriptor: int) -> bool:
    """Mark a file as being written, for other processes; return False if another one writes it.

    By a record lock, which libraries that open and lock the file themselves do not notice.
    """
    if os.name != "posix":
        return False
    import fcntl

    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_leftovers(target: Path) -> None:
    own = f".{target.name}.{os.getpid()}-"  # this process has no locks against itself
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*{UNFINISHED}"):
        if leftover.name.startswith(own):
            continue
        with contextlib.suppress(OSError), open(leftover, "r+b") as file:
            if _lock(file.fileno()):
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
