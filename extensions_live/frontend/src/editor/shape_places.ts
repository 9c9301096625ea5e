// Places of the labels of edges, so that none lies on a node or on another label.

import type { Box, Place } from "./layout";

/** An edge with a label, from the bottom of a node to the top of another. */
export interface Labelled {
  readonly id: string;
  readonly source: Place;
  readonly target: Place;
  readonly width: number;
  /** Where the edge leads down, if it leads around nodes. */
  readonly via?: number | null;
  /** Boxes that would hide the label, such as an open group that the edge leads around. */
  readonly obstacles?: readonly Box[];
}

/** The height of a label. */
export const TALL = 16;

const BETWEEN = 3; // pixels between two labels, and between a label and a node
const ALONG = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.12, 0.88];
const BESIDE = [0.5, 0.3, 0.7];

/** Returns the width of a label, in pixels. */
export function widthOf(label: string): number {
  return 6.2 * label.length + 8;
}

/**
 * Returns the middle of each label: on its edge if there is room, else beside it, else null. Short
 * edges come first, since they have the least room.
 */
export function labelPlaces(
  edges: readonly Labelled[],
  nodes: readonly Box[],
): Map<string, Place | null> {
  const found = new Map<string, Place | null>();
  const taken: Box[] = [];
  const order = [...edges].sort((a, b) => lengthOf(a) - lengthOf(b));
  for (const edge of order) {
    const place =
      candidates(edge).find((at) => {
        const box = around(at, edge.width);
        return ![...nodes, ...(edge.obstacles ?? []), ...taken].some(overlaps(box));
      }) ?? null;
    if (place) taken.push(around(place, edge.width));
    found.set(edge.id, place);
  }
  return found;
}

function lengthOf({ source, target }: Labelled): number {
  return Math.abs(target[1] - source[1]) + Math.abs(target[0] - source[0]);
}

function candidates(edge: Labelled): Place[] {
  const on = ALONG.map((share) => pointOn(edge, share));
  const aside = edge.width / 2 + 8;
  const beside = BESIDE.flatMap((share): Place[] => {
    const [x, y] = pointOn(edge, share);
    return [
      [x + aside, y],
      [x - aside, y],
    ];
  });
  return [...on, ...beside];
}

/** Returns a point of the curve with which an edge is drawn, at a share of its way. */
export function pointOn(
  { source, target, via = null }: Pick<Labelled, "source" | "target" | "via">,
  share: number,
) {
  const [[x, y], [toX, toY]] = [source, target];
  if (via !== null) return [via, y + (toY - y) * share] as const;
  if (toY < y) {
    // A line that goes down, back up in the middle, and down again.
    const [from, to] = [y + 18, toY - 18];
    return [(x + toX) / 2, from + (to - from) * share] as const;
  }
  const half = (toY - y) / 2;
  const rest = 1 - share;
  const weights = [rest ** 3, 3 * rest ** 2 * share, 3 * rest * share ** 2, share ** 3];
  const curve = (...points: number[]) =>
    points.reduce((sum, point, place) => sum + point * (weights[place] ?? 0), 0);
  return [curve(x, x, toX, toX), curve(y, y + half, toY - half, toY)] as const;
}

function around([x, y]: Place, width: number): Box {
  return { x: x - width / 2, y: y - TALL / 2, width, height: TALL };
}

function overlaps(one: Box): (other: Box) => boolean {
  return (other) =>
    one.x < other.x + other.width + BETWEEN &&
    other.x < one.x + one.width + BETWEEN &&
    one.y < other.y + other.height + BETWEEN &&
    other.y < one.y + one.height + BETWEEN;
}
