"""The base of both widgets: state that is replaced whole, and a page that says who looks.

Everything that changes on the screen is one dictionary, `payload`, so that a change is one
message and a page that lost some messages, or was reloaded, is right again with the next one.
Traits go from Python to the page only; what the page has to say comes as messages.
"""

from __future__ import annotations

import gzip
import uuid
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import anywidget
import bokeh
import traitlets

from . import control
from .bridge import Audience, pump
from .messages import CommandMessage, Message, RangeMessage

Subject = TypeVar("Subject")
Payload = TypeVar("Payload", bound=Mapping[str, object])

ASSETS = Path(__file__).parent / "assets"


def asset(name: str) -> str:
    """Return the text of a file in `assets`, where ``frontend`` builds its scripts."""
    return (ASSETS / name).read_text(encoding="utf-8")


class BokehJS(anywidget.AnyWidget):
    """Carries BokehJS to the page, once for all plots, from the installed package.

    It is a widget because widget state is what a page fetches again by itself after a reload, and
    compressed because some programs save widget state in the notebook.
    """

    _esm = "export default {}"
    source = traitlets.Bytes(help="the script, compressed by gzip").tag(sync=True)
    version = traitlets.Unicode().tag(sync=True)

    _instance: BokehJS | None = None

    @classmethod
    def shared(cls) -> BokehJS:
        """Return the one of this kernel."""
        if cls._instance is None or cls._instance.comm is None:
            script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
            source = gzip.compress(script.read_bytes(), mtime=0)
            cls._instance = cls(source=source, version=bokeh.__version__)
        return cls._instance


class LiveWidget(anywidget.AnyWidget, Generic[Subject, Payload]):
    """A widget that the pump feeds with what `snapshot` returns.

    Parameters
    ----------
    subject : object
        What is shown. It is held firmly only while it may still change and somebody may look:
        a widget outlives its cell, and must not keep a whole training run alive.
    period : float
        Seconds between two updates, at least.

    """

    _css = asset("live.css")

    payload = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    ident = traitlets.Unicode(help="its own model_id, which the page does not tell").tag(sync=True)
    still = traitlets.Dict(help="what the page writes into the outputs of its cell").tag(sync=True)

    def __init__(self, subject: Subject, *, period: float, **traits: object) -> None:
        ident = uuid.uuid4().hex
        self.period = period
        self.audience = Audience()
        self._subject = weakref.ref(subject)
        self._held: Subject | None = subject
        super().__init__(model_id=ident, ident=ident, **traits)
        self.on_msg(self._hear)
        pump.attach(self)

    @property
    def subject(self) -> Subject | None:
        """What is shown, or None when nothing but this view remembered it."""
        return self._subject()

    def snapshot(self, subject: Subject) -> Payload | None:
        """Return the new `payload`, or None when nothing changed. Called by the pump alone."""
        raise NotImplementedError

    def settled(self, subject: Subject) -> bool:
        """Tell whether `subject` will not change any more by itself."""
        raise NotImplementedError

    def receive(self, content: CommandMessage | RangeMessage) -> None:
        """Take a message of the page. Called on one of the kernel's threads."""

    def watched(self) -> bool:
        return self.audience.looking()

    def refresh(self) -> int:
        subject = self.subject
        if subject is None:
            return 0
        # Asked before the snapshot: a last value written in between is then not lost.
        settled = self.settled(subject)
        payload = self.snapshot(subject)
        self._held = None if settled else subject
        if payload is None or payload == self.payload:
            return 0
        with self.hold_sync():
            self.payload = dict(payload)
            self.problem = ""
        return 1

    def fail(self, error: Exception) -> None:
        self.problem = f"{type(error).__name__}: {error}"

    def close(self) -> None:
        pump.detach(self)
        self._held = None
        super().close()

    def _hear(self, _: object, content: Message, buffers: object) -> None:
        control.busy_again()
        if content["kind"] == "look":
            before = self.audience.looking()
            self.audience.heard(content["rendering"], visible=content["visible"])
            if self.audience.looking():
                self._held = self.subject
                if not before:
                    pump.nudge(self)
            else:
                self._held = None
        else:
            self.receive(content)
