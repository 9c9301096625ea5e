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
function focusOf(element) {
  const root = element.getRootNode();
  const { activeElement } = root instanceof ShadowRoot ? root : element.ownerDocument;
  return activeElement;
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

// src/focus.ts
function isLost(element) {
  return !element.isConnected || element.matches(":disabled") || !!element.closest("[hidden]");
}
function keepFocus(box, instead = () => void 0) {
  let last = null;
  const entered = ({ target }) => {
    last = target instanceof HTMLElement ? target : null;
  };
  const left = ({ target }) => {
    queueMicrotask(() => {
      if (last === target && last && !isLost(last)) last = null;
    });
  };
  const observer = new MutationObserver(() => {
    if (!last || last === box || !box.isConnected || !isLost(last)) return;
    const [lost, now] = [last, focusOf(box)];
    last = null;
    if (now && now !== lost && now !== document.body) return;
    const name = lost.isConnected ? void 0 : lost.dataset.testid;
    const same2 = name && box.querySelector(`[data-testid="${CSS.escape(name)}"]`);
    const next = instead(lost) ?? same2;
    if (box.tabIndex < 0) box.tabIndex = -1;
    (next && !isLost(next) ? next : box).focus({ preventScroll: true });
  });
  box.addEventListener("focusin", entered);
  box.addEventListener("focusout", left);
  const attributeFilter = ["hidden", "disabled"];
  observer.observe(box, { subtree: true, childList: true, attributes: true, attributeFilter });
  return () => {
    observer.disconnect();
    box.removeEventListener("focusin", entered);
    box.removeEventListener("focusout", left);
  };
}

// src/keys.ts
var ESCAPABLE = "input, select, .wb-handle, .wb-menu[open], .wb-choice[open], .wb-keys-open";
function ownKeys(box, instead) {
  const endKeeping = keepFocus(box, instead);
  const first = ({ target, key, ctrlKey, metaKey, altKey }) => {
    if (!(target instanceof Element) || !box.contains(target)) return;
    const plain2 = !(ctrlKey || metaKey || altKey);
    const leaves = key === "Escape" && !target.closest(ESCAPABLE);
    target.toggleAttribute("data-lm-suppress-shortcuts", plain2 && !leaves);
  };
  window.addEventListener("keydown", first, true);
  return () => {
    endKeeping();
    window.removeEventListener("keydown", first, true);
  };
}

// src/pace.ts
var SHARE = 8;
var SHARE_OF_DASHBOARD = 60;
var SLOW = 300;
var CHANGE = 1.3;
var frame = () => new Promise((resolve) => {
  requestAnimationFrame((start) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(performance.now() - start);
    };
    port2.postMessage(null);
  });
});
var SECTION = ".wbd-section";
function pacedView(model, box, draw) {
  const report = (ms) => {
    post(model, box, { kind: "pace", seconds: ms / 1e3 });
  };
  return paced(draw, report, box);
}
function paced(draw, report, box) {
  let next = 0;
  let timer;
  let waiting = false;
  let urgent = false;
  let count = 0;
  let reported = 0;
  const tell = (ms) => {
    const now = ms < SLOW ? 0 : ms;
    const alike = now && reported && Math.max(now / reported, reported / now) < CHANGE;
    if (now === reported || alike) return;
    reported = now;
    report(now);
  };
  const later = () => {
    timer = setTimeout(go, Math.max(0, next - performance.now()));
  };
  const go = () => {
    clearTimeout(timer);
    timer = void 0;
    urgent = waiting = false;
    const number = count += 1;
    const start = performance.now();
    next = Infinity;
    draw();
    const own = performance.now() - start;
    const known = (frames) => {
      if (number !== count) return;
      const pause = (box.closest(SECTION) ? SHARE_OF_DASHBOARD : SHARE) * (own + frames);
      next = start + pause;
      tell(pause);
      if (waiting) later();
      waiting = false;
    };
    if (document.hidden)
      known(0);
    else
      void frame().then(async (first) => {
        known(first + await frame());
      });
  };
  return {
    draw: () => {
      if (urgent || performance.now() >= next) go();
      else if (next === Infinity) waiting = true;
      else if (timer === void 0) later();
    },
    hurry: () => {
      urgent = true;
    },
    end: () => {
      clearTimeout(timer);
      count += 1;
      next = Infinity;
    }
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

// src/inside/frame.ts
function makeFrame(model, el, name) {
  const box = named(name, make("div", "wb wb-live wb-card", el));
  const plain2 = model;
  showProblem(plain2, box);
  const endWatch = watchKernel(plain2, box);
  const endReports = reportVisibility(plain2, box);
  const endKeys = ownKeys(box);
  const title = model.get("title");
  if (title) make("div", "wb-title", box, title);
  const waiting = make("div", "wb-soft wb-inside-waiting", box, "waiting for the first values");
  const content = make("div", "", box);
  let pace;
  return {
    box,
    content,
    choose: (what, value) => {
      pace?.hurry();
      post(plain2, box, { kind: "choose", what, value });
    },
    run: (apply) => {
      const update = () => {
        const payload = model.get("payload");
        const present = Object.keys(payload).length > 0;
        waiting.hidden = present || model.get("problem") !== "";
        content.hidden = !present;
        if (present) apply(payload);
      };
      const own = pace = pacedView(plain2, box, update);
      model.on("change:payload", own.draw);
      model.on("change:problem", update);
      own.draw();
      announce(box);
      return () => {
        endReports();
        endWatch();
        endKeys();
        model.off("change:payload", own.draw);
        own.end();
        model.off("change:problem", update);
      };
    }
  };
}

// src/inside/time.ts
function floats32(view) {
  if (!view?.byteLength) return new Float32Array(0);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
function percent(share) {
  if (Number.isNaN(share)) return "–";
  if (share === 0 || share === 1) return `${String(100 * share)} %`;
  return share < 1e-3 ? "< 0.1 %" : share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`;
}

// src/widgets/confusion.ts
var CROWDED = 20;
function sentence(names, counts, row, column) {
  const size = names.length;
  const count = counts[row * size + column] ?? 0;
  let total = 0;
  for (let j = 0; j < size; j += 1) total += counts[row * size + j] ?? 0;
  const [truth, guess] = [names[row] ?? "", names[column] ?? ""];
  const share = total ? ` (${percent(count / total)})` : "";
  const numbers = `${count.toLocaleString("en")} of ${total.toLocaleString("en")} examples`;
  return `truth ${truth}, prediction ${guess}: ${numbers}${share}`;
}
function render({ model, el }) {
  const { content, run } = makeFrame(model, el, "confusion-view");
  const summary = named("summary", make("div", "wb-inside-summary", content));
  const note = make("div", "wb-note", content);
  const frame2 = make("div", "wb-confusion-frame", content);
  const table = named("confusion", make("table", "wb-confusion", frame2));
  const foot = named("pointed", make("div", "wb-soft wb-inside-pointed", content));
  const rest = "rows are true classes, columns are predictions; colours show shares within a row";
  foot.textContent = rest;
  let counts = new Float32Array(0);
  let names = [];
  let cells = [];
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
var confusion_default = { initialize: careForCell, render };
export {
  confusion_default as default,
  sentence
};
