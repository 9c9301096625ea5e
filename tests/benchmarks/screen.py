"""A page without a browser: live views whose messages are prepared as in Jupyter, then dropped.

Widgets and messages are those of a notebook: Jupyter's code encodes them as JSON and signs them.
Only the socket is missing, which a separate thread of a kernel serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from comm.base_comm import BaseComm
from jupyter_client.session import Session as Wire

from extensions_live import Plot, view
from extensions_live.controls import Controls
from extensions_live.plot_view import PlotView
from workbench.session import Session

WIRE = Wire(key=b"benchmark")


class Signed(BaseComm):
    """A comm that does everything except sending."""

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        content = {"data": data or {}, "comm_id": self.comm_id, **keys}
        message = WIRE.msg(msg_type, content, metadata=metadata or {})
        WIRE.serialize(message, ident=b"comm")
        for buffer in buffers or ():
            bytes(buffer)


@contextmanager
def full_view(session: Session) -> Iterator[None]:
    """Show a session as the last line of a cell does: control bar, plots and still outputs."""
    with patch("ipywidgets.comm.create_comm", Signed):
        shown = view(session)
    shown.still.display()
    yield
    shown.close()


class Page:
    """Context that shows a session: a control bar and a plot of `channels`.

    Without channels it shows nothing.
    """

    def __init__(self, session: Session, *, channels: Sequence[str]) -> None:
        self.session = session
        self.plot = Plot(channels=[list(channels)]) if channels else None
        self.views: list[Any] = []

    def __enter__(self) -> Page:
        if self.plot is not None:
            self.plot.main_loop = self.session.main_loop
            with patch("ipywidgets.comm.create_comm", Signed):
                self.views = [Controls(self.session), PlotView(self.plot, *self.plot.views())]
        return self

    def __exit__(self, *exception: object) -> None:
        for one in self.views:
            one.close()
