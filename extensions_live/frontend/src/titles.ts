// Colours of the title of a figure. A legend has the colours of the page by its own style sheet: if
// its properties changed, Bokeh would draw it over the curves.

import type { Figure } from "./bokeh";
import { followColours } from "./looks";

/** Sets the colour and the font of `el` in the titles of `figures`. */
export function paintTitles(figures: Figure[], el: HTMLElement): void {
  const { fontFamily: font, color: text } = getComputedStyle(el);
  for (const figure of figures) {
    const { above, right } = figure as unknown as Record<"above" | "right", Figure["center"]>;
    for (const part of [...figure.center, ...above, ...right]) {
      if (part.type === "Title") part.setv({ text_color: text, text_font: font });
    }
  }
}

/** Paints titles now and whenever the theme changes; returns a function that stops this. */
export function followTitles(figures: Figure[], el: HTMLElement): () => void {
  return followColours(() => {
    paintTitles(figures, el);
  });
}
