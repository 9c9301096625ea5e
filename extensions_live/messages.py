"""Types of all messages and traits between Python and the page, declared once.

``frontend/src/messages.ts`` is generated from this module (`make frontend`), so that the type
checkers of both sides refuse fields that the other side does not have. A type whose name ends in
``State`` lists the synchronised traits of a widget, which Python writes and the page reads. A type
whose name ends in ``Payload`` is the part that every update replaces as a whole. `bytes` arrive as
a ``DataView``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

# From the page to Python.

CommandName: TypeAlias = Literal[
    "pause", "resume", "step", "stop", "train",
    "set", "hold", "release", "snapshot", "rewind", "undo", "fork",
    "set_end", "save", "load",
]  # fmt: skip
"""Methods of a session that a page can call."""


class VisibilityMessage(TypedDict):
    """Visibility of one rendering of a widget."""

    kind: Literal["visibility"]
    rendering: str
    visible: bool


class RangeMessage(TypedDict):
    """Request for finer points between two iterations, or the whole curve if both are null."""

    kind: Literal["range"]
    start: float | None
    stop: float | None


class CommandMessage(TypedDict):
    """Request for a command of the session; acts once, even if it arrives twice with one id."""

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
    """Answer to a request: "ok", "unknown" for a widget that no longer exists, or an error."""

    status: str


# From Python to the page.


class Empty(TypedDict):
    """The payload before there is anything to show."""


class CurveData(TypedDict):
    """The points of a curve: float64 arrays for its line, its dots, and its non-finite values."""

    x: bytes
    y: bytes
    marks: bytes
    dots_x: bytes
    dots_y: bytes


class PlotPayload(TypedDict):
    """The data of the figures by channel: curves, latest values, and notes on missing channels."""

    curves: dict[str, CurveData]
    latest: dict[str, str]
    notes: dict[str, str]


class Outcome(TypedDict):
    """The outcome of the last command."""

    id: int
    text: str
    refused: bool


class Failure(TypedDict):
    """The error that ended training."""

    message: str
    traceback: str


class Receipt(TypedDict):
    """The outcome of a request of a page: `about` is a path of a number, or a command's name."""

    request: str
    about: str
    text: str
    state: Literal["waiting", "applied", "refused"]
    code: str


class NumberRow(TypedDict):
    """A number that can be changed; a value or a bound that is not finite is null."""

    path: str
    name: str
    owner: str
    value: float | None
    low: float | None
    high: float | None
    scale: Literal["log", "linear"]
    driven_by: str
    held: bool
    receipt: Receipt | None


class EndRow(TypedDict):
    """The planned end of the run, and what is done of it."""

    epochs: int | None
    batches: int | None
    epochs_done: int
    batches_done: int


class BranchRow(TypedDict):
    """A branch of the run; `end` is null for the present one."""

    name: str
    start: int
    end: int | None
    difference: str


class SnapshotRow(TypedDict):
    """A state of training that is kept in memory."""

    iteration: int
    pin: str
    branch: str


class InterventionRow(TypedDict):
    """A change of training; empty fields are those that it does not have."""

    iteration: int
    what: str
    old: str
    new: str
    by: str


class AlertRow(TypedDict):
    """An alert of training."""

    iteration: int
    level: str
    text: str


class SteerPayload(TypedDict):
    """The part of the control bar that changes training."""

    able: bool
    session: str
    default_path: str
    last_path: str
    numbers: list[NumberRow]
    end: EndRow
    branches: list[BranchRow]
    snapshots: list[SnapshotRow]
    interventions: list[InterventionRow]
    more_interventions: int


class ControlsPayload(TypedDict):
    """The contents of the control bar; `fraction` is null if the end of the run is unknown."""

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
    receipts: list[Receipt]
    steer: SteerPayload
    alerts: list[AlertRow]
    alert_count: int
    error: Failure | None
    note: str
    control_channel: bool


MimeBundle: TypeAlias = dict[str, Any]
OutputBundles: TypeAlias = dict[str, tuple[MimeBundle, MimeBundle]]
"""Data and metadata of each output that the page writes into its cell, by the output's mark."""


class LiveState(TypedDict):
    """The traits of every live widget."""

    problem: str
    ident: str
    still: OutputBundles


class PlotState(LiveState):
    """The traits of a plot."""

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
