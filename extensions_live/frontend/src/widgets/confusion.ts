// The widget `ConfusionMatrix`: a table of true and predicted classes.

import { careForCell } from "../cell";
import { make, named } from "../dom";
import { makeFrame } from "../inside/frame";
import { floats32, percent } from "../inside/time";
import type { ConfusionPayload, ConfusionState } from "../messages";
import type { Rendering } from "../model";

const CROWDED = 20; // if there are more classes than this, the cells show no numbers

/** Returns a text about one cell. */
export function sentence(names: string[], counts: ArrayLike<number>, row: number, column: number) {
  const size = names.length;
  const count = counts[row * size + column] ?? 0;
  let total = 0;
  for (let j = 0; j < size; j += 1) total += counts[row * size + j] ?? 0;
  const [truth, guess] = [names[row] ?? "", names[column] ?? ""];
  const share = total ? ` (${percent(count / total)})` : "";
  const numbers = `${count.toLocaleString("en")} of ${total.toLocaleString("en")} examples`;
  return `truth ${truth}, prediction ${guess}: ${numbers}${share}`;
}

function render({ model, el }: Rendering<ConfusionState>) {
  const { content, run } = makeFrame<ConfusionPayload>(model, el, "confusion-view");
  const summary = named("summary", make("div", "wb-inside-summary", content));
  const note = make("div", "wb-note", content);
  const frame = make("div", "wb-confusion-frame", content);
  const table = named("confusion", make("table", "wb-confusion", frame));
  const foot = named("pointed", make("div", "wb-soft wb-inside-pointed", content));
  const rest = "rows are true classes, columns are predictions; colours show shares within a row";
  foot.textContent = rest;
  let counts = new Float32Array(0) as Float32Array;
  let names: string[] = [];
  let cells: HTMLTableCellElement[] = [];

  const build = () => {
    table.replaceChildren();
    make("caption", "wb-unseen", table, "counts by true class (rows) and prediction (columns)");
    const top = make("thead", "", table);
    const titles = make("tr", "", top);
    make("td", "", titles).colSpan = 2;
    const guess = named("axis-predicted", make("th", "wb-axis", titles, "predicted"));
    guess.colSpan = names.length;
    guess.scope = "colgroup";
    const head = make("tr", "", top);
    make("td", "", head).colSpan = 2;
    for (const name of names) make("th", "", head, name).scope = "col";
    const body = make("tbody", "", table);
    cells = names.flatMap((name, row) => {
      const line = make("tr", "", body);
      if (row === 0) {
        const truth = named("axis-actual", make("th", "wb-axis wb-axis-side", line));
        make("span", "", truth, "actual");
        truth.rowSpan = names.length;
        truth.scope = "rowgroup";
      }
      make("th", "", line, name).scope = "row";
      return names.map((_, column) => {
        const cell = make("td", "wb-cell", line);
        cell.dataset.place = `${String(row)},${String(column)}`;
        if (row === column) cell.classList.add("wb-right");
        cell.addEventListener("mouseenter", () => {
          foot.textContent = sentence(names, counts, row, column);
        });
        return cell;
      });
    });
  };
  table.addEventListener("mouseleave", () => {
    foot.textContent = rest;
  });
  return run((payload) => {
    counts = floats32(payload.counts);
    if (names.join("\n") !== payload.names.join("\n")) {
      names = payload.names;
      build();
    }
    const size = names.length;
    summary.textContent = payload.summary;
    note.textContent = payload.note;
    table.classList.toggle("wb-crowded", size > CROWDED);
    cells.forEach((cell, i) => {
      const row = Math.floor(i / size);
      let total = 0;
      for (let j = 0; j < size; j += 1) total += counts[row * size + j] ?? 0;
      const count = counts[i] ?? 0;
      cell.textContent = count ? count.toLocaleString("en") : "";
      cell.style.setProperty("--wb-part", total ? String(Math.sqrt(count / total)) : "0");
    });
  });
}

export default { initialize: careForCell, render };
