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
function kernelOf(manager) {
  try {
    return manager?.kernel;
  } catch {
    return null;
  }
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

// src/widgets/run_table.ts
function render({ model, el }) {
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
      head.style.setProperty("--wb-colour", now.colours[i] ?? "");
    });
    if (!now.interventions.length) return;
    const heads = ["run", "iteration", "intervention", "by"];
    const changes = table(content, "interventions", heads, now.interventions);
    changes.dataset.testid = "run-interventions";
    for (const cell of changes.querySelectorAll("tbody th")) {
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
function table(parent, caption, heads, rows) {
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
var run_table_default = { render };
export {
  run_table_default as default
};
