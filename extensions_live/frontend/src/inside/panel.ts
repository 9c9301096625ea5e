// The panel of distributions: the chosen variable over the run, and its histogram at one iteration.

import { focusOf, make, named } from "../dom";
import type { DistributionsPayload } from "../messages";
import { floats, spread } from "../numbers";
import { surface } from "./canvas";
import { fillSegments } from "./segments";
import { brief, columnAt, edges, floats32, Moment, percent } from "./time";
import { makeValues, type ValueTable } from "./values";

const FOOT = 16; // px below a drawing for its labels
const RECORDS = 12; // rows of the table of records
const RANGES = 8; // rows of the table of the histogram
const NUMBERS = 4; // numbers of each record: mean, deviation, zeros, not finite

/** The distributions of one variable, unpacked. */
export interface Distributions {
  readonly iterations: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly counts: Float32Array;
  readonly numbers: Float32Array;
  readonly bins: number;
}

export function unpackDistributions(payload: DistributionsPayload): Distributions {
  const iterations = floats(payload.iterations);
  const counts = floats32(payload.counts);
  return {
    iterations,
    low: floats(payload.low),
    high: floats(payload.high),
    counts,
    numbers: floats32(payload.numbers),
    bins: iterations.length ? counts.length / iterations.length : 0,
  };
}

/** Returns the statistics of one record as pairs of a name and a text. */
export function facts(found: Distributions, index: number): [string, string][] {
  const at = (i: number) => found.numbers[NUMBERS * index + i] ?? NaN;
  const list: [string, string][] = [
    ["mean", brief(at(0))],
    ["deviation", brief(at(1))],
    ["lowest", brief(found.low[index] ?? NaN)],
    ["highest", brief(found.high[index] ?? NaN)],
    ["zeros", percent(at(2))],
  ];
  if (at(3)) list.push(["not finite", percent(at(3))]);
  return list;
}

/** Returns the tables of a variable: some of its records, and the counts of the record `index`. */
export function tablesOf(name: string, found: Distributions, index: number): ValueTable[] {
  const { iterations, low, high, counts, bins } = found;
  const at = (i: number) => (iterations[i] ?? 0).toLocaleString("en");
  const names = ["mean", "deviation", "lowest", "highest", "zeros", "not finite"];
  const records = spread(iterations.length, RECORDS).map((i) => {
    const known = new Map(facts(found, i));
    return [`iteration ${at(i)}`, ...names.map((fact) => known.get(fact) ?? percent(0))];
  });
  const [start, end] = [low[index] ?? 0, high[index] ?? 0];
  const edge = (bin: number) => brief(start + ((end - start) * bin) / bins);
  const each = Math.ceil(bins / RANGES);
  const ranges = Array.from({ length: Math.ceil(bins / each) }, (_, i) => {
    const [from, to] = [i * each, Math.min((i + 1) * each, bins)];
    const part = counts.subarray(bins * index + from, bins * index + to);
    const sum = part.reduce((a, b) => a + b, 0);
    return [`${edge(from)} to ${edge(to)}`, sum.toLocaleString("en")];
  });
  return [
    { caption: `${name} over the run`, heads: ["at", ...names], rows: records },
    {
      caption: `histogram of ${name} at iteration ${at(index)}`,
      heads: ["range", "values"],
      rows: ranges,
    },
  ];
}

export interface Panel {
  readonly show: (payload: DistributionsPayload) => void;
  readonly end: () => void;
}

