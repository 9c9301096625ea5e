// The widget `Histogram`: distributions of values inside a network, over the course of the run.

import { careForCell } from "../cell";
import { make, named } from "../dom";
import { announce } from "../draw";
import { makePanel } from "../inside/panel";
import { watchKernel } from "../kernel";
import type { HistogramState } from "../messages";
import type { Rendering } from "../model";
import { post } from "../post";
import { showProblem } from "../problem";
import { reportVisibility } from "../visibility";

function render({ model, el }: Rendering<HistogramState>) {
  const box = named("histogram-view", make("div", "wb wb-live wb-card", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const title = model.get("title");
  if (title) make("div", "wb-title", box, title);
  const waiting = make("div", "wb-soft wb-inside-waiting", box, "waiting for the first values");
  const panel = makePanel(box, (what, value) => {
    post(model, box, { kind: "choose", what, value });
  });
  const content = box.querySelector<HTMLElement>(".wb-inside");
  const apply = () => {
    const payload = model.get("payload");
    const present = "names" in payload;
    waiting.hidden = present;
    if (content) content.hidden = !present;
    if (present) panel.show(payload);
  };
  model.on("change:payload", apply);
  apply();
  announce(box);
  return () => {
    panel.end();
    endReports();
    endWatch();
    model.off("change:payload", apply);
  };
}

export default { initialize: careForCell, render };
