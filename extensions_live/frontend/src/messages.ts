// Generated from extensions_live/messages.py by `make frontend`; change it there.

export type CommandName = "pause" | "resume" | "step" | "stop" | "train" | "set" | "hold" | "release" | "snapshot" | "rewind" | "undo" | "fork" | "set_end" | "save" | "load" | "relabel" | "drop";

/** Numbered report from a page: the visibility of one rendering of a widget. */
export interface VisibilityMessage {
  kind: "visibility";
  rendering: string;
  visible: boolean;
  number: number;
}

/** Report from a page: seconds between two redraws if the page draws slowly, otherwise 0. */
export interface PaceMessage {
  kind: "pace";
  seconds: number;
}

/** Request for more points between two iterations, or in the whole curve if both are null. */
export interface RangeMessage {
  kind: "range";
  start: number | null;
  stop: number | null;
}

export type AxisName = "iteration" | "epoch" | "time" | "examples";

export type MarkKind = "epoch" | "intervention" | "tier" | "checkpoint" | "best" | "branch";

/** Settings that the user chose for a plot. `log_y` and `robust` contain indices of figures, `hidden` contains keys of curves, and `hidden_runs` and `order` contain keys of runs. `smoothing` is a number of iterations; 0 means no smoothing. */
export interface PlotSettings {
  x: AxisName;
  log_x: boolean;
  log_y: number[];
  robust: number[];
  smoothing: number;
  marks: MarkKind[];
  hidden: string[];
  hidden_runs: string[];
  order: string[];
  names: Record<string, string>;
  run_colours: Record<string, string>;
  table: boolean;
}

/** All settings of a plot, with the time when the user last changed one of them. */
export interface SettingsMessage {
  kind: "settings";
  settings: PlotSettings;
  stamp: number;
}

/** Request to compare a run with its forks, and with branches that end after `start`. If `start` is null, the comparison ends. */
export interface CompareMessage {
  kind: "compare";
  start: number | null;
}

/** Request to execute a session command; a request that arrives twice is executed once. */
export interface CommandMessage {
  kind: "command";
  name: CommandName;
  arguments?: MimeBundle;
  id?: string;
}

/** Choice that a user made in a view: a value for the option `what`. */
export interface ChooseMessage {
  kind: "choose";
  what: string;
  value: string;
}

export type IntentName = "add" | "add_block" | "add_input" | "connect" | "set" | "unset" | "rename" | "remove" | "move" | "duplicate" | "paste" | "group" | "unpack" | "open" | "close" | "arrange" | "set_method" | "set_cost" | "monitor" | "freeze" | "apply_fix" | "undo" | "redo" | "set_code" | "load" | "clear" | "add_stream" | "train" | "widen" | "deepen" | "apply" | "return_to_session" | "pause_session" | "save_block" | "rename_block" | "remove_block" | "show_on_nodes" | "push" | "step_example" | "clear_example" | "insert" | "insert_node" | "put";

/** Request to change the board: the name of a board method, and its arguments. `client` identifies a rendering on a page. Each rendering numbers its intents from 1. */
export interface Intent {
  client: string;
  number: number;
  name: IntentName;
  arguments: MimeBundle;
}

/** All intents of a page that have not been acknowledged; each intent is executed only once. */
export interface IntentsMessage {
  kind: "intents";
  intents: Intent[];
}

export type WidgetMessage = RangeMessage | CommandMessage | SettingsMessage | CompareMessage | IntentsMessage;

export type Message = VisibilityMessage | PaceMessage | RangeMessage | CommandMessage | SettingsMessage | CompareMessage | IntentsMessage | ChooseMessage;

/** Message for the widget `receiver`, sent on the kernel's control channel. */
export interface ControlRequest {
  receiver: string;
  message: Message;
}

/** Reply to a request: "ok", "unknown" (if the widget no longer exists), or an error. */
export interface ControlReply {
  status: string;
}

/** Payload of a view before it has any values. */
export type Empty = Record<never, never>;

/** Points of a curve as float64 arrays: line, dots, non-finite values, smoothed, kept. */
export interface CurveData {
  x: DataView;
  y: DataView;
  marks: DataView;
  dots_x: DataView;
  dots_y: DataView;
  smooth_x?: DataView;
  smooth_y?: DataView;
  kept_x?: DataView;
  kept_y?: DataView;
}

