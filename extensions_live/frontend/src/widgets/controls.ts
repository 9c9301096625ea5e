// The widget `Controls`, the control bar of a run. A click only sends a command; its outcome, like
// all contents of the bar, arrives with the payload.

import { reportVisibility } from "../visibility";
import { makeButton, BUTTONS, type Button } from "../buttons";
import { careForCell } from "../cell";
import { command } from "../command";
import { make, named } from "../dom";
import { announce } from "../draw";
import { watchKernel } from "../kernel";
import type { CommandName, ControlsPayload, ControlsState } from "../messages";
import type { Rendering } from "../model";
import { showProblem } from "../problem";

const WAITS = "sent; it takes effect when the running cell ends";

function render({ model, el }: Rendering<ControlsState>) {
  const box = named("controls", make("div", "wb wb-live wb-controls", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);

  const top = make("div", "wb-row", box);
  const state = named("state", make("span", "wb-state", top));
  const buttons = make("span", "wb-buttons", top);
  const answer = named("command", make("span", "wb-command", top));
  answer.setAttribute("role", "status");

  const bar = named("progress", make("div", "wb-bar", box));
  bar.setAttribute("role", "progressbar");
  const done = make("div", "wb-done", bar);

  const counts = make("div", "wb-counts", box);
  const iteration = named("iteration", make("span", "", counts));
  const epoch = named("epoch", make("span", "", counts));
  const rate = named("rate", make("span", "", counts));
  const tier = named("tier", make("span", "wb-tier", counts));
  const left = named("time-left", make("span", "wb-left", counts));
  const values = named("values", make("div", "wb-values", box));

  const note = named("note", make("div", "wb-note", box));
  const error = named("error", make("details", "wb-error", box));
  const summary = named("error-message", make("summary", "", error));
  const trace = named("error-traceback", make("pre", "", error));

  const payload = (): ControlsPayload | null => {
    const now = model.get("payload");
    return "state" in now ? now : null;
  };
  // A click whose outcome has not arrived yet, with the id of the last command before it.
  let pending: { after: number } | null = null;
  const send = (button: Button) => {
    const { name, label, arguments: given } = button;
    const now = payload();
    const mine = { after: now?.command?.id ?? 0 };
    pending = mine;
    answer.textContent = `${label} sent`;
    void command(
      model,
      box,
      { name, arguments: given ?? {} },
      now?.control_channel ?? false,
      () => {
        if (pending === mine) answer.textContent = `${label} ${WAITS}`;
      },
    );
  };
  const byName = new Map<CommandName, HTMLButtonElement>();
  for (const button of BUTTONS) byName.set(button.name, makeButton(button, buttons, send));

  const apply = () => {
    const now = payload();
    if (!now) return;
    box.dataset.state = now.state;
    state.textContent = now.state;
    const resumes = now.possible.includes("resume");
    for (const [name, button] of byName) {
      button.disabled = !now.possible.includes(name);
      if (name === "pause") button.hidden = resumes;
      if (name === "resume") button.hidden = !resumes;
    }
    iteration.textContent = now.iteration;
    epoch.textContent = now.epoch;
    rate.textContent = now.rate;
    [tier.textContent = "", tier.title = ""] = now.tier;
    left.textContent = now.time_left;
    bar.classList.toggle("wb-unknown", now.fraction === null && now.state === "running");
    const percent = 100 * (now.fraction ?? 0);
    done.style.width = `${percent}%`;
    if (now.fraction !== null) bar.setAttribute("aria-valuenow", String(Math.round(percent)));
    showValues(values, now.values);

    const { command: last } = now;
    if (pending && (last?.id ?? 0) > pending.after) pending = null;
    if (!pending) answer.textContent = last?.text ?? "";
    answer.classList.toggle("wb-refused", !pending && Boolean(last?.refused));

    note.textContent = now.note;
    error.hidden = !now.error;
    if (now.error) {
      summary.textContent = now.error.message;
      trace.textContent = now.error.traceback;
    }
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

/** Shows each channel and its value as a chip. */
function showValues(parent: HTMLElement, values: string[][]): void {
  parent.replaceChildren();
  for (const [name = "", value = ""] of values) {
    const chip = make("span", "wb-value", parent);
    chip.dataset.channel = name;
    make("span", "", chip, name);
    make("b", "", chip, value);
  }
}

export default { initialize: careForCell, render };
