// Marks on the figures: epochs, interventions, tiers, checkpoints and best values, with their texts.

import type { Embedded, Frame } from "./bokeh";
import type { LineInfo, MarkData, MarkKind } from "./messages";

const REACH = 6; // pixels from a mark at which its text appears
const BOTTOM = 0.06; // height of a checkpoint's line, as a fraction of the figure

export const MARK_NAMES: Record<MarkKind, string> = {
  epoch: "epochs",
  intervention: "interventions",
  tier: "tier changes",
  checkpoint: "checkpoints",
  best: "best so far",
  branch: "before the last rewind",
};

/** Shows the marks of a payload that are not hidden. */
export function drawMarks(
  views: Embedded,
  figures: LineInfo[][],
  marks: MarkData[],
  hidden: Set<string>,
): void {
  for (const kind of ["epoch", "intervention", "tier", "checkpoint"] as const) {
    const x = marks.filter((mark) => mark.kind === kind).flatMap((mark) => mark.x);
    const top = kind === "checkpoint" ? BOTTOM : 1;
    views.document.get_model_by_name(`rules:${kind}`).data = {
      x: Float64Array.from(x),
      y0: new Float64Array(x.length),
      y1: new Float64Array(x.length).fill(top),
    };
  }
  figures.forEach((lines, index) => {
    const keys = new Set(lines.map(({ key }) => key).filter((key) => !hidden.has(key)));
    const best = marks.filter((mark) => mark.kind === "best" && keys.has(mark.curve));
    views.document.get_model_by_name(`best:${index}`).data = {
      x: Float64Array.from(best.flatMap((mark) => mark.x)),
      y: Float64Array.from(best.flatMap((mark) => mark.y)),
    };
  });
}

/** Returns the texts of the marks near a pixel, the nearest first and those of epochs last. */
export function textsAt(marks: MarkData[], frame: Frame, sx: number, keys: Set<string>): string[] {
  const found: { distance: number; text: string }[] = [];
  for (const mark of marks) {
    if (mark.curve && !keys.has(mark.curve)) continue;
    mark.x.forEach((x, i) => {
      const distance = Math.abs(frame.x_scale.compute(x) - sx);
      const text = mark.text[i];
      if (distance <= REACH && text) {
        found.push({ distance: distance + (mark.kind === "epoch" ? REACH : 0), text });
      }
    });
  }
  return found.sort((a, b) => a.distance - b.distance).map(({ text }) => text);
}
