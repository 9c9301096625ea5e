"""Files of data: where they are looked for, and how they are written and complained about."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import MissingDataError

LONGEST = 200
"""Letters to quote of what a library says; some quote the whole file."""


def data_folders() -> list[Path]:
    """Return the folders of `config.data_path` that exist, with ``~`` resolved."""
    from workbench.config import config

    folders = [Path(folder).expanduser() for folder in config.data_path]
    return [folder for folder in folders if folder.is_dir()]


def one_line(error: BaseException) -> str:
    r"""Return what a library says is wrong, on one line and not at length.

    Examples
    --------
    >>> one_line(ValueError("bad\n  header"))
    'bad header'
    >>> one_line(EOFError())
    'EOFError'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a temporary file that takes the place of `path` if all goes well."""
    if not path.parent.is_dir():
        raise MissingDataError(f"there is no folder {path.parent} to write {path.name} into")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # mkstemp would keep others out
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
