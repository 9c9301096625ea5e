// The widget `Controls`: the control bar of a run. A click only sends a command; its receipt, like
// everything else on the bar, arrives with the payload.

import { Alerts } from "../alerts";
import { reportVisibility } from "../visibility";
import { makeButton, BUTTONS, type Button } from "../buttons";
import { careForCell } from "../cell";
import { command, randomId } from "../command";
import { make, named } from "../dom";
import { announce } from "../draw";
import { makeField, onEnter, wholeNumber, type Send } from "../steer/fields";
import { watchKernel } from "../kernel";
import { listenToKeys, makeKeyList } from "../keys";
import type { CommandName, ControlsPayload, ControlsState } from "../messages";
import type { Rendering } from "../model";
import { offerCode } from "../offer";
import { showProblem } from "../problem";
import { makeProgress } from "../progress";
import { steadily } from "../steady";
import { writeReceipt } from "../steer/shorten";
import { Steer } from "../steer/steer";
import { sayThatButtonsWait } from "../waits";

const NOT_SENT = "nothing was sent, since the kernel of this run has ended";

function render({ model, el }: Rendering<ControlsState>) {
  const box = named("controls", make("div", "wb wb-live wb-controls", el));
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "training; press ? for keys");
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);

  const top = make("div", "wb-row", box);
  const title = model.get("title");
  if (title) {
    named("session-title", make("b", "wb-session", top, title));
    box.setAttribute("aria-label", `training of ${title}; press ? for keys`);
  }
  const state = named("state", make("span", "wb-state", top));
  const buttons = make("span", "wb-buttons", top);
  const train = make("span", "wb-more", buttons);
  const more = makeField("more-epochs", "number of further epochs", train, { numeric: true });
  more.value = "5";
  const answer = named("command", make("span", "wb-command", top));
  answer.setAttribute("role", "status");

  sayThatButtonsWait(model, box);
  offerCode(model, box);
  const showProgress = makeProgress(box);
  const values = named("values", make("div", "wb-values", box));

  const alerts = new Alerts(box, model.get("ident"));
  const note = named("note", make("div", "wb-note", box));
  const error = named("error", make("details", "wb-error", box));
  const summary = named("error-message", make("summary", "", error));
  const trace = named("error-traceback", make("pre", "", error));

  const payload = (): ControlsPayload | null => {
    const now = model.get("payload");
    return "state" in now ? now : null;
  };
  // The last request, until its receipt arrives.
  let pending: { id: string; label: string } | null = null;
  const ask = (name: CommandName, given: Record<string, unknown>, label: string) => {
    if (box.classList.contains("wb-disconnected")) {
      answer.textContent = NOT_SENT;
      return "";
    }
    const mine = { id: randomId(), label };
    pending = mine;
    answer.textContent = `${label} sent`;
    const request = { name, arguments: given, id: mine.id };
    void command(model, box, request, (when) => {
      if (pending === mine) answer.textContent = `${label} sent; ${when}`;
    });
    return mine.id;
  };
  const send: Send = (name, given = {}) => ask(name, given, name.replace("_", " "));

  const byName = new Map<CommandName, HTMLButtonElement>();
  const press = ({ name, label }: Button) => {
    if (name !== "train") return ask(name, {}, label);
    const epochs = wholeNumber(more, 1);
    more.setAttribute("aria-invalid", String(epochs === null));
    if (epochs === null) answer.textContent = `"${more.value}" must be a number of epochs`;
    return epochs === null ? "" : ask(name, { epochs }, `${epochs} ${label}`);
  };
  for (const button of BUTTONS) {
    const parent = button.name === "train" ? train : buttons;
    byName.set(
      button.name,
      makeButton(button, parent, () => press(button)),
    );
  }
  buttons.append(train);
  onEnter(more, () => byName.get("train")?.click());
  const steer = new Steer(box, send, title, model.get("folded"));
  const toggleKeys = makeKeyList(top, box);
  const act = (key: string) => {
    const now = payload();
    if (!now) return;
    const possible = (name: CommandName) => now.possible.includes(name);
    const { batches_done: done } = now.steer.end;
    const { snapshots } = now.steer;
    if (key === " ") byName.get(possible("resume") ? "resume" : "pause")?.click();
    else if (key === ".") byName.get("step")?.click();
    else if (key === "f") steer.askFor("fork");
    else if (key === "?") toggleKeys();
    else if (key === "[") {
      const before = snapshots.filter(({ iteration }) => iteration < done).at(-1);
      if (before) send("rewind", { iteration: before.iteration });
    } else if (key === "]") {
      const after = snapshots.find(({ iteration }) => iteration > done);
      if (after) send("rewind", { iteration: after.iteration, branch: after.branch });
    }
  };
  const endKeys = listenToKeys(box, act, (lost) => {
    if (lost === byName.get("pause")) return byName.get("resume");
    return lost === byName.get("resume") ? byName.get("pause") : undefined;
  });

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
    showProgress(now);
    showValues(values, now.values);

    const { command: last } = now;
    if (now.receipts.some((one) => one.request === pending?.id)) pending = null;
    const text = last?.text ?? "";
    if (!pending) writeReceipt(answer, text);
    answer.classList.toggle("wb-refused", !pending && Boolean(last?.refused));
    alerts.update(now.alerts, now.alert_count);
    steer.update(now);

    note.textContent = now.note;
    error.hidden = !now.error;
    if (now.error) {
      summary.textContent = now.error.message;
      trace.textContent = now.error.traceback;
    }
  };
  const readAlerts = () => {
    alerts.read();
  };
  box.addEventListener("pointerdown", readAlerts);
  box.addEventListener("focusin", readAlerts);
  const update = () => {
    steadily(box, apply);
  };
  model.on("change:payload", update);
  apply();
  announce(box);
  return () => {
    endReports();
    endWatch();
    endKeys();
    alerts.read();
    model.off("change:payload", update);
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
