// Places nodes from top to bottom, the contents of open groups first. Nodes with a position keep it;
// dagre runs only if a container has no positions at all, or if the user wants it.

import { Graph, layout as dagre } from "@dagrejs/dagre";

import type { BoardEdge } from "../messages";
import { pushed } from "./push";
import type { BoardNode } from "./shown";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

export type Place = readonly [x: number, y: number];

/** A box, and the place of the node while everything is closed, to which it then returns. */
export interface Placed extends Box {
  readonly home: Place;
}

type LaidNode = Pick<BoardNode, "id" | "parent" | "open"> & { readonly position: Place | null };
type LaidEdge = Pick<BoardEdge, "source" | "target" | "from_inside" | "to_inside">;

/** Space within an open group, around its contents. */
export const INSIDE = { side: 28, top: 84, bottom: 44 };

/** Space between nodes. */
export const GAP = { x: 44, y: 56 };

/** Returns a text that changes only if the layout can change. */
export function structureOf(nodes: readonly LaidNode[], edges: readonly LaidEdge[]): string {
  return JSON.stringify([
    nodes.map(({ id, parent, position, open }) => [id, parent, position, open]),
    edges.map(({ source, target }) => [source, target]),
  ]);
}

/**
 * Returns the boxes of all nodes, relative to their parents. `sizes` has the sizes of nodes that are
 * not open groups, and those of open ones while they are closed. `known` has positions for nodes
 * without one, such as those of the last layout. New nodes are placed below `wish`, if it is given,
 * or as near to it as there is room.
 */
export function place(
  nodes: readonly LaidNode[],
  edges: readonly LaidEdge[],
  sizes: ReadonlyMap<string, Size>,
  known: ReadonlyMap<string, Place> = new Map(),
  wish: Place | null = null,
): Map<string, Placed> {
  const boxes = new Map<string, Placed>();
  const children = new Map<string | null, LaidNode[]>();
  for (const node of nodes) {
    const siblings = children.get(node.parent);
    if (siblings) siblings.push(node);
    else children.set(node.parent, [node]);
  }
  const wires = between(nodes, edges);
  const fill = (parent: string | null, origin: Place): Box | null => {
    const own = children.get(parent) ?? [];
    const within = wires.get(parent) ?? [];
    if (!own.length) return null;
    const measured = new Map<string, Size>();
    for (const { id } of own) {
      const filled = fill(id, [INSIDE.side, INSIDE.top]);
      measured.set(id, filled ? around(filled, sizes.get(id)) : (sizes.get(id) ?? DEFAULT));
    }
    const near = parent === null ? wish : null;
    const places = placeSome(own, within, measured, known, origin, near);
    const aside = pushed(places, inner(own, within), sizes, measured, GAP);
    for (const [id, home] of places) {
      const [x, y] = aside.get(id) ?? home;
      boxes.set(id, { x, y, home, ...(measured.get(id) ?? DEFAULT) });
    }
    return bounds([...places.keys()].flatMap((id) => boxes.get(id) ?? []));
  };
  fill(null, [0, 0]);
  return boxes;
}

/**
 * Returns the places that moved nodes have while everything is closed: those from which they are
 * drawn where they were moved. `boxes` are the boxes before, and the other arguments those of `place`.
 */
export function homes(
  moved: Readonly<Record<string, Place>>,
  boxes: ReadonlyMap<string, Placed>,
  nodes: readonly LaidNode[],
  ...rest: [readonly LaidEdge[], ReadonlyMap<string, Size>, ReadonlyMap<string, Place>]
): Record<string, Place> {
  const back = Object.entries(moved).map(([id, [x, y]]): [string, Place] => {
    const box = boxes.get(id);
    return [id, box ? [x - box.x + box.home[0], y - box.y + box.home[1]] : [x, y]];
  });
  const wanted = Object.fromEntries(back);
  const drawn = place(
    nodes.map((node) => ({ ...node, position: wanted[node.id] ?? node.position })),
    ...rest,
  );
  const fits = Object.entries(moved).every(([id, [x, y]]) => {
    const box = drawn.get(id);
    return box?.x === x && box.y === y;
  });
  return fits ? wanted : moved; // where an open node is no longer in the way
}

