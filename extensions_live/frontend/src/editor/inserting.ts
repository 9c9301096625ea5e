// Nodes on edges and in groups: which edge can lead through a node, and which group is at a place.

import type { BoardEdge } from "../messages";
import type { Item } from "./entries";
import { hasPorts } from "./fitting";
import { endOf } from "./flow";
import { GAP, INSIDE, freePlace, type Box, type Place, type Size } from "./layout";
import type { BoardNode, BoardPayload } from "./shown";

/** Returns an edge that something can be put on, or undefined: not one inside of a brick. */
export function openEdge({ nodes, edges }: BoardPayload, id: string | null): BoardEdge | undefined {
  const edge = edges.find((one) => one.id === id && !one.from_inside && !one.to_inside);
  const target = nodes.find((node) => node.id === edge?.target);
  return target?.editable ? edge : undefined;
}

/** Returns true if an edge can lead through a node: nothing is connected to it yet. */
export function isFree({ nodes, edges }: BoardPayload, id: string): boolean {
  const node = nodes.find((one) => one.id === id);
  const whole = node?.editable && node.kind !== "input" && node.kind !== "group";
  if (!whole || !node.inputs.length || !node.outputs.length) return false;
  return !edges.some(({ source, target }) => source === id || target === id);
}

/** Returns true if an item can stand on an edge. */
export function canStandOnEdge(item: Item): boolean {
  const kind = item.kind === "brick" || item.kind === "operation";
  return kind && hasPorts(item, "inputs") && hasPorts(item, "outputs");
}

/** Returns the arguments of `insert` and `insert_node` that name an edge, and make room on it. */
export function onEdge(edge: BoardEdge, room: Room | null = null): Record<string, unknown> {
  if (!room) return endOf(edge);
  const { position, positions } = room;
  return { ...endOf(edge), position, ...(Object.keys(positions).length ? { positions } : {}) };
}

/** A place for a node, and the new places of the nodes that make room for it. */
export interface Room {
  readonly position: Place;
  readonly positions: Readonly<Record<string, Place>>;
}

/**
 * Returns a place between the ends of an edge for a node of some size, in the innermost group that
 * contains both ends. If the ends are too close, the end and everything in this group that is not
 * above it move down. Returns null for an edge that leads upwards.
 */
export function roomOn(
  edge: Pick<BoardEdge, "source" | "target">,
  nodes: readonly Pick<BoardNode, "id" | "parent">[],
  boxes: ReadonlyMap<string, Box>,
  size: Size,
  moved: string | null = null,
): Room | null {
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const ends = [chainOf(parents, edge.source), chainOf(parents, edge.target)] as const;
  const around = ends.map((chain) => [...chain.slice(1), null]);
  const group = around[0]?.find((one) => around[1]?.includes(one)) ?? null;
  const siblings = nodes.filter(({ id, parent }) => parent === group && id !== moved);
  const placed = new Map(
    siblings.flatMap(({ id }) => {
      const box = boxes.get(id);
      return box ? [[id, box] as const] : [];
    }),
  );
  const [from, to] = ends.map((chain) => placed.get(chain.find((id) => placed.has(id)) ?? ""));
  if (!from || !to) return null;
  const [start, end] = [from.y + from.height, to.y];
  if (end < start) return null;
  const x = (from.x + from.width / 2 + to.x + to.width / 2 - size.width) / 2;
  const least = Math.round(0.7 * GAP.y); // enough for a shape
  const enough = end - start >= size.height + 2 * least;
  const top = enough ? (start + end - size.height) / 2 : start + GAP.y;
  const by = enough ? 0 : top + size.height + GAP.y - end;
  const below = by ? [...placed].filter(([, box]) => box.y >= end) : [];
  const positions = Object.fromEntries(
    below.map(([id, box]): [string, Place] => [id, [Math.round(box.x), Math.round(box.y + by)]]),
  );
  const others = [...placed].flatMap(([id, box]) => (id in positions ? [] : [box]));
  return { position: freePlace(size, [x, top], others), positions };
}

/** Returns the id of a node and of what is around it, innermost first. */
function chainOf(parents: ReadonlyMap<string, string | null>, id: string): string[] {
  const found: string[] = [];
  for (let at: string | null = id; at !== null; at = parents.get(at) ?? null) found.push(at);
  return found;
}

/** Returns the ids of the groups, not of bricks, that are open. */
export function openGroups({ nodes }: BoardPayload): BoardNode[] {
  return nodes.filter(({ kind, open }) => kind === "group" && open === true);
}

/** Returns the innermost open group at a place of the canvas, without `moved` and its contents. */
export function groupAt(
  board: BoardPayload,
  boxes: ReadonlyMap<string, Box>,
  [x, y]: Place,
  moved: readonly string[],
): string | null {
  const parents = new Map(board.nodes.map(({ id, parent }) => [id, parent]));
  const hits = openGroups(board)
    .map(({ id }) => ({ id, around: chainOf(parents, id), box: boxes.get(id) }))
    .filter(({ around, box }) => box && contains(box, x, y) && !around.some(isIn(moved)));
  hits.sort((a, b) => b.around.length - a.around.length);
  return hits[0]?.id ?? null;
}

function contains(box: Box, x: number, y: number): boolean {
  return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
}

function isIn(ids: readonly string[]): (id: string) => boolean {
  return (id) => ids.includes(id);
}

/** Returns a position within a group: not on its border, and not above its name. */
export function within([x, y]: Place): Place {
  return [Math.round(Math.max(x, INSIDE.side)), Math.round(Math.max(y, INSIDE.top))];
}
