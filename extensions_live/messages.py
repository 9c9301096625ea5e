"""Types of all messages and traits that Python and the page exchange.

``frontend/src/messages.ts`` is generated from this module (`make frontend`), so that Python
and TypeScript type checkers reject fields that the other side does not have. A type with the
suffix ``State`` lists the synchronised traits of a widget, which Python writes and the page reads.
Every update completely replaces a value whose type has the suffix ``Payload``. On the page, `bytes`
arrive as a ``DataView``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

# From the page to Python.

CommandName: TypeAlias = Literal[
    "pause", "resume", "step", "stop", "train",
    "set", "hold", "release", "snapshot", "rewind", "undo", "fork",
    "set_end", "save", "load", "relabel", "drop",
]  # fmt: skip
"""Names of session methods that a page can call."""


class VisibilityMessage(TypedDict):
    """Numbered report from a page: the visibility of one rendering of a widget."""

    kind: Literal["visibility"]
    rendering: str
    visible: bool
    number: int


class PaceMessage(TypedDict):
    """Report from a page: seconds between two redraws if the page draws slowly, otherwise 0."""

    kind: Literal["pace"]
    seconds: float


class RangeMessage(TypedDict):
    """Request for more points between two iterations, or in the whole curve if both are null."""

    kind: Literal["range"]
    start: float | None
    stop: float | None


AxisName: TypeAlias = Literal["iteration", "epoch", "time", "examples"]
"""Quantity on the x axis of a plot."""

MarkKind: TypeAlias = Literal["epoch", "intervention", "tier", "checkpoint", "best", "branch"]
"""Kind of a mark on a plot; ``branch`` is the part of the run that the last rewind left behind."""


class PlotSettings(TypedDict):
    """Settings that the user chose for a plot.

    `log_y` and `robust` contain indices of figures, `hidden` contains keys of curves, and
    `hidden_runs` and `order` contain keys of runs. `smoothing` is a number of iterations; 0 means
    no smoothing.
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
    """All settings of a plot, with the time when the user last changed one of them."""

    kind: Literal["settings"]
    settings: PlotSettings
    stamp: float


class CompareMessage(TypedDict):
    """Request to compare a run with its forks, and with branches that end after `start`.

    If `start` is null, the comparison ends.
    """

    kind: Literal["compare"]
    start: int | None


class CommandMessage(TypedDict):
    """Request to execute a session command; a request that arrives twice is executed once."""

    kind: Literal["command"]
    name: CommandName
    arguments: NotRequired[dict[str, Any]]
    id: NotRequired[str]


class ChooseMessage(TypedDict):
    """Choice that a user made in a view: a value for the option `what`."""

    kind: Literal["choose"]
    what: str
    value: str


IntentName: TypeAlias = Literal[
    "add", "add_block", "add_input", "connect", "set", "unset", "rename", "remove",
    "move", "duplicate", "paste", "group", "unpack", "open", "close", "arrange",
    "set_method", "set_cost", "monitor", "freeze", "apply_fix", "undo", "redo", "set_code",
    "load", "clear", "add_stream", "train", "widen", "deepen", "apply", "return_to_session",
    "pause_session", "save_block", "rename_block", "remove_block",
    "show_on_nodes", "push", "step_example", "clear_example", "insert", "insert_node", "put",
]  # fmt: skip
"""Names of methods of an editor's board that a page can call."""


class Intent(TypedDict):
    """Request to change the board: the name of a board method, and its arguments.

    `client` identifies a rendering on a page. Each rendering numbers its intents from 1.
    """

    client: str
    number: int
    name: IntentName
    arguments: dict[str, Any]


class IntentsMessage(TypedDict):
    """All intents of a page that have not been acknowledged; each intent is executed only once."""

    kind: Literal["intents"]
    intents: list[Intent]


WidgetMessage: TypeAlias = (
    RangeMessage | CommandMessage | SettingsMessage | CompareMessage | IntentsMessage
)
"""A message for one widget."""

Message: TypeAlias = VisibilityMessage | PaceMessage | WidgetMessage | ChooseMessage


class ControlRequest(TypedDict):
    """Message for the widget `receiver`, sent on the kernel's control channel."""

    receiver: str
    message: Message


class ControlReply(TypedDict):
    """Reply to a request: "ok", "unknown" (if the widget no longer exists), or an error."""

    status: str