/** Marks of one kind: their positions and labels; for a best value, also the curve's key. */
export interface MarkData {
  kind: MarkKind;
  x: number[];
  text: string[];
  curve: string;
  y: number[];
}

/** The x axis: its kind, positions of iterations, and reasons why other kinds are missing. */
export interface AxisData {
  kind: AxisName;
  missing: Record<string, string>;
  iterations: number[];
  values: number[];
}

/** A run in a comparison: its state as text, and its last iteration. */
export interface RunData {
  key: string;
  name: string;
  state: string;
  iterations: number;
}

/** A line in a comparison table, with one string for each run. */
export interface Difference {
  group: string;
  name: string;
  values: string[];
}

/** Part of a run that a rewind left behind: the iteration where it starts, and a description. */
export interface KeptData {
  start: number;
  text: string;
}

/** Contents of a plot, such as its curves, latest values, notes, marks and settings. */
export interface PlotPayload {
  curves: Record<string, CurveData>;
  latest: Record<string, string>;
  notes: Record<string, string>;
  marks: MarkData[];
  axis: AxisData;
  settings: PlotSettings;
  stamp: number;
  runs: RunData[];
  differences: Difference[];
  focus: number[];
  kept: KeptData | null;
  command: Outcome | null;
  possible: CommandName[];
}

/** A curve of a plot: its key, its run and channel, and how it is drawn. */
export interface LineInfo {
  key: string;
  run: string;
  channel: string;
  label: string;
  colour: string;
  dash: number[];
  shape: string;
}

/** Outcome of the last command; `code` shows the session that a fork started. */
export interface Outcome {
  id: number;
  text: string;
  refused: boolean;
  code?: string;
}

/** Error that ended training. */
export interface Failure {
  message: string;
  traceback: string;
}

/** Outcome of a request; `about` is the path of a number or the name of a command. */
export interface Receipt {
  request: string;
  about: string;
  text: string;
  state: "waiting" | "applied" | "refused";
  code: string;
}

/** A number that can be changed; non-finite values and bounds are null. */
export interface NumberRow {
  path: string;
  name: string;
  owner: string;
  value: number | null;
  low: number | null;
  high: number | null;
  scale: "log" | "linear";
  driven_by: string;
  held: boolean;
  receipt: Receipt | null;
}

/** The planned end of the run, and the progress so far. */
export interface EndRow {
  epochs: number | null;
  batches: number | null;
  epochs_done: number;
  batches_done: number;
}

/** A branch of the run; `end` is null for the current branch. */
export interface BranchRow {
  name: string;
  start: number;
  end: number | null;
  difference: string;
}

/** A training state that is kept in memory. */
export interface SnapshotRow {
  iteration: number;
  pin: string;
  branch: string;
}

/** A change to training; fields that do not apply are empty. */
export interface InterventionRow {
  iteration: number;
  time: string;
  what: string;
  old: string;
  new: string;
  by: string;
}

/** An alert that was raised during training. */
export interface AlertRow {
  iteration: number;
  level: string;
  text: string;
}

/** Contents of the part of the control bar that changes training. */
export interface SteerPayload {
  able: boolean;
  session: string;
  default_path: string;
  last_path: string;
  numbers: NumberRow[];
  end: EndRow;
  branches: BranchRow[];
  more_branches: number;
  snapshots: SnapshotRow[];
  interventions: InterventionRow[];
  more_interventions: number;
}

/** Progress of a run; `fraction` is null if the end of the run is unknown. */
export interface ProgressFacts {
  state: string;
  iteration: string;
  epoch: string;
  rate: string;
  tier: string[];
  time_left: string;
  fraction: number | null;
}

/** Contents of the control bar: the progress of the run, and data for the buttons and rows. */
export interface ControlsPayload {
  state: string;
  iteration: string;
  epoch: string;
  rate: string;
  tier: string[];
  time_left: string;
  fraction: number | null;
  possible: CommandName[];
  values: string[][];
  command: Outcome | null;
  receipts: Receipt[];
  steer: SteerPayload;
  alerts: AlertRow[];
  alert_count: number;
  error: Failure | null;
  note: string;
}

export type MimeBundle = Record<string, unknown>;

