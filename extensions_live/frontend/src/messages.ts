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

/** Request for a command of the session; it takes effect only once if it arrives twice. */
export interface CommandMessage {
  kind: "command";
  name: CommandName;
  arguments?: MimeBundle;
  id?: string;
}

export type Message = VisibilityMessage | RangeMessage | CommandMessage;

/** Command for the widget `receiver`, sent on the kernel's control channel. */
export interface ControlRequest {
  receiver: string;
  message: CommandMessage;
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
}

/** Data of the figures by channel: curves, latest values, and notes on missing channels. */
export interface PlotPayload {
  curves: Record<string, CurveData>;
  latest: Record<string, string>;
  notes: Record<string, string>;
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
  channels: string[][];
  colours: Record<string, string>;
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

/** Traits of the widget that carries BokehJS, compressed with gzip. */
export interface BokehState {
  source: DataView;
  version: string;
}