# From Python to the page.


class Empty(TypedDict):
    """Payload of a view before it has any values."""


class CurveData(TypedDict):
    """Points of a curve as float64 arrays: line, dots, non-finite values, smoothed, kept."""

    x: bytes
    y: bytes
    marks: bytes
    dots_x: bytes
    dots_y: bytes
    smooth_x: NotRequired[bytes]
    smooth_y: NotRequired[bytes]
    kept_x: NotRequired[bytes]
    kept_y: NotRequired[bytes]


class MarkData(TypedDict):
    """Marks of one kind: their positions and labels; for a best value, also the curve's key."""

    kind: MarkKind
    x: list[float]
    text: list[str]
    curve: str
    y: list[float]


class AxisData(TypedDict):
    """The x axis: its kind, positions of iterations, and reasons why other kinds are missing."""

    kind: AxisName
    missing: dict[str, str]
    iterations: list[float]
    values: list[float]


class RunData(TypedDict):
    """A run in a comparison: its state as text, and its last iteration."""

    key: str
    name: str
    state: str
    iterations: int


class Difference(TypedDict):
    """A line in a comparison table, with one string for each run."""

    group: str
    name: str
    values: list[str]


class KeptData(TypedDict):
    """Part of a run that a rewind left behind: the iteration where it starts, and a description."""

    start: int
    text: str


class PlotPayload(TypedDict):
    """Contents of a plot, such as its curves, latest values, notes, marks and settings."""

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
    kept: KeptData | None
    command: Outcome | None
    possible: list[CommandName]


class LineInfo(TypedDict):
    """A curve of a plot: its key, its run and channel, and how it is drawn."""

    key: str
    run: str
    channel: str
    label: str
    colour: str
    dash: list[int]
    shape: str


class Outcome(TypedDict):
    """Outcome of the last command; `code` shows the session that a fork started."""

    id: int
    text: str
    refused: bool
    code: NotRequired[str]


class Failure(TypedDict):
    """Error that ended training."""

    message: str
    traceback: str


class Receipt(TypedDict):
    """Outcome of a request; `about` is the path of a number or the name of a command."""

    request: str
    about: str
    text: str
    state: Literal["waiting", "applied", "refused"]
    code: str


class NumberRow(TypedDict):
    """A number that can be changed; non-finite values and bounds are null."""

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
    """The planned end of the run, and the progress so far."""

    epochs: int | None
    batches: int | None
    epochs_done: int
    batches_done: int


class BranchRow(TypedDict):
    """A branch of the run; `end` is null for the current branch."""

    name: str
    start: int
    end: int | None
    difference: str


class SnapshotRow(TypedDict):
    """A training state that is kept in memory."""

    iteration: int
    pin: str
    branch: str


class InterventionRow(TypedDict):
    """A change to training; fields that do not apply are empty."""

    iteration: int
    time: str
    what: str
    old: str
    new: str
    by: str


class AlertRow(TypedDict):
    """An alert that was raised during training."""

    iteration: int
    level: str
    text: str


class SteerPayload(TypedDict):
    """Contents of the part of the control bar that changes training."""

    able: bool
    session: str
    default_path: str
    last_path: str
    numbers: list[NumberRow]
    end: EndRow
    branches: list[BranchRow]
    more_branches: int
    snapshots: list[SnapshotRow]
    interventions: list[InterventionRow]
    more_interventions: int


class ProgressFacts(TypedDict):
    """Progress of a run; `fraction` is null if the end of the run is unknown."""

    state: str
    iteration: str
    epoch: str
    rate: str
    tier: list[str]
    time_left: str
    fraction: float | None


class ControlsPayload(ProgressFacts):
    """Contents of the control bar: the progress of the run, and data for the buttons and rows."""

    possible: list[CommandName]
    values: list[list[str]]
    command: Outcome | None
    receipts: list[Receipt]
    steer: SteerPayload
    alerts: list[AlertRow]
    alert_count: int
    error: Failure | None
    note: str


MimeBundle: TypeAlias = dict[str, Any]
OutputBundles: TypeAlias = dict[str, tuple[MimeBundle, MimeBundle]]
"""Data and metadata of each output that the page writes to its cell, keyed by display id."""


