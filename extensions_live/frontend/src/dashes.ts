// Draws curves as solid lines where they go up and down so often that nobody could see dashes, since
// browsers without a graphics card need a long time for a long dashed line.

import type { Span } from "./axes";
import type { Figure } from "./bokeh";
import type { Card } from "./card";
import type { Points } from "./numbers";

const MOST = 20; // heights of the figure that a dashed line may go up and down

/** Sets the dashes of the curves of a card, as they can be seen in the present ranges. */
export function dashCurves(
  figure: Figure,
  card: Card,
  points: Map<string, Points>,
  log: boolean,
): void {
  const visible = { low: figure.x_range.start, high: figure.x_range.end };
  const heights = { low: figure.y_range.start, high: figure.y_range.end };
  for (const { info } of card.keys) {
    const known = points.get(info.key);
    if (!known || !info.dash.length) continue;
    for (const { tags, glyph } of figure.renderers) {
      if (tags[0] !== info.key || (tags[1] !== "line" && tags[1] !== "smooth")) continue;
      const [x, y] = tags[1] === "line" ? [known.x, known.y] : [known.smoothX, known.smoothY];
      const seen = travel(x, y, visible, heights, log) <= MOST;
      glyph.setv({ line_dash: seen ? info.dash : [] });
    }
  }
}

/** Returns how far a line goes up and down in the visible part, in heights of the figure. */
export function travel(
  x: Float64Array,
  y: Float64Array,
  visible: Span,
  heights: Span,
  log: boolean,
): number {
  const [low, high] = [heights.low, heights.high].map((value) => (log ? Math.log10(value) : value));
  if (low === undefined || high === undefined || !(high > low)) return 0;
  const place = (value: number) => {
    const at = ((log ? Math.log10(value) : value) - low) / (high - low);
    return Math.min(1, Math.max(0, at)); // what is outside is not drawn
  };
  let [sum, before] = [0, NaN];
  for (let i = 0; i < x.length; i += 1) {
    const at = x[i] ?? NaN;
    const now = at >= visible.low && at <= visible.high ? place(y[i] ?? NaN) : NaN;
    const step = Math.abs(now - before);
    if (step > 0) sum += step; // a missing value breaks the line
    before = now;
  }
  return sum;
}
