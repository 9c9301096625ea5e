// Generated from extensions_live/messages.py by `make frontend`; change it there.

export type CommandName = "pause" | "resume" | "step" | "stop" | "train";

/** Says whether a rendering of a widget is in sight. */
export interface VisibilityMessage {
  kind: "visibility";
  rendering: string;
  visible: boolean;
}

/** Asks for finer points between two iterations; for the whole curve where they are null. */
export interface RangeMessage {
  kind: "range";
  start: number | null;
  stop: number | null;
}

/** Asks for what a button does; acts once, though it may come by two ways under one id. */
export interface CommandMessage {
  kind: "command";
  name: CommandName;
  id?: string;
}

export type Message = VisibilityMessage | RangeMessage | CommandMessage;

/** Carries a command on the kernel's control channel to the widget `receiver`. */
export interface ControlRequest {
  receiver: string;
  message: CommandMessage;
}

/** Answers a request: "ok", "unknown" for a widget that is gone, or an error. */
export interface ControlReply {
  status: string;
}

/** A payload before there is anything to show. */
export type Empty = Record<never, never>;

/** The points of a curve: arrays of float64 for its line, lone dots, and non-finite values. */
export interface CurveData {
  x: DataView;
  y: DataView;
  marks: DataView;
  dots_x: DataView;
  dots_y: DataView;
}

/** The numbers of the figures by channel: curves, latest values, notes on what is missing. */
export interface PlotPayload {
  curves: Record<string, CurveData>;
  latest: Record<string, string>;
  notes: Record<string, string>;
}

/** What became of the last command. */
export interface Outcome {
  id: number;
  text: string;
  refused: boolean;
}

/** The error that ended training. */
export interface Failure {
  message: string;
  traceback: string;
}

/** Where a run stands, as the control bar says it; `share` is null where the end is unknown. */
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

/** The traits that all live widgets have. */
export interface LiveState {
  problem: string;
  ident: string;
  still: OutputBundles;
}

/** The traits of the figures. */
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

/** The traits of the control bar. */
export interface ControlsState {
  problem: string;
  ident: string;
  still: OutputBundles;
  payload: ControlsPayload | Empty;
}

/** The traits of the widget that carries BokehJS, compressed by gzip. */
export interface BokehState {
  source: DataView;
  version: string;
}
