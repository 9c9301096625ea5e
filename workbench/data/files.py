"""Functions that find and check data files, and format text for error messages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workbench.errors import DataFileError, MissingDataError
from workbench.utils.irregular import irregular
from workbench.utils.texts import short

LONGEST = 200
"""Maximum length of a message quoted from a library; some messages contain the whole file."""


def data_folders() -> list[Path]:
    """Return the existing folders of `config.data_path`, with ``~`` expanded."""
    from workbench.config import config

    folders = [Path(folder).expanduser() for folder in config.data_path]
    return [folder for folder in folders if folder.is_dir()]


def one_line(error: object) -> str:
    r"""Format the message of an error, or another value, as one short line.

    Examples
    --------
    >>> one_line(ValueError("bad\n  header"))
    'bad header'
    >>> one_line(EOFError())
    'EOFError'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return short(text, LONGEST)


def some(names: Iterable[object], show: Callable[[Any], str] = repr, most: int = 20) -> str:
    """Join the first `most` names with commas, and append the number of remaining names.

    Examples
    --------
    >>> some(["x", "y"])
    "'x', 'y'"
    >>> some(range(5), most=3)
    '0, 1, 2 and 2 more'
    """
    texts = [f"{show(name):.200}" for name in names]
    left = len(texts) - most
    return ", ".join(texts) if left <= 0 else f"{', '.join(texts[:most])} and {left} more"


def regular_file(path: str | os.PathLike[str], kind: str) -> Path:
    """Return `path` after checking that it is a regular file.

    Reading a pipe or a device might never end.

    Parameters
    ----------
    path : str or Path
        The path to check.
    kind : str
        The kind of file for error messages, such as ``"IDX file"``.

    Raises
    ------
    MissingDataError
        If the path does not exist.
    DataFileError
        If the path is a folder, a pipe, a socket or a device.

    Examples
    --------
    >>> regular_file("missing.csv", "CSV file")
    Traceback (most recent call last):
    ...
    workbench.errors.MissingDataError: there is no CSV file missing.csv
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        reason = "" if isinstance(error, FileNotFoundError) else f" ({error.strerror})"
        raise MissingDataError(f"there is no {kind} {path}{reason}") from None
    except ValueError as error:  # not a valid file name
        raise MissingDataError(f"there is no {kind} {str(path)!r} ({error})") from None
    what = irregular(mode)
    if what is not None:
        raise DataFileError(f"{path} must be a regular {kind}, not {what}")
    return path
