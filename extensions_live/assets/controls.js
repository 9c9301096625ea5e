// src/post.ts
var POSTED = "wb-post";
function post(model, box, message) {
  let sent = true;
  try {
    model.send(message);
  } catch {
    sent = false;
  }
  box.dispatchEvent(new CustomEvent(POSTED, { detail: sent }));
}

// src/visibility.ts
var HEARTBEAT = 1e4;
function reportVisibility(model, box) {
  const rendering = Math.random().toString(36).slice(2);
  let near = true;
  let reported = null;
  const visible = () => near && document.visibilityState === "visible";
  const report = () => {
    reported = visible();
    post(model, box, { kind: "visibility", rendering, visible: reported });
  };
  const check = () => {
    if (visible() !== reported) report();
  };
  const margins = { rootMargin: "300px", scrollMargin: "300px" };
  const observer = new IntersectionObserver((entries) => {
    near = entries.at(-1)?.isIntersecting ?? near;
    check();
  }, margins);
  observer.observe(box);
  document.addEventListener("visibilitychange", check);
  model.on("comm_live_update", report);
  const beat = setInterval(() => {
    if (visible()) report();
  }, HEARTBEAT);
  report();
  return () => {
    clearInterval(beat);
    observer.disconnect();
    document.removeEventListener("visibilitychange", check);
    model.off("comm_live_update", report);
    post(model, box, { kind: "visibility", rendering, visible: false });
  };
}

// src/dom.ts
function make(tag, className, parent, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}
function named(name, element) {
  element.dataset.testid = name;
  return element;
}

// src/buttons.ts
var BUTTONS = [
  {
    name: "pause",
    label: "Pause",
    title: "pause after this batch",
    icon: "M4 3h3v10H4zM9 3h3v10H9z"
  },
  { name: "resume", label: "Resume", title: "continue training", icon: "M4 2.5v11l9-5.5z" },
  {
    name: "step",
    label: "Step",
    title: "train on one batch and pause",
    icon: "M3 2.5v11l7-5.5zM11 3h2v10h-2z"
  },
  {
    name: "stop",
    label: "Stop",
    title: "end training after this batch",
    icon: "M3.5 3.5h9v9h-9z"
  },
  {
    name: "train",
    arguments: { epochs: 5 },
    label: "5 epochs",
    title: "train for five more epochs, also after the end",
    icon: "M7 3h2v4h4v2H9v4H7V9H3V7h4z"
  }
];
function makeButton(button, parent, send) {
  const element = named(button.name, make("button", "wb-button", parent));
  element.type = "button";
  element.title = button.title;
  element.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${button.icon}"/></svg>`;
  element.append(button.label);
  element.addEventListener("click", () => {
    send(button);
  });
  return element;
}

// src/still.ts
var MARK = "workbench";
function writeStill(model) {
  const write = () => {
    replaceOutputs(model.widget_manager?.context?.model?.cells ?? [], model.get("still"));
  };
  model.on("change:still", write);
  write();
}
function replaceOutputs(cells, still) {
  for (const cell of cells) {
    const outputs = cell.type === "code" ? cell.outputs : void 0;
    if (!outputs) continue;
    for (let i = 0; i < outputs.length; i += 1) {
      const output = outputs.get(i).toJSON();
      const mark = output.metadata?.[MARK];
      const bundles = typeof mark === "string" ? still[mark] : void 0;
      if (bundles && !same(output.data ?? {}, bundles[0])) {
        outputs.set(i, { ...output, data: bundles[0], metadata: bundles[1] });
      }
    }
  }
}
function same(old, now) {
  return Object.keys(now).every((type) => plain(old[type]) === now[type]);
}
function plain(value) {
  return Array.isArray(value) ? value.join("") : value;
}

// src/revive.ts
var SHOWS = "application/vnd.jupyter.widget-view+json";
var GIVEN_UP = ".jp-Cell .jp-OutputArea-output.jupyter-widgets";
var LOOKS = [1e3, 3e3, 6e3, 12e3];
function reviveViews(model) {
  for (const wait of LOOKS) {
    setTimeout(() => {
      revive(model.widget_manager?.context?.model?.cells, model.get("ident"));
    }, wait);
  }
}
function revive(cells, ident) {
  for (const dead of document.querySelectorAll(GIVEN_UP)) {
    const cell = dead.closest(".jp-Cell");
    const child = dead.closest(".jp-OutputArea-child");
    const outputs = cells?.get(Number(cell?.dataset.windowedListIndex))?.outputs;
    if (!outputs || !child?.parentElement) continue;
    const place = [...child.parentElement.children].indexOf(child);
    const output = outputs.length > place ? outputs.get(place).toJSON() : null;
    if (!output || shownModel(output) !== ident) continue;
    dead.classList.remove("jupyter-widgets");
    outputs.set(place, output);
  }
}
function shownModel(output) {
  const view = output.data?.[SHOWS];
  return view?.model_id;
}

