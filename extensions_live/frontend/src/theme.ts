// Applies the colours and fonts of the page to figures, for every theme.

import type { Figure } from "./bokeh";
import { followColours } from "./looks";

/** Applies the colours and fonts of `el` to `figures`. */
export function applyTheme(figures: Figure[], el: HTMLElement): void {
  const { fontFamily: font, color: text } = getComputedStyle(el);
  for (const figure of figures) {
    for (const grid of figure.center.filter((part) => part.type.endsWith("Grid"))) {
      grid.setv({ grid_line_color: text, grid_line_alpha: 0.12 });
    }
    for (const axis of [...figure.below, ...figure.left]) {
      axis.setv({
        axis_line_color: text,
        axis_line_alpha: 0.3,
        major_tick_line_color: text,
        major_tick_line_alpha: 0.3,
        minor_tick_line_color: null,
        major_label_text_color: text,
        major_label_text_font: font,
        major_label_text_font_size: "11px",
        axis_label_text_color: text,
        axis_label_text_alpha: 0.6,
        axis_label_text_font: font,
        axis_label_text_font_size: "11px",
        axis_label_text_font_style: "normal",
        axis_label_standoff: 4,
      });
    }
    for (const tool of figure.toolbar.tools) {
      if (tool.type === "CrosshairTool") tool.overlay.setv({ line_color: text });
    }
  }
}

/** Applies the theme to figures now and when it changes; returns a function that stops this. */
export function followTheme(figures: Figure[], el: HTMLElement): () => void {
  return followColours(() => {
    applyTheme(figures, el);
  });
}