const DEFAULT: Size = { width: 200, height: 60 };

/** What new nodes can become wider by, to the right, when they have been checked. */
const GROWTH = 120;

/** Returns the size of an open group around the box of its contents. */
function around({ x, y, width, height }: Box, least: Size = DEFAULT): Size {
  return {
    width: Math.max(x + width + INSIDE.side, least.width),
    height: y + height + INSIDE.bottom,
  };
}

/** Returns the smallest box that contains some boxes. */
export function bounds(boxes: readonly Box[]): Box {
  const left = Math.min(...boxes.map(({ x }) => x));
  const top = Math.min(...boxes.map(({ y }) => y));
  const right = Math.max(...boxes.map(({ x, width }) => x + width));
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function placeSome(
  nodes: readonly LaidNode[],
  edges: readonly LaidEdge[],
  sizes: ReadonlyMap<string, Size>,
  known: ReadonlyMap<string, Place>,
  origin: Place,
  wish: Place | null,
): Map<string, Place> {
  const placed = new Map<string, Place>();
  for (const { id, position } of nodes) {
    const at = position ?? known.get(id);
    if (at) placed.set(id, at);
  }
  if (!placed.size) return arranged(nodes, edges, sizes, origin);
  const missing = nodes.filter(({ id }) => !placed.has(id));
  if (missing.length > 1 && !nodes.some(({ id }) => known.has(id))) {
    return arrangedAround(placed, arranged(nodes, edges, sizes, origin), sizes);
  }
  const box = (id: string): Box[] => {
    const at = placed.get(id);
    return at ? [{ x: at[0], y: at[1], ...(sizes.get(id) ?? DEFAULT) }] : [];
  };
  const inside = inner(nodes, edges);
  if (missing.length > 1 || (missing.length && wish)) {
    const ids = new Set(missing.map(({ id }) => id));
    const before = inside.filter((e) => ids.has(e.target)).flatMap((e) => box(e.source));
    const after = inside.filter((e) => ids.has(e.source)).flatMap((e) => box(e.target));
    const others = [...placed.keys()].flatMap(box);
    const fresh = arranged(missing, edges, sizes, [0, 0]);
    const size = bounds(
      [...fresh].map(([id, [x, y]]) => ({ x, y, ...(sizes.get(id) ?? DEFAULT) })),
    );
    const start = wish
      ? ([wish[0] - size.width / 2, wish[1]] as const)
      : wanted(size, before, after, others);
    const room = { ...size, width: size.width + GROWTH };
    const [left, top] = nearestPlace(room, start, others);
    const fits = left === Math.round(start[0]) && top === Math.round(start[1]);
    // The user has not placed any node yet: all of them make room.
    if (!fits && !wish && nodes.every(({ position }) => position === null)) {
      return arranged(nodes, edges, sizes, origin);
    }
    for (const [id, [x, y]] of fresh) placed.set(id, [x + left, y + top]);
    return placed;
  }
  for (const { id } of nodes) {
    if (placed.has(id)) continue;
    const size = sizes.get(id) ?? DEFAULT;
    const before = inside.filter(({ target }) => target === id).flatMap((e) => box(e.source));
    const after = inside.filter(({ source }) => source === id).flatMap((e) => box(e.target));
    const all = [...placed.keys()].flatMap(box);
    placed.set(id, freePlace(size, wanted(size, before, after, all), all));
  }
  return placed;
}

/** Returns a layout moved to where the nodes with a position are; the others make way for them. */
function arrangedAround(
  placed: ReadonlyMap<string, Place>,
  layout: ReadonlyMap<string, Place>,
  sizes: ReadonlyMap<string, Size>,
): Map<string, Place> {
  const boxes: Box[] = [];
  const by: [number, number] = [0, 0];
  for (const [id, [x, y]] of placed) {
    const [fromX, fromY] = layout.get(id) ?? [x, y];
    by[0] += (x - fromX) / placed.size;
    by[1] += (y - fromY) / placed.size;
    boxes.push({ x, y, ...(sizes.get(id) ?? DEFAULT) });
  }
  const found = new Map(placed);
  for (const [id, [x, y]] of layout) {
    if (found.has(id)) continue;
    const size = sizes.get(id) ?? DEFAULT;
    const at = freePlace(size, [x + by[0], y + by[1]], boxes);
    boxes.push({ x: at[0], y: at[1], ...size });
    found.set(id, at);
  }
  return found;
}

/** Returns a place below its predecessors, above its successors, or below everything. */
function wanted(size: Size, before: Box[], after: Box[], all: Box[]): Place {
  if (before.length) {
    const { x, y, width, height } = bounds(before);
    return [x + (width - size.width) / 2, y + height + GAP.y];
  }
  if (after.length) {
    const { x, y, width } = bounds(after);
    return [x + (width - size.width) / 2, y - size.height - GAP.y];
  }
  const { x, y, height } = bounds(all);
  return [x, y + height + GAP.y];
}

/** Returns the first place to the right of `start` where a box of this size overlaps no other. */
export function freePlace(size: Size, start: Place, boxes: readonly Box[]): Place {
  let [x] = start;
  const [, y] = start;
  for (let tries = 0; tries <= boxes.length; tries += 1) {
    const hit = boxes.find(
      (box) =>
        x < box.x + box.width + 16 &&
        box.x < x + size.width + 16 &&
        y < box.y + box.height + 16 &&
        box.y < y + size.height + 16,
    );
    if (!hit) break;
    x = hit.x + hit.width + GAP.x;
  }
  return [Math.round(x), Math.round(y)];
}

const MOST_TRIES = 200;

/** Returns the nearest place to `start` where a box of this size overlaps no other. */
export function nearestPlace({ width, height }: Size, start: Place, boxes: readonly Box[]): Place {
  const far = ([x, y]: Place) => Math.hypot(x - start[0], y - start[1]);
  const waiting: Place[] = [start];
  const seen = new Set<string>();
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    waiting.sort((a, b) => far(a) - far(b));
    const [x, y] = waiting.shift() ?? start;
    const hit = boxes.find(
      (box) =>
        x < box.x + box.width + 16 &&
        box.x < x + width + 16 &&
        y < box.y + box.height + 16 &&
        box.y < y + height + 16,
    );
    if (!hit) return [Math.round(x), Math.round(y)];
    const beside: Place[] = [
      [hit.x + hit.width + GAP.x, y],
      [hit.x - width - GAP.x, y],
      [x, hit.y + hit.height + GAP.y],
      [x, hit.y - height - GAP.y],
    ];
    for (const one of beside) {
      if (!seen.has(one.join())) waiting.push(one);
      seen.add(one.join());
    }
  }
  return freePlace({ width, height }, start, boxes);
}

