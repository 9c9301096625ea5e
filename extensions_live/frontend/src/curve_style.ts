// How the curves of a card and their keys look: colour, width, what is hidden, and the order of keys.

import type { Figure } from "./bokeh";
import { showKey, type Card } from "./card";
import { colourOf, isHidden, labelOf } from "./comparison";
import type { PlotSettings, RunData } from "./messages";
import type { Points } from "./numbers";

const DENSE = 300; // curves with more points than this are drawn thinner
const FAINT = 0.25; // opacity of a curve beneath its smoothed form

/** Shows or hides the forms of each curve, and gives it and its key the colour of the settings. */
export function styleCurves(
  figure: Figure,
  card: Card,
  points: Map<string, Points>,
  now: PlotSettings,
  runs: RunData[],
): void {
  const told = new Set([""]);
  for (const key of card.keys) {
    const { info, button } = key;
    const colour = colourOf(info, now);
    const count = points.get(info.key)?.x.length ?? 0;
    const label = labelOf(info, runs, now);
    const isTold = info.label !== "" && told.has(info.run); // by an earlier key
    showKey(key, label, colour, isTold ? info.label : label);
    told.add(info.run);
    button.classList.toggle("wb-empty", !count);
    const off = isHidden(info, now);
    button.classList.toggle("wb-off", off);
    button.setAttribute("aria-pressed", String(!off));
    for (const renderer of figure.renderers.filter(({ tags }) => tags[0] === info.key)) {
      const kind = renderer.tags[1];
      renderer.visible = !off;
      if (kind === "line" || kind === "smooth") {
        const faint = kind === "line" && points.get(info.key)?.smoothX.length;
        const dense = kind === "line" && count > DENSE;
        const width = dense ? 1.25 : 2;
        renderer.glyph.setv({
          line_width: width,
          line_alpha: faint ? FAINT : 1,
          line_color: colour,
        });
      } else if (kind === "shape") {
        renderer.glyph.setv({ fill_color: colour });
      } else if (kind === "dots") {
        renderer.glyph.setv({ fill_color: colour, line_color: colour });
      }
    }
  }
}

/** Puts the keys of a card in the order of its runs, if they are not. */
export function orderKeys(card: Card, runs: RunData[]): void {
  const order = runs.map(({ key }) => key);
  if (!order.length) return;
  const sorted = [...card.keys].sort(
    (a, b) => order.indexOf(a.info.run) - order.indexOf(b.info.run),
  );
  const there = [...card.legend.querySelectorAll(".wb-key")];
  if (!sorted.some(({ button }, i) => there[i] !== button)) return;
  for (const { button } of sorted) card.legend.append(button);
  card.legend.append(card.broken);
}
