"""Access of the engine to the live layer, which draws, by name and only when it is asked to.

The engine does not import `extensions_live`, and runs without its libraries. A method that shows
something finds the function that does it here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from workbench.errors import MissingLibraryError

LAYER = "extensions_live"
MISSING = (
    "{what} needs the library {library}, which is not installed; install it with: pip install "
    "'workbench[live]'"
)


def from_live_layer(module: str, name: str, *, what: str) -> Any:
    """Return a function of a module of the live layer.

    Parameters
    ----------
    module, name : str
        The module, without its package, and the function in it.
    what : str
        The call that needs it, for the error.

    Raises
    ------
    MissingLibraryError
        If a library that draws is not installed.

    Examples
    --------
    >>> from_live_layer("formatting", "format_duration", what="an example")(61)
    '1 min 1 s'
    """
    try:
        return getattr(import_module(f"{LAYER}.{module}"), name)
    except ModuleNotFoundError as error:
        missing = MISSING.format(what=what, library=(error.name or LAYER).partition(".")[0])
        raise MissingLibraryError(missing) from None
