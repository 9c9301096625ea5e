// Functions that unpack the numbers of a curve, look them up and format them.

import type { CurveData } from "./messages";

/** The points of a curve: its line, its dots, and the iterations of non-finite values. */
export interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly marks: Float64Array;
  readonly dotsX: Float64Array;
  readonly dotsY: Float64Array;
}

/** Returns the arrays of a curve that Python sent. */
export function unpack(curve: CurveData): Points {
  return {
    x: floats(curve.x),
    y: floats(curve.y),
    marks: floats(curve.marks),
    dotsX: floats(curve.dots_x),
    dotsY: floats(curve.dots_y),
  };
}

/** Returns the numbers in a buffer of a message; an empty buffer can arrive as null. */
export function floats(view: DataView | null | undefined): Float64Array {
  if (!view?.byteLength) return new Float64Array(0);
  // A copy, since an array needs an aligned start, which a buffer of a message can lack.
  return new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Formats a value with four significant digits. */
export function format(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : value.toPrecision(4);
}

/** Returns the index of the point nearest to `at` whose value is a number, or -1. */
export function nearest(x: ArrayLike<number>, y: ArrayLike<number>, at: number): number {
  const place = firstFrom(x, at);
  const right = shownFrom(y, place, 1);
  const left = shownFrom(y, place - 1, -1);
  const [after, before] = [x[right], x[left]];
  if (after === undefined) return left;
  if (before === undefined) return right;
  return after - at < at - before ? right : left;
}

/** Returns the index of the first of increasing numbers that is at least `at`, or their number. */
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

/** Returns the first index from `start`, in steps of `step`, whose value is a number, or -1. */
function shownFrom(y: ArrayLike<number>, start: number, step: 1 | -1): number {
  for (let i = start; i >= 0 && i < y.length; i += step) if (!Number.isNaN(y[i])) return i;
  return -1;
}
