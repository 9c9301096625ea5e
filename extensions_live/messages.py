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


AxisName: TypeAlias = Literal["iteration", "epoch", "time", "examples"]
"""What the x axis of a plot counts."""

MarkKind: TypeAlias = Literal["epoch", "intervention", "tier", "checkpoint", "best"]
"""What a mark on a plot stands for."""


class PlotSettings(TypedDict):
    """Choices of the user about a plot.

    `log_y` and `robust` have indices of figures, `hidden` and `order` keys of curves and runs;
    `smoothing` is a number of iterations, 0 for none.
    """

    x: AxisName
    log_x: bool
    log_y: list[int]
    robust: list[int]
    smoothing: float
    marks: list[MarkKind]
    hidden: list[str]
    hidden_runs: list[str]
    order: list[str]
    names: dict[str, str]
    run_colours: dict[str, str]
    table: bool


class SettingsMessage(TypedDict):
    """The settings that the user chose, whole, with the time of the choice."""

    kind: Literal["settings"]
    settings: PlotSettings
    stamp: float


class CompareMessage(TypedDict):
    """Request to show the branches of a run beside it from an iteration on; null ends that."""

    kind: Literal["compare"]
    start: int | None


class CommandMessage(TypedDict):
    """Request for a command of the session, which acts once even if it arrives twice."""

    kind: Literal["command"]
    name: CommandName
    arguments: NotRequired[dict[str, Any]]
    id: NotRequired[str]


WidgetMessage: TypeAlias = RangeMessage | CommandMessage | SettingsMessage | CompareMessage
"""A message for one widget."""

Message: TypeAlias = VisibilityMessage | WidgetMessage


class ControlRequest(TypedDict):
    """Command for the widget `receiver`, sent on the kernel's control channel."""

    receiver: str
    message: WidgetMessage


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
    smooth_x: NotRequired[bytes]
    smooth_y: NotRequired[bytes]


class MarkData(TypedDict):
    """Marks of one kind: where they are, their texts, and for the best values the curve."""

    kind: MarkKind
    x: list[float]
    text: list[str]
    curve: str
    y: list[float]


class AxisData(TypedDict):
    """The x axis: reasons for those that the log lacks, and known iterations on it."""

    kind: AxisName
    missing: dict[str, str]
    iterations: list[float]
    values: list[float]


class RunData(TypedDict):
    """A run of a comparison: its state as text, and its last iteration."""

    key: str
    name: str
    state: str
    iterations: int


class Difference(TypedDict):
    """A line of the table of a comparison: one text for each run."""

    group: str
    name: str
    values: list[str]


class PlotPayload(TypedDict):
    """The data of the figures by curve: points, latest values, and notes on missing channels."""

    curves: dict[str, CurveData]
    latest: dict[str, str]
    notes: dict[str, str]
    marks: list[MarkData]
    axis: AxisData
    settings: PlotSettings
    stamp: float
    runs: list[RunData]
    differences: list[Difference]
    focus: list[float]
    command: Outcome | None
    possible: list[CommandName]
    control_channel: bool


class LineInfo(TypedDict):
    """A curve of a plot: its key, the run and channel, and how it is drawn."""

    key: str
    run: str
    channel: str
    label: str
    colour: str
    dash: list[int]


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
"""Data and metadata of each output that the page writes into its cell, by the output's mark."""


class LiveState(TypedDict):
    """Traits of every live widget."""

    problem: str
    ident: str
    still: OutputBundles


class PlotState(LiveState):
    """Traits of a plot."""

    payload: PlotPayload | Empty
    title: str
    lines: list[list[LineInfo]]
    figures: str
    bokehjs: str


class ControlsState(LiveState):
    """Traits of the control bar."""

    payload: ControlsPayload | Empty


class BokehState(TypedDict):
    """Traits of the widget that carries BokehJS, compressed by gzip."""

    source: bytes
    version: str
