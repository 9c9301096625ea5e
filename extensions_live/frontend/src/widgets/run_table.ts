// The widget `RunTable`: the newest values of runs side by side, and their interventions.

import { make, named } from "../dom";
import { announce } from "../draw";
import type { RunTableState } from "../messages";
import type { Rendering } from "../model";
import { showProblem } from "../problem";
import { reportVisibility } from "../visibility";

function render({ model, el }: Rendering<RunTableState>) {
  const box = named("run-table", make("div", "wb wb-live wb-run-table", el));
  showProblem(model, box);
  const endReports = reportVisibility(model, box);
  const content = make("div", "", box);

  const apply = () => {
    const now = model.get("payload");
    if (!("rows" in now)) return;
    content.replaceChildren();
    const colour = new Map(now.runs.map((run, i) => [run, now.colours[i] ?? ""]));
    const values = table(content, "newest values", ["channel", ...now.runs], now.rows);
    values.dataset.testid = "run-values";
    [...values.querySelectorAll("thead th")].slice(1).forEach((head, i) => {
      (head as HTMLElement).style.setProperty("--wb-colour", now.colours[i] ?? "");
    });
    if (!now.interventions.length) return;
    const heads = ["run", "iteration", "intervention", "by"];
    const changes = table(content, "interventions", heads, now.interventions);
    changes.dataset.testid = "run-interventions";
    for (const cell of changes.querySelectorAll<HTMLElement>("tbody th")) {
      cell.style.setProperty("--wb-colour", colour.get(cell.textContent) ?? "");
    }
  };
  model.on("change:payload", apply);
  apply();
  announce(box);
  return () => {
    endReports();
    model.off("change:payload", apply);
  };
}

/** Adds a table whose first column contains the names of the rows. */
function table(
  parent: HTMLElement,
  caption: string,
  heads: readonly string[],
  rows: readonly string[][],
): HTMLTableElement {
  const frame = make("div", "wb-run-frame", parent);
  const element = make("table", "wb-table", frame);
  make("caption", "", element, caption);
  const head = make("tr", "", make("thead", "", element));
  for (const text of heads) make("th", "", head, text).scope = "col";
  const body = make("tbody", "", element);
  for (const [name = "", ...cells] of rows) {
    const line = make("tr", "", body);
    make("th", "", line, name).scope = "row";
    for (const text of cells) make("td", "", line, text);
  }
  return element;
}

export default { render };
