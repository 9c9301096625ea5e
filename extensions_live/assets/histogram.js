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

// src/numbers.ts
function floats(view) {
  if (!view?.byteLength) return new Float64Array(0);
  return new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
function spread(count, most) {
  const number = Math.min(most, count);
  return Array.from(
    { length: number },
    (_, i) => number > 1 ? Math.round(i * (count - 1) / (number - 1)) : 0
  );
}

// src/looks.ts
var LATE = 400;
var COLOURS = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];
function followColours(changed) {
  let timer;
  const themed = () => {
    changed();
    clearTimeout(timer);
    timer = setTimeout(changed, LATE);
  };
  const watcher = new MutationObserver(themed);
  watcher.observe(document.body, { attributes: true });
  const media = COLOURS.map((query) => window.matchMedia(query));
  for (const one of media) one.addEventListener("change", themed);
  changed();
  return () => {
    clearTimeout(timer);
    watcher.disconnect();
    for (const one of media) one.removeEventListener("change", themed);
  };
}
function followZoom(changed) {
  let media = null;
  const watch = () => {
    media = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    media.addEventListener("change", zoomed, { once: true });
  };
  const zoomed = () => {
    changed();
    watch();
  };
  watch();
  return () => {
    media?.removeEventListener("change", zoomed);
  };
}

// src/inside/canvas.ts
function inkOf(el) {
  const style = getComputedStyle(el);
  const colour = (name, other) => style.getPropertyValue(name).trim() || other;
  return {
    text: style.color,
    soft: colour("--wb-soft", style.color),
    accent: colour("--wb-accent", "#3b82f6"),
    bad: colour("--wb-bad", "#ef4444"),
    font: `11px ${style.fontFamily}`
  };
}
function surface(canvas, draw) {
  const redraw = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    const context = width && height ? canvas.getContext("2d") : null;
    if (!context) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    context.clearRect(0, 0, width, height);
    const ink = inkOf(canvas);
    context.font = ink.font;
    draw(context, width, height, ink);
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  };
  const sizes = new ResizeObserver(redraw);
  sizes.observe(canvas);
  const ends = [followColours(redraw), followZoom(redraw)];
  return {
    redraw,
    end: () => {
      sizes.disconnect();
      for (const end of ends) end();
    }
  };
}

// src/inside/segments.ts
function fillSegments(parent, options, chosen, choose) {
  const present = [...parent.querySelectorAll("button")];
  if (present.map((one) => one.dataset.value).join() !== options.map(([value]) => value).join()) {
    parent.replaceChildren();
    for (const [value = "", text = ""] of options) {
      const button = make("button", "wb-segment", parent, text);
      button.type = "button";
      button.dataset.value = value;
      button.addEventListener("click", () => {
        choose(value);
      });
    }
  }
  for (const button of parent.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
  }
}

