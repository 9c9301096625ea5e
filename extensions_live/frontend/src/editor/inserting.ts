// Nodes on edges and in groups: which edge can lead through a node, and which group is at a place.

import type { BoardEdge } from "../messages";
import type { Item } from "./entries";
import { hasPorts } from "./fitting";
import { endOf } from "./flow";
import { INSIDE, type Box, type Place } from "./layout";
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

/** Returns the arguments of `insert` and `insert_node` that name an edge. */
export function onEdge(edge: BoardEdge, position?: Place): Record<string, unknown> {
  return { ...endOf(edge), ...(position ? { position } : {}) };
}

/** Returns the ids of the groups, not of bricks, that are open. */
export function openGroups({ nodes }: BoardPayload): BoardNode[] {
  return nodes.filter(({ kind, open }) => kind === "group" && open === true);
}

/** Returns the innermost open group at a place of the canvas; `moved` and what is in it is left out. */
export function groupAt(
  board: BoardPayload,
  boxes: ReadonlyMap<string, Box>,
  [x, y]: Place,
  moved: readonly string[],
): string | null {
  const parents = new Map(board.nodes.map(({ id, parent }) => [id, parent]));
  const chain = (id: string) => {
    const found: string[] = [];
    for (let at: string | null = id; at !== null; at = parents.get(at) ?? null) found.push(at);
    return found;
  };
  const hits = openGroups(board)
    .map(({ id }) => ({ id, around: chain(id), box: boxes.get(id) }))
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
