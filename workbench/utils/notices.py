"""Notices to the user that are not errors.

A notebook shows warnings and the standard error in a red frame, which is too strong for a message
such as "a run continues already". There a notice is a line of plain output.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TextIO


def tell(text: str) -> None:
    """Print a line: as output in a notebook, otherwise on the standard error."""
    print(text, file=screen())


def mention(logger: logging.Logger, text: str) -> None:
    """Log a warning, or print a line in a notebook."""
    if in_notebook():
        tell(text)
    else:
        logger.warning(text)


def screen() -> TextIO:
    """Return the file for notices: standard output in a notebook, otherwise standard error."""
    return sys.stdout if in_notebook() else sys.stderr


def remark(text: str, category: type[Warning], *, stacklevel: int = 2) -> None:
    """Warn as `warnings.warn` does, with all its filters; print the text in a notebook.

    Parameters
    ----------
    text : str
        The message.
    category : type
        The class of the warning.
    stacklevel : int
        As for `warnings.warn`: 2 means the caller of the function that calls `remark`.
    """
    if not in_notebook():
        warnings.warn(text, category, stacklevel=stacklevel + 1)
        return
    with warnings.catch_warnings(record=True) as shown:
        warnings.warn(text, category, stacklevel=stacklevel + 1)
    for one in shown:
        tell(str(one.message))


def in_notebook() -> bool:
    """Return True if a Jupyter kernel runs this code; IPython is not imported."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