class LiveState(TypedDict):
    """Traits of every live widget."""

    problem: str
    ident: str
    has_control_channel: bool
    still: OutputBundles


class PlotState(LiveState):
    """Traits of a plot."""

    payload: PlotPayload | Empty
    title: str
    lines: list[list[LineInfo]]
    figures: str
    bokehjs: str


class ControlsState(LiveState):
    """Traits of the control bar.

    `title` is the text before the state, such as a session's name. If `folded` is true, the section
    "Steer" is initially closed.
    """

    title: str
    folded: bool
    payload: ControlsPayload | Empty


class FigureState(LiveState):
    """Traits of a finished figure."""

    payload: Empty
    figures: str
    bokehjs: str


class SweepPayload(TypedDict):
    """Runs of a sweep: a table of the best runs, and the figure's data by source and column."""

    caption: str
    heads: list[str]
    rows: list[list[str]]
    best: str
    sources: dict[str, dict[str, list[Any]]]


class SweepState(LiveState):
    """Traits of a sweep view."""

    payload: SweepPayload | Empty
    figures: str
    bokehjs: str


class ProgressPayload(ProgressFacts):
    """Contents of a progress line: the progress of the run, and the error that ended the run."""

    failure: str


class ProgressState(LiveState):
    """Traits of a progress line."""

    payload: ProgressPayload | Empty


class RowsMessage(TypedDict):
    """Request for rows of a log; `columns` is null for the first columns, "all" for all columns.

    While `hold` is true, new rows are only counted. `copy` is the number of CSV requests so far.
    """

    kind: Literal["rows"]
    start: int
    count: int
    sort: str
    descending: bool
    condition: str
    columns: list[str] | Literal["all"] | None
    hold: bool
    copy: int


class LogTablePayload(TypedDict):
    """The visible rows of a log, beginning with row `start` of `total`, with each cell as text.

    `chosen` is the requested value of `columns`; `columns` are the channels that are shown.
    `copied` is the number of the last CSV request, and `csv` is the answer to this request.
    """

    channels: list[str]
    chosen: list[str] | Literal["all"] | None
    columns: list[str]
    rows: list[list[str]]
    start: int
    total: int
    all: int
    newer: int
    sort: str
    descending: bool
    condition: str
    error: str
    copied: int
    csv: str
    csv_rows: int


class LogTableState(LiveState):
    """Traits of a log table."""

    payload: LogTablePayload | Empty


class BokehState(TypedDict):
    """Traits of the widget that sends the BokehJS script, which is compressed with gzip."""

    source: bytes
    version: str


# Views that look inside the network.


class DistributionsPayload(TypedDict):
    """Distributions of a variable over time, as float64 (`counts` and `numbers` are float32)."""

    kinds: list[str]
    kind: str
    names: list[str]
    name: str
    iterations: bytes
    low: bytes
    high: bytes
    counts: bytes
    numbers: bytes
    size: int
    note: str


class HistogramState(LiveState):
    """Traits of a histogram."""

    payload: DistributionsPayload | Empty
    title: str


class LayersPayload(TypedDict):
    """A number for each layer and iteration (float32, NaN if missing), and details of one layer."""

    metrics: list[list[str]]
    metric: str
    rows: list[str]
    row: str
    iterations: bytes
    values: bytes
    low: float | None
    high: float | None
    detail: DistributionsPayload | None
    note: str


class LayersState(LiveState):
    """Traits of the overview of layers."""

    payload: LayersPayload | Empty
    title: str


class Tile(TypedDict):
    """One example, with its true class and the prediction; empty strings are not shown.

    `edit` is the text "dropped" or "relabelled", or empty if the example was not edited.
    """

    index: int
    text: str
    truth: str
    guess: str
    sure: float | None
    right: bool | None
    loss: str
    flagged: bool
    edit: str


class EditBar(TypedDict):
    """Form to relabel or drop the flagged examples, whose indices are in `chosen`.

    `classes` are the class names; the label of a class is its index. `reason` says why the
    examples cannot be edited, and `no_label` says why they cannot be relabelled. Both are empty if
    there is no such restriction.
    """

    chosen: list[int]
    classes: list[str]
    source: str
    reason: str
    no_label: str
    receipts: list[Receipt]


