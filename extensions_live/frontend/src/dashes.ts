// Draws curves without dashes where these could not be seen, since browsers without a graphics card
// need a long time for a long dashed line, even for its parts outside the figure. The curves then have
// shapes instead.

import type { Span } from "./axes";
import type { Figure } from "./bokeh";
import type { Card } from "./card";
import type { Points } from "./numbers";
import { shapePlaces } from "./shapes";

const MOST = 20; // length of a dashed line, in widths and heights of the figure

export interface Scales {
  readonly x: Span;
  readonly y: Span;
  readonly logX: boolean;
  readonly logY: boolean;
}

type Line = Record<"x" | "y", Float64Array>;
type Draw = (kind: "curve" | "smooth" | "shapes", name: string, line: Line) => void;

/**
 * Returns a function that sets the dashes and shapes of the curves of a card for the present ranges. A
 * line that is short only in and beside the visible part is cut to this by `draw`. If one of several
 * curves has dashes that cannot be seen, each of the curves gets its shape. `index` is that of the
 * figure.
 */
export function makeDashes(
  figure: Figure,
  card: Card,
  points: Map<string, Points>,
  draw: Draw,
  index = 0,
): (log: { x: boolean; y: boolean }) => void {
  const cut = new Map<object, Points>(); // the points of the lines that are cut, by renderer
  const shaped = new Set<string>(); // the keys of the curves whose shapes are drawn
  return (log) => {
    const { start, end } = figure.x_range;
    const y = { low: figure.y_range.start, high: figure.y_range.end };
    const scales = { x: { low: start, high: end }, y, logX: log.x, logY: log.y };
    const near = { low: start - (end - start), high: end + (end - start) };
    let lost = false;
    for (const { info } of card.keys) {
      const known = points.get(info.key);
      if (!known || !info.dash.length) continue;
      for (const renderer of figure.renderers) {
        const [key, form] = renderer.tags;
        if (key !== info.key || (form !== "line" && form !== "smooth")) continue;
        const kind = form === "line" ? "curve" : "smooth";
        const whole = kind === "curve" ? known : { x: known.smoothX, y: known.smoothY };
        const short = lengthOf(whole, scales) <= MOST;
        const part = short ? whole : within(whole, near);
        const seen = short || lengthOf(part, scales) <= MOST;
        renderer.glyph.setv({ line_dash: seen ? info.dash : [] });
        const main = kind === "smooth" || !known.smoothX.length;
        lost ||= renderer.visible && main && !seen;
        if (seen && !short) {
          draw(kind, key, { x: part.x, y: part.y });
          cut.set(renderer, known);
        } else if (cut.get(renderer) === known) {
          draw(kind, key, { x: whole.x, y: whole.y });
          cut.delete(renderer);
        }
      }
    }
    const shown = card.keys.filter(
      ({ info, button }) => !button.classList.contains("wb-off") && points.get(info.key)?.x.length,
    );
    const several = lost && shown.length > 1;
    card.section.classList.toggle("wb-shaped", several);
    for (const { info } of card.keys) {
      const { key } = info;
      const number = several ? shown.findIndex((one) => one.info.key === key) : -1;
      const known = points.get(key);
      if (known && number >= 0) {
        const { x, y, smoothX, smoothY } = known;
        const line = smoothX.length ? { x: smoothX, y: smoothY } : { x, y };
        draw("shapes", `${index}:${key}`, shapePlaces(line, number, shown.length, scales));
        shaped.add(key);
      } else if (shaped.delete(key)) {
        draw("shapes", `${index}:${key}`, { x: NONE, y: NONE });
      }
    }
  };
}

const NONE = new Float64Array(0);

/** Returns the length of a line in widths and heights of the figure; gaps do not count. */
export function lengthOf({ x, y }: Line, scales: Scales): number {
  const placeX = relative(scales.x, scales.logX);
  const placeY = relative(scales.y, scales.logY);
  let [sum, lastX, lastY] = [0, NaN, NaN];
  for (let i = 0; i < x.length; i += 1) {
    const [nextX, nextY] = [placeX(x[i] ?? NaN), placeY(y[i] ?? NaN)];
    const step = Math.abs(nextX - lastX) + Math.abs(nextY - lastY);
    if (Number.isFinite(step)) sum += step;
    [lastX, lastY] = [nextX, nextY];
  }
  return sum;
}

/** Returns the part of a line in a range, with one point on each side. */
export function within({ x, y }: Line, { low, high }: Span): Line {
  const after = x.findIndex((value) => value >= low);
  const first = Math.max(0, after < 0 ? x.length - 1 : after - 1);
  const over = x.findIndex((value) => value > high);
  const last = over < 0 ? x.length : over + 1;
  return { x: x.subarray(first, last), y: y.subarray(first, last) };
}

/** Returns a function that maps the start of a range to 0 and its end to 1. */
function relative({ low, high }: Span, log: boolean): (value: number) => number {
  const scale = log ? Math.log10 : (value: number) => value;
  const [start, size] = [scale(low), scale(high) - scale(low)];
  return (value) => (scale(value) - start) / size;
}
