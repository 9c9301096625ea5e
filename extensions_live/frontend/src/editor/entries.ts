// The entries of the palette as one list, and the search in it.

import type { BoardInput, PaletteBlock, PaletteEntry, PalettePayload } from "../messages";

/** Something that can be added to the canvas. */
export interface Item {
  readonly kind: "input" | "brick" | "operation" | "module" | "block";
  /** The type of a brick or operation, or the name of a block. */
  readonly type: string;
  /** The name that the palette shows, if it is not the type. */
  readonly title?: string;
  readonly text: string;
  readonly group: string;
  readonly entry: PaletteEntry | null;
  /** The block, if it is one that the user made. */
  readonly own?: PaletteBlock;
}

const INPUT: Item = {
  kind: "input",
  type: "Input",
  text: "Data that the model is given, such as features or targets.",
  group: "Data",
  entry: null,
};

/** Words with which people look for entries that have another name. */
const SYNONYMS: Record<string, string> = {
  Linear: "dense fully connected layer fc",
  Rectifier: "relu",
  Logistic: "sigmoid",
  Convolutional: "conv2d cnn",
  MaxPooling: "pool",
  LookupTable: "embedding",
  MLP: "multilayer perceptron feedforward dense",
  SimpleRecurrent: "rnn",
  GatedRecurrent: "gru rnn",
  LSTM: "rnn long short term memory",
  CategoricalCrossEntropy: "loss nll",
  SquaredError: "loss mse",
  BatchNormalization: "batchnorm bn",
  concatenate: "cat join",
  reshape: "view",
};

/** The title of the group of blocks that the user made. */
export const OWN_BLOCKS = "Your own blocks";

/** The title of the group of PyTorch modules; some of them have the same name as a brick. */
export const TORCH = "PyTorch modules";

/** Names of blocks that are also names of bricks, as the page shows them. */
const BLOCK_TITLES: Readonly<Record<string, string>> = { MLP: "MLP with cost" };

/** Returns the name of a block as the page shows it. */
export function blockTitle({ name, own }: PaletteBlock): string {
  return own ? name : (BLOCK_TITLES[name] ?? name);
}

function blockItem(block: PaletteBlock): Item {
  const { name, text } = block;
  const item = { kind: "block", type: name, title: blockTitle(block), text, entry: null } as const;
  return block.own
    ? { ...item, group: OWN_BLOCKS, own: block }
    : { ...item, group: "Ready blocks" };
}

/** Returns the type by which Python adds an item. */
export function typeOf({ group, type }: Item): string {
  return group === TORCH ? `torch.nn.${type}` : type;
}

/** Returns everything that can be added to the canvas, in the order of the palette. */
export function itemsOf(palette: PalettePayload): Item[] {
  const own = palette.blocks.filter((block) => block.own).map(blockItem);
  const ready = palette.blocks.filter((block) => !block.own).map(blockItem);
  const entries = palette.groups.flatMap(({ title, entries }) =>
    entries.flatMap((entry): Item[] => {
      const { kind, type, text } = entry;
      if (kind === "scheme") return [];
      const item: Item = { kind, type, text, group: title, entry };
      return [title === TORCH ? { ...item, title: `nn.${type}` } : item];
    }),
  );
  return [INPUT, ...own, ...ready, ...entries];
}

/** Returns the items in groups, both in their order. */
export function grouped(items: readonly Item[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.group);
    if (group) group.push(item);
    else groups.set(item.group, [item]);
  }
  return groups;
}

/** Returns a score for the match of a name and its text with a query; 0 if neither matches. */
export function score(query: string, name: string, more = ""): number {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return 1;
  const plain = name.toLowerCase();
  if (plain === wanted) return 100;
  if (plain.startsWith(wanted)) return 80;
  const initials = name.replace(/[^A-Z]/g, "").toLowerCase();
  if (initials.length > 1 && initials.startsWith(wanted)) return 60;
  if (plain.includes(wanted)) return 50;
  const rest = more.toLowerCase();
  if (new RegExp(`\\b${escaped(wanted)}`).test(rest)) return 40;
  const parts = wanted.split(/\s+/);
  if (parts.length > 1 && parts.every((part) => `${plain} ${rest}`.includes(part))) return 30;
  return wanted.length > 3 && isWithin(wanted, plain) ? 10 : 0;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Returns true if all characters of `part` occur in `whole` in their order. */
function isWithin(part: string, whole: string): boolean {
  let from = 0;
  for (const character of part) {
    from = whole.indexOf(character, from) + 1;
    if (from === 0) return false;
  }
  return true;
}

/** Returns a score for the match of an item with a query; bricks come before PyTorch modules. */
export function itemScore({ type, text, group, entry }: Item, query: string): number {
  const known = SYNONYMS[type] ?? "";
  const points = score(query, type, `${known} ${text} ${group}`);
  const synonym = known.split(" ").includes(query.trim().toLowerCase()) ? 95 : 0;
  const foreign = entry?.kind === "module" ? 60 : entry?.kind === "operation" ? 10 : 0;
  return points ? Math.max(1, Math.max(points, synonym) - foreign) : 0;
}

/** Returns the items that match a query, the best first; all of them for an empty query. */
export function search(items: readonly Item[], query: string): Item[] {
  if (!query.trim()) return [...items];
  return items
    .map((item) => ({ item, points: itemScore(item, query) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .map(({ item }) => item);
}

/** Returns the schemes of initialisation. */
export function schemesOf(palette: PalettePayload): PaletteEntry[] {
  return entriesOf(palette).filter(({ kind }) => kind === "scheme");
}

/** Returns the entries of bricks that a field accepts. */
export function bricksFor(palette: PalettePayload, accepts: readonly string[]): PaletteEntry[] {
  const known = new Set(accepts);
  return entriesOf(palette).filter(({ kind, type }) => kind === "brick" && known.has(type));
}

/** Returns the entry of a type, or null. */
export function entryOf(
  palette: PalettePayload,
  kind: PaletteEntry["kind"],
  type: string,
): PaletteEntry | null {
  return entriesOf(palette).find((entry) => entry.kind === kind && entry.type === type) ?? null;
}

function entriesOf(palette: PalettePayload): PaletteEntry[] {
  return palette.groups.flatMap(({ entries }) => entries);
}

/** Returns the first input that takes an edge: one that must be given, else any. */
export function firstInput<Port extends Pick<BoardInput, "name" | "optional">>(
  inputs: readonly Port[],
): Port | null {
  return inputs.find(({ optional }) => !optional) ?? inputs[0] ?? null;
}