/** Adds a panel to `parent`; `choose` gets the option and the value that the user chose. */
export function makePanel(
  parent: HTMLElement,
  choose: (what: string, value: string) => void,
): Panel {
  const box = named("distributions", make("div", "wb-inside", parent));
  const head = make("div", "wb-inside-head", box);
  const kinds = named("kinds", make("span", "wb-segments", head));
  kinds.setAttribute("role", "group");
  kinds.setAttribute("aria-label", "quantity");
  const picker = named("variable", make("select", "wb-select", head));
  picker.setAttribute("aria-label", "variable");
  picker.addEventListener("change", () => {
    choose("name", picker.value);
  });
  const size = make("span", "wb-soft", head);
  const note = make("div", "wb-note", box);
  const grid = make("div", "wb-inside-grid", box);
  const over = make("figure", "wb-inside-figure", grid);
  const heat = named("over-time", make("canvas", "wb-canvas", over));
  make("figcaption", "", over, "over the run");
  const now = make("figure", "wb-inside-figure", grid);
  const bars = named("histogram", make("canvas", "wb-canvas", now));
  const caption = make("figcaption", "", now);
  const foot = make("div", "wb-inside-foot", box);
  const slider = named("scrubber", make("input", "wb-scrubber", foot));
  slider.type = "range";
  slider.min = "0";
  slider.setAttribute("aria-label", "iteration");
  const latest = named("latest", make("button", "wb-button wb-small", foot, "latest"));
  latest.type = "button";
  latest.title = "show the latest values";
  const chips = named("numbers", make("div", "wb-values", box));
  const values = makeValues("distributions", box, foot);

  let payload: DistributionsPayload | null = null;
  let found: Distributions | null = null;
  let key = "";
  let moment = new Moment();

  const drawHeat = surface(heat, (context, width, height, ink) => {
    if (!found?.iterations.length) return;
    const { iterations, low, high, counts, bins } = found;
    const bottom = height - FOOT;
    const least = Math.min(...low.filter(Number.isFinite));
    const most = Math.max(...high.filter(Number.isFinite));
    const y = (value: number) =>
      most > least ? bottom - ((value - least) / (most - least)) * bottom : bottom / 2;
    const sides = edges(iterations, width);
    context.fillStyle = ink.accent;
    for (let t = 0; t < iterations.length; t += 1) {
      const left = sides[t] ?? 0;
      const across = Math.max(1, (sides[t + 1] ?? 0) - left + 0.3);
      const part = counts.subarray(bins * t, bins * (t + 1));
      const top = Math.max(...part);
      const [start, step] = [low[t] ?? 0, ((high[t] ?? 0) - (low[t] ?? 0)) / bins];
      for (let b = 0; b < bins; b += 1) {
        const count = part[b] ?? 0;
        if (!count) continue;
        context.globalAlpha = 0.08 + 0.92 * Math.sqrt(count / top);
        const above = y(start + (b + 1) * step);
        context.fillRect(left, above, across, Math.max(1.5, y(start + b * step) - above + 0.3));
      }
    }
    context.globalAlpha = 1;
    const index = moment.index(iterations);
    const place = ((sides[index] ?? 0) + (sides[index + 1] ?? 0)) / 2;
    context.fillStyle = ink.text;
    if (!moment.latest) context.fillRect(place - 0.5, 0, 1, bottom);
    context.fillStyle = ink.soft;
    context.textBaseline = "top";
    context.fillText(brief(most), 3, 2);
    context.textBaseline = "bottom";
    context.fillText(brief(least), 3, bottom - 2);
    context.textBaseline = "top";
    context.fillText((iterations[0] ?? 0).toLocaleString("en"), 0, bottom + 4);
    context.textAlign = "right";
    context.fillText((iterations.at(-1) ?? 0).toLocaleString("en"), width, bottom + 4);
    context.textAlign = "left";
  });

  const drawBars = surface(bars, (context, width, height, ink) => {
    if (!found?.iterations.length) return;
    const { low, high, counts, bins } = found;
    const index = moment.index(found.iterations);
    const part = counts.subarray(bins * index, bins * (index + 1));
    const top = Math.max(...part) || 1;
    const bottom = height - FOOT;
    const across = width / bins;
    context.fillStyle = ink.accent;
    part.forEach((count, b) => {
      const up = (count / top) * (bottom - 14);
      context.fillRect(b * across, bottom - up, Math.max(1, across - 1), up);
    });
    const [least, most] = [low[index] ?? 0, high[index] ?? 0];
    context.fillStyle = ink.text;
    context.globalAlpha = 0.3;
    context.fillRect(0, bottom, width, 1);
    const zero = (-least / (most - least)) * width;
    if (least < 0 && most > 0) context.fillRect(zero, 0, 1, bottom + 4);
    context.globalAlpha = 1;
    context.fillStyle = ink.soft;
    context.textBaseline = "top";
    context.fillText(brief(least), 0, bottom + 4);
    if (zero > 50 && zero < width - 50) {
      context.textAlign = "center";
      context.fillText("0", zero, bottom + 4);
    }
    context.textAlign = "right";
    context.fillText(brief(most), width, bottom + 4);
    context.fillText(`${top.toLocaleString("en")} in the highest bin`, width, 0);
    context.textAlign = "left";
  });

  const apply = () => {
    if (!found) return;
    const { iterations } = found;
    const index = moment.index(iterations);
    const at = (iterations[index] ?? 0).toLocaleString("en");
    slider.max = String(Math.max(0, iterations.length - 1));
    slider.value = String(index);
    slider.disabled = iterations.length < 2;
    slider.setAttribute("aria-valuetext", `iteration ${at}`);
    latest.disabled = moment.latest;
    caption.textContent = moment.latest ? `iteration ${at}, the latest` : `iteration ${at}`;
    chips.replaceChildren();
    for (const [name, text] of facts(found, index)) {
      const chip = make("span", "wb-value", chips);
      chip.dataset.fact = name;
      make("span", "", chip, name);
      make("b", "", chip, text);
    }
    box.dataset.iteration = String(iterations[index] ?? "");
    box.dataset.records = String(iterations.length);
    heat.setAttribute("role", "img");
    heat.setAttribute(
      "aria-label",
      `distributions of ${payload?.name ?? ""} at ${String(iterations.length)} iterations`,
    );
    bars.setAttribute("role", "img");
    bars.setAttribute("aria-label", `histogram of ${payload?.name ?? ""} at iteration ${at}`);
    const [name, shown] = [payload?.name ?? "", found];
    values.show(`${key} ${moment.latest ? "latest" : at}`, () => tablesOf(name, shown, index));
    drawHeat.redraw();
    drawBars.redraw();
  };
  const goTo = (index: number) => {
    if (!found) return;
    moment.choose(found.iterations, index);
    apply();
  };
  slider.addEventListener("input", () => {
    goTo(Number(slider.value));
  });
  latest.addEventListener("click", () => {
    goTo(Infinity);
  });
  heat.addEventListener("pointerdown", (event) => {
    const follow = (moved: PointerEvent) => {
      if (!found) return;
      const x = moved.clientX - heat.getBoundingClientRect().left;
      goTo(columnAt(edges(found.iterations, heat.clientWidth), x));
    };
    const release = () => {
      heat.removeEventListener("pointermove", follow);
    };
    heat.setPointerCapture(event.pointerId);
    heat.addEventListener("pointermove", follow);
    heat.addEventListener("pointerup", release, { once: true });
    heat.addEventListener("pointercancel", release, { once: true });
    follow(event);
  });

  const show = (next: DistributionsPayload) => {
    if (`${next.kind} ${next.name}` !== key) moment = new Moment();
    key = `${next.kind} ${next.name}`;
    payload = next;
    found = unpackDistributions(next);
    kinds.hidden = next.kinds.length < 2;
    const segments = next.kinds.map((kind) => [kind, kind]);
    fillSegments(kinds, segments, next.kind, (kind) => {
      choose("kind", kind);
    });
    fillPicker(picker, next);
    size.textContent = `${next.size.toLocaleString("en")} value${next.size === 1 ? "" : "s"}`;
    note.textContent = next.note;
    apply();
  };
  return {
    show,
    end: () => {
      values.end();
      drawHeat.end();
      drawBars.end();
    },
  };
}

/** Lists the variables, unless they are already listed, since an open list must stay open. */
function fillPicker(picker: HTMLSelectElement, { names, name }: DistributionsPayload): void {
  if ([...picker.options].map((one) => one.value).join("\n") !== names.join("\n")) {
    picker.replaceChildren();
    for (const one of names) make("option", "", picker, one).value = one;
  }
  if (focusOf(picker) !== picker || picker.value === name) picker.value = name;
}
