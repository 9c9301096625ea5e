"""Types of all messages and traits that Python and the page exchange.

``frontend/src/messages.ts`` is generated from this module (`make frontend`), so that the type
checkers of both sides refuse fields that the other side does not have. A type with the suffix
``State`` lists the synchronised traits of a widget, which Python writes and the page reads. A type
with the suffix ``Payload`` is replaced completely by every update. `bytes` arrive as a
``DataView``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

# From the page to Python.

CommandName: TypeAlias = Literal[
    "pause", "resume", "step", "stop", "train",
    "set", "hold", "release", "snapshot", "rewind", "undo", "fork",
]  # fmt: skip
"""Methods of a session that a page can call."""


class VisibilityMessage(TypedDict):
    """Visibility of one rendering of a widget."""

    kind: Literal["visibility"]
    rendering: str
    visible: bool


class RangeMessage(TypedDict):
    """Request for finer points between two iterations, or for the whole curve if both are null."""

    kind: Literal["range"]
    start: float | None
    stop: float | None


class CommandMessage(TypedDict):
    """Request for a command of the session; it takes effect only once if it arrives twice."""

    kind: Literal["command"]
    name: CommandName
    arguments: NotRequired[dict[str, Any]]
    id: NotRequired[str]


Message: TypeAlias = VisibilityMessage | RangeMessage | CommandMessage


class ControlRequest(TypedDict):
    """Command for the widget `receiver`, sent on the kernel's control channel."""

    receiver: str
    message: CommandMessage


class ControlReply(TypedDict):
    """Reply to a request: "ok", "unknown" if the widget no longer exists, or an error."""

    status: str


# From Python to the page.


class Empty(TypedDict):
    """Payload before there are any values."""


class CurveData(TypedDict):
    """Points of a curve, as float64 arrays for its line, dots and non-finite values."""

    x: bytes
    y: bytes
    marks: bytes
    dots_x: bytes
    dots_y: bytes


class PlotPayload(TypedDict):
    """Data of the figures by channel: curves, latest values, and notes on missing channels."""

    curves: dict[str, CurveData]
    latest: dict[str, str]
    notes: dict[str, str]


class Outcome(TypedDict):
    """Outcome of the last command."""

    id: int
    text: str
    refused: bool


class Failure(TypedDict):
    """Error that ended training."""

    message: str
    traceback: str


class ControlsPayload(TypedDict):
    """Contents of the control bar, where `fraction` is null if the end of the run is unknown."""

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
"""Data and metadata of each output that the page writes into its cell, keyed by its mark."""


class LiveState(TypedDict):
    """Traits of every live widget."""

    problem: str
    ident: str
    still: OutputBundles


class PlotState(LiveState):
    """Traits of a plot."""

    payload: PlotPayload | Empty
    title: str
    channels: list[list[str]]
    colours: dict[str, str]
    figures: str
    bokehjs: str


class ControlsState(LiveState):
    """Traits of the control bar."""

    payload: ControlsPayload | Empty


class BokehState(TypedDict):
    """Traits of the widget that carries BokehJS, compressed with gzip."""

    source: bytes
    version: str
