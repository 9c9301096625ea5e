// The widget of an editor: unlike other widgets, its page writes a trait, the outbox of intents. In a
// dashboard, pages write no traits; there, the intents are sent as messages.

import type { BoardPayload, EditorState, PalettePayload } from "../messages";
import type { Model } from "../model";

export interface EditorModel extends Model<EditorState> {
  set?: <K extends keyof EditorState>(name: K, value: EditorState[K]) => void;
  save_changes?: () => void;
}

/** A board without nodes, until Python sends one. */
export const EMPTY_BOARD: BoardPayload = {
  version: 0,
  structure: 0,
  acked: {},
  refused: [],
  made: [],
  misfits: {},
  shown_from: {},
  nodes: [],
  edges: [],
  summary: { parameters: null, flops: null, fault: null, checking: false },
  undo: null,
  redo: null,
  code: { text: "", fault: null },
  document: "",
  control_channel: false,
};

const EMPTY_PALETTE: PalettePayload = {
  groups: [],
  blocks: [],
  broken: [],
  dtypes: [],
  streams: [],
  step_rules: [],
};

/** Returns the board that Python sent last. */
export function boardOf(model: Pick<EditorModel, "get">): BoardPayload {
  const board = model.get("board");
  return "nodes" in board ? board : EMPTY_BOARD;
}

/** Returns the palette that Python sent last. */
export function paletteOf(model: Pick<EditorModel, "get">): PalettePayload {
  const palette = model.get("palette");
  return "groups" in palette ? palette : EMPTY_PALETTE;
}
