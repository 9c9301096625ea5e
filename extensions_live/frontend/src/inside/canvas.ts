// A canvas that is drawn again when its size, the zoom or the theme of the page changes.

import { followColours, followZoom } from "../looks";

/** Colours of the page for drawing. */
export interface Ink {
  readonly text: string;
  readonly soft: string;
  readonly accent: string;
  readonly bad: string;
  readonly font: string;
}

export type Draw = (
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  ink: Ink,
) => void;

export interface Surface {
  readonly redraw: () => void;
  readonly end: () => void;
}

/** Returns the colours of the page at an element. */
export function inkOf(el: HTMLElement): Ink {
  const style = getComputedStyle(el);
  const colour = (name: string, other: string) => style.getPropertyValue(name).trim() || other;
  return {
    text: style.color,
    soft: colour("--wb-soft", style.color),
    accent: colour("--wb-accent", "#3b82f6"),
    bad: colour("--wb-bad", "#ef4444"),
    font: `11px ${style.fontFamily}`,
  };
}

/** Draws on a canvas in CSS pixels, now and whenever its size, the zoom or the theme changes. */
export function surface(canvas: HTMLCanvasElement, draw: Draw): Surface {
  const redraw = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    const context = width && height ? canvas.getContext("2d") : null;
    if (!context) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    context.clearRect(0, 0, width, height);
    const ink = inkOf(canvas);
    context.font = ink.font;
    draw(context, width, height, ink);
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  };
  const sizes = new ResizeObserver(redraw);
  sizes.observe(canvas);
  const ends = [followColours(redraw), followZoom(redraw)];
  return {
    redraw,
    end: () => {
      sizes.disconnect();
      for (const end of ends) end();
    },
  };
}
