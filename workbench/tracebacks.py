"""Short tracebacks of the workbench's errors, with only the frames of the user's code.

The message of an error states what to do, and its traceback should point to the line to change.
Frames inside the workbench and torch do not help the user, and a long traceback hides the message.
Therefore these frames are omitted when IPython or Python shows an uncaught error.
``error.__traceback__``, ``%debug`` and `pdb` keep all frames, and ``config.full_tracebacks = True``
shows all frames.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType

OURS = frozenset({"workbench", "extensions_live"})
HIDDEN = OURS | {"torch", "IPython", "contextlib"}
"""Packages whose frames are hidden; in a notebook, IPython's frames surround a cell's frames.

The frames of `contextlib` are those of the context managers of the workbench.
"""

OMITTED = (
    "(Frames within the workbench are omitted here; config.full_tracebacks = True shows them too.)"
)


class Readable(BaseException):
    """Base class of exceptions that are shown without the workbench's own frames."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows; IPython calls this method if it exists."""
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        with shortened(self) as hidden:
            if shell is None or self.__traceback__ is None:
                shown = traceback.format_exception(self)
            else:
                shown = shell.InteractiveTB.structured_traceback(
                    type(self), self, self.__traceback__, tb_offset=0
                )
            return [*shown, OMITTED] if hidden else shown


@contextlib.contextmanager
def shortened(error: BaseException) -> Iterator[int]:
    """Hide frames in the tracebacks of `error` and its causes until the ``with`` block ends.

    The context manager yields the number of workbench frames that are hidden.
    """
    whole = [(one, one.__traceback__) for one in _chain(error)]
    count = 0
    if not _full():
        for one, tb in whole:
            parts = list(_parts(tb))
            kept = [part for part in parts if _package(part) not in HIDDEN]
            count += sum(_package(part) in OURS for part in parts)
            one.__traceback__ = _joined(kept)
    try:
        yield count
    finally:
        for one, tb in whole:
            one.__traceback__ = tb


def line_of_user(error: BaseException) -> str:
    """Return the last line of the user's code in a traceback, as text, or an empty string."""
    kept = [part for part in _parts(error.__traceback__) if _package(part) not in HIDDEN]
    if not kept:
        return ""
    code = kept[-1].tb_frame.f_code
    text = linecache.getline(code.co_filename, kept[-1].tb_lineno).strip()
    return f"line {kept[-1].tb_lineno}, in {code.co_name}{': ' + text if text else ''}"


def shorten_uncaught() -> None:
    """Make Python print short tracebacks of uncaught errors, unless another hook is installed."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _show


def _show(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    if not isinstance(error, Readable):
        sys.__excepthook__(kind, error, tb)
        return
    with shortened(error) as hidden:
        traceback.print_exception(error)
    if hidden:
        print(OMITTED, file=sys.stderr)


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an error and all other errors that are shown in its traceback."""
    found: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop()
        if one is not None and one not in found:
            found.append(one)
            left += [one.__cause__, None if one.__suppress_context__ else one.__context__]
    return found


def _parts(tb: TracebackType | None) -> Iterator[TracebackType]:
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _package(part: TracebackType) -> str:
    return str(part.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def _joined(parts: list[TracebackType]) -> TracebackType | None:
    joined = None
    for part in reversed(parts):
        joined = TracebackType(joined, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return joined


def _never() -> bool:
    return False


_asked: Callable[[], bool] = _never


def show_all_if(asked: Callable[[], bool]) -> None:
    """Register a function that returns True if all frames should be shown.

    `workbench.config` calls `show_all_if`, since this module is imported before the settings and
    cannot import them.
    """
    global _asked
    _asked = asked


def _full() -> bool:
    try:
        return _asked()
    except Exception:  # the error may concern an unreadable settings file
        return False
