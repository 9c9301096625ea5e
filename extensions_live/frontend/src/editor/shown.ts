// The board as the page uses it. Python sends only the values of settings that are set or inferred;
// their fields are those of the palette. What did not change keeps its object.

import type {
  FieldData,
  PaletteEntry,
  PalettePayload,
  BoardNode as SentNode,
  BoardPayload as SentBoard,
  SettingValue,
} from "../messages";

/** A field of a node, its value if it is given, and what is inferred instead. */
export type SettingData = FieldData & SettingValue;

export interface BoardNode extends Omit<SentNode, "settings" | "fields"> {
  readonly settings: readonly SettingData[];
}

export interface BoardPayload extends Omit<SentBoard, "nodes"> {
  readonly nodes: readonly BoardNode[];
}

interface Known {
  readonly text: string;
  readonly entry: PaletteEntry | undefined;
  readonly node: BoardNode;
}

/** Completes the boards that arrive one after another. */
export class Shown {
  #nodes = new Map<string, Known>();
  #palette: PalettePayload | null = null;
  #entries = new Map<string, PaletteEntry>();

  of(board: SentBoard, palette: PalettePayload): BoardPayload {
    if (palette !== this.#palette) {
      this.#palette = palette;
      this.#entries = new Map(
        palette.groups.flatMap(({ entries }) =>
          entries.map((entry) => [`${entry.kind} ${entry.type}`, entry] as const),
        ),
      );
    }
    const known = new Map<string, Known>();
    for (const sent of board.nodes) known.set(sent.id, this.#known(sent));
    this.#nodes = known;
    return { ...board, nodes: [...known.values()].map(({ node }) => node) };
  }

  #known(sent: SentNode): Known {
    const kind = sent.kind === "cost" ? "brick" : sent.kind;
    const entry = this.#entries.get(`${kind} ${sent.type}`);
    const text = JSON.stringify(sent);
    const old = this.#nodes.get(sent.id);
    if (old?.text === text && old.entry === entry) return old;
    return { text, entry, node: complete(sent, entry) };
  }
}

/** Returns a node whose settings have their fields. */
export function complete(sent: SentNode, entry: PaletteEntry | undefined): BoardNode {
  const { fields, settings, ...node } = sent;
  const values = new Map(settings.map((one) => [one.name, one]));
  const all = [...(entry?.fields ?? []), ...fields];
  return { ...node, settings: all.map((field) => ({ ...field, ...valueFor(field, values) })) };
}

function valueFor({ name, default: usual }: FieldData, values: ReadonlyMap<string, SettingValue>) {
  return values.get(name) ?? { name, given: false, value: usual, inferred: null };
}
