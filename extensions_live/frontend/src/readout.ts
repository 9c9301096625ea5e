// Texts about points: the values of curves at the pointer, and what the marks near it say.

import { placeText } from "./axes";
import type { FigureView, PointEvent } from "./bokeh";
import type { Card } from "./card";
import { textsAt } from "./marks";
import type { AxisData, MarkData } from "./messages";
import { format, nearest, type Points } from "./numbers";

/** Returns the latest values of curves, or the values nearest to the pointer if there is one. */
export function readout(
  keys: string[],
  points: Map<string, Points>,
  latest: Record<string, string>,
  pointer: number | null,
): string[] {
  return keys.map((name) => {
    const curve = points.get(name);
    if (pointer === null || !curve?.x.length) return latest[name] ?? "";
    const index = nearest(curve.x, curve.y, pointer);
    const smooth = nearest(curve.smoothX, curve.smoothY, pointer);
    const mean = smooth < 0 ? "" : ` (${format(curve.smoothY[smooth])})`;
    return format(curve.y[index]) + mean;
  });
}

/** Returns the position of the point nearest to the pointer, of all curves, or an empty text. */
export function placeAt(
  keys: string[],
  points: Map<string, Points>,
  pointer: number | null,
  axis?: AxisData,
): string {
  if (pointer === null) return "";
  const distance = (x: number) => Math.abs(x - pointer);
  const found = keys.flatMap((name) => {
    const curve = points.get(name);
    return curve?.x.length ? (curve.x[nearest(curve.x, curve.y, pointer)] ?? []) : [];
  });
  const [x] = found.sort((a, b) => distance(a) - distance(b));
  return x === undefined ? "" : placeText(axis, x);
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
