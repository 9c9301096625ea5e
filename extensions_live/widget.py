"""Base class of widgets that send a payload to the page and track whether a page shows them.

All data that change on the page are in one dictionary, `payload`. A change is therefore sent as a
single message, and a page that lost messages or was reloaded shows the current data again after the
next message. Only Python sets traits; the page sends messages.
"""

from __future__ import annotations

import gzip
import uuid
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import anywidget
import bokeh
import traitlets

from extensions_live import control_channel
from extensions_live.audience import Audience
from extensions_live.messages import ChooseMessage, Message, WidgetMessage
from extensions_live.pump import pump
from extensions_live.transport import Wire, outbox
from workbench.errors import WorkbenchError

Subject = TypeVar("Subject")
Payload = TypeVar("Payload", bound=Mapping[str, object])

BOKEHJS = "bokehjs"
"""The model id of the BokehJS widget in a dashboard, whose page already contains the script."""

ASSETS = Path(__file__).parent / "assets"


def asset(name: str) -> str:
    """Read a file in ``assets``, which contains the scripts that are built from ``frontend``."""
    return (ASSETS / name).read_text(encoding="utf-8")


class CarriedWidget(anywidget.AnyWidget):
    """Widget that uses the kernel's comm, or the comm of `extensions_live.transport.carried_by`."""

    comm: Any

    def open(self) -> None:
        destination = outbox()
        if destination is None:
            super().open()
        elif self.comm is None:
            self.comm = Wire(destination, self._model_id)


class BokehJS(CarriedWidget):
    """Widget that sends BokehJS from the installed package to the page once for all plots.

    BokehJS is sent by a widget because a reloaded page fetches the state of widgets again. BokehJS
    is compressed because some programs save the state of widgets in the notebook.
    """

    _esm = "export default {}"
    source = traitlets.Bytes(help="the script, compressed with gzip").tag(sync=True)
    version = traitlets.Unicode().tag(sync=True)

    _instance: BokehJS | None = None

    @classmethod
    def shared(cls) -> BokehJS:
        """Return the kernel's only instance or, for a dashboard, an instance without the script.

        The page of a dashboard already contains BokehJS.
        """
        if outbox() is not None:
            return cls(version=bokeh.__version__, model_id=BOKEHJS)
        if cls._instance is None or cls._instance.comm is None:
            script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
            source = gzip.compress(script.read_bytes(), mtime=0)
            cls._instance = cls(source=source, version=bokeh.__version__)
        return cls._instance


SLOWEST = 10.0
"""Maximum value of `LiveWidget.pace`, in seconds."""


class LiveWidget(CarriedWidget, Generic[Subject, Payload]):
    """Widget that the pump refreshes with the payload that `snapshot` returns.

    Parameters
    ----------
    subject : object
        The object to show. A widget outlives its cell and must not keep a run in memory. Therefore
        the widget holds a strong reference only while the subject can change and a page shows the
        widget.
    period : float
        The minimum number of seconds between two updates.

    Attributes
    ----------
    pace : float
        The number of seconds between two redraws of a page that draws slowly, otherwise 0. More
        frequent updates would not be visible.
    """

    _css = asset("live.css")

    fallback = "A live view of training. It needs a notebook with a running kernel."
    """The text of the output in a program that does not show widgets."""

    payload = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    ident = traitlets.Unicode(help="a copy of model_id, which anywidget hides").tag(sync=True)
    has_control_channel = traitlets.Bool(
        help="whether the kernel handles messages while a cell is running"
    ).tag(sync=True)
    still = traitlets.Dict(help="the outputs that the page writes into its cell").tag(sync=True)

    def __init__(self, subject: Subject, *, period: float, **traits: object) -> None:
        ident = uuid.uuid4().hex
        self.period = period
        self.pace = 0.0
        self.audience = Audience()
        self._subject = weakref.ref(subject)
        self._held: Subject | None = subject
        self._again = False
        connected = control_channel.connected()
        super().__init__(model_id=ident, ident=ident, has_control_channel=connected, **traits)
        self.on_msg(self._hear)
        control_channel.register(ident, self)
        if outbox() is None:
            pump.attach(self)

    @property
    def subject(self) -> Subject | None:
        """The object to show, or None if it no longer exists."""
        return self._subject()

    def snapshot(self, subject: Subject) -> Payload | None:
        """Return the new `payload`, or None if it is unchanged; only the pump calls this method."""
        raise NotImplementedError

    def settled(self, subject: Subject) -> bool:
        """Return True if `subject` will not change without a user's action."""
        raise NotImplementedError

    def receive(self, content: WidgetMessage) -> None:
        """Handle a message from the page; this method runs in one of the kernel's threads."""

    def choose(self, content: ChooseMessage) -> None:
        """Handle the user's choice on the page; this method runs in one of the kernel's threads."""

    def watched(self) -> bool:
        return self.audience.looking()

    @property
    def inner(self) -> Sequence[LiveWidget[Any, Any]]:
        """The widgets that the page shows inside this widget."""
        return ()

    def refresh(self) -> int:
        subject = self.subject
        if subject is None:
            return self._repeat()
        # Before the snapshot, so that a last value that is written in between is not lost.
        settled = self.settled(subject)
        payload = self.snapshot(subject)
        self._held = None if settled else subject
        if payload is None or payload == self.payload:
            if payload is not None and self.problem:
                self.problem = ""  # the values on the page are valid again
            return self._repeat()
        self._again = False
        with self.hold_sync():
            self.payload = dict(payload)
            self.problem = ""
        return 1

    def _repeat(self) -> int:
        """Send the payload again if a page may not have it; return the number of messages sent."""
        again, self._again = self._again, False
        if not again or not self.payload:
            return 0
        self.send_state(["payload", "problem"])
        return 1

    def fail(self, error: Exception) -> None:
        # The message of a `WorkbenchError` is clear without the name of the class.
        known = isinstance(error, WorkbenchError)
        self.problem = str(error) if known else f"{type(error).__name__}: {error}"

    def close(self) -> None:
        pump.detach(self)
        self._held = None
        layout = self.layout  # a separate widget, which ipywidgets would never close
        super().close()
        layout.close()

    def _hear(self, _: object, content: Message, buffers: object) -> None:
        control_channel.busy_again()
        self.hear(content)

    def hear(self, content: Message) -> None:
        """Handle any message from the page."""
        if content["kind"] == "visibility":
            before = self.audience.looking()
            new = self.audience.heard(
                content["rendering"], visible=content["visible"], number=content["number"]
            )
            self._again |= new  # a page that was busy while it loaded may have lost messages
            if self.audience.looking():
                self._held = self.subject
                if new or not before:
                    pump.nudge(self)
            else:
                self._held = None
        elif content["kind"] == "pace":
            self.pace = min(max(content["seconds"], 0.0), SLOWEST)
        elif content["kind"] == "choose":
            self.choose(content)
        else:
            self.receive(content)
