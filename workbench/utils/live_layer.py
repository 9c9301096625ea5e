"""Access from `workbench` to functions of `extensions_live`, which are imported when needed.

No other module of `workbench` imports `extensions_live`, so the libraries of `extensions_live` are
optional. A method that draws something gets the drawing function from `from_live_layer`.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

from workbench.errors import MissingLibraryError
from workbench.utils.notices import in_notebook, shell

LAYER = "extensions_live"
MISSING = (
    "{what} needs the library {library}, which is not installed; install it with: pip install "
    "'workbench[live]'"
)


def from_live_layer(module: str, name: str, *, what: str) -> Any:
    """Return a function from a module of `extensions_live`.

    Parameters
    ----------
    module, name : str
        The name of the module, without its package, and the name of the function.
    what : str
        The call that needs the function, as named in the error message.

    Raises
    ------
    MissingLibraryError
        If a library that the module requires is not installed.

    Examples
    --------
    >>> from_live_layer("formatting", "format_duration", what="an example")(61)
    '1 min 1 s'
    """
    try:
        return getattr(import_module(f"{LAYER}.{module}"), name)
    except ImportError as error:  # `extensions_live` raises a `MissingLibraryError`
        if not isinstance(error, (ModuleNotFoundError, MissingLibraryError)):
            raise
        raise missing_library(error, what) from None


def show_live(shown: object) -> None:
    """Display an object in a notebook with the view that `extensions_live` registers for it.

    Raises
    ------
    NotImplementedError
        If this process is not the kernel of a notebook, or if a library of `extensions_live` is
        missing. IPython then displays the object as a table or as text.
    """
    if not in_notebook():
        raise NotImplementedError
    with suppress(ModuleNotFoundError, MissingLibraryError):
        import_module(LAYER)
    try:
        show = shell().display_formatter.ipython_display_formatter.lookup(shown)
    except KeyError:
        raise NotImplementedError from None
    show(shown)


def missing_library(error: ImportError, what: str) -> MissingLibraryError:
    """Return the error that names a missing library and the extra that installs it.

    Examples
    --------
    >>> missing_library(ModuleNotFoundError(name="bokeh.plotting"), "log.plot()").name
    'bokeh'
    """
    library = (error.name or LAYER).partition(".")[0]
    found = MissingLibraryError(MISSING.format(what=what, library=library))
    found.name = library
    return found
