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

/** Request for a command of the session, which acts once even if it arrives twice. */
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

/** Traits of the widget that carries BokehJS, compressed by gzip. */
export interface BokehState {
  source: DataView;
  version: string;
}

/** The parts of a page that it shows before the server answers. */
export interface DashboardStart {
  title: string;
  place: string;
  notice: string;
  style: string;
}

/** Part of the page: its widgets, by their identities. */
export interface DashboardSection {
  title: string;
  subtitle: string;
  parts: string[];
}

/** A widget: the name of its module, and its traits. */
export interface DashboardPart {
  module: string;
  state: MimeBundle;
}

/** The script and the style of a kind of widgets. */
export interface DashboardModule {
  esm: string;
  css: string;
}

/** The identity and version of BokehJS, which the page has already. */
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

/** New values of traits, by widget. */
export interface DashboardChange {
  kind: "change";
  parts: Record<string, MimeBundle>;
}

/** A run in the list; `colour` is empty unless it is shown. */
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

/** The runs of a database, the newest first. */
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

export type DashboardMessage = DashboardContents | DashboardChange | DashboardRuns;

/** Request of a page for its contents. */
export interface ReadyMessage {
  kind: "ready";
}

/** Choice of the runs to show. */
export interface SelectMessage {
  kind: "select";
  runs: string[];
}

/** Message of a widget of the page. */
export interface PartMessage {
  kind: "part";
  ident: string;
  content: Message;
}

export type DashboardAnswer = ReadyMessage | SelectMessage | PartMessage;

/** The newest values and the interventions of runs. */
export interface RunTablePayload {
  runs: string[];
  colours: string[];
  rows: string[][];
  interventions: string[][];
}

/** The traits of the table of a dashboard. */
export interface RunTableState {
  problem: string;
  ident: string;
  still: OutputBundles;
  payload: RunTablePayload | Empty;
}
