"""Notices for the user that are not errors.

A notebook shows warnings and standard error in a red frame, which is too prominent for messages
such as "this main loop is already being trained". In a notebook, a notice is printed as plain
output instead.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any, TextIO

PACKAGE = str(Path(__file__).parents[1])
"""The folder that contains this package."""


def tell(text: str) -> None:
    """Print a line to standard output in a notebook, or to standard error elsewhere."""
    print(text, file=screen())


def mention(logger: logging.Logger, text: str) -> None:
    """Log a warning; in a notebook, print its text instead."""
    if in_notebook():
        tell(text)
    else:
        logger.warning(text)


def screen() -> TextIO:
    """Return the file for notices: standard output in a notebook, otherwise standard error."""
    return sys.stdout if in_notebook() else sys.stderr


def remark(text: str, category: type[Warning], *, stacklevel: int | None = 2) -> None:
    """Issue a warning; in a notebook, print its text if the warning filters allow it.

    Parameters
    ----------
    text : str
        The message.
    category : type
        The class of the warning.
    stacklevel : int or None
        As for `warnings.warn`: 2 refers to the caller of the function that calls `remark`. None
        refers to the nearest caller outside this package.
    """
    if stacklevel is None:
        frame, stacklevel = sys._getframe(1), 1
        while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
            frame, stacklevel = frame.f_back, stacklevel + 1
    if not in_notebook():
        warnings.warn(text, category, stacklevel=stacklevel + 1)
        return
    with warnings.catch_warnings(record=True) as shown:
        warnings.warn(text, category, stacklevel=stacklevel + 1)
    for one in shown:
        tell(str(one.message))


def in_notebook() -> bool:
    """Return True if this code runs in a Jupyter kernel; the check does not import IPython."""
    return hasattr(shell(), "kernel")


def shell() -> Any:
    """Return the running shell of IPython, or None if there is none, without importing IPython."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
