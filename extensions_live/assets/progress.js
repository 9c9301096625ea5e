// src/late.ts
var HANDLER = "_handle_comm_msg";
function hearMessages(model) {
  model.widget_manager?.get_model?.(model.get("ident")).then(
    (found) => {
      const handle = inheritedHandler(found);
      if (handle) found.comm?.on_msg?.((message) => handle.call(found, message));
    },
    () => void 0
  );
}
function inheritedHandler(widget) {
  let owner = Object.getPrototypeOf(widget);
  while (owner && !Object.hasOwn(owner, HANDLER)) {
    owner = Object.getPrototypeOf(owner);
  }
  const base = owner && Object.getPrototypeOf(owner);
  return base?.[HANDLER];
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
  hearMessages(model);
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

// src/draw.ts
function announce(box) {
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      box.classList.add("wb-drawn");
    });
  });
}

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

// src/kernel.ts
var KERNEL_STOPPED = "The kernel of this run was stopped or restarted. The last state stays visible. To start a new run, run the cells again. A log that was written to a file is still there: SQLiteLog(path) opens it.";
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

// src/progress.ts
function makeProgress(parent) {
  const bar = named("progress", make("div", "wb-bar", parent));
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", "progress of the run");
  const done = make("div", "wb-done", bar);
  const counts = make("div", "wb-counts", parent);
  const iteration = named("iteration", make("span", "", counts));
  const epoch = named("epoch", make("span", "", counts));
  const rate = named("rate", make("span", "", counts));
  const tier = named("tier", make("span", "wb-tier", counts));
  const left = named("time-left", make("span", "wb-left", counts));
  return (facts) => {
    iteration.textContent = facts.iteration;
    epoch.textContent = facts.epoch;
    rate.textContent = facts.rate;
    [tier.textContent = "", tier.title = ""] = facts.tier;
    left.textContent = facts.time_left;
    const { fraction } = facts;
    bar.classList.toggle("wb-unknown", fraction === null && facts.state === "running");
    const percent = 100 * (fraction ?? 0);
    done.style.width = `${percent}%`;
    if (fraction === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", String(Math.round(percent)));
    bar.setAttribute("aria-valuetext", [facts.state, facts.iteration, facts.epoch].join(", "));
  };
}

// src/waits.ts
var WAITS = "it takes effect when the running cell ends";
var MAY_WAIT = "while a cell runs, it takes effect when the cell ends";
function actsAtOnce(model) {
  const kernel = kernelOf(model.widget_manager);
  if (kernel?.isFree) return true;
  return model.get("has_control_channel") && Boolean(kernel?.sendControlMessage);
}
function whenSent(model) {
  const status = kernelOf(model.widget_manager)?.status;
  if (status === void 0) return MAY_WAIT;
  return status === "idle" ? "" : WAITS;
}

// src/command.ts
var ANSWER_TIME = 1500;
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
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
async function deliver(model, box, message, waiting = () => void 0) {
  const kernel = kernelOf(model.widget_manager);
  if (kernel?.sendControlMessage && actsAtOnce(model) && kernel.connectionStatus === "connected") {
    if (await ask(kernel, { receiver: model.get("ident"), message })) return;
  }
  const when = whenSent(model);
  if (when) waiting(when);
  post(model, box, message);
}

// src/visibility.ts
var HEARTBEAT = 1e4;
function reportVisibility(model, box) {
  const rendering = Math.random().toString(36).slice(2);
  let near = true;
  let reported = null;
  let number = 0;
  const tell = (visible2) => {
    const message = { kind: "visibility", rendering, visible: visible2, number: number += 1 };
    if (kernelOf(model.widget_manager)?.status === "idle") post(model, box, message);
    else void deliver(model, box, message);
  };
  const visible = () => near && document.visibilityState === "visible";
  const report = () => {
    reported = visible();
    tell(reported);
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
    tell(false);
  };
}

// src/widgets/progress.ts
function render({ model, el }) {
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
var progress_default = { initialize: careForCell, render };
export {
  progress_default as default
};
