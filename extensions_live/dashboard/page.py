"""`DashboardPage`, a Panel component that shows a dashboard in one browser tab."""

from __future__ import annotations

from typing import Any

import panel
import param

from extensions_live.dashboard.boards import Board
from extensions_live.dashboard.visit import TICK, Visit
from extensions_live.messages import DashboardStart
from extensions_live.widget import asset

HEAD = """
{% block preamble %}{{ super() }}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<style>STYLE</style>
{% endblock %}
"""


class DashboardPage(panel.custom.JSComponent):
    """Page of a dashboard in one tab of a browser.

    Parameters
    ----------
    board : Board
        The board to show.
    notice : str
        A warning about the server, shown at the top of the page, or an empty string.
    """

    start = param.Dict(default={}, doc="the content of the page before the server answers")

    _esm = asset("dashboard.js")

    def __init__(self, board: Board, notice: str = "") -> None:
        self.visit = Visit(board, self._send_msg)
        start: DashboardStart = {
            "title": board.title,
            "place": board.place,
            "notice": notice,
            "style": asset("dashboard.css"),
        }
        super().__init__(start=start, sizing_mode="stretch_width")  # type: ignore[no-untyped-call]

    def _handle_msg(self, data: Any) -> None:
        self.visit.receive(data)


def open_page(board: Board, notice: str = "") -> DashboardPage:
    """Return a page that is freed together with the document that Panel is creating."""
    page = DashboardPage(board, notice)
    document = panel.state.curdoc
    assert document is not None  # Panel creates a document for every tab
    document.template = HEAD.replace("STYLE", asset("dashboard-page.css"))  # type: ignore[assignment]
    document.add_periodic_callback(page.visit.tick, TICK)
    document.on_session_destroyed(lambda _: page.visit.close())
    return page
