// Texts about points: the values of curves at the pointer, and what the marks near it say.

import { placeText } from "./axes";
import type { FigureView, PointEvent } from "./bokeh";
import type { Card } from "./card";
import { textsAt } from "./marks";
import type { AxisData, MarkData } from "./messages";
import { format, nearest, type Points } from "./numbers";

/** Text on a card about its curves. */
export interface Readout {
  /** The value of each curve. */
  values: string[];
  /** The position at the pointer, or an empty text. */
  at: string;
}

/** Returns the latest values of curves, or the values nearest to the pointer if there is one. */
export function readout(
  keys: string[],
  points: Map<string, Points>,
  latest: Record<string, string>,
  pointer: number | null,
  axis?: AxisData,
): Readout {
  const found = keys.map((name) => {
    const curve = points.get(name);
    if (pointer === null || !curve?.x.length) return { text: latest[name] ?? "" };
    const index = nearest(curve.x, curve.y, pointer);
    const smooth = nearest(curve.smoothX, curve.smoothY, pointer);
    const mean = smooth < 0 ? "" : ` (${format(curve.smoothY[smooth])})`;
    return { text: format(curve.y[index]) + mean, x: curve.x[index] };
  });
  // The shown position is that of the point nearest to the pointer, of all curves.
  const distance = (x: number) => Math.abs(x - (pointer ?? 0));
  const [x] = found.flatMap((one) => one.x ?? []).sort((a, b) => distance(a) - distance(b));
  return {
    values: found.map(({ text }) => text),
    at: x === undefined ? "" : placeText(axis, x),
  };
}

/** Shows beside the pointer what the marks near it say; `keys` are the curves that are shown. */
export function showTip(
  { tip, holder, section }: Card,
  frame: FigureView["frame"] | undefined,
  event: PointEvent,
  marks: MarkData[],
  keys: Set<string>,
): void {
  const texts = frame && event.sx !== undefined ? textsAt(marks, frame, event.sx, keys) : [];
  tip.hidden = !texts.length;
  if (!frame || !texts.length) return;
  tip.textContent = texts.slice(0, 6).join("\n");
  const left = (event.sx ?? 0) + holder.offsetLeft;
  const right = left > section.clientWidth / 2;
  tip.style.left = right ? "" : `${left + 12}px`;
  tip.style.right = right ? `${section.clientWidth - left + 12}px` : "";
  tip.style.top = `${frame.bbox.top + holder.offsetTop + 8}px`;
}
