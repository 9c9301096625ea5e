// Updates embedded figures with payloads, each of which replaces all data.

import type { Embedded } from "./bokeh";
import type { Card } from "./card";
import type { PlotPayload, PlotState } from "./messages";
import type { Model } from "./model";
import { format, nearest, unpack, type Points } from "./numbers";
import { post } from "./post";
import { followTheme } from "./theme";

const DENSE = 300; // curves with more points than this are drawn thinner
const SETTLE = 150; // ms without a change of the range before finer points are requested
const MARK_HEIGHT = 0.03; // height of the marks, as a fraction of the figure
const NOTHING: PlotPayload = { curves: {}, latest: {}, notes: {} };

/** Text on a card about its curves. */
export interface Readout {
  /** The value of each channel. */
  values: string[];
  /** The iteration at the pointer, or an empty string. */
  at: string;
}

/** Returns the latest values of `channels` or, if there is a pointer, the values nearest to it. */
export function readout(
  channels: string[],
  points: Map<string, Points>,
  latest: Record<string, string>,
  pointer: number | null,
): Readout {
  const found = channels.map((name) => {
    const curve = points.get(name);
    if (pointer === null || !curve?.x.length) return { text: latest[name] ?? "" };
    const index = nearest(curve.x, curve.y, pointer);
    return { text: format(curve.y[index]), x: curve.x[index] };
  });
  // The shown iteration belongs to the point of all curves that is nearest to the pointer.
  const distance = (x: number) => Math.abs(x - (pointer ?? 0));
  const [x] = found.flatMap((one) => one.x ?? []).sort((a, b) => distance(a) - distance(b));
  return {
    values: found.map(({ text }) => text),
    at: x === undefined ? "" : `iteration ${x.toLocaleString("en")}`,
  };
}

/** Updates embedded figures with every payload; returns a function that stops and removes them. */
export function fill(
  model: Model<PlotState>,
  box: HTMLElement,
  cards: Card[],
  views: Embedded,
): () => void {
  const figures = views.document.roots();
  const parts = figures.flatMap((figure, i) => (cards[i] ? [{ figure, card: cards[i] }] : []));
  const points = new Map<string, Points>();
  const count = (name: string) => points.get(name)?.x.length ?? 0;
  let pointer: number | null = null;

  const payload = (): PlotPayload => {
    const now = model.get("payload");
    return "curves" in now ? now : NOTHING;
  };

  const showValues = () => {
    const { latest } = payload();
    for (const { keys, at } of cards) {
      const channels = keys.map((key) => key.channel);
      const text = readout(channels, points, latest, pointer);
      keys.forEach(({ value }, i) => (value.textContent = text.values[i] ?? ""));
      at.textContent = text.at;
    }
  };

  // Shows or hides the forms of each curve and the notes on missing channels.
  const arrange = () => {
    const { notes } = payload();
    for (const { figure, card } of parts) {
      const channels = card.keys.map((key) => key.channel);
      for (const { channel, button } of card.keys) {
        button.classList.toggle("wb-empty", !count(channel));
        const off = button.classList.contains("wb-off");
        for (const renderer of figure.renderers.filter((one) => one.tags[0] === channel)) {
          renderer.visible = !off;
          if (renderer.tags[1] === "line") {
            renderer.glyph.line_width = count(channel) > DENSE ? 1.25 : 2;
          }
        }
      }
      const missing = channels.flatMap((name) => notes[name] ?? []);
      card.note.textContent = missing.join("; ");
      card.waiting.hidden = missing.length > 0 || channels.some(count);
      card.broken.hidden = !channels.some((name) => points.get(name)?.marks.length);
    }
  };

  const apply = () => {
    for (const [name, curve] of Object.entries(payload().curves)) {
      const now = unpack(curve);
      points.set(name, now);
      const { x, y, marks, dotsX, dotsY } = now;
      const heights = new Float64Array(marks.length).fill(MARK_HEIGHT);
      views.document.get_model_by_name(`curve:${name}`).data = { x, y };
      views.document.get_model_by_name(`dots:${name}`).data = { x: dotsX, y: dotsY };
      views.document.get_model_by_name(`marks:${name}`).data = { x: marks, y: heights };
    }
    arrange();
    showValues();
    publishFacts(box, [...points.values()]);
  };

  let timer: ReturnType<typeof setTimeout> | undefined;
  const askRange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const range = figures[0]?.x_range;
      const zoomed = range?.have_updated_interactively ? range : null;
      for (const card of cards) card.reset.hidden = !zoomed;
      const [start, stop] = zoomed ? [zoomed.start, zoomed.end] : [null, null];
      post(model, box, { kind: "range", start, stop });
    }, SETTLE);
  };
  const resetAll = () => {
    for (const figure of figures) views.view(figure).reset();
  };
  const point = (x: number | null) => {
    pointer = x;
    showValues();
  };
  for (const { figure, card } of parts) {
    // The browser would draw an outline after every drag.
    views.view(figure).canvas_view.events_el.style.outline = "none";
    figure.on_event("rangesupdate", askRange);
    figure.on_event("reset", askRange);
    figure.on_event("doubletap", resetAll);
    figure.on_event("mousemove", ({ x }) => {
      point(x);
    });
    figure.on_event("mouseleave", () => {
      point(null);
    });
    card.reset.addEventListener("click", resetAll);
    for (const { button } of card.keys) {
      button.addEventListener("click", () => {
        button.classList.toggle("wb-off");
        arrange();
      });
    }
  }

  const leaveTheme = followTheme(figures, box);
  model.on("change:payload", apply);
  apply();
  askRange();
  return () => {
    clearTimeout(timer);
    leaveTheme();
    model.off("change:payload", apply);
    views.remove();
  };
}

/** Sets attributes of `box` that tests read: last iteration, number of points, number of updates. */
function publishFacts(box: HTMLElement, points: Points[]): void {
  box.dataset.last = String(Math.max(0, ...points.map(({ x }) => x.at(-1) ?? 0)));
  box.dataset.points = String(points.reduce((sum, { x }) => sum + x.length, 0));
  box.dataset.updates = String(Number(box.dataset.updates ?? 0) + 1);
}