class TilesPayload(TypedDict):
    """Examples with predictions, and the pixels of example images and output images."""

    edit: EditBar | None
    tiles: list[Tile]
    images: bytes
    outputs: bytes
    width: int
    height: int
    channels: int
    summary: str


class TilesState(LiveState):
    """Traits of a view of examples."""

    payload: TilesPayload | Empty
    title: str
    flags: bool


class ConfusionPayload(TypedDict):
    """Counts of examples (float32), one row per true class and one column per predicted class."""

    names: list[str]
    counts: bytes
    summary: str
    note: str


class ConfusionState(LiveState):
    """Traits of a confusion matrix."""

    payload: ConfusionPayload | Empty
    title: str


# The dashboard: its page and its server.


class DashboardStart(TypedDict):
    """Contents of a page that are shown before the server answers."""

    title: str
    place: str
    notice: str
    style: str


class DashboardSection(TypedDict):
    """Section of a dashboard, with the identifiers of its widgets.

    Sections with different values of `page` are shown on different pages.
    """

    page: str
    title: str
    subtitle: str
    parts: list[str]


class DashboardPart(TypedDict):
    """A widget: the name of its module, and its traits."""

    module: str
    state: dict[str, Any]


class DashboardModule(TypedDict):
    """The script and the style of one kind of widget."""

    esm: str
    css: str


class DashboardBokeh(TypedDict):
    """The model id and the version of BokehJS, which the page has already loaded."""

    ident: str
    version: str


class DashboardContents(TypedDict):
    """All sections and widgets of the page."""

    kind: Literal["contents"]
    sections: list[DashboardSection]
    parts: dict[str, DashboardPart]
    modules: dict[str, DashboardModule]
    bokehjs: DashboardBokeh


class DashboardChange(TypedDict):
    """New values of traits, keyed by widget."""

    kind: Literal["change"]
    parts: dict[str, dict[str, Any]]


class DashboardParts(TypedDict):
    """Additional widgets that are shown inside widgets of the page."""

    kind: Literal["parts"]
    parts: dict[str, DashboardPart]
    modules: dict[str, DashboardModule]


class RunRow(TypedDict):
    """A run in the list; `colour` is empty unless the run is shown."""

    uuid: str
    name: str
    created: str
    origin: str
    iterations: str
    epochs: str
    state: str
    detail: str
    shown: bool
    colour: str


class RunList(TypedDict):
    """The runs of a database, newest first."""

    rows: list[RunRow]
    problem: str


class DashboardRuns(TypedDict):
    """The runs to choose from, and the error if they cannot be read."""

    kind: Literal["runs"]
    rows: list[RunRow]
    problem: str


DashboardMessage: TypeAlias = DashboardContents | DashboardParts | DashboardChange | DashboardRuns


class ReadyMessage(TypedDict):
    """Request from a page for its contents."""

    kind: Literal["ready"]


class SelectMessage(TypedDict):
    """Choice of the runs to show."""

    kind: Literal["select"]
    runs: list[str]


class PartMessage(TypedDict):
    """Message from a widget on the page."""

    kind: Literal["part"]
    ident: str
    content: Message


DashboardAnswer: TypeAlias = ReadyMessage | SelectMessage | PartMessage


class RunTablePayload(TypedDict):
    """Newest values and interventions of runs."""

    runs: list[str]
    colours: list[str]
    rows: list[list[str]]
    interventions: list[list[str]]


class RunTableState(LiveState):
    """Traits of a dashboard table."""

    payload: RunTablePayload | Empty


# The editor of models.


class FieldData(TypedDict):
    """Form field, as listed in the catalogue; if `kind` is null, any value is allowed."""

    name: str
    kind: str | None
    many: bool
    optional: bool
    required: bool
    lazy: bool
    default: Any
    least: float | None
    below: float | None
    choices: list[str]
    accepts: list[str]
    text: str


class SettingValue(TypedDict):
    """A setting of a node: the given value if `given` is true, otherwise the inferred value."""

    name: str
    given: bool
    value: Any
    inferred: Any


class PortData(TypedDict):
    """An input or output of a palette entry."""

    name: str
    many: bool
    optional: bool


class MethodData(TypedDict):
    """A method of an entry; the ports are null if they depend on the settings."""

    name: str
    text: str
    inputs: list[PortData] | None
    outputs: list[PortData] | None


