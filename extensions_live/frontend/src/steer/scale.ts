// The scale of a slider: positions from 0 to 1000, and the values of a number.

import type { NumberRow } from "../messages";

export const POSITIONS = 1000;
const DECADES = 3; // on each side of the first value of a logarithmic slider
const MARGIN = 0.1; // share of a scale at each of its ends where it suits no value

export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly value: (position: number) => number;
  readonly position: (value: number) => number;
}

type Bounds = Pick<NumberRow, "value" | "low" | "high" | "scale">;

/** Returns a scale with the value of `row` on it, or null if a slider is not useful. */
export function scaleFor(row: Bounds): Scale | null {
  const { value, low, high } = row;
  if (row.scale === "log") return logarithmic(value && value > 0 ? value : 1e-3, high);
  if (low === null) return null;
  const most = value !== null && value > low + 1 ? low + 2 * (value - low) : low + 1;
  return linear(low, high ?? most);
}

/** Returns true if a value is on a scale and not near its ends, or is zero, which no scale suits. */
export function suits(scale: Scale, value: number): boolean {
  const share = scale.position(value) / POSITIONS;
  return value === 0 || (share >= MARGIN && share <= 1 - MARGIN);
}

function logarithmic(value: number, most: number | null): Scale {
  const decade = Math.floor(Math.log10(value));
  const low = 10 ** (decade - DECADES);
  const high = Math.min(10 ** (decade + DECADES), most ?? Infinity);
  const span = Math.log10(high / low);
  return {
    low,
    high,
    value: (position) => rounded(low * 10 ** ((span * position) / POSITIONS), 3),
    position: (one) => (one <= low ? 0 : (POSITIONS * Math.log10(one / low)) / span),
  };
}

function linear(low: number, high: number): Scale {
  const span = high - low;
  return {
    low,
    high,
    value: (position) => rounded(low + (span * position) / POSITIONS, 4),
    position: (one) => (POSITIONS * (one - low)) / span,
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

/** Returns a value as short text that reads back as the same single-precision number. */
export function inText(value: number | null): string {
  if (value === null) return "not finite";
  const short = Number(value.toPrecision(7));
  const size = Math.abs(short);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? short.toExponential() : String(short);
}
