"""A calm word to the person at the screen, where nothing is wrong.

A notebook frames in red whatever comes as a warning or on the standard error, which is too loud
for "a run goes on already". There a notice is a line of plain output.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TextIO


def tell(text: str) -> None:
    """Show a line: as output in a notebook, else on the standard error, beside the results."""
    print(text, file=screen())


def mention(logger: logging.Logger, text: str) -> None:
    """Log a warning, or in a notebook show a line."""
    if in_notebook():
        tell(text)
    else:
        logger.warning(text)


def screen() -> TextIO:
    """Return where a person reads what is no result: output in a notebook, else standard error."""
    return sys.stdout if in_notebook() else sys.stderr


def remark(text: str, category: type[Warning], *, stacklevel: int = 2) -> None:
    """Warn, as `warnings.warn` does with all its filters, but calmly in a notebook.

    Parameters
    ----------
    text : str
        What is remarkable.
    category : type
        A class of warnings.
    stacklevel : int
        As for `warnings.warn`: 2 is the caller of the function that calls this one.
    """
    if not in_notebook():
        warnings.warn(text, category, stacklevel=stacklevel + 1)
        return
    with warnings.catch_warnings(record=True) as shown:
        warnings.warn(text, category, stacklevel=stacklevel + 1)
    for one in shown:
        tell(str(one.message))


def in_notebook() -> bool:
    """Return whether a kernel of Jupyter runs this; without loading IPython."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