export type OutputBundles = Record<string, [MimeBundle, MimeBundle]>;

/** Traits of every live widget. */
export interface LiveState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
}

/** Traits of a plot. */
export interface PlotState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: PlotPayload | Empty;
  title: string;
  lines: LineInfo[][];
  figures: string;
  bokehjs: string;
}

/** Traits of the control bar. `title` is the text before the state, such as a session's name. If `folded` is true, the section "Steer" is initially closed. */
export interface ControlsState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  title: string;
  folded: boolean;
  payload: ControlsPayload | Empty;
}

/** Traits of a finished figure. */
export interface FigureState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: Empty;
  figures: string;
  bokehjs: string;
}

/** Runs of a sweep: a table of the best runs, and the figure's data by source and column. */
export interface SweepPayload {
  caption: string;
  heads: string[];
  rows: string[][];
  best: string;
  sources: Record<string, Record<string, unknown[]>>;
}

/** Traits of a sweep view. */
export interface SweepState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: SweepPayload | Empty;
  figures: string;
  bokehjs: string;
}

/** Contents of a progress line: the progress of the run, and the error that ended the run. */
export interface ProgressPayload {
  state: string;
  iteration: string;
  epoch: string;
  rate: string;
  tier: string[];
  time_left: string;
  fraction: number | null;
  failure: string;
}

/** Traits of a progress line. */
export interface ProgressState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: ProgressPayload | Empty;
}

/** Request for rows of a log; `columns` is null for the first columns, "all" for all columns. While `hold` is true, new rows are only counted. `copy` is the number of CSV requests so far. */
export interface RowsMessage {
  kind: "rows";
  start: number;
  count: number;
  sort: string;
  descending: boolean;
  condition: string;
  columns: string[] | "all" | null;
  hold: boolean;
  copy: number;
}

/** The visible rows of a log, beginning with row `start` of `total`, with each cell as text. `chosen` is the requested value of `columns`; `columns` are the channels that are shown. `copied` is the number of the last CSV request, and `csv` is the answer to this request. */
export interface LogTablePayload {
  channels: string[];
  chosen: string[] | "all" | null;
  columns: string[];
  rows: string[][];
  start: number;
  total: number;
  all: number;
  newer: number;
  sort: string;
  descending: boolean;
  condition: string;
  error: string;
  copied: number;
  csv: string;
  csv_rows: number;
}

/** Traits of a log table. */
export interface LogTableState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: LogTablePayload | Empty;
}

/** Traits of the widget that sends the BokehJS script, which is compressed with gzip. */
export interface BokehState {
  source: DataView;
  version: string;
}

/** Distributions of a variable over time, as float64 (`counts` and `numbers` are float32). */
export interface DistributionsPayload {
  kinds: string[];
  kind: string;
  names: string[];
  name: string;
  iterations: DataView;
  low: DataView;
  high: DataView;
  counts: DataView;
  numbers: DataView;
  size: number;
  note: string;
}

/** Traits of a histogram. */
export interface HistogramState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: DistributionsPayload | Empty;
  title: string;
}

/** A number for each layer and iteration (float32, NaN if missing), and details of one layer. */
export interface LayersPayload {
  metrics: string[][];
  metric: string;
  rows: string[];
  row: string;
  iterations: DataView;
  values: DataView;
  low: number | null;
  high: number | null;
  detail: DistributionsPayload | null;
  note: string;
}

/** Traits of the overview of layers. */
export interface LayersState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: LayersPayload | Empty;
  title: string;
}

/** One example, with its true class and the prediction; empty strings are not shown. `edit` is the text "dropped" or "relabelled", or empty if the example was not edited. */
export interface Tile {
  index: number;
  text: string;
  truth: string;
  guess: string;
  sure: number | null;
  right: boolean | null;
  loss: string;
  flagged: boolean;
  edit: string;
}

/** Form to relabel or drop the flagged examples, whose indices are in `chosen`. `classes` are the class names; the label of a class is its index. `reason` says why the examples cannot be edited, and `no_label` says why they cannot be relabelled. Both are empty if there is no such restriction. */
export interface EditBar {
  chosen: number[];
  classes: string[];
  source: string;
  reason: string;
  no_label: string;
  receipts: Receipt[];
}

