// The widget `Layers`: a heat map over layers and time. A click opens the distributions of a layer.

import { careForCell } from "../cell";
import { make, named } from "../dom";
import { surface } from "../inside/canvas";
import { makeFrame } from "../inside/frame";
import { scaleOf, strength } from "../inside/heat";
import { makePanel } from "../inside/panel";
import { fillSegments } from "../inside/segments";
import { brief, columnAt, edges, floats32, percent } from "../inside/time";
import { makeValues, type ValueTable } from "../inside/values";
import type { LayersPayload, LayersState } from "../messages";
import type { Rendering } from "../model";
import { floats, spread } from "../numbers";

const COLUMNS = 8; // iterations in the table
const ROW = 22; // px, also in the style sheet

function render({ model, el }: Rendering<LayersState>) {
  const { box, content, choose, run } = makeFrame<LayersPayload>(model, el, "layers-view");
  const head = make("div", "wb-inside-head", content);
  const metrics = named("metrics", make("span", "wb-segments", head));
  metrics.setAttribute("role", "group");
  metrics.setAttribute("aria-label", "quantity");
  const legend = named("legend", make("span", "wb-heat-legend", head));
  const note = make("div", "wb-note", content);
  const map = make("div", "wb-layers", content);
  const labels = named("layers", make("div", "wb-layer-names", map));
  const heat = named("heat", make("canvas", "wb-canvas wb-layer-heat", map));
  const numbers = named("layer-values", make("div", "wb-layer-values", map));
  const foot = named("pointed", make("div", "wb-soft wb-inside-pointed", content));
  const table = makeValues("layers", content, head);
  const detail = named("detail", make("div", "wb-detail", content));
  const panel = makePanel(detail, choose);

  let payload: LayersPayload | null = null;
  let iterations: Float64Array = new Float64Array(0);
  let values: Float32Array = new Float32Array(0);
  const value = (row: number, t: number) => values[row * iterations.length + t] ?? NaN;
  const shareOf = () => payload?.metric === "dead";
  const text = (number: number) => (shareOf() ? percent(number) : brief(number));
  const colour = () => (shareOf() ? "bad" : "accent");

  const drawing = surface(heat, (context, width, _, ink) => {
    if (!payload) return;
    const scale = scaleOf(payload.low, payload.high, shareOf());
    const sides = edges(iterations, width);
    payload.rows.forEach((_name, row) => {
      for (let t = 0; t < iterations.length; t += 1) {
        const number = value(row, t);
        const part = strength(number, scale);
        if (part === null) continue;
        const left = sides[t] ?? 0;
        const across = Math.max(1, (sides[t + 1] ?? 0) - left + 0.3);
        const broken = !Number.isFinite(number);
        context.fillStyle = broken ? ink.bad : ink[colour()];
        context.globalAlpha = broken ? 1 : 0.06 + 0.94 * part;
        context.fillRect(left, row * ROW + 1, across, ROW - 2);
      }
    });
    context.globalAlpha = 1;
  });

  const apply = (now: LayersPayload) => {
    payload = now;
    iterations = floats(now.iterations);
    values = floats32(now.values);
    note.textContent = now.note;
    fillSegments(metrics, now.metrics, now.metric, (metric) => {
      choose("metric", metric);
    });
    const scale = scaleOf(now.low, now.high, shareOf());
    legend.replaceChildren();
    make("span", "", legend, text(scale.low));
    make("i", `wb-ramp wb-ramp-${colour()}`, legend);
    make("span", "", legend, text(scale.high));
    if (scale.log) make("span", "wb-soft", legend, "log scale");
    heat.style.height = `${String(ROW * now.rows.length)}px`;
    fillRows(labels, now, choose);
    numbers.replaceChildren();
    numbers.ariaHidden = "true"; // the names of the buttons say them
    now.rows.forEach((name, row) => {
      const shown = text(value(row, iterations.length - 1));
      make("span", "", numbers, shown).dataset.row = name;
      const label = `${name}, ${now.metrics.find(([key]) => key === now.metric)?.[1] ?? ""} ${shown}`;
      labels.children[row]?.setAttribute("aria-label", label);
    });
    heat.setAttribute("role", "img");
    heat.setAttribute("aria-label", `${now.metric} of ${String(now.rows.length)} layers over time`);
    box.dataset.records = String(iterations.length);
    box.dataset.metric = now.metric;
    if (!foot.dataset.pointing) rest();
    table.show(now.metric + now.rows.join(), () => [
      tableOf(now, iterations, (r, t) => text(value(r, t))),
    ]);
    detail.hidden = !now.detail;
    if (now.detail) panel.show(now.detail);
    drawing.redraw();
  };
  const rest = () => {
    delete foot.dataset.pointing;
    const [first, last] = [iterations[0] ?? 0, iterations.at(-1) ?? 0];
    foot.textContent =
      `iterations ${first.toLocaleString("en")} to ${last.toLocaleString("en")}; ` +
      "the numbers are the latest values. Choose a layer to see its distributions.";
  };
  const rowAt = (event: MouseEvent) =>
    Math.floor((event.clientY - heat.getBoundingClientRect().top) / ROW);
  heat.addEventListener("mousemove", (event) => {
    const row = rowAt(event);
    const x = event.clientX - heat.getBoundingClientRect().left;
    const t = columnAt(edges(iterations, heat.clientWidth), x);
    const name = payload?.rows[row];
    if (name === undefined) return;
    foot.dataset.pointing = "yes";
    const at = (iterations[t] ?? 0).toLocaleString("en");
    foot.textContent = `${name} at iteration ${at}: ${text(value(row, t))}`;
  });
  heat.addEventListener("mouseleave", rest);
  heat.addEventListener("click", (event) => {
    const name = payload?.rows[rowAt(event)];
    if (name !== undefined) choose("row", name);
  });
  const end = run(apply);
  return () => {
    drawing.end();
    panel.end();
    table.end();
    end();
  };
}

/** Returns the table of the heat map: a row for each layer, and a column for some iterations. */
export function tableOf(
  { metric, metrics, rows }: LayersPayload,
  iterations: Float64Array,
  text: (row: number, t: number) => string,
): ValueTable {
  const quantity = metrics.find(([key]) => key === metric)?.[1] ?? metric;
  const columns = spread(iterations.length, COLUMNS);
  return {
    caption: `${quantity} of layers over the run`,
    heads: [
      "layer",
      ...columns.map((t) => `iteration ${(iterations[t] ?? 0).toLocaleString("en")}`),
    ],
    rows: rows.map((name, row) => [name, ...columns.map((t) => text(row, t))]),
  };
}

/** Lists the layers as buttons; choosing the open layer again closes it. */
function fillRows(
  parent: HTMLElement,
  { rows, row }: LayersPayload,
  choose: (what: string, value: string) => void,
): void {
  if (parent.childElementCount !== rows.length) {
    parent.replaceChildren();
    for (const name of rows) {
      const button = make("button", "wb-layer", parent, name);
      button.type = "button";
      button.dataset.row = name;
      button.title = `show the distributions of ${name}`;
      button.addEventListener("click", () => {
        choose("row", button.getAttribute("aria-expanded") === "true" ? "" : name);
      });
    }
  }
  for (const button of parent.querySelectorAll("button")) {
    button.setAttribute("aria-expanded", String(button.dataset.row === row));
  }
}

export default { initialize: careForCell, render };
