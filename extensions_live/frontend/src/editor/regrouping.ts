// Places of nodes whose group changed. A new group begins at the height of its first member, so that
// it covers nothing above it, and its members make way for its head; they return when it is dissolved.

import { INSIDE, type Place } from "./layout";
import type { BoardNode } from "./shown";

type Grouped = Pick<BoardNode, "id" | "parent">;

/**
 * Returns the places of nodes with another parent than before, relative to this parent, and of the
 * groups that are new. `known` has the places before, each relative to the parent at that time.
 */
export function regrouped(
  before: readonly Grouped[],
  after: readonly Grouped[],
  known: ReadonlyMap<string, Place>,
): Map<string, Place> {
  const old = new Map(before.map(({ id, parent }) => [id, parent]));
  const left = new Set(after.map(({ id }) => id));
  const onCanvas = (id: string): Place | null => {
    let [x, y] = [0, 0];
    for (let at: string | null = id; at !== null; at = old.get(at) ?? null) {
      const place = known.get(at);
      if (!place) return null;
      [x, y] = [x + place[0], y + place[1] - (left.has(at) ? 0 : INSIDE.top)];
    }
    return [x, y];
  };
  const members = new Map<string | null, [id: string, place: Place][]>();
  for (const { id, parent } of after) {
    if (!old.has(id) || old.get(id) === parent) continue;
    const place = onCanvas(id);
    if (place) members.set(parent, [...(members.get(parent) ?? []), [id, place]]);
  }
  const parents = new Map(after.map(({ id, parent }) => [id, parent]));
  const found = new Map<string, Place>();
  for (const [group, moved] of members) {
    let origin: Place | null = [0, 0];
    if (group !== null && old.has(group)) origin = onCanvas(group);
    else if (group !== null) {
      const around = parents.get(group) ?? null;
      const outer = around === null ? ([0, 0] as const) : old.has(around) ? onCanvas(around) : null;
      origin = [
        Math.min(...moved.map(([, [x]]) => x)) - INSIDE.side,
        Math.min(...moved.map(([, [, y]]) => y)) - INSIDE.top,
      ];
      if (outer) found.set(group, [origin[0] - outer[0], origin[1] + INSIDE.top - outer[1]]);
    }
    if (!origin) continue;
    for (const [id, [x, y]] of moved) found.set(id, [x - origin[0], y - origin[1]]);
  }
  return found;
}
