"""Base class of views that show values inside the network, using probes of a session.

The pump requests a probe from the session, receives the copied values in a later refresh, and
computes the contents of the view from them. The pump requests another probe only after the run has
advanced or `ask_again` has been called. All computation is done on the pump's thread, and no probe
is requested while no page shows the view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import traitlets

from extensions_live.messages import ChooseMessage
from extensions_live.picking import picked
from extensions_live.pump import pump
from extensions_live.run_view import display
from extensions_live.table_still import TableStill, as_text
from extensions_live.widget import LiveWidget, asset
from workbench.errors import SessionError
from workbench.hints import Hinted
from workbench.interfaces import Probe, Session
from workbench.log.interventions import interventions_in

Payload = TypeVar("Payload", bound=Mapping[str, object])

PERIOD, SOON = 0.5, 0.05
"""Usual refresh interval in seconds, and the interval before the first answer."""

REBUILT = (
    "the model was changed at iteration {iteration:,} ({text}), and this view uses the earlier "
    "model; create a new view with the current model"
)
BEFORE_REWIND = (
    "values up to iteration {last:,}, from before the rewind; new values follow once the run has "
    "reached this iteration again"
)
NO_SESSION = (
    "the first argument of {view}() must be a session, as returned by main_loop.start(), "
    "not {given!r}"
)


def rebuilds(session: Session) -> list[tuple[int, str]]:
    """Return the iteration and text of each command that replaced the model of a run."""
    return [
        (iteration, str(record.get("text", "")))
        for iteration, record in interventions_in(session.log)
        if record.get("command") == "rebuild"
    ]


class ProbeView(Hinted, LiveWidget[Session, Payload]):
    """Base class of widgets that show results computed from probes of a session.

    Parameters
    ----------
    session : Session
    title : str, optional

    Attributes
    ----------
    seen : int
        The number of probes that have been answered.

    Raises
    ------
    SessionError
        If `session` is not a session.
    """

    _css = asset("live.css") + asset("inside.css")

    title = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session, *, title: str = "") -> None:
        if not isinstance(session, Session):
            raise SessionError(NO_SESSION.format(view=type(self).__name__, given=session))
        self._probe: Probe | None = None
        self._moment: object = None
        self._followed = 0
        self._name = session.name
        self._rebuilds = rebuilds(session)
        self.seen = 0
        super().__init__(session, period=PERIOD, title=title)

    def ask(self, session: Session) -> Probe:
        """Request a probe of the values that the view needs."""
        raise NotImplementedError

    def see(self, probe: Probe) -> None:
        """Process the answer to a probe."""
        raise NotImplementedError

    def contents(self) -> Payload | None:
        """Return a payload for all answers received, or None if there is nothing to show yet."""
        raise NotImplementedError

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Return the last answer as headings and rows, for the table shown without a kernel."""
        raise NotImplementedError

    def caption(self) -> str:
        """Return the caption of the table that is shown without a kernel."""
        return self.title

    def ask_again(self, *, soon: bool = True) -> None:
        """Request another probe, now or at the next refresh, even if the run has not advanced."""
        self._moment = None
        if soon:
            pump.nudge(self)

    def note_of(self, last: int) -> str:
        """Return a note if the run is before the iteration `last` of the newest values."""
        session = self.subject
        behind = session is not None and int(session.log.status["iterations_done"]) < last
        return BEFORE_REWIND.format(last=last) if behind else ""

    @property
    def copies_graph(self) -> bool:
        """True if the view evaluates a copy of the graph that was passed to the view."""
        return True

    def show_brick(self, path: str, place: int) -> None:
        """Show the brick that was picked in another view, if this view contains the brick.

        Parameters
        ----------
        path : str
        place : int
            The number of earlier bricks that have the same path.
        """

    def snapshot(self, session: Session) -> Payload | None:
        found = rebuilds(session)
        if found != self._rebuilds and self.copies_graph:
            at, text = (found or self._rebuilds)[-1]
            raise SessionError(REBUILT.format(iteration=at, text=text))
        other = picked(session)
        if other is not None and other.number != self._followed:
            self._followed = other.number
            self.show_brick(other.path, other.place)
        moment = moment_of(session)
        if self._probe is None and moment != self._moment:
            self._probe, self._moment = self.ask(session), moment
        if self._probe is not None and self._probe.done:
            probe, self._probe = self._probe, None
            probe.wait()  # raises if it was refused
            self.see(probe)
            self.seen += 1
        contents = self.contents()
        waiting = contents is None and self._probe is not None
        self.period = SOON if waiting else PERIOD
        return contents

    def settled(self, session: Session) -> bool:
        return session.state.ended and self._probe is None

    def choose(self, content: ChooseMessage) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        text = as_text(*self.table()) if self.seen else "no probe has been answered yet"
        return f"{type(self).__name__} of {self._name}\n{text}"

    def _ipython_display_(self) -> None:
        display(self, lambda session: TableStill(session, self))


def moment_of(session: Session) -> object:
    """Return a value that changes whenever the run advances."""
    log = session.log
    return (log.status["iterations_done"], log.version, session.runs, session.state)
