// Colours of the parts of a figure that live plots lack: legend and title.

import type { Figure } from "./bokeh";
import { followColours } from "./looks";

/** Sets the colour and the font of `el` in the legends and titles of `figures`. */
export function paintLegends(figures: Figure[], el: HTMLElement): void {
  const { fontFamily: font, color: text } = getComputedStyle(el);
  for (const figure of figures) {
    const { above, right } = figure as unknown as Record<"above" | "right", Figure["center"]>;
    for (const part of [...figure.center, ...above, ...right]) {
      if (part.type === "Legend") part.setv({ label_text_color: text, label_text_font: font });
      if (part.type === "Title") part.setv({ text_color: text, text_font: font });
    }
  }
}

/** Paints legends now and whenever the theme changes; returns a function that stops this. */
export function followLegends(figures: Figure[], el: HTMLElement): () => void {
  return followColours(() => {
    paintLegends(figures, el);
  });
}