// src/inside/time.ts
function edges(iterations, width) {
  const count = iterations.length;
  if (count < 2) return [0, width];
  const first = iterations[0] ?? 0;
  const span = (iterations[count - 1] ?? 0) - first;
  const place = (i) => ((iterations[i] ?? 0) - first) / span * width;
  const middle = (i) => (place(i - 1) + place(i)) / 2;
  return Array.from(
    { length: count + 1 },
    (_, i) => i === 0 ? 0 : i === count ? width : middle(i)
  );
}
function columnAt(sides, x) {
  const after = sides.findIndex((side, i) => i > 0 && x < side);
  return after < 0 ? sides.length - 2 : after - 1;
}
var Moment = class {
  chosen = null;
  /** True if the latest record is shown. */
  get latest() {
    return this.chosen === null;
  }
  /** Chooses a record by its index; the last index means the latest record from now on. */
  choose(iterations, index) {
    this.chosen = index >= iterations.length - 1 ? null : iterations[index] ?? null;
  }
  /** Returns the index of the record to show; -1 if there is none. */
  index(iterations) {
    const last = iterations.length - 1;
    if (this.chosen === null) return last;
    let best = last;
    for (let i = last; i >= 0; i -= 1) {
      const distance = Math.abs((iterations[i] ?? 0) - this.chosen);
      if (distance <= Math.abs((iterations[best] ?? 0) - this.chosen)) best = i;
    }
    return best;
  }
};
function floats32(view) {
  if (!view?.byteLength) return new Float32Array(0);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
function brief(value) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(2) : value.toPrecision(3);
  return text.replaceAll("-", "−").replace("e+", "e");
}
function percent(share) {
  if (Number.isNaN(share)) return "–";
  if (share === 0 || share === 1) return `${String(100 * share)} %`;
  return share < 1e-3 ? "< 0.1 %" : share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`;
}

// src/inside/values.ts
var PAUSE = 2e3;
function makeValues(name, parent, head) {
  const element = named(`${name}-table`, make("div", "wb-inside-tables wb-unseen", parent));
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "values");
  const button = named("table", make("button", "wb-button wb-small", head, "table"));
  button.type = "button";
  button.title = "show the values as a table";
  let shown = false;
  const toggle = () => {
    button.setAttribute("aria-pressed", String(shown));
    element.classList.toggle("wb-unseen", !shown);
    element.tabIndex = shown ? 0 : -1;
  };
  button.addEventListener("click", () => {
    shown = !shown;
    toggle();
  });
  toggle();
  let last = 0;
  let before = "";
  let timer;
  return {
    show(key, tables) {
      clearTimeout(timer);
      const fill = () => {
        [last, before] = [Date.now(), key];
        element.replaceChildren();
        for (const table of tables()) fillTable(make("table", "", element), table);
      };
      const wait = last + PAUSE - Date.now();
      if (key !== before || wait <= 0) fill();
      else timer = setTimeout(fill, wait);
    },
    end: () => {
      clearTimeout(timer);
    }
  };
}
function fillTable(table, { caption, heads, rows }) {
  make("caption", "", table, caption);
  const top = make("tr", "", make("thead", "", table));
  for (const head of heads) make("th", "", top, head).scope = "col";
  const body = make("tbody", "", table);
  for (const [name = "", ...cells] of rows) {
    const row = make("tr", "", body);
    make("th", "", row, name).scope = "row";
    for (const cell of cells) make("td", "", row, cell);
  }
}

// src/inside/panel.ts
var FOOT = 16;
var RECORDS = 12;
var RANGES = 8;
var NUMBERS = 4;
function unpackDistributions(payload) {
  const iterations = floats(payload.iterations);
  const counts = floats32(payload.counts);
  return {
    iterations,
    low: floats(payload.low),
    high: floats(payload.high),
    counts,
    numbers: floats32(payload.numbers),
    bins: iterations.length ? counts.length / iterations.length : 0
  };
}
function facts(found, index) {
  const at = (i) => found.numbers[NUMBERS * index + i] ?? NaN;
  const list = [
    ["mean", brief(at(0))],
    ["deviation", brief(at(1))],
    ["lowest", brief(found.low[index] ?? NaN)],
    ["highest", brief(found.high[index] ?? NaN)],
    ["zeros", percent(at(2))]
  ];
  if (at(3)) list.push(["not finite", percent(at(3))]);
  return list;
}
function tablesOf(name, found, index) {
  const { iterations, low, high, counts, bins } = found;
  const at = (i) => (iterations[i] ?? 0).toLocaleString("en");
  const names = ["mean", "deviation", "lowest", "highest", "zeros", "not finite"];
  const records = spread(iterations.length, RECORDS).map((i) => {
    const known = new Map(facts(found, i));
    return [`iteration ${at(i)}`, ...names.map((fact) => known.get(fact) ?? percent(0))];
  });
  const [start, end] = [low[index] ?? 0, high[index] ?? 0];
  const edge = (bin) => brief(start + (end - start) * bin / bins);
  const each = Math.ceil(bins / RANGES);
  const ranges = Array.from({ length: Math.ceil(bins / each) }, (_, i) => {
    const [from, to] = [i * each, Math.min((i + 1) * each, bins)];
    const part = counts.subarray(bins * index + from, bins * index + to);
    const sum = part.reduce((a, b) => a + b, 0);
    return [`${edge(from)} to ${edge(to)}`, sum.toLocaleString("en")];
  });
  return [
    { caption: `${name} over the run`, heads: ["at", ...names], rows: records },
    {
      caption: `histogram of ${name} at iteration ${at(index)}`,
      heads: ["range", "values"],
      rows: ranges
    }
  ];
}
function makePanel(parent, choose) {
  const box = named("distributions", make("div", "wb-inside", parent));
  const head = make("div", "wb-inside-head", box);
  const kinds = named("kinds", make("span", "wb-segments", head));
  kinds.setAttribute("role", "group");
  kinds.setAttribute("aria-label", "quantity");
  const picker = named("variable", make("select", "wb-select", head));
  picker.setAttribute("aria-label", "variable");
  picker.addEventListener("change", () => {
    choose("name", picker.value);
  });
  const size = make("span", "wb-soft", head);
  const note = make("div", "wb-note", box);
  const grid = make("div", "wb-inside-grid", box);
  const over = make("figure", "wb-inside-figure", grid);
  const heat = named("over-time", make("canvas", "wb-canvas", over));
  make("figcaption", "", over, "over the run");
  const now = make("figure", "wb-inside-figure", grid);
  const bars = named("histogram", make("canvas", "wb-canvas", now));
  const caption = make("figcaption", "", now);
  const foot = make("div", "wb-inside-foot", box);
  const slider = named("scrubber", make("input", "wb-scrubber", foot));
  slider.type = "range";
  slider.min = "0";
  slider.setAttribute("aria-label", "iteration");
  const latest = named("latest", make("button", "wb-button wb-small", foot, "latest"));
  latest.type = "button";
  latest.title = "show the latest values";
  const chips = named("numbers", make("div", "wb-values", box));
  const values = makeValues("distributions", box, foot);
  let payload = null;
  let found = null;
  let key = "";
  let moment = new Moment();
  const drawHeat = surface(heat, (context, width, height, ink) => {
    if (!found?.iterations.length) return;
    const { iterations, low, high, counts, bins } = found;
    const bottom = height - FOOT;
    const least = Math.min(...low.filter(Number.isFinite));
    const most = Math.max(...high.filter(Number.isFinite));
    const y = (value) => most > least ? bottom - (value - least) / (most - least) * bottom : bottom / 2;
    const sides = edges(iterations, width);
    context.fillStyle = ink.accent;
    for (let t = 0; t < iterations.length; t += 1) {
      const left = sides[t] ?? 0;
      const across = Math.max(1, (sides[t + 1] ?? 0) - left + 0.3);
      const part = counts.subarray(bins * t, bins * (t + 1));
      const top = Math.max(...part);
      const [start, step] = [low[t] ?? 0, ((high[t] ?? 0) - (low[t] ?? 0)) / bins];
      for (let b = 0; b < bins; b += 1) {
        const count = part[b] ?? 0;
        if (!count) continue;
        context.globalAlpha = 0.08 + 0.92 * Math.sqrt(count / top);
        const above = y(start + (b + 1) * step);
        context.fillRect(left, above, across, Math.max(1.5, y(start + b * step) - above + 0.3));
      }
    }
    context.globalAlpha = 1;
    const index = moment.index(iterations);
    const place = ((sides[index] ?? 0) + (sides[index + 1] ?? 0)) / 2;
    context.fillStyle = ink.text;
    if (!moment.latest) context.fillRect(place - 0.5, 0, 1, bottom);
    context.fillStyle = ink.soft;
    context.textBaseline = "top";
    context.fillText(brief(most), 3, 2);
    context.textBaseline = "bottom";
    context.fillText(brief(least), 3, bottom - 2);
    context.textBaseline = "top";
    context.fillText((iterations[0] ?? 0).toLocaleString("en"), 0, bottom + 4);
    context.textAlign = "right";
    context.fillText((iterations.at(-1) ?? 0).toLocaleString("en"), width, bottom + 4);
    context.textAlign = "left";
  });
  const drawBars = surface(bars, (context, width, height, ink) => {
    if (!found?.iterations.length) return;
    const { low, high, counts, bins } = found;
    const index = moment.index(found.iterations);
    const part = counts.subarray(bins * index, bins * (index + 1));
    const top = Math.max(...part) || 1;
    const bottom = height - FOOT;
    const across = width / bins;
    context.fillStyle = ink.accent;
    part.forEach((count, b) => {
      const up = count / top * (bottom - 14);
      context.fillRect(b * across, bottom - up, Math.max(1, across - 1), up);
    });
    const [least, most] = [low[index] ?? 0, high[index] ?? 0];
    context.fillStyle = ink.text;
    context.globalAlpha = 0.3;
    context.fillRect(0, bottom, width, 1);
    const zero = -least / (most - least) * width;
    if (least < 0 && most > 0) context.fillRect(zero, 0, 1, bottom + 4);
    context.globalAlpha = 1;
    context.fillStyle = ink.soft;
    context.textBaseline = "top";
    context.fillText(brief(least), 0, bottom + 4);
    if (zero > 50 && zero < width - 50) {
      context.textAlign = "center";
      context.fillText("0", zero, bottom + 4);
    }
    context.textAlign = "right";
    context.fillText(brief(most), width, bottom + 4);
    context.fillText(`${top.toLocaleString("en")} in the highest bin`, width, 0);
    context.textAlign = "left";
  });
  const apply = () => {
    if (!found) return;
    const { iterations } = found;
    const index = moment.index(iterations);
    const at = (iterations[index] ?? 0).toLocaleString("en");
    slider.max = String(Math.max(0, iterations.length - 1));
    slider.value = String(index);
    slider.disabled = iterations.length < 2;
    slider.setAttribute("aria-valuetext", `iteration ${at}`);
    latest.disabled = moment.latest;
    caption.textContent = moment.latest ? `iteration ${at}, the latest` : `iteration ${at}`;
    chips.replaceChildren();
    for (const [name2, text] of facts(found, index)) {
      const chip = make("span", "wb-value", chips);
      chip.dataset.fact = name2;
      make("span", "", chip, name2);
      make("b", "", chip, text);
    }
    box.dataset.iteration = String(iterations[index] ?? "");
    box.dataset.records = String(iterations.length);
    heat.setAttribute("role", "img");
    heat.setAttribute(
      "aria-label",
      `distributions of ${payload?.name ?? ""} at ${String(iterations.length)} iterations`
    );
    bars.setAttribute("role", "img");
    bars.setAttribute("aria-label", `histogram of ${payload?.name ?? ""} at iteration ${at}`);
    const [name, shown] = [payload?.name ?? "", found];
    values.show(`${key} ${moment.latest ? "latest" : at}`, () => tablesOf(name, shown, index));
    drawHeat.redraw();
    drawBars.redraw();
  };
  const goTo = (index) => {
    if (!found) return;
    moment.choose(found.iterations, index);
    apply();
  };
  slider.addEventListener("input", () => {
    goTo(Number(slider.value));
  });
  latest.addEventListener("click", () => {
    goTo(Infinity);
  });
  heat.addEventListener("pointerdown", (event) => {
    const follow = (moved) => {
      if (!found) return;
      const x = moved.clientX - heat.getBoundingClientRect().left;
      goTo(columnAt(edges(found.iterations, heat.clientWidth), x));
    };
    const release = () => {
      heat.removeEventListener("pointermove", follow);
    };
    heat.setPointerCapture(event.pointerId);
    heat.addEventListener("pointermove", follow);
    heat.addEventListener("pointerup", release, { once: true });
    heat.addEventListener("pointercancel", release, { once: true });
    follow(event);
  });
  const show = (next) => {
    if (`${next.kind} ${next.name}` !== key) moment = new Moment();
    key = `${next.kind} ${next.name}`;
    payload = next;
    found = unpackDistributions(next);
    kinds.hidden = next.kinds.length < 2;
    const segments = next.kinds.map((kind) => [kind, kind]);
    fillSegments(kinds, segments, next.kind, (kind) => {
      choose("kind", kind);
    });
    fillPicker(picker, next);
    size.textContent = `${next.size.toLocaleString("en")} value${next.size === 1 ? "" : "s"}`;
    note.textContent = next.note;
    apply();
  };
  return {
    show,
    end: () => {
      values.end();
      drawHeat.end();
      drawBars.end();
    }
  };
}
function fillPicker(picker, { names, name }) {
  if ([...picker.options].map((one) => one.value).join("\n") !== names.join("\n")) {
    picker.replaceChildren();
    for (const one of names) make("option", "", picker, one).value = one;
  }
  if (focusOf(picker) !== picker || picker.value === name) picker.value = name;
}

// src/widgets/histogram.ts
function render({ model, el }) {
  const { content, choose, run } = makeFrame(model, el, "histogram-view");
  const panel = makePanel(content, choose);
  const end = run(panel.show);
  return () => {
    panel.end();
    end();
  };
}
var histogram_default = { initialize: careForCell, render };
export {
  histogram_default as default
};
