"""Atomic writes, which never leave an incomplete file, even if the process is killed.

The content is written to a temporary file in the same folder and flushed to disk; then the
temporary file replaces the old file in a single step. If writing fails, or if the old file is of
another kind, the old file is unchanged and the temporary file is removed. Temporary files of killed
processes are removed when the same file is written again.
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
from workbench.utils.file_kinds import check_regular, check_replaceable

UNFINISHED = ".unfinished"
NO_FOLDER = (
    "{path} cannot be written, because the folder {folder} does not exist; create the folder first"
)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], error: type[WorkbenchError]) -> Iterator[Path]:
    """Yield the path of a temporary file that replaces `path` when the block ends without an error.

    Parameters
    ----------
    path : path
        The file to write. If it is a symbolic link, the target of the link is replaced.
    error : type
        The class of the error to raise if the folder does not exist, or if `path` is a file of
        another kind or not a regular file.

    Yields
    ------
    Path
        The path of an empty file; the caller writes the content to it.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise error(NO_FOLDER.format(path=target, folder=target.parent))
    check_regular(target, error)
    _remove_leftovers(target)
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"  # mkstemp would deny access to other users
    temporary = target.with_name(f".{target.name}.{unique}{UNFINISHED}")
    try:
        with open(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), "rb") as file:
            _lock(file.fileno())
            yield temporary
            os.fsync(file.fileno())
        check_replaceable(target, temporary, error)
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
    """Write a file atomically with a function that writes the content to an open file.

    Parameters
    ----------
    path : path
    write_to : callable
        A function that writes the content to its argument, a binary file open for reading and
        writing.
    error : type
        The class of the error to raise; see `replacing`.
    """
    with replacing(path, error) as temporary, open(temporary, "r+b") as file:
        write_to(file)
        file.flush()


def _lock(descriptor: int) -> bool:
    """Lock a file for writing; return False if this fails or the system is not POSIX.

    The lock is a record lock, so it does not conflict with locks that libraries in this process
    hold on the file.
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
    own = f".{target.name}.{os.getpid()}-"  # a process is not stopped by its own locks
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