/**
 * Returns the edges between the nodes of each container; an edge from or to a node in an open group
 * counts as one of the group.
 */
function between(
  nodes: readonly LaidNode[],
  edges: readonly LaidEdge[],
): Map<string | null, LaidEdge[]> {
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const chain = (id: string): string[] => {
    const parent = parents.get(id);
    return parent === null || parent === undefined ? [id] : [...chain(parent), id];
  };
  const found = new Map<string | null, LaidEdge[]>();
  for (const edge of edges) {
    const [from, to] = [chain(edge.source), chain(edge.target)];
    const at = from.findIndex((id, place) => id !== to[place]);
    const [source, target] = [from[at], to[at]];
    if (source === undefined || target === undefined) continue; // from or to the border of a group
    const container = parents.get(source) ?? null;
    const own = found.get(container) ?? [];
    own.push({ ...edge, source, target });
    found.set(container, own);
  }
  return found;
}

/** Returns the edges between some nodes. */
function inner(nodes: readonly LaidNode[], edges: readonly LaidEdge[]): LaidEdge[] {
  const ids = new Set(nodes.map(({ id }) => id));
  return edges.filter(
    ({ source, target, from_inside, to_inside }) =>
      ids.has(source) && ids.has(target) && !from_inside && !to_inside,
  );
}

