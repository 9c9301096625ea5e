// Shapes on curves, which tell them apart where neither colours nor dashes do: on each curve at a few
// places, far apart and beside those of the other curves, and in the legend.

import type { Scales } from "./dashes";

const REPEATS = 4; // places of each curve in the visible range

const PATHS: Record<string, string> = {
  circle: "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0z",
  square: "M-.8-.8h1.6v1.6h-1.6z",
  triangle: "M0-1 1 .8H-1z",
  diamond: "M0-1 .7 0 0 1-.7 0z",
  inverted_triangle: "M-1-.8H1L0 1z",
  plus: "M-.33-1h.66v.67H1v.66H.33V1h-.66V.33H-1v-.66h.67z",
};

/** Returns a shape as part of an SVG, with its centre at (`x`, `y`). */
export function shapeAt(shape: string, x: number, y: number): string {
  const path = PATHS[shape] ?? "";
  return `<path class="wb-shape" d="${path}" transform="translate(${x} ${y}) scale(4.5)"/>`;
}

/** Returns the places of the shape of curve `number` of `count`; all are on the drawn line. */
export function shapePlaces(
  line: Record<"x" | "y", Float64Array>,
  number: number,
  count: number,
  { x, logX, logY }: Scales,
): Record<"x" | "y", Float64Array> {
  const forth = (value: number, log: boolean) => (log ? Math.log10(value) : value);
  const back = (value: number, log: boolean) => (log ? 10 ** value : value);
  const [low, high] = [forth(x.low, logX), forth(x.high, logX)];
  const found: [number, number][] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const at = low + ((high - low) * (repeat + (number + 0.5) / count)) / REPEATS;
    const right = line.x.findIndex((one) => forth(one, logX) >= at);
    const [x0, x1] = [line.x[right - 1], line.x[right]];
    const [y0, y1] = [line.y[right - 1], line.y[right]];
    if (x0 === undefined || x1 === undefined || y0 === undefined || y1 === undefined) continue;
    const [left, end] = [forth(x0, logX), forth(x1, logX)];
    const share = (at - left) / (end - left);
    const value = forth(y0, logY) * (1 - share) + forth(y1, logY) * share;
    if (Number.isFinite(value)) found.push([back(at, logX), back(value, logY)]);
  }
  return {
    x: Float64Array.from(found, ([at]) => at),
    y: Float64Array.from(found, ([, value]) => value),
  };
}