// src/cell.ts
function careForCell({ model }) {
  writeStill(model);
  reviveViews(model);
}

// src/command.ts
var ANSWER_TIME = 1500;
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
function connection(model) {
  try {
    return model.widget_manager?.kernel ?? null;
  } catch {
    return null;
  }
}
async function ask(kernel, content) {
  const request = {
    channel: "control",
    header: {
      msg_id: randomId(),
      msg_type: "workbench_request",
      session: kernel.clientId,
      username: kernel.username,
      version: "5.3",
      date: (/* @__PURE__ */ new Date()).toISOString()
    },
    content,
    metadata: {},
    parent_header: {},
    buffers: []
  };
  const late = new Promise((resolve) => setTimeout(resolve, ANSWER_TIME, null));
  try {
    const answer = kernel.sendControlMessage?.(request, true, true).done;
    const reply = await Promise.race([answer, late]);
    return reply?.content?.status === "ok";
  } catch {
    return false;
  }
}
async function command(model, box, request, hasControlChannel, waiting) {
  const message = { kind: "command", ...request, id: randomId() };
  await deliver(model, box, message, hasControlChannel, waiting);
}
async function deliver(model, box, message, hasControlChannel, waiting = () => void 0) {
  const kernel = connection(model);
  if (hasControlChannel && kernel?.sendControlMessage && kernel.connectionStatus === "connected") {
    if (await ask(kernel, { receiver: model.get("ident"), message })) return;
  }
  if (kernel?.status !== "idle") waiting();
  post(model, box, message);
}

// src/draw.ts
function announce(box) {
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      box.classList.add("wb-drawn");
    });
  });
}

// src/kernel.ts
var KERNEL_STOPPED = "The kernel of this run was stopped or restarted. The last state stays visible; run the cells again for a new run.";
var REOPENED = "The notebook was closed and opened again, so this view gets no updates from its kernel. Training is not affected: reload the page to see it continue.";
function kernelNotice({ closed, live, kernel, sent }) {
  if (closed) return REOPENED;
  if (live === false || kernel === null || kernel?.status === "dead") return KERNEL_STOPPED;
  return !sent && kernel === void 0 ? KERNEL_STOPPED : "";
}
function kernelOf(manager) {
  try {
    return manager?.kernel;
  } catch {
    return null;
  }
}
function watchKernel(model, box) {
  const line = named("kernel-notice", make("div", "wb-kernel-notice", box));
  line.setAttribute("role", "status");
  line.hidden = true;
  const manager = model.widget_manager;
  const session = manager?.context?.sessionContext;
  let own = null;
  let sent = true;
  const look = () => {
    const text = kernelNotice({
      closed: [manager, manager?.context].some((part) => part?.isDisposed),
      live: own?.comm_live,
      kernel: kernelOf(manager),
      sent
    });
    box.classList.toggle("wb-disconnected", Boolean(text));
    if (line.textContent !== text) line.textContent = text;
    line.hidden = !text;
  };
  const posted = (event) => {
    sent = event.detail;
    look();
  };
  box.addEventListener(POSTED, posted);
  model.on("comm_live_update", look);
  session?.kernelChanged?.connect(look);
  session?.statusChanged?.connect(look);
  manager?.get_model?.(model.get("ident")).then(
    (found) => {
      own = found;
      look();
    },
    () => void 0
  );
  return () => {
    box.removeEventListener(POSTED, posted);
    model.off("comm_live_update", look);
    session?.kernelChanged?.disconnect(look);
    session?.statusChanged?.disconnect(look);
  };
}

// src/problem.ts
function showProblem(model, box) {
  const line = named("view-problem", make("div", "wb-problem", box));
  const update = () => {
    const text = model.get("problem");
    line.hidden = !text;
    line.textContent = `This view cannot be drawn; training is not affected. ${text}`;
  };
  model.on("change:problem", update);
  update();
}

// src/widgets/controls.ts
var WAITS = "sent; it takes effect when the running cell ends";
function render({ model, el }) {
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
  const payload = () => {
    const now = model.get("payload");
    return "state" in now ? now : null;
  };
  let pending = null;
  const send = (button) => {
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
      }
    );
  };
  const byName = /* @__PURE__ */ new Map();
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
function showValues(parent, values) {
  parent.replaceChildren();
  for (const [name = "", value = ""] of values) {
    const chip = make("span", "wb-value", parent);
    chip.dataset.channel = name;
    make("span", "", chip, name);
    make("b", "", chip, value);
  }
}
var controls_default = { initialize: careForCell, render };
export {
  controls_default as default
};
