// Positions on the time axis of a history: columns of records, and the record that is shown.

/** Returns the left edges of the columns within `width`, and the right edge of the last one. */
export function edges(iterations: ArrayLike<number>, width: number): number[] {
  const count = iterations.length;
  if (count < 2) return [0, width];
  const first = iterations[0] ?? 0;
  const span = (iterations[count - 1] ?? 0) - first;
  const place = (i: number) => (((iterations[i] ?? 0) - first) / span) * width;
  const middle = (i: number) => (place(i - 1) + place(i)) / 2;
  return Array.from({ length: count + 1 }, (_, i) =>
    i === 0 ? 0 : i === count ? width : middle(i),
  );
}

/** Returns the column at a position; positions outside belong to the first or the last column. */
export function columnAt(sides: number[], x: number): number {
  const after = sides.findIndex((side, i) => i > 0 && x < side);
  return after < 0 ? sides.length - 2 : after - 1;
}

/** The record that is shown: the latest one, or the one nearest to a chosen iteration. */
export class Moment {
  private chosen: number | null = null;

  /** True if the latest record is shown. */
  get latest(): boolean {
    return this.chosen === null;
  }

  /** Chooses a record by its index; the last index means the latest record from now on. */
  choose(iterations: ArrayLike<number>, index: number): void {
    this.chosen = index >= iterations.length - 1 ? null : (iterations[index] ?? null);
  }

  /** Returns the index of the record to show; -1 if there is none. */
  index(iterations: ArrayLike<number>): number {
    const last = iterations.length - 1;
    if (this.chosen === null) return last;
    let best = last;
    for (let i = last; i >= 0; i -= 1) {
      const distance = Math.abs((iterations[i] ?? 0) - this.chosen);
      if (distance <= Math.abs((iterations[best] ?? 0) - this.chosen)) best = i;
    }
    return best;
  }
}

/** Returns the numbers in a buffer of 32-bit floats. */
export function floats32(view: DataView | null | undefined): Float32Array {
  if (!view?.byteLength) return new Float32Array(0);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Returns a number with three significant digits. */
export function brief(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(2) : value.toPrecision(3);
  return text.replaceAll("-", "−").replace("e+", "e");
}

/** Returns a share as a percentage. */
export function percent(share: number): string {
  if (Number.isNaN(share)) return "–";
  if (share === 0 || share === 1) return `${String(100 * share)} %`;
  return share < 0.001 ? "< 0.1 %" : share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`;
}
