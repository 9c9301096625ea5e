// Colours of a heat map: how strongly a value is painted.

/** The scale of one metric: logarithmic for norms and ratios, linear from 0 to 1 for shares. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
}

/** Returns the scale of the values between `low` and `high`. */
export function scaleOf(low: number | null, high: number | null, share: boolean): Scale {
  if (share) return { low: 0, high: 1, log: false };
  const most = high ?? 1;
  // Values far below the largest one look the same, since zeros have no logarithm.
  const least = Math.max(low ?? 0, most * 1e-8, Number.MIN_VALUE);
  return { low: least, high: most, log: true };
}

/** Returns the strength of a value between 0 and 1, or null if there is no value. */
export function strength(value: number, { low, high, log }: Scale): number | null {
  if (Number.isNaN(value)) return null;
  if (high <= low) return value > 0 ? 0.5 : 0;
  const part = log
    ? Math.log(Math.max(value, low) / low) / Math.log(high / low)
    : (value - low) / (high - low);
  return Math.min(1, Math.max(0, part));
}
