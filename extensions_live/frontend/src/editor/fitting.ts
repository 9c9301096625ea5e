// What fits at the end of an edge: entries of the palette, and inputs of other nodes.

import type { BoardEdge } from "../messages";
import type { BoardNode, BoardPayload } from "./shown";
import type { Item } from "./entries";
import { dimensions } from "./labels";

/** One end of an edge. */
export interface End {
  readonly node: string;
  readonly port: string;
  readonly side: "output" | "input";
}

/** Groups of the palette that usually follow a variable with this number of dimensions. */
const USUAL: Record<number, readonly string[]> = {
  0: ["Operations"],
  1: ["Operations", "Costs"],
  2: ["Layers", "Activations", "Containers", "Costs", "Normalisation and dropout"],
  3: ["Recurrent", "Attention", "Layers", "Sequence generators"],
  4: ["Images", "Activations", "Normalisation and dropout", "Operations"],
};

/** Types that most people look for first. */
const COMMON = new Set([
  ...["Linear", "MLP", "Rectifier", "Softmax", "Convolutional", "MaxPooling", "LSTM"],
  ...["GatedRecurrent", "Dropout", "BatchNormalization", "flatten", "mean", "LookupTable"],
  ...["MultiHeadAttention", "CategoricalCrossEntropy", "SquaredError", "ConvolutionalSequence"],
]);

/** Types whose outputs are scores, which a softmax converts to probabilities. */
const SCORES = new Set(["Linear", "Convolutional", "LinearMaxout", "Maxout", "Rectifier", "Tanh"]);

/** Returns the items that an edge from or to `end` can be connected to, the likely ones first. */
export function whatFits(items: readonly Item[], board: BoardPayload, end: End): Item[] {
  const node = board.nodes.find(({ id }) => id === end.node);
  const output = node?.outputs.find(({ name }) => name === end.port);
  if (end.side === "input") {
    return items.filter((item) => item.kind === "input" || hasPorts(item, "outputs"));
  }
  const scores = SCORES.has(node?.type ?? "") && dimensions(output?.shape ?? null) === 2;
  const rank = (item: Item) => {
    if (scores && item.type === "CategoricalCrossEntropy") return 20; // it takes probabilities
    if (scores && item.type === "Softmax") return -1; // also the cost of scores, as a method
    return rankOf(item, output?.shape ?? null, output?.dtype ?? null);
  };
  return items
    .filter((item) => item.kind !== "input" && hasPorts(item, "inputs"))
    .map((item, place) => ({ item, place, rank: rank(item) }))
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .map(({ item }) => item);
}

/** Returns true unless an item certainly has no inputs, or no outputs. */
export function hasPorts({ kind, entry }: Item, side: "inputs" | "outputs"): boolean {
  if (kind === "block") return false; // it has inputs of its own
  if (!entry?.methods.length) return true; // its settings determine them
  return entry.methods.some((method) => method[side] === null || method[side].length > 0);
}

function rankOf({ group, type }: Item, shape: string | null, dtype: string | null): number {
  const common = COMMON.has(type) ? 0 : 0.5;
  if (dtype?.startsWith("int")) {
    if (type === "LookupTable") return -2;
    if (group === "Costs") return -1 + common;
    return 10 + common;
  }
  if (type === "LookupTable") return 20; // it takes whole numbers only
  const usual = USUAL[dimensions(shape) ?? 2] ?? [];
  const place = usual.indexOf(group);
  const rank = place < 0 ? usual.length : place;
  return COMMON.has(type) ? rank / 10 : 1 + rank;
}

/** An end to which an edge can be connected, and whether an edge is already there. */
export interface Target {
  readonly node: BoardNode;
  readonly port: string;
  readonly taken: boolean;
}

/**
 * Returns the ends of other nodes that fit to `end`: free and required inputs first, or outputs that
 * nothing reads yet.
 */
export function targetsFor(board: BoardPayload, end: End): Target[] {
  const from = board.nodes.find(({ id }) => id === end.node);
  if (!from) return [];
  const others = board.nodes.filter(
    ({ id, parent, editable }) => id !== end.node && parent === from.parent && editable,
  );
  if (end.side === "input") {
    const after = reachable(board.edges, end.node, "forward");
    const isRead = ({ node, port }: Target) =>
      board.edges.some((edge) => edge.source === node.id && edge.output === port);
    return others
      .filter(({ id }) => !after.has(id))
      .flatMap((node) => node.outputs.map(({ name }) => ({ node, port: name, taken: false })))
      .sort((a, b) => Number(isRead(a)) - Number(isRead(b)));
  }
  const before = reachable(board.edges, end.node, "backward");
  const found = others
    .filter(({ id }) => !before.has(id))
    .flatMap((node) =>
      node.inputs.map(({ name, many, optional, constant }) => ({
        node,
        port: name,
        taken: constant !== null || (!many && isTaken(board.edges, node.id, name)),
        optional,
      })),
    );
  return found.sort(
    (a, b) => Number(a.taken) - Number(b.taken) || Number(a.optional) - Number(b.optional),
  );
}

/** Returns true if an edge ends at an input. */
export function isTaken(edges: readonly BoardEdge[], node: string, input: string): boolean {
  return edges.some((edge) => edge.target === node && edge.input === input && !edge.to_inside);
}

/** Returns the nodes that edges lead to from a node, or from which they lead to it. */
export function reachable(
  edges: readonly Pick<BoardEdge, "source" | "target">[],
  start: string,
  direction: "forward" | "backward",
): Set<string> {
  const next = new Map<string, string[]>();
  for (const { source, target } of edges) {
    const [from, to] = direction === "forward" ? [source, target] : [target, source];
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found = new Set<string>();
  const waiting = [start];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const other of next.get(node) ?? []) {
      if (!found.has(other)) {
        found.add(other);
        waiting.push(other);
      }
    }
  }
  return found;
}

/** Returns true if an edge between two ends is possible: no circle, both in one group. */
export function canConnect(board: BoardPayload, source: string, target: string): boolean {
  if (source === target) return false;
  return !reachable(board.edges, target, "forward").has(source);
}
