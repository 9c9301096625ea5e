// The toolbar of a card: axes, smoothing, marks, table and files. It lies above the figure, and is
// invisible until the pointer is over its card or one of its parts has the focus.

import { focusOf, make, named } from "./dom";
import type { AxisName, MarkKind, PlotSettings } from "./messages";
import { MARK_NAMES } from "./marks";
import { toggled, type Settings } from "./settings";

export type FileKind = "PNG" | "SVG" | "CSV";

const AXES: [AxisName, string][] = [
  ["iteration", "iteration"],
  ["epoch", "epoch"],
  ["time", "time"],
  ["examples", "examples"],
];
const FILES: Record<FileKind, string> = {
  PNG: "save a bitmap image with the legend",
  SVG: "save a vector image with the legend",
  CSV: "save the points on the screen; log.frame has all values",
};
const READING_TIME = 5000; // ms for which the bar shows what happened
const [LEAST, MOST, STEPS] = [2, 100_000, 100];

/** Returns the number of iterations for a position of the smoothing slider; 0 for no smoothing. */
export function smoothingOf(position: number): number {
  if (position <= 0) return 0;
  const value = LEAST * (MOST / LEAST) ** ((position - 1) / (STEPS - 1));
  return Number(value.toPrecision(2));
}

/** Returns the position of the slider for a number of iterations. */
export function positionOfSmoothing(value: number): number {
  if (value <= 0) return 0;
  const share = Math.log(value / LEAST) / Math.log(MOST / LEAST);
  return Math.min(STEPS, Math.max(1, Math.round(1 + share * (STEPS - 1))));
}

export interface Toolbar {
  /** Shows the settings, and disables the axes that the log lacks. */
  show: (now: PlotSettings, missing: Record<string, string>) => void;
  /** Shows for a few seconds what happened, for example that a file was saved. */
  say: (text: string) => void;
}

/** Adds the toolbar of figure `index` to `parent`; `save` writes a file. */
export function makeToolbar(
  index: number,
  settings: Settings,
  parent: HTMLElement,
  save: (kind: FileKind) => void,
): Toolbar {
  const bar = named("plot-tools", make("div", "wb-tools", parent));
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "settings of the plot");
  const button = (name: string, title: string, act: () => void) => {
    const element = named(name.replace(" ", "-"), make("button", "wb-tool", bar, name));
    element.type = "button";
    element.title = title;
    element.addEventListener("click", act);
    return element;
  };
  const logY = button("log y", "logarithmic y axis (key l)", () => {
    settings.change({ log_y: toggled(settings.now.log_y, index) });
  });
  const logX = button("log x", "logarithmic x axis", () => {
    settings.change({ log_x: !settings.now.log_x });
  });
  const robust = button("robust", "ignore rare extreme values in the range of the y axis", () => {
    settings.change({ robust: toggled(settings.now.robust, index) });
  });

  const x = named("x-axis", make("select", "wb-tool", bar));
  x.setAttribute("aria-label", "x axis");
  for (const [value, text] of AXES) make("option", "", x, text).value = value;
  x.addEventListener("change", () => {
    settings.change({ x: x.value as AxisName });
  });

  const smoothing = makeMenu("smooth", "mean of the curves over some iterations", bar);
  const label = make("label", "wb-smoothing", smoothing);
  const slider = named("smoothing", make("input", "", label));
  Object.assign(slider, { type: "range", min: "0", max: String(STEPS), step: "1" });
  slider.setAttribute("aria-label", "smoothing");
  const amount = make("output", "", label);
  slider.addEventListener("input", () => {
    settings.change({ smoothing: smoothingOf(Number(slider.value)) });
  });

  const boxes = new Map<MarkKind, HTMLInputElement>();
  const menu = makeMenu("marks", "choose the events to mark", bar);
  for (const [kind, text] of Object.entries(MARK_NAMES) as [MarkKind, string][]) {
    const line = make("label", `wb-mark-${kind}`, menu);
    const box = make("input", "", line);
    box.type = "checkbox";
    line.append(text);
    box.addEventListener("change", () => {
      settings.change({ marks: toggled(settings.now.marks, kind) });
    });
    boxes.set(kind, box);
  }
  const table = button("table", "show the values as a table", () => {
    settings.change({ table: !settings.now.table });
  });
  const files = makeMenu("save", "save a file", bar);
  for (const [kind, title] of Object.entries(FILES) as [FileKind, string][]) {
    const item = named(`save-${kind}`, make("button", "", files, kind));
    item.type = "button";
    item.title = title;
    item.addEventListener("click", () => {
      save(kind);
      item.closest("details")?.removeAttribute("open");
    });
  }
  const said = make("span", "wb-said", bar);
  said.setAttribute("role", "status");
  let timer: ReturnType<typeof setTimeout> | undefined;

  const press = (element: HTMLElement, on: boolean) => {
    element.setAttribute("aria-pressed", String(on));
  };
  return {
    show(now, missing) {
      press(logY, now.log_y.includes(index));
      press(logX, now.log_x);
      press(robust, now.robust.includes(index));
      press(table, now.table);
      for (const option of x.options) {
        const why = missing[option.value];
        option.disabled = why !== undefined && option.value !== now.x;
        option.title = why ?? "";
      }
      x.value = now.x;
      x.title = Object.values(missing).join("; ") || "quantity on the x axis";
      const position = positionOfSmoothing(now.smoothing);
      if (focusOf(slider) !== slider || Number(slider.value) !== position) {
        slider.value = String(position);
      }
      const over = now.smoothing.toLocaleString("en");
      const text = now.smoothing ? `mean over about ${over} iterations` : "no smoothing";
      amount.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      smoothing.parentElement?.classList.toggle("wb-on", now.smoothing > 0);
      for (const [kind, box] of boxes) box.checked = now.marks.includes(kind);
    },
    say(text) {
      said.textContent = text;
      clearTimeout(timer);
      timer = setTimeout(() => (said.textContent = ""), READING_TIME);
    },
  };
}

/** Adds a menu that opens on a click, and closes on Escape, a choice, or when the focus leaves it. */
function makeMenu(name: string, title: string, parent: HTMLElement): HTMLElement {
  const details = named(`${name}-menu`, make("details", "wb-menu", parent));
  const summary = make("summary", "wb-tool", details, name);
  summary.title = title;
  const close = () => {
    details.open = false;
  };
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    close();
    summary.focus();
  });
  details.addEventListener("focusout", (event) => {
    if (details.contains(event.relatedTarget as Node | null)) return;
    setTimeout(() => {
      if (!details.contains(focusOf(details))) close(); // the focus may have come back
    }, 150);
  });
  const list = make("div", "wb-menu-list", details);
  list.addEventListener("click", (event) => {
    if (!(event.target as Element).closest("button")) return;
    close();
    summary.focus();
  });
  return list;
}
