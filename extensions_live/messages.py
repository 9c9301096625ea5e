"""Messages between Python and the page: the one declaration of what both sides may say.

``frontend/src/messages.ts`` is generated from this module (`make frontend`), so that the type
checker of either side refuses what the other does not know. What ends in ``State`` lists the
synchronised traits of a widget, which Python writes and the page reads; what ends in ``Payload`` is
the part that is replaced whole with every update. A `bytes` arrives as a ``DataView``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

# From the page to Python.

CommandName: TypeAlias = Literal["pause", "resume", "step", "stop", "train"]


class VisibilityMessage(TypedDict):
    """Says whether a rendering of a widget is in sight."""

    kind: Literal["visibility"]
    rendering: str
    visible: bool


class RangeMessage(TypedDict):
    """Asks for finer points between two iterations; for the whole curve where they are null."""

    kind: Literal["range"]
    start: float | None
    stop: float | None


class CommandMessage(TypedDict):
    """Asks for what a button does; acts once, though it may come by two ways under one id."""

    kind: Literal["command"]
    name: CommandName
    id: NotRequired[str]


Message: TypeAlias = VisibilityMessage | RangeMessage | CommandMessage


class ControlRequest(TypedDict):
    """Carries a command on the kernel's control channel to the widget `receiver`."""

    receiver: str
    message: CommandMessage


class ControlReply(TypedDict):
    """Answers a request: "ok", "unknown" for a widget that is gone, or an error."""

    status: str


# From Python to the page.


class Empty(TypedDict):
    """A payload before there is anything to show."""


class CurveData(TypedDict):
    """The points of a curve: arrays of float64 for its line, lone dots, and non-finite values."""

    x: bytes
    y: bytes
    marks: bytes
    dots_x: bytes
    dots_y: bytes


class PlotPayload(TypedDict):
    """The numbers of the figures by channel: curves, latest values, notes on what is missing."""

    curves: dict[str, CurveData]
    latest: dict[str, str]
    notes: dict[str, str]


class Outcome(TypedDict):
    """What became of the last command."""

    id: int
    text: str
    refused: bool


class Failure(TypedDict):
    """The error that ended training."""

    message: str
    traceback: str


class ControlsPayload(TypedDict):
    """Where a run stands, as the control bar says it; `share` is null where the end is unknown."""

    state: str
    possible: list[CommandName]
    iteration: str
    epoch: str
    rate: str
    tier: list[str]
    time_left: str
    fraction: float | None
    values: list[list[str]]
    command: Outcome | None
    error: Failure | None
    note: str
    control_channel: bool


MimeBundle: TypeAlias = dict[str, Any]
OutputBundles: TypeAlias = dict[str, tuple[MimeBundle, MimeBundle]]
"""Data and metadata of each output that the page writes into its cell, by the output's mark."""


class LiveState(TypedDict):
    """The traits that all live widgets have."""

    problem: str
    ident: str
    still: OutputBundles


class PlotState(LiveState):
    """The traits of the figures."""

    payload: PlotPayload | Empty
    title: str
    channels: list[list[str]]
    colours: dict[str, str]
    figures: str
    bokehjs: str


class ControlsState(LiveState):
    """The traits of the control bar."""

    payload: ControlsPayload | Empty


class BokehState(TypedDict):
    """The traits of the widget that carries BokehJS, compressed by gzip."""

    source: bytes
    version: str
