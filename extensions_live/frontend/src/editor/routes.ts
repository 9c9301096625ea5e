// Ways around nodes: an edge whose curve would pass behind a node leads beside it.

import type { Box, Place } from "./layout";
import { pointOn } from "./shape_places";

/** The ends of an edge, from the bottom of a node to the top of another. */
export interface Ends {
  readonly source: Place;
  readonly target: Place;
}

const STEPS = 16; // points of a curve that are looked at
const NEAR = 4; // pixels that a curve keeps from nodes
const ASIDE = 16; // pixels from a node to an edge that leads around it
const OFF = 20; // pixels that a way leads straight down, below its beginning and above its end
const RADIUS = 12;

/**
 * Returns the x coordinate at which an edge leads down beside the nodes in its way; null if its
 * curve is free, or if there is no free way.
 */
export function wayAround(ends: Ends, nodes: readonly Box[]): number | null {
  const { source, target } = ends;
  const [top, bottom] = [source[1] + OFF, target[1] - OFF];
  if (bottom <= top) return null;
  const curve = Array.from({ length: STEPS - 1 }, (_, step) => pointOn(ends, (step + 1) / STEPS));
  const hit = nodes.filter((box) => curve.some(([x, y]) => contains(box, x, y)));
  if (!hit.length) return null;
  const between = nodes.filter((box) => box.y < bottom + NEAR && box.y + box.height > top - NEAR);
  const middle = (source[0] + target[0]) / 2;
  const sides = between.flatMap(({ x, width }) => [x - ASIDE, x + width + ASIDE]);
  const ways = [source[0], target[0], ...sides].filter((x) => {
    const legs: Box[] = [
      { x, y: top, width: 0, height: bottom - top },
      { x: Math.min(x, source[0]), y: top, width: Math.abs(x - source[0]), height: 0 },
      { x: Math.min(x, target[0]), y: bottom, width: Math.abs(x - target[0]), height: 0 },
    ];
    return !between.some((box) => legs.some((leg) => meets(box, leg)));
  });
  ways.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  return ways[0] ?? null;
}

/** Returns the path of an edge that leads down at `x`, in the syntax of SVG. */
export function pathAround({ source, target }: Ends, x: number): string {
  const [top, bottom] = [source[1] + OFF, target[1] - OFF];
  const points: Place[] = [
    source,
    [source[0], top],
    [x, top],
    [x, bottom],
    [target[0], bottom],
    target,
  ];
  const parts = [`M${source.join(",")}`];
  for (const [place, corner] of points.slice(1, -1).entries()) {
    const [before, after] = [points[place] ?? corner, points[place + 2] ?? corner];
    const from = towards(corner, before);
    const to = towards(corner, after);
    parts.push(`L${from.join(",")}`, `Q${corner.join(",")} ${to.join(",")}`);
  }
  return [...parts, `L${target.join(",")}`].join(" ");
}

/** Returns a point near a corner, on the line to its neighbour. */
function towards([x, y]: Place, [toX, toY]: Place): Place {
  const length = Math.hypot(toX - x, toY - y);
  if (!length) return [x, y];
  const share = Math.min(RADIUS, length / 2) / length;
  return [x + (toX - x) * share, y + (toY - y) * share];
}

function contains(box: Box, x: number, y: number): boolean {
  return (
    x > box.x - NEAR &&
    x < box.x + box.width + NEAR &&
    y > box.y - NEAR &&
    y < box.y + box.height + NEAR
  );
}

function meets(one: Box, other: Box): boolean {
  return (
    one.x - NEAR < other.x + other.width &&
    other.x < one.x + one.width + NEAR &&
    one.y - NEAR < other.y + other.height &&
    other.y < one.y + one.height + NEAR
  );
}
