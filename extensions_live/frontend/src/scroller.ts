// Scrolls through more rows than a page can hold, by creating elements only for the visible ones.

/** Height of a row in pixels, as in table.css. */
export const ROW = 25;

/** Maximum height of the scrolled element; browsers cut elements above about 17 million pixels. */
export const TALLEST = 6_000_000;

/** Returns the height of the scrolled element for a number of rows, in pixels. */
export function tall(total: number, header: number): number {
  return Math.min(total * ROW + header, TALLEST);
}

/**
 * Returns the first visible of `total` rows. `top` is the scroll position, `height` the height of
 * the scrolled element, and `viewport` that of its visible part. If all rows together are higher
 * than `TALLEST`, the scroll position is scaled.
 */
export function firstRow(top: number, height: number, viewport: number, total: number): number {
  const room = Math.max(1, Math.floor((viewport - ROW) / ROW));
  const last = Math.max(0, total - room);
  const way = height - viewport;
  if (way <= 0 || top <= 0) return 0;
  if (height < TALLEST) return Math.min(last, Math.round(top / ROW));
  return Math.min(last, Math.round((top / way) * last));
}
