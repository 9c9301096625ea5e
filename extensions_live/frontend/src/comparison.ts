// The table of a comparison: the runs side by side, with the differences between them. The user can
// hide, rename, recolour and reorder runs in this table.

import { focusOf, make, named } from "./dom";
import type { Difference, LineInfo, PlotSettings, RunData } from "./messages";
import { toggled, type Settings } from "./settings";

/** Returns the runs in the order that the user chose; new ones come last. */
export function ordered(runs: RunData[], order: string[]): RunData[] {
  const place = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
  return [...runs].sort((a, b) => place(a.key) - place(b.key));
}

/** Returns the name of a run. */
export function nameOf(run: string, runs: RunData[], now: PlotSettings): string {
  return now.names[run] ?? runs.find(({ key }) => key === run)?.name ?? run;
}

/** Returns the label of a curve in the legend. */
export function labelOf(info: LineInfo, runs: RunData[], now: PlotSettings): string {
  if (!info.run) return info.label;
  const name = nameOf(info.run, runs, now);
  return info.label ? `${info.label} · ${name}` : name;
}

/** Returns the colour of a curve: the one that the user chose for its run, or its own. */
export function colourOf(info: LineInfo, now: PlotSettings): string {
  return now.run_colours[info.run] ?? info.colour;
}

/** Returns true if a curve is hidden, on its own or together with its run. */
export function isHidden(info: LineInfo, now: PlotSettings): boolean {
  return now.hidden.includes(info.key) || now.hidden_runs.includes(info.run);
}

export interface ComparisonTable {
  show: (facts: ComparisonFacts) => void;
}

export interface ComparisonFacts {
  readonly runs: RunData[];
  readonly differences: Difference[];
  readonly now: PlotSettings;
  /** True if the user can leave the comparison and return to the plot of one run. */
  readonly temporary: boolean;
}

/** Adds the table to `parent`; `lines` has the initial colours, and `leave` ends the comparison. */
export function makeComparison(
  lines: LineInfo[],
  settings: Settings,
  parent: HTMLElement,
  leave: () => void,
): ComparisonTable {
  const box = named("comparison", make("div", "wb-comparison", parent));
  const colours = new Map(lines.map(({ run, colour }) => [run, colour]));
  let shown = "";
  return {
    show({ runs: given, differences, now, temporary }) {
      const runs = ordered(given, now.order);
      const key = JSON.stringify([runs, differences, now]);
      // A name that is being typed must not be replaced.
      if (key === shown || box.contains(focusOf(box)?.closest("input") ?? null)) return;
      shown = key;
      box.hidden = !runs.length;
      const focused = focusOf(box)?.dataset.focus;
      const table = document.createElement("table");
      const caption = make("caption", "", table, "differences between the runs");
      if (temporary) {
        const button = named(
          "leave-comparison",
          make("button", "wb-tool", caption, "end the comparison"),
        );
        button.type = "button";
        button.addEventListener("click", leave);
      }
      const head = make("tr", "", make("thead", "", table));
      make("th", "", head, "run").scope = "col";
      for (const [place, run] of runs.entries()) {
        const cell = make("th", "", head);
        cell.scope = "col";
        cell.classList.toggle("wb-off", now.hidden_runs.includes(run.key));
        addControls(cell, runs, place, now);
      }
      const body = make("tbody", "", table);
      const columns = runs.map(({ key }) => given.findIndex((one) => one.key === key));
      let group = "";
      addRow(
        body,
        "state",
        runs.map(({ state }) => state),
      );
      for (const line of differences) {
        if (line.group !== group && line.group !== "run") {
          const title = make("th", "wb-group", make("tr", "", body), line.group);
          title.colSpan = runs.length + 1;
          title.scope = "colgroup";
        }
        group = line.group;
        addRow(
          body,
          line.name,
          columns.map((column) => line.values[column] ?? ""),
        );
      }
      box.replaceChildren(table);
      if (focused) box.querySelector<HTMLElement>(`[data-focus="${focused}"]`)?.focus();
    },
  };

  function addControls(cell: HTMLElement, runs: RunData[], place: number, now: PlotSettings) {
    const run = runs[place];
    if (!run) return;
    const name = nameOf(run.key, runs, now);
    const line = make("div", "wb-run", cell);
    const colour = make("input", "wb-run-colour", line);
    colour.type = "color";
    colour.value = now.run_colours[run.key] ?? colours.get(run.key) ?? "#888888";
    colour.setAttribute("aria-label", `colour of ${name}`);
    colour.addEventListener("change", () => {
      settings.change({ run_colours: { ...settings.now.run_colours, [run.key]: colour.value } });
      colour.blur();
    });
    const field = named("run-name", make("input", "wb-run-name", line));
    field.value = name;
    field.size = Math.max(6, Math.min(24, name.length));
    field.setAttribute("aria-label", `name of ${name}`);
    field.addEventListener("change", () => {
      const text = field.value.trim();
      const names = { ...settings.now.names, [run.key]: text || run.name };
      field.blur();
      settings.change({ names });
    });
    const button = (label: string, title: string, focus: string, act: () => void) => {
      const element = make("button", "wb-tool", line, label);
      element.type = "button";
      element.title = title;
      element.setAttribute("aria-label", title);
      element.dataset.focus = focus;
      element.addEventListener("click", act);
      return element;
    };
    const move = (by: number) => () => {
      const order = runs.map(({ key }) => key);
      order.splice(place, 1);
      order.splice(place + by, 0, run.key);
      settings.change({ order });
    };
    const off = now.hidden_runs.includes(run.key);
    const hide = button(
      off ? "show" : "hide",
      `${off ? "show" : "hide"} ${name}`,
      `hide-${run.key}`,
      () => {
        settings.change({ hidden_runs: toggled(settings.now.hidden_runs, run.key) });
      },
    );
    hide.dataset.testid = "hide-run";
    button("◂", `move ${name} to the left`, `left-${run.key}`, move(-1)).disabled = place === 0;
    const last = place === runs.length - 1;
    button("▸", `move ${name} to the right`, `right-${run.key}`, move(1)).disabled = last;
  }
}

function addRow(body: HTMLElement, name: string, values: string[]): void {
  const row = make("tr", "", body);
  make("th", "", row, name).scope = "row";
  for (const value of values) make("td", "", row, value);
}