/** Examples with predictions, and the pixels of example images and output images. */
export interface TilesPayload {
  edit: EditBar | null;
  tiles: Tile[];
  images: DataView;
  outputs: DataView;
  width: number;
  height: number;
  channels: number;
  summary: string;
}

/** Traits of a view of examples. */
export interface TilesState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: TilesPayload | Empty;
  title: string;
  flags: boolean;
}

/** Counts of examples (float32), one row per true class and one column per predicted class. */
export interface ConfusionPayload {
  names: string[];
  counts: DataView;
  summary: string;
  note: string;
}

/** Traits of a confusion matrix. */
export interface ConfusionState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: ConfusionPayload | Empty;
  title: string;
}

/** Contents of a page that are shown before the server answers. */
export interface DashboardStart {
  title: string;
  place: string;
  notice: string;
  style: string;
}

/** Section of a dashboard, with the identifiers of its widgets. Sections with different values of `page` are shown on different pages. */
export interface DashboardSection {
  page: string;
  title: string;
  subtitle: string;
  parts: string[];
}

/** A widget: the name of its module, and its traits. */
export interface DashboardPart {
  module: string;
  state: MimeBundle;
}

/** The script and the style of one kind of widget. */
export interface DashboardModule {
  esm: string;
  css: string;
}

/** The model id and the version of BokehJS, which the page has already loaded. */
export interface DashboardBokeh {
  ident: string;
  version: string;
}

/** All sections and widgets of the page. */
export interface DashboardContents {
  kind: "contents";
  sections: DashboardSection[];
  parts: Record<string, DashboardPart>;
  modules: Record<string, DashboardModule>;
  bokehjs: DashboardBokeh;
}

/** New values of traits, keyed by widget. */
export interface DashboardChange {
  kind: "change";
  parts: Record<string, MimeBundle>;
}

/** Additional widgets that are shown inside widgets of the page. */
export interface DashboardParts {
  kind: "parts";
  parts: Record<string, DashboardPart>;
  modules: Record<string, DashboardModule>;
}

/** A run in the list; `colour` is empty unless the run is shown. */
export interface RunRow {
  uuid: string;
  name: string;
  created: string;
  origin: string;
  iterations: string;
  epochs: string;
  state: string;
  detail: string;
  shown: boolean;
  colour: string;
}

/** The runs of a database, newest first. */
export interface RunList {
  rows: RunRow[];
  problem: string;
}

/** The runs to choose from, and the error if they cannot be read. */
export interface DashboardRuns {
  kind: "runs";
  rows: RunRow[];
  problem: string;
}

export type DashboardMessage = DashboardContents | DashboardParts | DashboardChange | DashboardRuns;

/** Request from a page for its contents. */
export interface ReadyMessage {
  kind: "ready";
}

/** Choice of the runs to show. */
export interface SelectMessage {
  kind: "select";
  runs: string[];
}

/** Message from a widget on the page. */
export interface PartMessage {
  kind: "part";
  ident: string;
  content: Message;
}

export type DashboardAnswer = ReadyMessage | SelectMessage | PartMessage;

/** Newest values and interventions of runs. */
export interface RunTablePayload {
  runs: string[];
  colours: string[];
  rows: string[][];
  interventions: string[][];
}

/** Traits of a dashboard table. */
export interface RunTableState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: RunTablePayload | Empty;
}

/** Form field, as listed in the catalogue; if `kind` is null, any value is allowed. */
export interface FieldData {
  name: string;
  kind: string | null;
  many: boolean;
  optional: boolean;
  required: boolean;
  lazy: boolean;
  default: unknown;
  least: number | null;
  below: number | null;
  choices: string[];
  accepts: string[];
  text: string;
}

/** A setting of a node: the given value if `given` is true, otherwise the inferred value. */
export interface SettingValue {
  name: string;
  given: boolean;
  value: unknown;
  inferred: unknown;
}

/** An input or output of a palette entry. */
export interface PortData {
  name: string;
  many: boolean;
  optional: boolean;
}

/** A method of an entry; the ports are null if they depend on the settings. */
export interface MethodData {
  name: string;
  text: string;
  inputs: PortData[] | null;
  outputs: PortData[] | null;
}

