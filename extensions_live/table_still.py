"""Still output of a view without curves: a table that works without a kernel."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, Protocol

from extensions_live.log_source import LogSource
from extensions_live.messages import MimeBundle
from extensions_live.still_output import NOT_LIVE, STYLE, StillOutput, as_html


class Shown(Protocol):
    """Protocol for views whose last contents are kept as a table."""

    seen: int

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Return the column headings and the rows of the table."""

    def caption(self) -> str:
        """Return the text above the table, or an empty string."""


class TableStill(StillOutput):
    """Table of a view's last contents.

    Parameters
    ----------
    source : LogSource
        The run, such as a session.
    view : Shown
        The view; only a weak reference to it is kept. The table is not published while `seen`
        is 0, and is published again when `seen` changes.
    """

    def __init__(self, source: LogSource, view: Shown) -> None:
        super().__init__(source)
        self._view: weakref.ref[Any] = weakref.ref(view)

    def due(self) -> object:
        view, due = self._view(), super().due()
        return None if due is None or view is None or not view.seen else (due, view.seen)

    def text(self) -> str:
        view = self._view()
        return "" if view is None else as_text(*view.table(), caption=view.caption())

    def bundles(self) -> tuple[MimeBundle, MimeBundle]:
        view = self._view()
        heads, rows = ([], []) if view is None else view.table()
        table = as_html(heads, rows, caption="" if view is None else view.caption())
        return {"text/plain": self.text(), "text/html": STYLE + NOT_LIVE + table}, {
            "text/plain": ""
        }


def as_text(heads: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> str:
    """Return a table as aligned text.

    Examples
    --------
    >>> print(as_text(["name", "mean"], [["W", "0.1"], ["bias", "0"]]))
    name  mean
    W     0.1
    bias  0
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    ]
    return "\n".join([caption, *lines] if caption else lines)
