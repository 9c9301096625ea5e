// The widget `Progress`: the progress line of a run, without buttons.

import { careForCell } from "../cell";
import { make, named } from "../dom";
import { announce } from "../draw";
import { watchKernel } from "../kernel";
import type { ProgressState } from "../messages";
import type { Rendering } from "../model";
import { showProblem } from "../problem";
import { makeProgress } from "../progress";
import { reportVisibility } from "../visibility";

function render({ model, el }: Rendering<ProgressState>) {
  const box = named("progress-view", make("div", "wb wb-live wb-controls wb-progress", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const state = named("state", make("span", "wb-state", box));
  const failure = named("failure", make("span", "wb-command wb-refused", box));
  failure.setAttribute("role", "status");
  const show = makeProgress(box);

  const apply = () => {
    const now = model.get("payload");
    if (!("state" in now)) return;
    box.dataset.state = now.state;
    state.textContent = now.state;
    if (failure.textContent !== now.failure) failure.textContent = now.failure;
    show(now);
  };
  model.on("change:payload", apply);
  apply();
  announce(box);
  return () => {
    endReports();
    endWatch();
    model.off("change:payload", apply);
  };
}

export default { initialize: careForCell, render };