/** An entry of the palette, which can be placed on the canvas or in a field. `icon` is the name of a small drawing. */
export interface PaletteEntry {
  kind: "brick" | "operation" | "scheme" | "module";
  type: string;
  text: string;
  icon: string;
  fields: FieldData[];
  methods: MethodData[];
}

/** A group of entries in the palette. */
export interface PaletteGroup {
  title: string;
  entries: PaletteEntry[];
}

/** A block of several nodes in the palette; `own` is true if the user created the block. `saved` is true if the block is also available in later kernels. */
export interface PaletteBlock {
  name: string;
  text: string;
  own: boolean;
  saved: boolean;
}

/** A source of data: its name, shape and dtype. */
export interface SourceData {
  name: string;
  shape: (number | null)[];
  dtype: string;
}

/** The value of a source for one example, as text; `image` is the URL of a PNG image. */
export interface SourceExample {
  text: string;
  image: string | null;
}

/** A data stream that can be used for training, and the sources of the stream. `note` describes the stream, for example by stating its number of examples. `examples` contains the value of each source for the first example. */
export interface StreamData {
  name: string;
  note: string;
  sources: SourceData[];
  examples: Record<string, SourceExample>;
}

/** Everything that can be added to a board or used with it. `broken` contains an error message for each saved block that cannot be read. */
export interface PalettePayload {
  groups: PaletteGroup[];
  blocks: PaletteBlock[];
  broken: string[];
  dtypes: string[];
  streams: StreamData[];
  step_rules: string[];
}

/** An input of a node; `constant` is a number or a parameter in place of an edge, as text. */
export interface BoardInput {
  name: string;
  many: boolean;
  optional: boolean;
  constant: string | null;
}

/** An output of a node: its shape as text, such as "batch × 784", and the name of its wire. */
export interface BoardOutput {
  name: string;
  shape: string | null;
  dtype: string | null;
  wire: string;
}

/** A suggested fix for a fault, which `apply_fix` applies. */
export interface FixData {
  label: string;
}

/** The fault of a node: the error that Python raises, and a short sentence that explains it. `needs` is null for a mistake; for a node that is only unfinished, it says what is missing. */
export interface NodeFault {
  text: string;
  short: string;
  needs: string | null;
  setting: string | null;
  fix: FixData | null;
}

/** A node of the board. `title` is the name of the node, and `parent` is the id of the group or brick that contains the node. `position` is null until it is set by `move` or by an automatic layout of the page. `open` is null if the node cannot be opened. If `editable` is false, as for a part of a brick, the node's edges cannot be changed. `methods` are the methods that the node can apply. `cost` is the output that training minimises. `settings` contains the given and inferred settings. Their form fields are in the entry of the palette and in `fields`. */
export interface BoardNode {
  id: string;
  kind: "input" | "brick" | "operation" | "cost" | "group";
  type: string;
  title: string;
  text: string;
  icon: string;
  parent: string | null;
  position: [number, number] | null;
  inputs: BoardInput[];
  outputs: BoardOutput[];
  methods: string[];
  method: string | null;
  settings: SettingValue[];
  fields: FieldData[];
  parameters: number | null;
  flops: number | null;
  fault: NodeFault | null;
  open: boolean | null;
  editable: boolean;
  cost: string | null;
  monitored: string[];
  frozen: boolean;
}

/** An edge from an output to an input. `index` is the position among the edges of an input that accepts several edges. Inside an open group, an edge can begin at an *input* of the group (`from_inside`) or end at an *output* of the group (`to_inside`). */
export interface BoardEdge {
  id: string;
  source: string;
  output: string;
  target: string;
  input: string;
  index: number | null;
  shape: string | null;
  dtype: string | null;
  fault: boolean;
  from_inside: boolean;
  to_inside: boolean;
}

/** An intent that was refused, and the reason. */
export interface Refusal {
  client: string;
  number: number;
  text: string;
}

/** The nodes that an intent created, which the page then selects. */
export interface MadeNodes {
  client: string;
  number: number;
  nodes: string[];
}

/** The first mistake of a board or, if `needs` is not null, its first unfinished node. */
export interface BoardFault {
  node: string;
  text: string;
  short: string;
  needs: string | null;
}

/** Totals of a board, which are null while they are unknown. `checking` is true while some nodes are still unchecked, so more faults may follow. */
export interface BoardSummary {
  parameters: number | null;
  flops: number | null;
  fault: BoardFault | null;
  checking: boolean;
}

