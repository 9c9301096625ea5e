// Scales, ranges and ticks of figures. Ranges fit what is visible, until the user zooms.

import type { Embedded, Figure, Range } from "./bokeh";
import { logTicks } from "./log_ticks";
import type { AxisData, AxisName, PlotSettings } from "./messages";
import { duration, interpolate, type Points } from "./numbers";

const PADDING_X = 0.02;
const PADDING_Y = 0.08;
const SAME = 1e-9; // relative difference up to which two values are shown as one
const TAIL = 0.02; // share of the points that a robust range may leave out at each end

export interface Span {
  readonly low: number;
  readonly high: number;
}

/** Returns a range with some space on both sides, which is relative on a logarithmic axis. */
export function padded({ low, high }: Span, padding: number, log: boolean): Span {
  if (log) {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const extra = b - a > SAME ? padding * (b - a) : 0.3;
    return { low: 10 ** (a - extra), high: 10 ** (b + extra) };
  }
  const size = high - low;
  // Values that differ only by rounding, such as those of a smoothed constant, count as one value.
  const one = size <= SAME * Math.max(Math.abs(low), Math.abs(high));
  const extra = one ? Math.abs(high) * 0.1 || 1 : padding * size;
  return { low: low - extra, high: high + extra };
}

/** Returns the range of all iterations, or null if there are no points. */
export function spanX(curves: Points[], log: boolean): Span | null {
  let [low, high] = [Infinity, -Infinity];
  for (const { x, marks, keptX } of curves) {
    for (const values of [x, marks, keptX]) {
      const first = log ? values.find((value) => value > 0) : values[0];
      if (first === undefined) continue;
      low = Math.min(low, first);
      high = Math.max(high, values.at(-1) ?? first);
    }
  }
  return low <= high ? { low, high } : null;
}

/** Returns the range of the values between two positions, or null if there are none. */
export function spanY(curves: Points[], visible: Span, log: boolean, robust: boolean): Span | null {
  const values: number[] = [];
  let [low, high] = [Infinity, -Infinity];
  for (const curve of curves) {
    for (const [x, y] of [
      [curve.x, curve.y],
      [curve.smoothX, curve.smoothY],
    ] as const) {
      for (let i = 0; i < x.length; i += 1) {
        const [at = 0, value = NaN] = [x[i], y[i]];
        if (!(value > (log ? 0 : -Infinity)) || at < visible.low || at > visible.high) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
        if (robust) values.push(value);
      }
    }
  }
  if (low > high) return null;
  if (!robust || values.length < 10) return { low, high };
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? low;
  const inner = { low: at(TAIL), high: at(1 - TAIL) };
  return inner.low < inner.high ? inner : { low, high };
}

/** Returns the number of values that a logarithmic axis cannot show: those of 0 or less. */
export function belowZero(curves: Points[]): number {
  return curves.reduce((sum, { y }) => sum + y.reduce((n, value) => n + Number(value <= 0), 0), 0);
}

/**
 * Sets linear or logarithmic axes. `kind` is the kind of the numbers on the x axis, which may not yet
 * be the one of the settings; `brief` is true if the run is short enough for an axis in seconds.
 */
export function setAxes(
  views: Embedded,
  figures: Figure[],
  now: PlotSettings,
  kind: AxisName,
  brief: boolean,
): void {
  figures.forEach((figure, index) => {
    const log = now.log_y.includes(index);
    figure.setv({
      x_scale: views.create(now.log_x ? "LogScale" : "LinearScale"),
      y_scale: views.create(log ? "LogScale" : "LinearScale"),
    });
    const ticks = (logarithmic: boolean) =>
      logarithmic
        ? logTicks(views)
        : { ticker: views.create("BasicTicker"), formatter: views.create("BasicTickFormatter") };
    for (const axis of figure.left) axis.setv(ticks(log));
    for (const axis of figure.below) {
      const label = kind === "time" && brief ? SECONDS : LABELS[kind];
      axis.setv({ ...xTicks(views, kind, now.log_x, ticks(now.log_x), brief), axis_label: label });
    }
  });
}

const LABELS = {
  iteration: "iteration",
  epoch: "epoch",
  time: "training time",
  examples: "examples",
};

const SECONDS = "seconds of training";

function xTicks(
  views: Embedded,
  kind: AxisName,
  log: boolean,
  plain: Record<string, unknown>,
  brief: boolean,
) {
  if (kind === "time") {
    if (brief) return plain;
    const clock = { base: 60, mantissas: [1, 2, 5, 10, 15, 20, 30], min_interval: 1 };
    return {
      ...(log ? plain : { ticker: views.create("AdaptiveTicker", clock) }),
      formatter: views.create("NumeralTickFormatter", { format: "00:00:00" }),
    };
  }
  if (log) return plain;
  const least = kind === "epoch" ? {} : { min_interval: 1 };
  return {
    ticker: views.create("BasicTicker", least),
    formatter: views.create("NumeralTickFormatter", {
      format: kind === "epoch" ? "0,0.[00]" : "0,0",
    }),
  };
}

/** Returns true if a range may be changed: the user has not chosen it, or it is no longer valid. */
function free(range: Range, log: boolean): boolean {
  return !range.have_updated_interactively || (log && !(range.start > 0));
}

/**
 * Fits the x axis to all points, from `start` on if it is given, and the y axes to the visible ones,
 * unless the user has zoomed.
 */
export function fitRanges(
  figures: Figure[],
  shown: (index: number) => Points[],
  now: PlotSettings,
  start?: number,
): void {
  const range = figures[0]?.x_range;
  if (!range) return;
  if (free(range, now.log_x)) {
    const all = spanX(
      figures.flatMap((_, index) => shown(index)),
      now.log_x,
    );
    if (all) {
      const part = start !== undefined && start < all.high ? { ...all, low: start } : all;
      const { low, high } = padded(part, PADDING_X, now.log_x);
      range.setv({ start: low, end: high });
    } else if (now.log_x) {
      range.setv({ start: 1, end: 10 });
    }
  }
  const visible = { low: range.start, high: range.end };
  figures.forEach((figure, index) => {
    const log = now.log_y.includes(index);
    if (!free(figure.y_range, log)) return;
    const span = spanY(shown(index), visible, log, now.robust.includes(index));
    if (!span && !log) return;
    const { low, high } = span ? padded(span, PADDING_Y, log) : { low: 1, high: 10 };
    figure.y_range.setv({ start: low, end: high });
  });
}

/** Returns the iteration at a position on the axis. */
export function iterationAt(axis: AxisData | undefined, x: number): number {
  if (!axis || axis.kind === "iteration" || axis.values.length < 2) return x;
  return interpolate(axis.values, axis.iterations, x);
}

/** Returns the position of an iteration on the axis. */
export function positionOf(axis: AxisData | undefined, iteration: number): number {
  if (!axis || axis.kind === "iteration" || axis.values.length < 2) return iteration;
  return interpolate(axis.iterations, axis.values, iteration);
}

/** Returns a position on the axis as text, with the iteration if the axis has other numbers. */
export function placeText(axis: AxisData | undefined, x: number): string {
  const iteration = `iteration ${Math.round(iterationAt(axis, x)).toLocaleString("en")}`;
  if (!axis || axis.kind === "iteration") return iteration;
  const own = {
    epoch: `epoch ${x.toFixed(2)}`,
    time: duration(x),
    examples: `${Math.round(x).toLocaleString("en")} examples`,
  }[axis.kind];
  return `${own}, ${iteration}`;
}
