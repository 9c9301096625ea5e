// The control bar of a run. A click only sends a command; what became of it, and everything else
// shown here, comes back with the payload. `attend` and `showProblem` stand in attend.js, `command`
// in command.js, `announce` in draw.js, `watchKernel` in kernel.js, `careForCell` in keep.js.

const ICONS = {
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  resume: "M4 2.5v11l9-5.5z",
  step: "M3 2.5v11l7-5.5zM11 3h2v10h-2z",
  stop: "M3.5 3.5h9v9h-9z",
  train: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
};
const BUTTONS = [
  ["pause", "Pause", "pause between two batches"],
  ["resume", "Resume", "go on training"],
  ["step", "Step", "train on one more batch"],
  ["stop", "Stop", "end training after this batch"],
  ["train", "5 epochs", "train on five more epochs, also after the end"],
];
const WAITS = "sent; it takes effect when the running cell ends";

function make(tag, className, testid, parent) {
  const element = document.createElement(tag);
  element.className = className;
  if (testid) element.dataset.testid = testid;
  parent.append(element);
  return element;
}

function makeButton([name, label, title], parent, send) {
  const button = make("button", "wb-button", name, parent);
  button.type = "button";
  button.title = title;
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
  button.append(label);
  button.addEventListener("click", () => send(name, label));
  return button;
}

function render({ model, el }) {
  const box = make("div", "wb wb-live wb-controls", "controls", el);
  showProblem(model, box);
  const forget = watchKernel(model, box);
  const leave = attend(model, box);

  const top = make("div", "wb-row", null, box);
  const state = make("span", "wb-state", "state", top);
  const buttons = make("span", "wb-buttons", null, top);
  const answer = make("span", "wb-command", "command", top);
  answer.setAttribute("role", "status");

  const bar = make("div", "wb-bar", "progress", box);
  bar.setAttribute("role", "progressbar");
  const done = make("div", "wb-done", null, bar);

  const counts = make("div", "wb-counts", null, box);
  const iteration = make("span", "", "iteration", counts);
  const epoch = make("span", "", "epoch", counts);
  const rate = make("span", "", "rate", counts);
  const tier = make("span", "wb-tier", "tier", counts);
  const left = make("span", "wb-left", "time-left", counts);
  const values = make("div", "wb-values", "values", box);

  const note = make("div", "wb-note", "note", box);
  const error = make("details", "wb-error", "error", box);
  const summary = make("summary", "", "error-message", error);
  const trace = make("pre", "", "error-traceback", error);

  let pending = null;
  const send = (name, label) => {
    const known = model.get("payload").command?.id ?? 0;
    const mine = { known };
    pending = mine;
    answer.textContent = `${label} sent`;
    command(model, box, { kind: "command", name }, model.get("payload").heard, () => {
      if (pending === mine) answer.textContent = `${label} ${WAITS}`;
    });
  };
  const byName = {};
  for (const entry of BUTTONS) byName[entry[0]] = makeButton(entry, buttons, send);

  const apply = () => {
    const now = model.get("payload");
    if (!now.state) return;
    box.dataset.state = now.state;
    state.textContent = now.state;
    for (const [name, button] of Object.entries(byName)) {
      button.disabled = !now.possible.includes(name);
    }
    byName.pause.hidden = now.possible.includes("resume");
    byName.resume.hidden = !byName.pause.hidden;
    iteration.textContent = now.iteration;
    epoch.textContent = now.epoch;
    rate.textContent = now.rate;
    [tier.textContent, tier.title] = now.tier;
    left.textContent = now.left;
    bar.classList.toggle("wb-unknown", now.share === null && now.state === "running");
    done.style.width = `${100 * (now.share ?? 0)}%`;
    if (now.share !== null) bar.setAttribute("aria-valuenow", Math.round(100 * now.share));

    values.replaceChildren(...now.values.map(([name, value]) => {
      const chip = document.createElement("span");
      chip.className = "wb-value";
      chip.dataset.channel = name;
      const label = document.createElement("span");
      label.textContent = name;
      const number = document.createElement("b");
      number.textContent = value;
      chip.append(label, number);
      return chip;
    }));

    if (pending && (now.command?.id ?? 0) > pending.known) pending = null;
    if (!pending) answer.textContent = now.command?.text ?? "";
    answer.classList.toggle("wb-refused", !pending && Boolean(now.command?.refused));

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
    leave();
    forget();
    model.off("change:payload", apply);
  };
}

export default { initialize: careForCell, render };