function arranged(
  nodes: readonly LaidNode[],
  edges: readonly LaidEdge[],
  sizes: ReadonlyMap<string, Size>,
  origin: Place,
): Map<string, Place> {
  const within = inner(nodes, edges);
  const boxes = chained(nodes, within, sizes) ?? layered(nodes, within, sizes);
  const { x: left, y: top } = bounds(boxes);
  return new Map(
    wrapped(boxes).map(({ id, x, y }): [string, Place] => [
      id,
      [Math.round(x - left + origin[0]), Math.round(y - top + origin[1])],
    ]),
  );
}

interface NamedBox extends Box {
  readonly id: string;
}

/** Returns a single chain of nodes one below another, as dagre does after a while; else null. */
function chained(
  nodes: readonly LaidNode[],
  edges: readonly LaidEdge[],
  sizes: ReadonlyMap<string, Size>,
): NamedBox[] | null {
  const next = new Map(edges.map(({ source, target }) => [source, target]));
  const targets = new Set(next.values());
  if (edges.length !== nodes.length - 1 || targets.size !== edges.length) return null;
  const found = new Map<string, NamedBox>();
  let top = 0;
  let id = nodes.find((node) => !targets.has(node.id))?.id;
  while (id !== undefined) {
    const { width, height } = sizes.get(id) ?? DEFAULT;
    found.set(id, { id, x: -width / 2, y: top, width, height });
    top += height + GAP.y;
    id = next.get(id);
  }
  return found.size === nodes.length ? nodes.flatMap((node) => found.get(node.id) ?? []) : null;
}

/** Returns the layout of dagre. */
function layered(
  nodes: readonly LaidNode[],
  edges: readonly LaidEdge[],
  sizes: ReadonlyMap<string, Size>,
): NamedBox[] {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: GAP.x, ranksep: GAP.y, edgesep: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) graph.setNode(id, { ...(sizes.get(id) ?? DEFAULT) });
  edges.forEach(({ source, target }, number) => {
    graph.setEdge(source, target, {}, String(number));
  });
  dagre(graph);
  return nodes.map(({ id }) => {
    const { x, y, width, height } = graph.node(id) as Box;
    return { id, x: x - width / 2, y: y - height / 2, width, height };
  });
}

const TALL = { height: 1800, ratio: 3 };
const WISH = 1.4; // width by height of a wrapped layout

/** Cuts a layout that is much taller than wide into columns, which stand side by side. */
function wrapped<Item extends Box>(boxes: readonly Item[]): readonly Item[] {
  const { width, height } = bounds(boxes);
  if (height < TALL.height || height < TALL.ratio * width) return boxes;
  const step = width + 2 * GAP.x;
  const columns = Math.max(1, Math.round(Math.sqrt((WISH * height) / step)));
  const ranks = [...new Set(boxes.map(({ y, height: own }) => y + own / 2))].sort((a, b) => a - b);
  const each = Math.ceil(ranks.length / columns);
  const [first = 0] = ranks;
  return boxes.map((box) => {
    const column = Math.floor(ranks.indexOf(box.y + box.height / 2) / each);
    const start = ranks[column * each] ?? first;
    return { ...box, x: box.x + column * step, y: box.y - (start - first) };
  });
}

export type Side = "left" | "centre" | "top" | "middle";

/** Returns new positions in which some boxes have an edge or their centres in common. */
export function aligned(boxes: ReadonlyMap<string, Box>, side: Side): Record<string, Place> {
  const { x, y, width, height } = bounds([...boxes.values()]);
  const to: Record<Side, (box: Box) => Place> = {
    left: (box) => [x, box.y],
    centre: (box) => [Math.round(x + (width - box.width) / 2), box.y],
    top: (box) => [box.x, y],
    middle: (box) => [box.x, Math.round(y + (height - box.height) / 2)],
  };
  return Object.fromEntries([...boxes].map(([id, box]) => [id, to[side](box)]));
}
