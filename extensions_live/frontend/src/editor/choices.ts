// The lists to choose from: what fits at an end, and the nodes of the board.

import type { BoardEdge } from "../messages";
import { itemScore, typeOf, type Item } from "./entries";
import { isTaken, targetsFor, whatFits, type End } from "./fitting";
import { familyOfGroup, type Family } from "./images";
import { canStandOnEdge, isFree, onEdge, type Room } from "./inserting";
import { portWords, typeWords, words } from "./labels";
import type { Choice } from "./parts/Chooser";
import type { BoardNode, BoardPayload } from "./shown";

export interface Acts {
  /** Adds an item; with an end, it is connected to it. */
  readonly add: (item: Item, end: End | null) => void;
  readonly connect: (from: End, to: End) => void;
  readonly select: (ids: readonly string[], show: boolean) => void;
  readonly familyOf: (node: BoardNode) => Family;
}

/** Returns the items as choices; a choice adds the item, connected to `end` if there is one. */
export function itemChoices(items: readonly Item[], end: End | null, { add }: Acts): Choice[] {
  return items.map((item) => ({
    key: `${item.kind}-${item.type}`,
    title: item.title ?? item.type,
    text: item.text,
    note: item.group,
    rank: (query) => itemScore(item, query),
    tile: { type: item.type, family: familyOfGroup(item.group) },
    act: () => {
      add(item, end);
    },
  }));
}

/** Returns what fits at `end` as choices. */
export function fittingChoices(
  items: readonly Item[],
  board: BoardPayload,
  end: End,
  acts: Acts,
): Choice[] {
  return itemChoices(whatFits(items, board, end), end, acts);
}

/** Returns the ends to which some ends of a node can be connected, and then what can be added. */
export function connectChoices(
  items: readonly Item[],
  board: BoardPayload,
  ends: readonly End[],
  acts: Acts,
): Choice[] {
  const other = (end: End) => (end.side === "output" ? "input" : "output");
  const free = [...ends].sort((a, b) => Number(isFilled(board, a)) - Number(isFilled(board, b)));
  const there = free.flatMap((end) =>
    targetsFor(board, end).map(({ node, port, taken }) => ({
      key: `${end.port}-${node.id}-${port}`,
      title: node.title,
      text: portText(node, port, end),
      note: [taken ? "replaces" : "", ends.length > 1 ? words(end.port) : ""]
        .filter(Boolean)
        .join(" "),
      words: `${node.type} ${words(port)} ${portWords(port, node.inputs)}`,
      tile: { type: node.kind === "input" ? "Input" : node.type, family: acts.familyOf(node) },
      act: () => {
        acts.connect(end, { node: node.id, port, side: other(end) });
      },
    })),
  );
  const [end] = free;
  if (!end) return there;
  const fresh = fittingChoices(items, board, end, acts);
  return [...there, ...fresh.map((one) => ({ ...one, key: `new-${one.key}`, note: "new" }))];
}

/** Returns what can be put on an edge: nodes that are free, then what can be added. */
export function betweenChoices(
  items: readonly Item[],
  board: BoardPayload,
  edge: BoardEdge,
  acts: Acts,
  send: (name: "insert" | "insert_node", given: Record<string, unknown>) => void,
  room: (edge: BoardEdge, node?: string) => Room | null = () => null,
): Choice[] {
  const end: End = { node: edge.source, port: edge.output, side: "output" };
  const put: Acts = {
    ...acts,
    add: (item) => {
      send("insert", { type: typeOf(item), ...onEdge(edge, room(edge)) });
    },
  };
  const free = board.nodes
    .filter(({ id }) => isFree(board, id))
    .map((node) => ({
      key: `free-${node.id}`,
      title: node.title,
      text: node.type,
      note: "on the canvas",
      tile: { type: node.type, family: acts.familyOf(node) },
      act: () => {
        send("insert_node", { node: node.id, ...onEdge(edge, room(edge, node.id)) });
      },
    }));
  return [...free, ...fittingChoices(items.filter(canStandOnEdge), board, end, put)];
}

/** Returns the groups into which nodes can be moved. */
export function groupChoices(
  board: BoardPayload,
  nodes: readonly string[],
  put: (group: string | null, title: string) => void,
): Choice[] {
  const moved = board.nodes.filter(({ id }) => nodes.includes(id));
  const choice = (group: string | null, title: string, text: string): Choice => ({
    key: group ?? "out",
    title,
    text,
    tile: { type: "group", family: "container" },
    act: () => {
      put(group, title);
    },
  });
  const within = board.nodes
    .filter(({ kind, id }) => kind === "group" && !nodes.includes(id))
    .filter(({ id }) => moved.some(({ parent }) => parent !== id))
    .map(({ id, title, text }) => choice(id, title, text));
  const isInside = moved.some(({ parent }) => parent !== null);
  return isInside ? [...within, choice(null, "Out of all groups", "onto the canvas")] : within;
}

function isFilled({ edges }: BoardPayload, { node, port, side }: End): boolean {
  return side === "input" && isTaken(edges, node, port);
}

function portText(node: BoardNode, port: string, end: End): string {
  const several = (end.side === "output" ? node.inputs : node.outputs).length > 1;
  if (!several) return typeWords(node.type);
  return end.side === "output" ? `input ${portWords(port, node.inputs)}` : `output ${words(port)}`;
}

/** Returns the nodes of the board as choices. */
export function nodeChoices(board: BoardPayload, acts: Acts): Choice[] {
  return board.nodes.map((node) => ({
    key: node.id,
    title: node.title,
    text: node.kind === "input" ? "input" : node.type,
    words: node.settings.map(({ name }) => words(name)).join(" "),
    note: node.fault?.needs ? "unfinished" : node.fault ? "fault" : "",
    tile: { type: node.kind === "input" ? "Input" : node.type, family: acts.familyOf(node) },
    act: () => {
      acts.select([node.id], true);
    },
  }));
}
