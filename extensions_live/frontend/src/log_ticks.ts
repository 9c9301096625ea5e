// Ticks of logarithmic axes. BokehJS spaces the ticks of a range of less than two decades linearly,
// which leaves the lower part of the axis without ticks, and can label 0.2 and 0.4 as powers of 10.

import type { BokehModel, Embedded } from "./bokeh";

/** Leading digits of the ticks of a decade, from few to many. */
const DIGITS = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 6, 8]];
const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const FEWEST = 3;
const DECADES = 3; // from which on powers of 10 are enough

interface Ticks {
  readonly major: number[];
  readonly minor: number[];
}

interface Ticker extends BokehModel {
  get_ticks_no_defaults: (low: number, high: number, cross: unknown, desired: number) => Ticks;
}

interface Formatter extends BokehModel {
  doFormat: (ticks: number[], options: unknown) => string[];
  format_graphics: (ticks: number[], options: unknown) => unknown[];
}

/** Returns the numbers in a range whose leading digit is one of `digits`, and zeros follow. */
function multiples(low: number, high: number, digits: number[]): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    found.push(...digits.map((digit) => Number(`${String(digit)}e${String(power)}`)));
  }
  return found.filter((tick) => tick >= low && tick <= high);
}

/** Returns round numbers of a range of a few decades, or null if it has too few of them. */
export function ticksWithin(low: number, high: number): Ticks | null {
  for (const digits of DIGITS) {
    const major = multiples(low, high, digits);
    if (major.length < FEWEST) continue;
    const minor = multiples(low, high, ALL).filter((tick) => !major.includes(tick));
    return { major, minor };
  }
  return null;
}

/** Returns true if all numbers are powers of 10. */
export function arePowers(ticks: number[]): boolean {
  return ticks.every((tick) => Number(`1e${String(Math.round(Math.log10(tick)))}`) === tick);
}

/** Creates the ticker and the formatter of a logarithmic axis. */
export function logTicks(views: Embedded): { ticker: BokehModel; formatter: BokehModel } {
  const ticker = views.create("LogTicker") as Ticker;
  const usual = ticker.get_ticks_no_defaults.bind(ticker);
  ticker.get_ticks_no_defaults = (low, high, cross, desired) => {
    const narrow = low > 0 && high > low && Math.log10(high / low) < DECADES;
    return (narrow ? ticksWithin(low, high) : null) ?? usual(low, high, cross, desired);
  };
  const formatter = views.create("LogTickFormatter") as Formatter;
  const plain = views.create("BasicTickFormatter") as Formatter;
  const powers = {
    text: formatter.doFormat.bind(formatter),
    graphics: formatter.format_graphics.bind(formatter),
  };
  formatter.doFormat = (ticks, options) =>
    arePowers(ticks) ? powers.text(ticks, options) : plain.doFormat(ticks, options);
  formatter.format_graphics = (ticks, options) =>
    arePowers(ticks) ? powers.graphics(ticks, options) : plain.format_graphics(ticks, options);
  return { ticker, formatter };
}