/** The fault of code; `line` counts from 1, and is 0 if the line is unknown. */
export interface CodeFault {
  line: number;
  text: string;
}

/** The code of the model, and the reason if the code is missing or incomplete. */
export interface CodeData {
  text: string;
  fault: CodeFault | null;
}

/** The contents of a board. `version` increases with every change, but `structure` increases only when nodes or edges change, so that the page knows when to run its layout. `acked` contains the number of the last executed intent of each client. `misfits` contains the streams that do not fit the model, each with a reason. `shown_from` contains, for each input, the name of the stream whose example the input shows. `undo` and `redo` are the names of the edits that can be undone and redone. `document` is the whole board as JSON text, for images and the clipboard; `paste` accepts this text. */
export interface BoardPayload {
  version: number;
  structure: number;
  acked: Record<string, number>;
  refused: Refusal[];
  made: MadeNodes[];
  misfits: Record<string, string>;
  shown_from: Record<string, string>;
  nodes: BoardNode[];
  edges: BoardEdge[];
  summary: BoardSummary;
  undo: string | null;
  redo: string | null;
  code: CodeData;
  document: string;
  control_channel: boolean;
}

/** Receipt for the most recently applied edits; `number` increases with each receipt. */
export interface SurgeryReceipt {
  number: number;
  text: string;
}

/** The board compared with the model that a session trains. `differs` is false if there is no session or nothing to apply. `problem` says why the board cannot be applied. `text` says what would be kept and what would be new. `widened` contains the layers whose additional units can be copies of existing units. `reason` says why the model with these copies would compute a different function, and is empty if the function would be the same. */
export interface SurgeryPayload {
  differs: boolean;
  paused: boolean;
  session: string;
  text: string;
  changes: string[];
  problem: string;
  widened: string[];
  reason: string;
  receipt: SurgeryReceipt;
}

/** The value that a node shows; `share` is the length of its bar from 0 to 1, or null. */
export interface NodeValue {
  text: string;
  title: string;
  share: number | null;
}

/** The first `count` of `of` images, side by side, with one byte per pixel and channel. */
export interface EdgeImage {
  count: number;
  of: number;
  width: number;
  height: number;
  channels: number;
  pixels: DataView;
}

/** The value of an edge for one example; `bars` contains the elements of a short vector. `text` is the range of the values, or the only value, and `note` is their mean. If several edges begin at the same output, only the edge whose `main` is true shows the value. */
export interface EdgeValue {
  text: string;
  note: string;
  title: string;
  shape: string;
  main: boolean;
  image: EdgeImage | null;
  bars: number[];
}

/** The example that is pushed; `can_step` is true if the user can step to other examples. */
export interface ExampleData {
  text: string;
  index: number | null;
  can_step: boolean;
}

/** The node that was picked last; `followed` is true if it was picked in another view. */
export interface PickedNode {
  node: string;
  path: string;
  expression: string;
  number: number;
  followed: boolean;
}

/** Live values of a session on the nodes and edges of a board, keyed by id. `metric` is the quantity that the nodes show: one of the names in `metrics`, or "nothing". `session` is empty if no session is watched, and `problem` says why there are no values. */
export interface LivePayload {
  session: string;
  metric: string;
  metrics: string[][];
  iteration: number | null;
  nodes: Record<string, NodeValue>;
  edges: Record<string, EdgeValue>;
  example: ExampleData | null;
  picked: PickedNode | null;
  problem: string;
}

/** State of the session that trains an editor's model, with a sentence about this state. */
export interface SessionStatus {
  session: string;
  state: string;
  text: string;
}

/** Traits of an editor; the page writes only `outbox`, which contains its unanswered intents. `training` contains the identifiers of the widgets that show the session of `train`, and `status` describes the session's state. `origin` is the same for all editors of a board, even after a reload. */
export interface EditorState {
  problem: string;
  ident: string;
  has_control_channel: boolean;
  still: OutputBundles;
  payload: Empty;
  board: BoardPayload | Empty;
  palette: PalettePayload | Empty;
  outbox: Intent[];
  training: string[];
  surgery: SurgeryPayload | Empty;
  origin: string;
  live: LivePayload | Empty;
  status: SessionStatus | Empty;
}
