// Generated from extensions_live/messages.py by `make frontend`; change it there.

export type CommandName = "pause" | "resume" | "step" | "stop" | "train" | "set" | "hold" | "release" | "snapshot" | "rewind" | "undo" | "fork" | "set_end" | "save" | "load";

/** Visibility of one rendering of a widget. */
export interface VisibilityMessage {
  kind: "visibility";
  rendering: string;
  visible: boolean;
}

/** Request for finer points between two iterations, or the whole curve if both are null. */
export interface RangeMessage {
  kind: "range";
  start: number | null;
  stop: number | null;
}

/** Request for a command of the session; acts once, even if it arrives twice with one id. */
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

/** Answer to a request: "ok", "unknown" for a widget that no longer exists, or an error. */
export interface ControlReply {
  status: string;
}

/** The payload before there is anything to show. */
export type Empty = Record<never, never>;

/** The points of a curve: float64 arrays for its line, its dots, and its non-finite values. */
export interface CurveData {
  x: DataView;
  y: DataView;
  marks: DataView;
  dots_x: DataView;
  dots_y: DataView;
}

/** The data of the figures by channel: curves, latest values, and notes on missing channels. */
export interface PlotPayload {
  curves: Record<string, CurveData>;
  latest: Record<string, string>;
  notes: Record<string, string>;
}

/** The outcome of the last command. */
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

/** The outcome of a request of a page: `about` is a path of a number, or a command's name. */
export interface Receipt {
  request: string;
  about: string;
  text: string;
  state: "waiting" | "applied" | "refused";
  code: string;
}

/** A number that can be changed; a value or a bound that is not finite is null. */
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

/** The planned end of the run, and what is done of it. */
export interface EndRow {
  epochs: number | null;
  batches: number | null;
  epochs_done: number;
  batches_done: number;
}

/** A branch of the run; `end` is null for the present one. */
export interface BranchRow {
  name: string;
  start: number;
  end: number | null;
  difference: string;
}

/** A state of training that is kept in memory. */
export interface SnapshotRow {
  iteration: number;
  pin: string;
  branch: string;
}

/** A change of training; empty fields are those that it does not have. */
export interface InterventionRow {
  iteration: number;
  what: string;
  old: string;
  new: string;
  by: string;
}

/** An alert of training. */
export interface AlertRow {
  iteration: number;
  level: string;
  text: string;
}

/** The part of the control bar that changes training. */
export interface SteerPayload {
  able: boolean;
  session: string;
  default_path: string;
  last_path: string;
  numbers: NumberRow[];
  end: EndRow;
  branches: BranchRow[];
  snapshots: SnapshotRow[];
  interventions: InterventionRow[];
  more_interventions: number;
}

/** The contents of the control bar; `fraction` is null if the end of the run is unknown. */
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
  receipts: Receipt[];
  steer: SteerPayload;
  alerts: AlertRow[];
  alert_count: number;
  error: Failure | null;
  note: string;
  control_channel: boolean;
}

export type MimeBundle = Record<string, unknown>;

export type OutputBundles = Record<string, [MimeBundle, MimeBundle]>;

/** The traits of every live widget. */
export interface LiveState {
  problem: string;
  ident: string;
  still: OutputBundles;
}

/** The traits of a plot. */
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
