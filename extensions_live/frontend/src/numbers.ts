// Functions that unpack, look up and format the numbers of a curve.

import type { CurveData } from "./messages";

/** The points of a curve: its line, its dots, and the iterations of non-finite values. */
export interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly marks: Float64Array;
  readonly dotsX: Float64Array;
  readonly dotsY: Float64Array;
  /** The smoothed curve; empty if there is no smoothing. */
  readonly smoothX: Float64Array;
  readonly smoothY: Float64Array;
  /** The part of the curve that the last rewind left behind. */
  readonly keptX: Float64Array;
  readonly keptY: Float64Array;
}

/** Returns the arrays of a curve that Python sent. */
export function unpack(curve: CurveData): Points {
  return {
    x: floats(curve.x),
    y: floats(curve.y),
    marks: floats(curve.marks),
    dotsX: floats(curve.dots_x),
    dotsY: floats(curve.dots_y),
    smoothX: floats(curve.smooth_x),
    smoothY: floats(curve.smooth_y),
    keptX: floats(curve.kept_x),
    keptY: floats(curve.kept_y),
  };
}

/** Returns the numbers in a message buffer; an empty buffer can arrive as null. */
export function floats(view: DataView | null | undefined): Float64Array {
  if (!view?.byteLength) return new Float64Array(0);
  // A copy, since an array must start at an aligned address, and a buffer of a message may not.
  return new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Formats a value with four significant digits. */
export function format(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : value.toPrecision(4);
}

/** Returns the index of the point nearest to `at` whose value is a number; -1 if there is none. */
export function nearest(x: ArrayLike<number>, y: ArrayLike<number>, at: number): number {
  const place = firstFrom(x, at);
  const right = shownFrom(y, place, 1);
  const left = shownFrom(y, place - 1, -1);
  const [after, before] = [x[right], x[left]];
  if (after === undefined) return left;
  if (before === undefined) return right;
  return after - at < at - before ? right : left;
}

/** Returns the index of the first number of at least `at` in an increasing array, or its length. */
function firstFrom(x: ArrayLike<number>, at: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? at) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the first index from `start`, in steps of `step`, whose value is a number; else -1. */
function shownFrom(y: ArrayLike<number>, start: number, step: 1 | -1): number {
  for (let i = start; i >= 0 && i < y.length; i += step) if (!Number.isNaN(y[i])) return i;
  return -1;
}

/** Returns the value at `at`, interpolated, or extrapolated beyond the last known point. */
export function interpolate(x: ArrayLike<number>, y: ArrayLike<number>, at: number): number {
  const right = Math.min(Math.max(firstFrom(x, at), 1), x.length - 1);
  const [x0 = 0, x1 = 0, y0 = 0, y1 = 0] = [x[right - 1], x[right], y[right - 1], y[right]];
  return x1 === x0 ? y1 : y0 + ((at - x0) / (x1 - x0)) * (y1 - y0);
}

/** Returns a duration in its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => whole >= size);
  if (first < 0) return "0 s";
  const parts: string[] = [];
  let left = whole;
  for (const [size, unit] of units.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}

/** Returns at most `most` indices below `count`, evenly spread, with the first and the last. */
export function spread(count: number, most: number): number[] {
  const number = Math.min(most, count);
  return Array.from({ length: number }, (_, i) =>
    number > 1 ? Math.round((i * (count - 1)) / (number - 1)) : 0,
  );
}