class PaletteEntry(TypedDict):
    """An entry of the palette, which can be placed on the canvas or in a field.

    `icon` is the name of a small drawing.
    """

    kind: Literal["brick", "operation", "scheme", "module"]
    type: str
    text: str
    icon: str
    fields: list[FieldData]
    methods: list[MethodData]


class PaletteGroup(TypedDict):
    """A group of entries in the palette."""

    title: str
    entries: list[PaletteEntry]


class PaletteBlock(TypedDict):
    """A block of several nodes in the palette; `own` is true if the user created the block.

    `saved` is true if the block is also available in later kernels.
    """

    name: str
    text: str
    own: bool
    saved: bool


class SourceData(TypedDict):
    """A source of data: its name, shape and dtype."""

    name: str
    shape: list[int | None]
    dtype: str


class SourceExample(TypedDict):
    """The value of a source for one example, as text; `image` is the URL of a PNG image."""

    text: str
    image: str | None


class StreamData(TypedDict):
    """A data stream that can be used for training, and the sources of the stream.

    `note` describes the stream, for example by stating its number of examples. `examples` contains
    the value of each source for the first example.
    """

    name: str
    note: str
    sources: list[SourceData]
    examples: dict[str, SourceExample]


class PalettePayload(TypedDict):
    """Everything that can be added to a board or used with it.

    `broken` contains an error message for each saved block that cannot be read.
    """

    groups: list[PaletteGroup]
    blocks: list[PaletteBlock]
    broken: list[str]
    dtypes: list[str]
    streams: list[StreamData]
    step_rules: list[str]


class BoardInput(TypedDict):
    """An input of a node; `constant` is a number or a parameter in place of an edge, as text."""

    name: str
    many: bool
    optional: bool
    constant: str | None


class BoardOutput(TypedDict):
    """An output of a node: its shape as text, such as "batch × 784", and the name of its wire."""

    name: str
    shape: str | None
    dtype: str | None
    wire: str


class FixData(TypedDict):
    """A suggested fix for a fault, which `apply_fix` applies."""

    label: str


class NodeFault(TypedDict):
    """The fault of a node: the error that Python raises, and a short sentence that explains it.

    `needs` is null for a mistake; for a node that is only unfinished, it says what is missing.
    """

    text: str
    short: str
    needs: str | None
    setting: str | None
    fix: FixData | None


class BoardNode(TypedDict):
    """A node of the board.

    `title` is the name of the node, and `parent` is the id of the group or brick that contains the
    node. `position` is null until it is set by `move` or by an automatic layout of the page. `open`
    is null if the node cannot be opened. If `editable` is false, as for a part of a brick, the
    node's edges cannot be changed. `methods` are the methods that the node can apply. `cost` is
    the output that training minimises. `settings` contains the given and inferred settings. Their
    form fields are in the entry of the palette and in `fields`.
    """

    id: str
    kind: Literal["input", "brick", "operation", "cost", "group"]
    type: str
    title: str
    text: str
    icon: str
    parent: str | None
    position: tuple[float, float] | None
    inputs: list[BoardInput]
    outputs: list[BoardOutput]
    methods: list[str]
    method: str | None
    settings: list[SettingValue]
    fields: list[FieldData]
    parameters: int | None
    flops: int | None
    fault: NodeFault | None
    open: bool | None
    editable: bool
    cost: str | None
    monitored: list[str]
    frozen: bool


class BoardEdge(TypedDict):
    """An edge from an output to an input.

    `index` is the position among the edges of an input that accepts several edges. Inside an open
    group, an edge can begin at an *input* of the group (`from_inside`) or end at an *output* of the
    group (`to_inside`).
    """

    id: str
    source: str
    output: str
    target: str
    input: str
    index: int | None
    shape: str | None
    dtype: str | None
    fault: bool
    from_inside: bool
    to_inside: bool


class Refusal(TypedDict):
    """An intent that was refused, and the reason."""

    client: str
    number: int
    text: str


class MadeNodes(TypedDict):
    """The nodes that an intent created, which the page then selects."""

    client: str
    number: int
    nodes: list[str]


class BoardFault(TypedDict):
    """The first mistake of a board or, if `needs` is not null, its first unfinished node."""

    node: str
    text: str
    short: str
    needs: str | None


