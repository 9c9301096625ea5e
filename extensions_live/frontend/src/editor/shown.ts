// The board as the page uses it. Python sends only the values of settings that are set or inferred;
// their fields are those of the palette. What did not change keeps its object.

import type {
  FieldData,
  PaletteEntry,
  PalettePayload,
  SourceExample,
  BoardNode as SentNode,
  BoardPayload as SentBoard,
  SettingValue,
} from "../messages";

/** What an input shows of a stream: the value of its source for an example. */
export interface InputExample extends SourceExample {
  readonly stream: string;
}

/** A field of a node, its value if it is given, and what is inferred instead. */
export type SettingData = FieldData & SettingValue;

export interface BoardNode extends Omit<SentNode, "settings" | "fields"> {
  readonly settings: readonly SettingData[];
  /** Only for an input for which a stream has an example. */
  readonly example?: InputExample;
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
    const widths = arriving(board);
    for (const sent of board.nodes) {
      const example = exampleOf(sent, board, palette);
      known.set(sent.id, this.#known(sent, widths.get(sent.id) ?? null, example));
    }
    this.#nodes = known;
    return { ...board, nodes: [...known.values()].map(({ node }) => node) };
  }

  #known(sent: SentNode, width: number | null, example: InputExample | null): Known {
    const kind = sent.kind === "cost" ? "brick" : sent.kind;
    const entry = this.#entries.get(`${kind} ${sent.type}`);
    const text = JSON.stringify([sent, width, example]);
    const old = this.#nodes.get(sent.id);
    if (old?.text === text && old.entry === entry) return old;
    const node = complete(sent, entry, width);
    return { text, entry, node: example ? { ...node, example } : node };
  }
}

/** Returns the example that an input shows, or null. */
function exampleOf(
  { id, title, kind }: SentNode,
  { shown_from }: SentBoard,
  { streams }: PalettePayload,
): InputExample | null {
  const stream = kind === "input" ? shown_from[id] : undefined;
  const found = streams.find(({ name }) => name === stream)?.examples[title];
  return stream !== undefined && found ? { ...found, stream } : null;
}

/** Returns the sizes of the last dimensions that arrive at nodes with one input. */
function arriving({ nodes, edges }: SentBoard): Map<string, number> {
  const single = new Set(nodes.flatMap(({ id, inputs }) => (inputs.length === 1 ? [id] : [])));
  return new Map(
    edges.flatMap(({ target, shape, to_inside }): [string, number][] => {
      const size = Number(shape?.split(" × ").at(-1) ?? NaN);
      return single.has(target) && !to_inside && Number.isInteger(size) ? [[target, size]] : [];
    }),
  );
}

/** Returns a node whose settings have their fields; `width` is what arrives at its input. */
export function complete(
  sent: SentNode,
  entry: PaletteEntry | undefined,
  width: number | null = null,
): BoardNode {
  const { fields, settings, ...node } = sent;
  const values = new Map(settings.map((one) => [one.name, one]));
  const all = [...(entry?.fields ?? []), ...fields];
  const filled = all.map((field) => withWidth({ ...field, ...valueFor(field, values) }, width));
  return { ...node, settings: filled };
}

/** Returns a list of sizes with the first one, which follows from the input if it is left open. */
function withWidth(setting: SettingData, width: number | null): SettingData {
  const { name, given, value } = setting;
  const isOpen = name === "dims" && given && Array.isArray(value) && value[0] === null;
  return isOpen && width !== null
    ? { ...setting, inferred: [width, ...(value as unknown[]).slice(1)] }
    : setting;
}

function valueFor({ name, default: usual }: FieldData, values: ReadonlyMap<string, SettingValue>) {
  return values.get(name) ?? { name, given: false, value: usual, inferred: null };
}
