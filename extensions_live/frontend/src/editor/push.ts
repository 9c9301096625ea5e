// Moves the neighbours of open groups aside, so that what is open covers nothing. Positions are those
// that nodes have while everything is closed; so closing a group puts its neighbours back.

import type { Place, Size } from "./layout";

/** The space that is kept between nodes where they are moved, unless they were closer before. */
export interface Gap {
  readonly x: number;
  readonly y: number;
}

interface Item {
  readonly id: string;
  /** Where the node is while everything is closed. */
  readonly start: Place;
  /** Its size then. */
  readonly closed: Size;
  /** Its size now. */
  readonly size: Size;
  x: number;
  y: number;
}

/** Returns the distances of a place beyond a box; negative if the place is not beyond it. */
function beyond(box: Place, size: Size, [x, y]: Place): Gap {
  return { x: x - box[0] - size.width, y: y - box[1] - size.height };
}

/**
 * Returns places at which open nodes cover no others. A node moves down if it is below of what needs
 * its place, else to the right, and only as far as necessary; a node that is given the output of
 * another one stays below it.
 *
 * `closed` has the sizes of all nodes while they are closed, and `open` their present sizes.
 */
export function pushed(
  places: ReadonlyMap<string, Place>,
  edges: readonly { readonly source: string; readonly target: string }[],
  closed: ReadonlyMap<string, Size>,
  open: ReadonlyMap<string, Size>,
  gap: Gap,
): Map<string, Place> {
  const items: Item[] = [...places].flatMap(([id, [x, y]]) => {
    const size = open.get(id);
    const before = closed.get(id) ?? size;
    return size && before ? [{ id, start: [x, y], closed: before, size, x, y }] : [];
  });
  const linked = new Set(edges.map(({ source, target }) => `${source}\n${target}`));
  const waiting = items.filter(
    ({ closed, size }) => size.width > closed.width || size.height > closed.height,
  );
  for (let one = waiting.shift(); one; one = waiting.shift()) {
    for (const other of items) {
      if (one === other || !moves(one, other, linked.has(`${one.id}\n${other.id}`), gap)) continue;
      if (!waiting.includes(other)) waiting.push(other);
    }
  }
  return new Map(items.map(({ id, x, y }) => [id, [x, y]]));
}

/** Moves a node away from another one if it must; returns true if it moved. */
function moves(one: Item, other: Item, linked: boolean, gap: Gap): boolean {
  const before = beyond(one.start, one.closed, other.start);
  const wide = beyond(one.start, one.size, other.start);
  const now = beyond([one.x, one.y], one.size, [other.x, other.y]);
  if (linked && before.y >= 0) {
    return down(other, Math.min(wide.y >= 0 ? wide.y : before.y, gap.y) - now.y);
  }
  const apart = wide.x >= 0 || wide.y >= 0 ? wide : before;
  const need = {
    x: apart.x >= 0 ? Math.min(apart.x, gap.x) - now.x : Infinity,
    y: apart.y >= 0 ? Math.min(apart.y, gap.y) - now.y : Infinity,
  };
  if (need.x <= need.y) {
    return now.y < 0 && one.y < other.y + other.size.height && right(other, need.x);
  }
  return now.x < 0 && one.x < other.x + other.size.width && need.x > 0 && down(other, need.y);
}

function down(item: Item, by: number): boolean {
  if (by <= 0 || by === Infinity) return false;
  item.y += by;
  return true;
}

function right(item: Item, by: number): boolean {
  if (by <= 0 || by === Infinity) return false;
  item.x += by;
  return true;
}