class BoardSummary(TypedDict):
    """Totals of a board, which are null while they are unknown.

    `checking` is true while some nodes are still unchecked, so more faults may follow.
    """

    parameters: int | None
    flops: int | None
    fault: BoardFault | None
    checking: bool


class CodeFault(TypedDict):
    """The fault of code; `line` counts from 1, and is 0 if the line is unknown."""

    line: int
    text: str


class CodeData(TypedDict):
    """The code of the model, and the reason if the code is missing or incomplete."""

    text: str
    fault: CodeFault | None


class BoardPayload(TypedDict):
    """The contents of a board.

    `version` increases with every change, but `structure` increases only when nodes or edges
    change, so that the page knows when to run its layout. `acked` contains the number of the last
    executed intent of each client. `misfits` contains the streams that do not fit the model,
    each with a reason. `shown_from` contains, for each input, the name of the stream whose
    example the input shows. `undo` and `redo` are the names of the edits that can be undone and
    redone. `document` is the whole board as JSON text, for images and the clipboard; `paste`
    accepts this text.
    """

    version: int
    structure: int
    acked: dict[str, int]
    refused: list[Refusal]
    made: list[MadeNodes]
    misfits: dict[str, str]
    shown_from: dict[str, str]
    nodes: list[BoardNode]
    edges: list[BoardEdge]
    summary: BoardSummary
    undo: str | None
    redo: str | None
    code: CodeData
    document: str
    control_channel: bool


class SurgeryReceipt(TypedDict):
    """Receipt for the most recently applied edits; `number` increases with each receipt."""

    number: int
    text: str


class SurgeryPayload(TypedDict):
    """The board compared with the model that a session trains.

    `differs` is false if there is no session or nothing to apply. `problem` says why the board
    cannot be applied. `text` says what would be kept and what would be new. `widened` contains the
    layers whose additional units can be copies of existing units. `reason` says why the model with
    these copies would compute a different function, and is empty if the function would be the same.
    """

    differs: bool
    paused: bool
    session: str
    text: str
    changes: list[str]
    problem: str
    widened: list[str]
    reason: str
    receipt: SurgeryReceipt


class NodeValue(TypedDict):
    """The value that a node shows; `share` is the length of its bar from 0 to 1, or null."""

    text: str
    title: str
    share: float | None


class EdgeImage(TypedDict):
    """The first `count` of `of` images, side by side, with one byte per pixel and channel."""

    count: int
    of: int
    width: int
    height: int
    channels: int
    pixels: bytes


class EdgeValue(TypedDict):
    """The value of an edge for one example; `bars` contains the elements of a short vector.

    `text` is the range of the values, or the only value, and `note` is their mean. If several edges
    begin at the same output, only the edge whose `main` is true shows the value.
    """

    text: str
    note: str
    title: str
    shape: str
    main: bool
    image: EdgeImage | None
    bars: list[float]


class ExampleData(TypedDict):
    """The example that is pushed; `can_step` is true if the user can step to other examples."""

    text: str
    index: int | None
    can_step: bool


class PickedNode(TypedDict):
    """The node that was picked last; `followed` is true if it was picked in another view."""

    node: str
    path: str
    expression: str
    number: int
    followed: bool


class LivePayload(TypedDict):
    """Live values of a session on the nodes and edges of a board, keyed by id.

    `metric` is the quantity that the nodes show: one of the names in `metrics`, or "nothing".
    `session` is empty if no session is watched, and `problem` says why there are no values.
    """

    session: str
    metric: str
    metrics: list[list[str]]
    iteration: int | None
    nodes: dict[str, NodeValue]
    edges: dict[str, EdgeValue]
    example: ExampleData | None
    picked: PickedNode | None
    problem: str


class SessionStatus(TypedDict):
    """State of the session that trains an editor's model, with a sentence about this state."""

    session: str
    state: str
    text: str


class EditorState(LiveState):
    """Traits of an editor; the page writes only `outbox`, which contains its unanswered intents.

    `training` contains the identifiers of the widgets that show the session of `train`, and
    `status` describes the session's state. `origin` is the same for all editors of a board, even
    after a reload.
    """

    payload: Empty
    board: BoardPayload | Empty
    palette: PalettePayload | Empty
    outbox: list[Intent]
    training: list[str]
    surgery: SurgeryPayload | Empty
    origin: str
    live: LivePayload | Empty
    status: SessionStatus | Empty
