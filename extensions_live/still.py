"""The picture and the table that stay in a cell when page and kernel are gone.

They are outputs of their own below the live widgets: a widget's output shows nothing but an error
once its kernel is gone, whatever else stands in its bundle, and the style sheet that travels with
the table hides it. Both are published empty at first, but for a note on what to do, and replaced
when the run pauses or ends; they are hidden while a live view of the same cell is there. A page
that was reloaded in between cannot be reached in this way: show the view again before saving.
"""

from __future__ import annotations

import base64
import html
import uuid
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.session import State

from .bridge import pump
from .curves import latest, read_curve
from .figures import colours
from .notebook import publish
from .picture import WIDTH, Line, draw
from .widget import asset

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase
    from workbench.session import Session

    from .plot import Plot

POINTS = 600  # enough for the width of the picture
STYLE = f"<style>{asset('still.css')}</style>"
NOTE = (
    '<div class="wb-unkept">A live view of training was here. The notebook was saved while '
    "training ran, so that no picture stayed; run its cells again.</div>"
)


class Still:
    """Publishes a picture of `plots` and a table whenever a run rests.

    Parameters
    ----------
    plots : sequence of Plot
        What to draw.
    session : Session, optional
        Whose state and values to tell; without one, the end of the plots' training counts.

    """

    period = 0.5

    def __init__(self, plots: Sequence[Plot] = (), session: Session | None = None) -> None:
        self._plots = [weakref.ref(plot) for plot in plots]
        self._session = None if session is None else weakref.ref(session)
        # Held until the run is over: its last picture must not be lost with the last reference.
        self._held: list[object] = [*plots, session]
        self._ids = [uuid.uuid4().hex, uuid.uuid4().hex]
        self._published: object = None

    @property
    def plots(self) -> list[Plot]:
        """The plots that still exist."""
        return [plot for plot in (ref() for ref in self._plots) if plot is not None]

    @property
    def session(self) -> Session | None:
        """The session, if there is one and it still exists."""
        return None if self._session is None else self._session()

    def watched(self) -> bool:
        return True

    def refresh(self) -> int:
        if not self.plots and self.session is None:
            pump.detach(self)
            return 0
        moment = self.moment()
        if moment is None or moment == self._published:
            return 0
        table, picture = self.bundles()
        publish(table, display_id=self._ids[0], update=True)
        size = {"image/png": {"width": WIDTH}}
        publish(picture, size, display_id=self._ids[1], update=True)
        self._published = moment
        if self.over():
            self._held.clear()
        return 2

    def fail(self, error: Exception) -> None:
        text = f"The picture cannot be drawn: {type(error).__name__}: {error}"
        publish({"text/plain": text}, display_id=self._ids[1], update=True)

    def display(self) -> None:
        """Show both outputs in the running cell, empty where the run has not rested yet."""
        table, picture = self._ids
        publish({"text/plain": "", "text/html": STYLE + NOTE}, display_id=table)
        publish({"text/plain": ""}, display_id=picture)
        self._published = None
        pump.attach(self)

    def log(self) -> TrainingLogBase | None:
        """Return the log of the run."""
        if self.session is not None:
            return self.session.log
        return next((plot.log for plot in self.plots), None)

    def over(self) -> bool:
        """Tell whether the run ended."""
        session = self.session
        if session is not None:
            return session.state.ended
        return all(plot.finished for plot in self.plots)

    def moment(self) -> object:
        """Return what the picture should be of, or None while the run moves."""
        log = self.log()
        if log is None:
            return None
        session = self.session
        if session is not None:
            resting = session.state.ended or session.state is State.PAUSED
            return (session.state, log.version) if resting else None
        return ("finished", log.version) if self.over() else None

    def facts(self) -> list[tuple[str, str]]:
        """Return what the table says."""
        log = self.log()
        if log is None:
            return []
        rows = [] if self.session is None else [("state", str(self.session.state))]
        rows += [
            ("iterations", f"{log.status['iterations_done']:,}"),
            ("epochs", f"{log.status['epochs_done']:,}"),
        ]
        return [*rows, *latest(log).items()]

    def text(self) -> str:
        """Return the table as plain text."""
        facts = self.facts()
        width = max((len(name) for name, _ in facts), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in facts) or "no run yet"

    def bundles(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the table and the picture as MIME bundles."""
        text = self.text()
        heads = "".join(f"<th>{html.escape(name)}</th>" for name, _ in self.facts())
        cells = "".join(f"<td>{html.escape(value)}</td>" for _, value in self.facts())
        table = STYLE + f'<table class="wb-still"><tr>{heads}</tr><tr>{cells}</tr></table>'
        picture: dict[str, Any] = {"text/plain": ""}
        if panels := self.panels():
            png = draw(panels)
            picture = {"text/plain": "curves", "image/png": base64.b64encode(png).decode()}
        return {"text/plain": text, "text/html": table}, picture

    def panels(self) -> list[list[Line]]:
        """Return the lines of every figure that has any."""
        panels = []
        for plot in self.plots:
            if plot.log is None:
                continue
            colour = colours(plot.channels)
            for channels in plot.channels:
                found = [(name, read_curve(plot.log, name, points=POINTS)) for name in channels]
                lines = [Line(name, colour[name], curve) for name, curve in found if curve]
                if lines:
                    panels.append(lines)
        return panels
