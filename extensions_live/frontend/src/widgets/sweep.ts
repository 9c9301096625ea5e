// The widget `SweepView`: the runs of a sweep as a table and as parallel coordinates.

import { embed, loadBokeh, type DocumentJson, type Embedded } from "../bokeh";
import { careForCell } from "../cell";
import { make, named } from "../dom";
import { announce, shown, whileShown } from "../draw";
import { ownKeys } from "../keys";
import type { PlotState, SweepPayload, SweepState } from "../messages";
import type { Model, Rendering } from "../model";
import { pacedView } from "../pace";
import { showProblem } from "../problem";
import { followTitles } from "../titles";
import { reportVisibility } from "../visibility";

/** Returns the payload, or null before the first one. */
function payloadOf(model: Model<SweepState>): SweepPayload | null {
  const payload = model.get("payload");
  return "rows" in payload ? payload : null;
}

function render({ model, el }: Rendering<SweepState>) {
  const box = named("sweep-view", make("div", "wb wb-live wb-sweep", el));
  showProblem(model, box);
  const frame = make("div", "wb-sweep-frame", box);
  const holder = make("div", "wb-figure", box);
  const failure = make("div", "wb-problem", box);
  failure.hidden = true;
  let views: Embedded | null = null;

  const apply = () => {
    const now = payloadOf(model);
    if (!now) return;
    showTable(frame, now);
    box.dataset.runs = String(now.rows.length);
    for (const [name, columns] of Object.entries(now.sources)) {
      // The columns contain texts and lists too.
      if (views) views.document.get_model_by_name(name).data = columns as never;
    }
  };
  const pace = pacedView(model, box, apply);

  const draw = async () => {
    const bokeh = await loadBokeh(model as unknown as Model<PlotState>);
    if (!shown(box)) return null;
    const json = JSON.parse(model.get("figures")) as DocumentJson;
    const embedded = await embed(bokeh, json, [holder]);
    views = embedded;
    const endTitles = followTitles(embedded.document.roots(), box);
    apply();
    announce(box);
    return () => {
      views = null;
      endTitles();
      embedded.remove();
    };
  };
  const endReports = reportVisibility(model, box);
  const endKeys = ownKeys(box);
  const endDrawing = whileShown(box, draw, (error) => {
    failure.hidden = !error;
    failure.textContent = error ? `The figure cannot be drawn here: ${error.message}` : "";
  });
  model.on("change:payload", pace.draw);
  pace.draw();
  return () => {
    model.off("change:payload", pace.draw);
    pace.end();
    endReports();
    endKeys();
    endDrawing();
  };
}

/** Replaces the table in `frame`. */
function showTable(frame: HTMLElement, { caption, heads, rows, best }: SweepPayload): void {
  const table = document.createElement("table");
  table.dataset.testid = "sweep-table";
  make("caption", "", table, caption);
  const head = make("tr", "", make("thead", "", table));
  for (const text of heads) make("th", "", head, text).scope = "col";
  const body = make("tbody", "", table);
  for (const [name = "", ...cells] of rows) {
    const row = make("tr", "", body);
    if (name === best) row.setAttribute("aria-current", "true");
    make("th", "", row, name).scope = "row";
    for (const text of cells) make("td", "", row, text);
  }
  frame.replaceChildren(table);
}

export default { initialize: careForCell, render };
