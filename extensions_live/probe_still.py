"""Still output of a `ProbeView`: a table that needs no kernel."""

from __future__ import annotations

import html
import weakref
from collections.abc import Sequence
from typing import Any, Protocol

from extensions_live.messages import MimeBundle
from extensions_live.still_output import NOT_LIVE, STYLE, StillOutput
from workbench.interfaces import Session


class Shown(Protocol):
    """View whose last contents are kept as a table."""

    seen: int

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Return the column headings and the rows of the table."""


class ProbeStill(StillOutput):
    """Table of the last contents of a view.

    Parameters
    ----------
    session : Session
    view : Shown
        Only a weak reference to it is kept.
    """

    def __init__(self, session: Session, view: Shown) -> None:
        super().__init__(session)
        self._view: weakref.ref[Any] = weakref.ref(view)

    def due(self) -> object:
        view, due = self._view(), super().due()
        return None if due is None or view is None or not view.seen else (due, view.seen)

    def text(self) -> str:
        view = self._view()
        return "" if view is None else as_text(*view.table())

    def bundles(self) -> tuple[MimeBundle, MimeBundle]:
        view = self._view()
        heads, rows = ([], []) if view is None else view.table()
        head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows
        )
        table = f'<table class="wb-still"><tr>{head}</tr>{body}</table>'
        return {"text/plain": self.text(), "text/html": STYLE + NOT_LIVE + table}, {
            "text/plain": ""
        }


def as_text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as aligned text.

    Examples
    --------
    >>> print(as_text(["name", "mean"], [["W", "0.1"], ["bias", "0"]]))
    name  mean
    W     0.1
    bias  0
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    )
