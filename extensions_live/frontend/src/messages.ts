// Generated from extensions_live/messages.py by `make frontend`; change it there.

export type CommandName = "pause" | "resume" | "step" | "stop" | "train" | "set" | "hold" | "release" | "snapshot" | "rewind" | "undo" | "fork";

/** Visibility of one rendering of a widget. */
export interface VisibilityMessage {
  kind: "visibility";
  rendering: string;
  visible: boolean;
}

/** Request for finer points between two iterations, or for the whole curve if both are null. */
export interface RangeMessage {
  kind: "range";
  start: number | null;
  stop: number | null;
}

export type AxisName = "iteration" | "epoch" | "time" | "examples";

export type MarkKind = "epoch" | "intervention" | "tier" | "checkpoint" | "best";

/** Choices of the user about a plot. `log_y` and `robust` have indices of figures, `hidden` and `order` keys of curves and runs; `smoothing` is a number of iterations, 0 for none. */
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

/** The settings that the user chose, whole, with the time of the choice. */
export interface SettingsMessage {
  kind: "settings";
  settings: PlotSettings;
  stamp: number;
}

/** Request to show the branches of a run beside it from an iteration on; null ends that. */
export interface CompareMessage {
  kind: "compare";
  start: number | null;
}

/** Request for a command of the session, which acts once even if it arrives twice. */
export interface CommandMessage {
  kind: "command";
  name: CommandName;
  arguments?: MimeBundle;
  id?: string;
}

export type WidgetMessage = RangeMessage | CommandMessage | SettingsMessage | CompareMessage;

export type Message = VisibilityMessage | RangeMessage | CommandMessage | SettingsMessage | CompareMessage;

/** Command for the widget `receiver`, sent on the kernel's control channel. */
export interface ControlRequest {
  receiver: string;
  message: WidgetMessage;
}

/** Reply to a request: "ok", "unknown" if the widget no longer exists, or an error. */
export interface ControlReply {
  status: string;
}

/** Payload before there are any values. */
export type Empty = Record<never, never>;

/** Points of a curve, as float64 arrays for its line, dots and non-finite values. */
export interface CurveData {
  x: DataView;
  y: DataView;
  marks: DataView;
  dots_x: DataView;
  dots_y: DataView;
  smooth_x?: DataView;
  smooth_y?: DataView;
}

/** Marks of one kind: where they are, their texts, and for the best values the curve. */
export interface MarkData {
  kind: MarkKind;
  x: number[];
  text: string[];
  curve: string;
  y: number[];
}

/** The x axis: reasons for those that the log lacks, and known iterations on it. */
export interface AxisData {
  kind: AxisName;
  missing: Record<string, string>;
  iterations: number[];
  values: number[];
}

/** A run of a comparison: its state as text, and its last iteration. */
export interface RunData {
  key: string;
  name: string;
  state: string;
  iterations: number;
}

/** A line of the table of a comparison: one text for each run. */
export interface Difference {
  group: string;
  name: string;
  values: string[];
}

/** The data of the figures by curve: points, latest values, and notes on missing channels. */
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
  command: Outcome | null;
  possible: CommandName[];
  control_channel: boolean;
}

/** A curve of a plot: its key, the run and channel, and how it is drawn. */
export interface LineInfo {
  key: string;
  run: string;
  channel: string;
  label: string;
  colour: string;
  dash: number[];
}

/** Outcome of the last command. */
export interface Outcome {
  id: number;
  text: string;
  refused: boolean;
}

/** Error that ended training. */
export interface Failure {
  message: string;
  traceback: string;
}

/** Contents of the control bar, where `fraction` is null if the end of the run is unknown. */
export interface ControlsPayload {
  state: string;
  possible: CommandName[];
  iteration: string;
  epoch: string;
  rate: string;
  tier: string[];
  time_left: string;
  fraction: number | null;
  values: string[][];
  command: Outcome | null;
  error: Failure | null;
  note: string;
  control_channel: boolean;
}

export type MimeBundle = Record<string, unknown>;

export type OutputBundles = Record<string, [MimeBundle, MimeBundle]>;

/** Traits of every live widget. */
export interface LiveState {
  problem: string;
  ident: string;
  still: OutputBundles;
}

/** Traits of a plot. */
export interface PlotState {
  problem: string;
  ident: string;
  still: OutputBundles;
  payload: PlotPayload | Empty;
  title: string;
  lines: LineInfo[][];
  figures: string;
  bokehjs: string;
}

/** Traits of the control bar. */
export interface ControlsState {
  problem: string;
  ident: string;
  still: OutputBundles;
  payload: ControlsPayload | Empty;
}

/** Traits of the widget that carries BokehJS, compressed by gzip. */
export interface BokehState {
  source: DataView;
  version: string;
}
