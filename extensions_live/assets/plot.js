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
async function command(model, box, request, waiting) {
  const message = { kind: "command", ...request, id: request.id ?? randomId() };
  await deliver(model, box, message, waiting);
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

// src/bokeh.ts
async function loadBokeh(model) {
  const found = await model.widget_manager?.get_model?.(model.get("bokehjs"));
  if (!found) throw new Error("the page did not receive BokehJS");
  const carrier = found;
  const version = carrier.get("version");
  const present = window.Bokeh?.[version];
  if (present) return present;
  const loading = window.__workbenchBokeh ??= {};
  try {
    await (loading[version] ??= runScript(carrier.get("source")));
  } catch (error) {
    delete loading[version];
    throw error;
  }
  const loaded = window.Bokeh?.[version];
  if (!loaded) throw new Error(`BokehJS ${version} was loaded, but is missing on the page`);
  return loaded;
}
async function runScript(compressed) {
  const packed = new Blob([compressed]);
  const stream = packed.stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).arrayBuffer();
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    script.onload = () => {
      resolve();
    };
    script.onerror = () => {
      reject(new Error("the page refused to load BokehJS"));
    };
    document.head.append(script);
  });
  URL.revokeObjectURL(script.src);
}
async function embed(bokeh, json, holders) {
  const ids = json.roots.map((root) => root.id);
  const first = ids[0] ?? "";
  const list = bokeh.documents;
  const clear = (document2) => {
    document2.clear();
    if (list.includes(document2)) list.splice(list.indexOf(document2), 1);
    for (const holder of holders) holder.replaceChildren();
  };
  try {
    const pairs = ids.flatMap((id, i) => holders[i] ? [[id, holders[i]]] : []);
    const item = { docid: "plot", root_ids: ids, roots: Object.fromEntries(pairs) };
    const [views] = await bokeh.embed.embed_items({ plot: json }, [item]);
    const { document: document2 } = views.get_by_id(first).model;
    return {
      document: document2,
      view: (figure) => views.get(figure),
      create: (type, properties) => new (bokeh.Models.get(type))(properties),
      remove: () => {
        clear(document2);
        for (const view of [...views]) views.delete(view);
      }
    };
  } catch (error) {
    list.filter((one) => !one.views_manager && one.roots()[0]?.id === first).forEach(clear);
    throw error;
  }
}

// src/shapes.ts
var REPEATS = 4;
var PATHS = {
  circle: "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0z",
  square: "M-.8-.8h1.6v1.6h-1.6z",
  triangle: "M0-1 1 .8H-1z",
  diamond: "M0-1 .7 0 0 1-.7 0z",
  inverted_triangle: "M-1-.8H1L0 1z",
  plus: "M-.33-1h.66v.67H1v.66H.33V1h-.66V.33H-1v-.66h.67z"
};
function shapeAt(shape, x, y) {
  const path = PATHS[shape] ?? "";
  return `<path class="wb-shape" d="${path}" transform="translate(${x} ${y}) scale(4.5)"/>`;
}
function shapePlaces(line, number, count, { x, logX, logY }) {
  const forth = (value, log) => log ? Math.log10(value) : value;
  const back = (value, log) => log ? 10 ** value : value;
  const [low, high] = [forth(x.low, logX), forth(x.high, logX)];
  const found = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const at = low + (high - low) * (repeat + (number + 0.5) / count) / REPEATS;
    const right = line.x.findIndex((one) => forth(one, logX) >= at);
    const [x0, x1] = [line.x[right - 1], line.x[right]];
    const [y0, y1] = [line.y[right - 1], line.y[right]];
    if (x0 === void 0 || x1 === void 0 || y0 === void 0 || y1 === void 0) continue;
    const [left, end] = [forth(x0, logX), forth(x1, logX)];
    const share = (at - left) / (end - left);
    const value = forth(y0, logY) * (1 - share) + forth(y1, logY) * share;
    if (Number.isFinite(value)) found.push([back(at, logX), back(value, logY)]);
  }
  return {
    x: Float64Array.from(found, ([at]) => at),
    y: Float64Array.from(found, ([, value]) => value)
  };
}

// src/card.ts
var SWATCH = `<svg class="wb-swatch" viewBox="0 0 22 12" aria-hidden="true"><line x1="1" x2="21" y1="6" y2="6"/></svg>`;
function figureName(lines) {
  return [...new Set(lines.map(({ channel }) => channel))].join(", ");
}
function makeCard(lines, parent) {
  const section = make("section", "wb-card", parent);
  section.setAttribute("aria-label", `plot of ${figureName(lines)}`);
  const header = make("header", "wb-keys", section);
  const legend = make("div", "wb-legend", header);
  if (lines.every(({ run, label }) => run && !label)) {
    make("span", "wb-figure-name", legend, figureName(lines));
  }
  const keys = lines.map((info) => makeKey(info, legend));
  const broken = make("span", "wb-broken", legend, "✕ not finite");
  broken.title = "the values at the marked iterations are infinite or not a number";
  broken.hidden = true;
  const reset = make("button", "wb-reset", header, "show all");
  reset.type = "button";
  reset.title = "show the whole run (or double-click the plot)";
  reset.hidden = true;
  const note = make("div", "wb-note", section);
  const tools = make("div", "wb-tools-place", section);
  const holder = make("div", "wb-figure", section);
  const waiting = make("div", "wb-waiting", section, "waiting for the first values");
  const at = make("span", "wb-at", section);
  const tip = named("mark-text", make("div", "wb-tip", section));
  tip.hidden = true;
  return { section, header, tools, legend, holder, keys, waiting, note, broken, at, tip, reset };
}
function makeKey(info, parent) {
  const button = make("button", "wb-key", parent);
  button.type = "button";
  button.dataset.channel = info.channel;
  button.innerHTML = SWATCH;
  const swatch = button.querySelector("svg");
  swatch?.querySelector("line")?.setAttribute("stroke-dasharray", info.dash.join(" "));
  swatch?.insertAdjacentHTML("beforeend", shapeAt(info.shape, 11, 6));
  const name = make("span", "", button);
  const key = { info, button, name, value: make("output", "", button) };
  showKey(key, info.label || info.channel, info.colour);
  return key;
}
function showKey({ button, name }, label, colour, shown2 = label) {
  name.textContent = shown2;
  button.title = `show or hide ${label}`;
  button.style.setProperty("--wb-colour", colour);
}

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

// src/log_ticks.ts
var DIGITS = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 6, 8]];
var ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9];
var FEWEST = 3;
var DECADES = 3;
function multiples(low, high, digits) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    found.push(...digits.map((digit) => Number(`${String(digit)}e${String(power)}`)));
  }
  return found.filter((tick) => tick >= low && tick <= high);
}
function ticksWithin(low, high) {
  for (const digits of DIGITS) {
    const major = multiples(low, high, digits);
    if (major.length < FEWEST) continue;
    const minor = multiples(low, high, ALL).filter((tick) => !major.includes(tick));
    return { major, minor };
  }
  return null;
}
function arePowers(ticks) {
  return ticks.every((tick) => Number(`1e${String(Math.round(Math.log10(tick)))}`) === tick);
}
function logTicks(views) {
  const ticker = views.create("LogTicker");
  const usual = ticker.get_ticks_no_defaults.bind(ticker);
  ticker.get_ticks_no_defaults = (low, high, cross, desired) => {
    const narrow = low > 0 && high > low && Math.log10(high / low) < DECADES;
    return (narrow ? ticksWithin(low, high) : null) ?? usual(low, high, cross, desired);
  };
  const formatter = views.create("LogTickFormatter");
  const plain2 = views.create("BasicTickFormatter");
  const powers = {
    text: formatter.doFormat.bind(formatter),
    graphics: formatter.format_graphics.bind(formatter)
  };
  formatter.doFormat = (ticks, options) => arePowers(ticks) ? powers.text(ticks, options) : plain2.doFormat(ticks, options);
  formatter.format_graphics = (ticks, options) => arePowers(ticks) ? powers.graphics(ticks, options) : plain2.format_graphics(ticks, options);
  return { ticker, formatter };
}

// src/numbers.ts
function unpack(curve) {
  return {
    x: floats(curve.x),
    y: floats(curve.y),
    marks: floats(curve.marks),
    dotsX: floats(curve.dots_x),
    dotsY: floats(curve.dots_y),
    smoothX: floats(curve.smooth_x),
    smoothY: floats(curve.smooth_y),
    keptX: floats(curve.kept_x),
    keptY: floats(curve.kept_y)
  };
}
function floats(view) {
  if (!view?.byteLength) return new Float64Array(0);
  return new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
function format(value) {
  if (value === void 0 || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : value.toPrecision(4);
}
function nearest(x, y, at) {
  const place = firstFrom(x, at);
  const right = shownFrom(y, place, 1);
  const left = shownFrom(y, place - 1, -1);
  const [after, before] = [x[right], x[left]];
  if (after === void 0) return left;
  if (before === void 0) return right;
  return after - at < at - before ? right : left;
}
function firstFrom(x, at) {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = low + high >> 1;
    if ((x[middle] ?? at) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
function shownFrom(y, start, step) {
  for (let i = start; i >= 0 && i < y.length; i += step) if (!Number.isNaN(y[i])) return i;
  return -1;
}
function interpolate(x, y, at) {
  const right = Math.min(Math.max(firstFrom(x, at), 1), x.length - 1);
  const [x0 = 0, x1 = 0, y0 = 0, y1 = 0] = [x[right - 1], x[right], y[right - 1], y[right]];
  return x1 === x0 ? y1 : y0 + (at - x0) / (x1 - x0) * (y1 - y0);
}
function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"]
  ];
  const first = units.findIndex(([size]) => whole >= size);
  if (first < 0) return "0 s";
  const parts = [];
  let left = whole;
  for (const [size, unit] of units.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}
function spread(count, most) {
  const number = Math.min(most, count);
  return Array.from(
    { length: number },
    (_, i) => number > 1 ? Math.round(i * (count - 1) / (number - 1)) : 0
  );
}

// src/axes.ts
var PADDING_X = 0.02;
var PADDING_Y = 0.08;
var SAME = 1e-9;
var TAIL = 0.02;
function padded({ low, high }, padding, log) {
  if (log) {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const extra2 = b - a > SAME ? padding * (b - a) : 0.3;
    return { low: 10 ** (a - extra2), high: 10 ** (b + extra2) };
  }
  const size = high - low;
  const one = size <= SAME * Math.max(Math.abs(low), Math.abs(high));
  const extra = one ? Math.abs(high) * 0.1 || 1 : padding * size;
  return { low: low - extra, high: high + extra };
}
function spanX(curves, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const { x, marks, keptX } of curves) {
    for (const values of [x, marks, keptX]) {
      const first = log ? values.find((value) => value > 0) : values[0];
      if (first === void 0) continue;
      low = Math.min(low, first);
      high = Math.max(high, values.at(-1) ?? first);
    }
  }
  return low <= high ? { low, high } : null;
}
function spanY(curves, visible, log, robust) {
  const values = [];
  let [low, high] = [Infinity, -Infinity];
  for (const curve of curves) {
    for (const [x, y] of [
      [curve.x, curve.y],
      [curve.smoothX, curve.smoothY]
    ]) {
      for (let i = 0; i < x.length; i += 1) {
        const [at2 = 0, value = NaN] = [x[i], y[i]];
        if (!(value > (log ? 0 : -Infinity)) || at2 < visible.low || at2 > visible.high) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
        if (robust) values.push(value);
      }
    }
  }
  if (low > high) return null;
  if (!robust || values.length < 10) return { low, high };
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? low;
  const inner = { low: at(TAIL), high: at(1 - TAIL) };
  return inner.low < inner.high ? inner : { low, high };
}
function setAxes(views, figures, now, kind, brief) {
  figures.forEach((figure, index) => {
    const log = now.log_y.includes(index);
    figure.setv({
      x_scale: views.create(now.log_x ? "LogScale" : "LinearScale"),
      y_scale: views.create(log ? "LogScale" : "LinearScale")
    });
    const ticks = (logarithmic) => logarithmic ? logTicks(views) : { ticker: views.create("BasicTicker"), formatter: views.create("BasicTickFormatter") };
    for (const axis of figure.left) axis.setv(ticks(log));
    for (const axis of figure.below) {
      const label = kind === "time" && brief ? SECONDS : LABELS[kind];
      axis.setv({ ...xTicks(views, kind, now.log_x, ticks(now.log_x), brief), axis_label: label });
    }
  });
}
var LABELS = {
  iteration: "iteration",
  epoch: "epoch",
  time: "training time",
  examples: "examples"
};
var SECONDS = "seconds of training";
function xTicks(views, kind, log, plain2, brief) {
  if (kind === "time") {
    if (brief) return plain2;
    const clock = { base: 60, mantissas: [1, 2, 5, 10, 15, 20, 30], min_interval: 1 };
    return {
      ...log ? plain2 : { ticker: views.create("AdaptiveTicker", clock) },
      formatter: views.create("NumeralTickFormatter", { format: "00:00:00" })
    };
  }
  if (log) return plain2;
  const least = kind === "epoch" ? {} : { min_interval: 1 };
  return {
    ticker: views.create("BasicTicker", least),
    formatter: views.create("NumeralTickFormatter", {
      format: kind === "epoch" ? "0,0.[00]" : "0,0"
    })
  };
}
function free(range, log) {
  return !range.have_updated_interactively || log && !(range.start > 0);
}
function fitRanges(figures, shown2, now, start) {
  const range = figures[0]?.x_range;
  if (!range) return;
  if (free(range, now.log_x)) {
    const all = spanX(
      figures.flatMap((_, index) => shown2(index)),
      now.log_x
    );
    if (all) {
      const part = start !== void 0 && start < all.high ? { ...all, low: start } : all;
      const { low, high } = padded(part, PADDING_X, now.log_x);
      range.setv({ start: low, end: high });
    } else if (now.log_x) {
      range.setv({ start: 1, end: 10 });
    }
  }
  const visible = { low: range.start, high: range.end };
  figures.forEach((figure, index) => {
    const log = now.log_y.includes(index);
    if (!free(figure.y_range, log)) return;
    const span = spanY(shown2(index), visible, log, now.robust.includes(index));
    if (!span && !log) return;
    const { low, high } = span ? padded(span, PADDING_Y, log) : { low: 1, high: 10 };
    figure.y_range.setv({ start: low, end: high });
  });
}
function iterationAt(axis, x) {
  if (!axis || axis.kind === "iteration" || axis.values.length < 2) return x;
  return interpolate(axis.values, axis.iterations, x);
}
function positionOf(axis, iteration) {
  if (!axis || axis.kind === "iteration" || axis.values.length < 2) return iteration;
  return interpolate(axis.iterations, axis.values, iteration);
}
function placeText(axis, x) {
  const iteration = `iteration ${Math.round(iterationAt(axis, x)).toLocaleString("en")}`;
  if (!axis || axis.kind === "iteration") return iteration;
  const own = {
    epoch: `epoch ${x.toFixed(2)}`,
    time: duration(x),
    examples: `${Math.round(x).toLocaleString("en")} examples`
  }[axis.kind];
  return `${own}, ${iteration}`;
}

// src/settings.ts
var PAUSE = 120;
var DEFAULTS = {
  x: "iteration",
  log_x: false,
  log_y: [],
  robust: [],
  smoothing: 0,
  marks: ["epoch", "intervention", "tier", "checkpoint", "best", "branch"],
  hidden: [],
  hidden_runs: [],
  order: [],
  names: {},
  run_colours: {},
  table: false
};
function payloadOf(model) {
  const now = model.get("payload");
  return "curves" in now ? now : null;
}
function makeSettings(model, box) {
  let own = null;
  let stamp = 0;
  let timer;
  const listeners = [];
  const now = () => ({ ...DEFAULTS, ...own ?? payloadOf(model)?.settings });
  const send = () => {
    const message = { kind: "settings", settings: now(), stamp };
    void deliver(model, box, message);
  };
  return {
    get now() {
      return now();
    },
    change(part) {
      own = { ...now(), ...part };
      stamp = Math.max(Date.now(), stamp + 1);
      clearTimeout(timer);
      timer = setTimeout(send, PAUSE);
      for (const listener of listeners) listener();
    },
    listen(listener) {
      listeners.push(listener);
    },
    heard() {
      if ((payloadOf(model)?.stamp ?? -1) >= stamp) own = null;
      for (const listener of listeners) listener();
    },
    end() {
      clearTimeout(timer);
    }
  };
}
function toggled(list, item) {
  return list.includes(item) ? list.filter((one) => one !== item) : [...list, item];
}

// src/comparison.ts
function ordered(runs, order) {
  const place = (key) => order.includes(key) ? order.indexOf(key) : order.length;
  return [...runs].sort((a, b) => place(a.key) - place(b.key));
}
function nameOf(run, runs, now) {
  return now.names[run] ?? runs.find(({ key }) => key === run)?.name ?? run;
}
function labelOf(info, runs, now) {
  if (!info.run) return info.label;
  const name = nameOf(info.run, runs, now);
  return info.label ? `${info.label} · ${name}` : name;
}
function colourOf(info, now) {
  return now.run_colours[info.run] ?? info.colour;
}
function isHidden(info, now) {
  return now.hidden.includes(info.key) || now.hidden_runs.includes(info.run);
}
function makeComparison(lines, settings, parent, leave) {
  const box = named("comparison", make("div", "wb-comparison", parent));
  const colours = new Map(lines.map(({ run, colour }) => [run, colour]));
  let shown2 = "";
  return {
    show({ runs: given, differences, now, temporary }) {
      const runs = ordered(given, now.order);
      const key = JSON.stringify([runs, differences, now]);
      if (key === shown2 || box.contains(focusOf(box)?.closest("input") ?? null)) return;
      shown2 = key;
      box.hidden = !runs.length;
      const focused = focusOf(box)?.dataset.focus;
      const table = document.createElement("table");
      const caption = make("caption", "", table, "differences between the runs");
      if (temporary) {
        const button = named(
          "leave-comparison",
          make("button", "wb-tool", caption, "end the comparison")
        );
        button.type = "button";
        button.addEventListener("click", leave);
      }
      const head = make("tr", "", make("thead", "", table));
      make("th", "", head, "run").scope = "col";
      for (const [place, run] of runs.entries()) {
        const cell = make("th", "", head);
        cell.scope = "col";
        cell.classList.toggle("wb-off", now.hidden_runs.includes(run.key));
        addControls(cell, runs, place, now);
      }
      const body = make("tbody", "", table);
      const columns = runs.map(({ key: key2 }) => given.findIndex((one) => one.key === key2));
      let group = "";
      addRow(
        body,
        "state",
        runs.map(({ state }) => state)
      );
      for (const line of differences) {
        if (line.group !== group && line.group !== "run") {
          const title = make("th", "wb-group", make("tr", "", body), line.group);
          title.colSpan = runs.length + 1;
          title.scope = "colgroup";
        }
        group = line.group;
        addRow(
          body,
          line.name,
          columns.map((column) => line.values[column] ?? "")
        );
      }
      box.replaceChildren(table);
      if (focused) box.querySelector(`[data-focus="${focused}"]`)?.focus();
    }
  };
  function addControls(cell, runs, place, now) {
    const run = runs[place];
    if (!run) return;
    const name = nameOf(run.key, runs, now);
    const line = make("div", "wb-run", cell);
    const colour = make("input", "wb-run-colour", line);
    colour.type = "color";
    colour.value = now.run_colours[run.key] ?? colours.get(run.key) ?? "#888888";
    colour.setAttribute("aria-label", `colour of ${name}`);
    colour.addEventListener("change", () => {
      settings.change({ run_colours: { ...settings.now.run_colours, [run.key]: colour.value } });
      colour.blur();
    });
    const field = named("run-name", make("input", "wb-run-name", line));
    field.value = name;
    field.size = Math.max(6, Math.min(24, name.length));
    field.setAttribute("aria-label", `name of ${name}`);
    field.addEventListener("change", () => {
      const text = field.value.trim();
      const names = { ...settings.now.names, [run.key]: text || run.name };
      field.blur();
      settings.change({ names });
    });
    const button = (label, title, focus, act) => {
      const element = make("button", "wb-tool", line, label);
      element.type = "button";
      element.title = title;
      element.setAttribute("aria-label", title);
      element.dataset.focus = focus;
      element.addEventListener("click", act);
      return element;
    };
    const move = (by) => () => {
      const order = runs.map(({ key }) => key);
      order.splice(place, 1);
      order.splice(place + by, 0, run.key);
      settings.change({ order });
    };
    const off = now.hidden_runs.includes(run.key);
    const hide = button(
      off ? "show" : "hide",
      `${off ? "show" : "hide"} ${name}`,
      `hide-${run.key}`,
      () => {
        settings.change({ hidden_runs: toggled(settings.now.hidden_runs, run.key) });
      }
    );
    hide.dataset.testid = "hide-run";
    button("◂", `move ${name} to the left`, `left-${run.key}`, move(-1)).disabled = place === 0;
    const last = place === runs.length - 1;
    button("▸", `move ${name} to the right`, `right-${run.key}`, move(1)).disabled = last;
  }
}
function addRow(body, name, values) {
  const row = make("tr", "", body);
  make("th", "", row, name).scope = "row";
  for (const value of values) make("td", "", row, value);
}

// src/curve_style.ts
var DENSE = 300;
var FAINT = 0.25;
function styleCurves(figure, card, points, now, runs) {
  const told = /* @__PURE__ */ new Set([""]);
  for (const key of card.keys) {
    const { info, button } = key;
    const colour = colourOf(info, now);
    const count = points.get(info.key)?.x.length ?? 0;
    const label = labelOf(info, runs, now);
    const isTold = info.label !== "" && told.has(info.run);
    showKey(key, label, colour, isTold ? info.label : label);
    told.add(info.run);
    button.classList.toggle("wb-empty", !count);
    const off = isHidden(info, now);
    button.classList.toggle("wb-off", off);
    button.setAttribute("aria-pressed", String(!off));
    for (const renderer of figure.renderers.filter(({ tags }) => tags[0] === info.key)) {
      const kind = renderer.tags[1];
      renderer.visible = !off;
      if (kind === "line" || kind === "smooth") {
        const faint = kind === "line" && points.get(info.key)?.smoothX.length;
        const dense = kind === "line" && count > DENSE;
        const width = dense ? 1.25 : 2;
        renderer.glyph.setv({
          line_width: width,
          line_alpha: faint ? FAINT : 1,
          line_color: colour
        });
      } else if (kind === "shape") {
        renderer.glyph.setv({ fill_color: colour });
      } else if (kind === "dots") {
        renderer.glyph.setv({ fill_color: colour, line_color: colour });
      }
    }
  }
}
function orderKeys(card, runs) {
  const order = runs.map(({ key }) => key);
  if (!order.length) return;
  const sorted = [...card.keys].sort(
    (a, b) => order.indexOf(a.info.run) - order.indexOf(b.info.run)
  );
  const there = [...card.legend.querySelectorAll(".wb-key")];
  if (!sorted.some(({ button }, i) => there[i] !== button)) return;
  for (const { button } of sorted) card.legend.append(button);
  card.legend.append(card.broken);
}

// src/dashes.ts
var MOST = 20;
function makeDashes(figure, card, points, draw, index = 0) {
  const cut = /* @__PURE__ */ new Map();
  const shaped = /* @__PURE__ */ new Set();
  return (log) => {
    const { start, end } = figure.x_range;
    const y = { low: figure.y_range.start, high: figure.y_range.end };
    const scales = { x: { low: start, high: end }, y, logX: log.x, logY: log.y };
    const near = { low: start - (end - start), high: end + (end - start) };
    let lost = false;
    for (const { info } of card.keys) {
      const known = points.get(info.key);
      if (!known || !info.dash.length) continue;
      for (const renderer of figure.renderers) {
        const [key, form] = renderer.tags;
        if (key !== info.key || form !== "line" && form !== "smooth") continue;
        const kind = form === "line" ? "curve" : "smooth";
        const whole = kind === "curve" ? known : { x: known.smoothX, y: known.smoothY };
        const short = lengthOf(whole, scales) <= MOST;
        const part = short ? whole : within(whole, near);
        const seen = short || lengthOf(part, scales) <= MOST;
        renderer.glyph.setv({ line_dash: seen ? info.dash : [] });
        const main = kind === "smooth" || !known.smoothX.length;
        lost ||= renderer.visible && main && !seen;
        if (seen && !short) {
          draw(kind, key, { x: part.x, y: part.y });
          cut.set(renderer, known);
        } else if (cut.get(renderer) === known) {
          draw(kind, key, { x: whole.x, y: whole.y });
          cut.delete(renderer);
        }
      }
    }
    const shown2 = card.keys.filter(
      ({ info, button }) => !button.classList.contains("wb-off") && points.get(info.key)?.x.length
    );
    const several = lost && shown2.length > 1;
    card.section.classList.toggle("wb-shaped", several);
    for (const { info } of card.keys) {
      const { key } = info;
      const number = several ? shown2.findIndex((one) => one.info.key === key) : -1;
      const known = points.get(key);
      if (known && number >= 0) {
        const { x, y: y2, smoothX, smoothY } = known;
        const line = smoothX.length ? { x: smoothX, y: smoothY } : { x, y: y2 };
        draw("shapes", `${index}:${key}`, shapePlaces(line, number, shown2.length, scales));
        shaped.add(key);
      } else if (shaped.delete(key)) {
        draw("shapes", `${index}:${key}`, { x: NONE, y: NONE });
      }
    }
  };
}
var NONE = new Float64Array(0);
function lengthOf({ x, y }, scales) {
  const placeX = relative(scales.x, scales.logX);
  const placeY = relative(scales.y, scales.logY);
  let [sum, lastX, lastY] = [0, NaN, NaN];
  for (let i = 0; i < x.length; i += 1) {
    const [nextX, nextY] = [placeX(x[i] ?? NaN), placeY(y[i] ?? NaN)];
    const step = Math.abs(nextX - lastX) + Math.abs(nextY - lastY);
    if (Number.isFinite(step)) sum += step;
    [lastX, lastY] = [nextX, nextY];
  }
  return sum;
}
function within({ x, y }, { low, high }) {
  const after = x.findIndex((value) => value >= low);
  const first = Math.max(0, after < 0 ? x.length - 1 : after - 1);
  const over = x.findIndex((value) => value > high);
  const last = over < 0 ? x.length : over + 1;
  return { x: x.subarray(first, last), y: y.subarray(first, last) };
}
function relative({ low, high }, log) {
  const scale = log ? Math.log10 : (value) => value;
  const [start, size] = [scale(low), scale(high) - scale(low)];
  return (value) => (scale(value) - start) / size;
}

// src/clipboard.ts
async function copyText(text, parent) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, parent);
  }
}
function copyBySelection(text, parent) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "wb-offscreen";
  field.setAttribute("aria-hidden", "true");
  const before = document.activeElement;
  parent.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}

// src/editor/cells.ts
var DRAWN = 100;
var VIEW = "application/vnd.jupyter.widget-view+json";
function notebookOf(model) {
  const found = model.widget_manager?.context?.model;
  const shared = found?.sharedModel;
  return typeof shared?.insertCell === "function" && Array.isArray(shared.cells) ? shared : null;
}
function goBelow(element) {
  const cell = element.closest(".jp-Cell");
  setTimeout(() => {
    const next = cell?.nextElementSibling;
    if (!(next instanceof HTMLElement && next.matches(".jp-Cell"))) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }, DRAWN);
}
function insertCell(model, source) {
  const notebook = notebookOf(model);
  if (!notebook) return false;
  const ident = model.get("ident");
  const at = notebook.cells.findIndex(({ cell_type, outputs = [] }) => {
    if (cell_type !== "code") return false;
    return outputs.some(({ data }) => {
      const view = data?.[VIEW];
      return view?.model_id === ident;
    });
  });
  const index = at < 0 ? notebook.cells.length : at + 1;
  notebook.insertCell(index, {
    cell_type: "code",
    source: source.trimEnd(),
    metadata: { trusted: true }
  });
  return true;
}

// src/offer.ts
var CODE = "wb-code";
function appendCode(parent, code) {
  make("code", "wb-code", parent, code.split("\n").at(-1)).title = code;
  const button = named("insert-code", make("button", "wb-button wb-plain", parent, "Add a cell"));
  button.type = "button";
  button.title = "add a cell with this code below, or copy the code where there are no cells";
  button.addEventListener("click", () => {
    button.dispatchEvent(new CustomEvent(CODE, { bubbles: true, detail: code }));
  });
}
function offerCode(model, box) {
  box.addEventListener(CODE, (event) => {
    const { detail: code, target } = event;
    if (!(target instanceof HTMLElement)) return;
    if (insertCell(model, code)) {
      target.textContent = "Added below";
      goBelow(box);
      return;
    }
    void copyText(code, box).then((copied) => {
      target.textContent = copied ? "Copied" : "Not copied";
    });
  });
}

// src/handle.ts
var GAP = 8;
var STEP = 0.01;
var WAYS = [
  {
    name: "rewind",
    label: "rewind here",
    title: "go back to this iteration and pause; later iterations are kept as a branch",
    arguments: (iteration) => ({ iteration })
  },
  {
    name: "fork",
    label: "fork here",
    title: "create a second session, which is paused at this iteration",
    arguments: (iteration) => ({ iteration })
  }
];
function makeHandle(holder, parent, facts, ask2, compare) {
  const layer = named("handle-layer", make("div", "wb-handle-layer", parent));
  layer.hidden = true;
  const line = make("div", "wb-handle-line", layer);
  const grip = named("handle", make("div", "wb-handle", layer));
  grip.tabIndex = 0;
  grip.setAttribute("role", "slider");
  grip.setAttribute("aria-label", "iteration to go back to");
  grip.setAttribute("aria-valuemin", "0");
  grip.title = "drag to an iteration, then rewind, fork or compare";
  const panel = named("handle-panel", make("div", "wb-handle-panel", layer));
  const where = make("span", "wb-handle-at", panel);
  let at = null;
  let pending = null;
  let said = "";
  let code = "";
  let told = 0;
  const buttons = WAYS.map((way) => {
    const button = named(`${way.name}-here`, make("button", "wb-tool", panel, way.label));
    button.type = "button";
    button.title = way.title;
    button.addEventListener("click", () => {
      if (at === null) return;
      pending = { after: facts().command?.id ?? 0 };
      code = "";
      const text = `${way.name} at ${at.toLocaleString("en")}`;
      said = `${text} sent`;
      ask2(way.name, way.arguments(at), (when) => {
        if (pending) said = `${text} sent; ${when}`;
        update();
      });
      update();
    });
    return { name: way.name, button };
  });
  const comparison = named("compare-here", make("button", "wb-tool", panel, "compare from here"));
  comparison.type = "button";
  comparison.title = "compare this run with its branches, from this iteration on";
  comparison.addEventListener("click", () => {
    if (at === null) return;
    pending = { after: facts().command?.id ?? 0 };
    said = code = "";
    compare(at);
  });
  const close = make("button", "wb-tool wb-handle-close", panel, "✕");
  close.type = "button";
  close.setAttribute("aria-label", "return the handle to the end");
  close.addEventListener("click", () => {
    move(null);
    grip.focus();
  });
  const answer = named("handle-answer", make("span", "wb-handle-answer", layer));
  answer.setAttribute("role", "status");
  const move = (to) => {
    const { last } = facts();
    at = to === null ? null : Math.min(last, Math.max(0, Math.round(to)));
    said = code = "";
    update();
  };
  const dragTo = (event) => {
    const { frame: frame2, axis } = facts();
    if (!frame2) return;
    const sx = event.clientX - holder.getBoundingClientRect().left;
    const { left, right } = frame2.bbox;
    move(iterationAt(axis, frame2.x_scale.invert(Math.min(right, Math.max(left, sx)))));
  };
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    grip.focus();
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", dragTo);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    grip.addEventListener(end, () => {
      grip.removeEventListener("pointermove", dragTo);
    });
  }
  grip.addEventListener("keydown", (event) => {
    const { last } = facts();
    const now = at ?? last;
    const step = Math.max(1, Math.round(last * STEP));
    const to = {
      ArrowLeft: now - (event.shiftKey ? 1 : step),
      ArrowRight: now + (event.shiftKey ? 1 : step),
      Home: 0,
      End: last,
      Escape: null
    };
    if (!(event.key in to)) return;
    event.preventDefault();
    event.stopPropagation();
    move(to[event.key] ?? null);
  });
  function returnToEnd() {
    if (panel.contains(focusOf(panel))) grip.focus();
    at = null;
    update();
  }
  function update() {
    const { frame: frame2, axis, last, possible, command: command2 } = facts();
    layer.hidden = !frame2 || !possible.length || last < 1;
    if (layer.hidden || !frame2) return;
    const { left, right, top } = frame2.bbox;
    const x = frame2.x_scale.compute(positionOf(axis, at ?? last));
    const inside = x >= left - 1 && x <= right + 1;
    const [dx, dy] = [holder.offsetLeft, holder.offsetTop];
    const place = Math.min(right, Math.max(left, Number.isFinite(x) ? x : left));
    layer.style.setProperty("--wb-x", `${place + dx}px`);
    layer.style.setProperty("--wb-top", `${top + dy}px`);
    line.hidden = at === null || !inside;
    panel.hidden = at === null;
    const width = panel.offsetWidth;
    const leftward = place > (left + right) / 2;
    const beside = place + dx + (leftward ? -GAP - width : GAP);
    const room = Math.max(0, parent.clientWidth - width - GAP);
    panel.style.setProperty("--wb-panel-x", `${Math.min(room, Math.max(GAP, beside))}px`);
    grip.classList.toggle("wb-away", at === null);
    grip.setAttribute("aria-valuemax", String(last));
    grip.setAttribute("aria-valuenow", String(at ?? last));
    const text = placeText(axis, positionOf(axis, at ?? last));
    grip.setAttribute("aria-valuetext", text);
    where.textContent = text;
    for (const { name, button } of buttons) button.disabled = !possible.includes(name);
    if (pending && command2 && command2.id !== pending.after && !command2.text.includes("queued")) {
      pending = null;
      told = command2.id;
      said = command2.text;
      code = command2.code ?? "";
      answer.classList.toggle("wb-refused", command2.refused);
      if (/^rewind.*: applied/.test(said)) returnToEnd();
    } else if (pending) {
      answer.classList.remove("wb-refused");
    } else if (told && command2 && command2.id !== told) {
      said = code = "";
      told = 0;
    }
    const shown2 = said + (said && code);
    if (answer.dataset.shown === shown2) return;
    answer.dataset.shown = shown2;
    answer.textContent = said;
    if (said && code) appendCode(answer, code);
  }
  return { update };
}

// src/kept.ts
function makeKept(parent, compare, hide) {
  const box = named("kept", make("div", "wb-kept", parent));
  box.hidden = true;
  const text = make("span", "", box);
  let start = 0;
  const button = (name, title, act) => {
    const element = named(`kept-${name}`, make("button", "wb-tool", box, name));
    element.type = "button";
    element.title = title;
    element.addEventListener("click", act);
  };
  button("compare", "compare this branch with the present one, side by side", () => {
    compare(start);
  });
  button("hide", "hide it; the menu of marks shows it again", hide);
  return {
    show(kept) {
      box.hidden = !kept;
      if (!kept) return;
      start = kept.start;
      text.textContent = kept.text;
    }
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
var KEY = "wb-key";
var OWN = /* @__PURE__ */ new Set([" ", ".", "[", "]", "f", "l", "?"]);
function areaOf(part) {
  return part.closest(".jp-OutputArea, .wbd-section");
}
function sendKey(from, key) {
  from.dispatchEvent(new CustomEvent(KEY, { bubbles: true, composed: true, detail: key }));
}
function hearKeys(box, act) {
  const sent = (event) => {
    const [from] = event.composedPath();
    const { detail } = event;
    if (typeof detail !== "string") return;
    const part = from instanceof Element ? from : null;
    if (part && (box.contains(part) || areaOf(part) !== areaOf(box))) return;
    act(detail);
  };
  document.addEventListener(KEY, sent, { capture: true });
  return () => {
    document.removeEventListener(KEY, sent, { capture: true });
  };
}
function takesText(target) {
  if (target instanceof HTMLInputElement) return target.type !== "range";
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
function isPressed(target) {
  return target instanceof HTMLElement && target.matches("button, summary, a");
}
function keyOf(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (!OWN.has(key) || takesText(target)) return null;
  return key === " " && isPressed(target) ? null : key;
}
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

// src/plot_keys.ts
var FIELDS = "input, select, textarea";
function onKey(box, act) {
  const pressed = (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (target.matches(FIELDS)) return;
    if (act(event.key, target)) event.preventDefault();
    else {
      const key = keyOf(event);
      if (key === null) return;
      event.preventDefault();
      if (!event.repeat || key === ".") sendKey(box, key);
    }
  };
  const endHearing = hearKeys(box, (key) => void act(key, null));
  box.addEventListener("keydown", pressed);
  return () => {
    box.removeEventListener("keydown", pressed);
    endHearing();
  };
}

// src/marks.ts
var REACH = 6;
var BOTTOM = 0.06;
var MARK_NAMES = {
  epoch: "epochs",
  intervention: "interventions",
  tier: "tier changes",
  checkpoint: "checkpoints",
  best: "best so far",
  branch: "before the last rewind"
};
function drawMarks(views, figures, marks, hidden) {
  for (const kind of ["epoch", "intervention", "tier", "checkpoint"]) {
    const x = marks.filter((mark) => mark.kind === kind).flatMap((mark) => mark.x);
    const top = kind === "checkpoint" ? BOTTOM : 1;
    views.document.get_model_by_name(`rules:${kind}`).data = {
      x: Float64Array.from(x),
      y0: new Float64Array(x.length),
      y1: new Float64Array(x.length).fill(top)
    };
  }
  figures.forEach((lines, index) => {
    const keys = new Set(lines.map(({ key }) => key).filter((key) => !hidden.has(key)));
    const best = marks.filter((mark) => mark.kind === "best" && keys.has(mark.curve));
    views.document.get_model_by_name(`best:${index}`).data = {
      x: Float64Array.from(best.flatMap((mark) => mark.x)),
      y: Float64Array.from(best.flatMap((mark) => mark.y))
    };
  });
}
function textsAt(marks, frame2, sx, keys) {
  const found = [];
  for (const mark of marks) {
    if (mark.curve && !keys.has(mark.curve)) continue;
    mark.x.forEach((x, i) => {
      const distance = Math.abs(frame2.x_scale.compute(x) - sx);
      const text = mark.text[i];
      if (distance <= REACH && text) {
        found.push({ distance: distance + (mark.kind === "epoch" ? REACH : 0), text });
      }
    });
  }
  return found.sort((a, b) => a.distance - b.distance).map(({ text }) => text);
}

// src/readout.ts
function readout(keys, points, latest, pointer) {
  return keys.map((name) => {
    const curve = points.get(name);
    if (pointer === null || !curve?.x.length) return latest[name] ?? "";
    const index = nearest(curve.x, curve.y, pointer);
    const smooth = nearest(curve.smoothX, curve.smoothY, pointer);
    const mean = smooth < 0 ? "" : ` (${format(curve.smoothY[smooth])})`;
    return format(curve.y[index]) + mean;
  });
}
function placeAt(keys, points, pointer, axis) {
  if (pointer === null) return "";
  const distance = (x2) => Math.abs(x2 - pointer);
  const found = keys.flatMap((name) => {
    const curve = points.get(name);
    return curve?.x.length ? curve.x[nearest(curve.x, curve.y, pointer)] ?? [] : [];
  });
  const [x] = found.sort((a, b) => distance(a) - distance(b));
  return x === void 0 ? "" : placeText(axis, x);
}
function showTip({ tip, holder, section }, frame2, event, marks, keys) {
  const texts = frame2 && event.sx !== void 0 ? textsAt(marks, frame2, event.sx, keys) : [];
  tip.hidden = !texts.length;
  if (!frame2 || !texts.length) return;
  tip.textContent = texts.slice(0, 6).join("\n");
  const left = (event.sx ?? 0) + holder.offsetLeft;
  const right = left > section.clientWidth / 2;
  tip.style.left = right ? "" : `${left + 12}px`;
  tip.style.right = right ? `${section.clientWidth - left + 12}px` : "";
  tip.style.top = `${frame2.bbox.top + holder.offsetTop + 8}px`;
}

// src/save.ts
var BAND = 28;
var SWATCH2 = 22;
var GAP2 = 16;
var PNG_WIDTH = 1600;
function paper(el) {
  for (let part = el; part; part = part.parentElement) {
    const background = getComputedStyle(part).backgroundColor;
    if (background && !/^(transparent|rgba\(.*, 0\))$/.test(background)) {
      return { background, text: getComputedStyle(el).color };
    }
  }
  return { background: "white", text: getComputedStyle(el).color };
}
async function png(view, entries, el) {
  const image = new Image();
  image.src = URL.createObjectURL(await svg(view, entries, el));
  try {
    await image.decode();
    const scale = Math.max(1, PNG_WIDTH / image.naturalWidth);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(scale * image.naturalWidth);
    canvas.height = Math.round(scale * image.naturalHeight);
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("the page cannot draw an image");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => {
        if (blob) resolve(blob);
        else reject(new Error("the page cannot write a PNG"));
      });
    });
  } finally {
    URL.revokeObjectURL(image.src);
  }
}
async function svg(view, entries, el) {
  const inner = await (await view.export("svg").to_blob()).text();
  const size = (name) => Number(new RegExp(`\\b${name}="([0-9.]+)`).exec(inner)?.[1] ?? 0);
  const [width, height] = [size("width"), size("height")];
  const { background, text } = paper(el);
  let x = 12;
  const legend = entries.map(({ label, colour, dash, shape }) => {
    const at = x;
    x += SWATCH2 + 6 + 7 * label.length + GAP2;
    const line = `<line x1="${at}" x2="${at + SWATCH2}" y1="${BAND / 2}" y2="${BAND / 2}" stroke="${escaped(colour)}" stroke-width="2.5" stroke-dasharray="${dash.join(" ")}"/><g fill="${escaped(colour)}">${shape && shapeAt(shape, at + SWATCH2 / 2, BAND / 2)}</g>`;
    return `${line}<text x="${at + SWATCH2 + 6}" y="${BAND / 2 + 4}">${escaped(label)}</text>`;
  });
  const whole = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + BAND}"><rect width="100%" height="100%" fill="${escaped(background)}"/><g font-family="sans-serif" font-size="12" fill="${escaped(text)}">${legend.join("")}</g><g transform="translate(0 ${BAND})">${inner.replace(/^<\?xml[^>]*>/, "")}</g></svg>`;
  return new Blob([whole], { type: "image/svg+xml" });
}
function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? "");
}
function csv(axis, labels, curves) {
  const rows = /* @__PURE__ */ new Map();
  curves.forEach((curve, column) => {
    curve?.x.forEach((x, i) => {
      const y = curve.y[i];
      if (y === void 0 || Number.isNaN(y)) return;
      let row = rows.get(x);
      if (!row) rows.set(x, row = new Array(curves.length).fill(""));
      row[column] = String(y);
    });
  });
  const quoted = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const head = [axis, ...labels].map(quoted).join(",");
  const lines = [...rows].sort(([a], [b]) => a - b).map(([x, row]) => [x, ...row].join(","));
  return `${[head, ...lines].join("\n")}
`;
}
function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 1e4);
}

// src/table.ts
var ROWS = 12;
var MOST_MARKS = 20;
var PAUSE2 = 2e3;
function tableRows({ curves, axis, visible }) {
  const known = curves.flatMap((curve) => {
    if (!curve) return [];
    const inside = curve.x.filter((x2) => x2 >= visible.low && x2 <= visible.high);
    return inside.length ? [inside] : [];
  });
  if (!known.length) return [];
  const x = known.reduce((a, b) => b.length > a.length ? b : a);
  return spread(x.length, ROWS).map((place) => {
    const at = x[place] ?? 0;
    const cells = curves.map((curve) => {
      const index = curve ? nearest(curve.x, curve.y, at) : -1;
      return format(curve?.y[index]);
    });
    return [placeText(axis, at), ...cells];
  });
}
function makeTwin(parent) {
  const element = named("plot-table", make("div", "wb-twin", parent));
  element.tabIndex = -1;
  let last = 0;
  let shownFor = "";
  return {
    element,
    show(facts) {
      const key = JSON.stringify([facts.labels, facts.visible, facts.axis?.kind]);
      if (key === shownFor && Date.now() - last < PAUSE2) return;
      last = Date.now();
      shownFor = key;
      element.replaceChildren();
      const table = make("table", "", element);
      make("caption", "", table, facts.caption);
      const head = make("tr", "", make("thead", "", table));
      for (const label of ["at", ...facts.labels]) make("th", "", head, label).scope = "col";
      const body = make("tbody", "", table);
      for (const [at = "", ...cells] of tableRows(facts)) {
        const row = make("tr", "", body);
        make("th", "", row, at).scope = "row";
        for (const cell of cells) make("td", "", row, cell);
      }
      const texts = facts.marks.filter(({ kind }) => kind !== "epoch").flatMap(({ text }) => text);
      if (!texts.length) return;
      const list = make("ul", "", element);
      list.setAttribute("aria-label", "marks");
      for (const text of texts.slice(0, MOST_MARKS)) make("li", "", list, text);
      const rest = texts.length - MOST_MARKS;
      if (rest > 0) make("li", "", list, `and ${rest} more`);
    }
  };
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

// src/theme.ts
function applyTheme(figures, el) {
  const { fontFamily: font, color: text } = getComputedStyle(el);
  for (const figure of figures) {
    for (const grid of figure.center.filter((part) => part.type.endsWith("Grid"))) {
      grid.setv({ grid_line_color: text, grid_line_alpha: 0.12 });
    }
    for (const axis of [...figure.below, ...figure.left]) {
      axis.setv({
        axis_line_color: text,
        axis_line_alpha: 0.3,
        major_tick_line_color: text,
        major_tick_line_alpha: 0.3,
        minor_tick_line_color: null,
        major_label_text_color: text,
        major_label_text_font: font,
        major_label_text_font_size: "11px",
        axis_label_text_color: text,
        axis_label_text_alpha: 0.6,
        axis_label_text_font: font,
        axis_label_text_font_size: "11px",
        axis_label_text_font_style: "normal",
        axis_label_standoff: 4
      });
    }
    for (const tool of figure.toolbar.tools) {
      if (tool.type === "CrosshairTool") tool.overlay.setv({ line_color: text });
    }
  }
}
function followTheme(figures, el) {
  return followColours(() => {
    applyTheme(figures, el);
  });
}

// src/toolbar.ts
var AXES = [
  ["iteration", "iteration"],
  ["epoch", "epoch"],
  ["time", "time"],
  ["examples", "examples"]
];
var FILES = {
  PNG: "save a bitmap image with the legend",
  SVG: "save a vector image with the legend",
  CSV: "save the points on the screen; log.frame has all values"
};
var READING_TIME = 5e3;
var [LEAST, MOST2, STEPS] = [2, 1e5, 100];
function smoothingOf(position) {
  if (position <= 0) return 0;
  const value = LEAST * (MOST2 / LEAST) ** ((position - 1) / (STEPS - 1));
  return Number(value.toPrecision(2));
}
function positionOfSmoothing(value) {
  if (value <= 0) return 0;
  const share = Math.log(value / LEAST) / Math.log(MOST2 / LEAST);
  return Math.min(STEPS, Math.max(1, Math.round(1 + share * (STEPS - 1))));
}
function makeToolbar(index, settings, parent, save) {
  const bar = named("plot-tools", make("div", "wb-tools", parent));
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "settings of the plot");
  const button = (name, title, act) => {
    const element = named(name.replace(" ", "-"), make("button", "wb-tool", bar, name));
    element.type = "button";
    element.title = title;
    element.addEventListener("click", act);
    return element;
  };
  const logY = button("log y", "logarithmic y axis (key l)", () => {
    settings.change({ log_y: toggled(settings.now.log_y, index) });
  });
  const logX = button("log x", "logarithmic x axis", () => {
    settings.change({ log_x: !settings.now.log_x });
  });
  const robust = button("robust", "ignore rare extreme values in the range of the y axis", () => {
    settings.change({ robust: toggled(settings.now.robust, index) });
  });
  const x = named("x-axis", make("select", "wb-tool", bar));
  x.setAttribute("aria-label", "x axis");
  for (const [value, text] of AXES) make("option", "", x, text).value = value;
  x.addEventListener("change", () => {
    settings.change({ x: x.value });
  });
  const smoothing = makeMenu("smooth", "mean of the curves over some iterations", bar);
  const label = make("label", "wb-smoothing", smoothing);
  const slider = named("smoothing", make("input", "", label));
  Object.assign(slider, { type: "range", min: "0", max: String(STEPS), step: "1" });
  slider.setAttribute("aria-label", "smoothing");
  const amount = make("output", "", label);
  slider.addEventListener("input", () => {
    settings.change({ smoothing: smoothingOf(Number(slider.value)) });
  });
  const boxes = /* @__PURE__ */ new Map();
  const menu = makeMenu("marks", "choose the events to mark", bar);
  for (const [kind, text] of Object.entries(MARK_NAMES)) {
    const line = make("label", `wb-mark-${kind}`, menu);
    const box = make("input", "", line);
    box.type = "checkbox";
    line.append(text);
    box.addEventListener("change", () => {
      settings.change({ marks: toggled(settings.now.marks, kind) });
    });
    boxes.set(kind, box);
  }
  const table = button("table", "show the values as a table", () => {
    settings.change({ table: !settings.now.table });
  });
  const files = makeMenu("save", "save a file", bar);
  for (const [kind, title] of Object.entries(FILES)) {
    const item = named(`save-${kind}`, make("button", "", files, kind));
    item.type = "button";
    item.title = title;
    item.addEventListener("click", () => {
      save(kind);
      item.closest("details")?.removeAttribute("open");
    });
  }
  const said = make("span", "wb-said", bar);
  said.setAttribute("role", "status");
  let timer;
  const press = (element, on) => {
    element.setAttribute("aria-pressed", String(on));
  };
  return {
    show(now, missing) {
      press(logY, now.log_y.includes(index));
      press(logX, now.log_x);
      press(robust, now.robust.includes(index));
      press(table, now.table);
      for (const option of x.options) {
        const why = missing[option.value];
        option.disabled = why !== void 0 && option.value !== now.x;
        option.title = why ?? "";
      }
      x.value = now.x;
      x.title = Object.values(missing).join("; ") || "quantity on the x axis";
      const position = positionOfSmoothing(now.smoothing);
      if (focusOf(slider) !== slider || Number(slider.value) !== position) {
        slider.value = String(position);
      }
      const over = now.smoothing.toLocaleString("en");
      const text = now.smoothing ? `mean over about ${over} iterations` : "no smoothing";
      amount.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      smoothing.parentElement?.classList.toggle("wb-on", now.smoothing > 0);
      for (const [kind, box] of boxes) box.checked = now.marks.includes(kind);
    },
    say(text) {
      said.textContent = text;
      clearTimeout(timer);
      timer = setTimeout(() => said.textContent = "", READING_TIME);
    }
  };
}
function makeMenu(name, title, parent) {
  const details = named(`${name}-menu`, make("details", "wb-menu", parent));
  const summary = make("summary", "wb-tool", details, name);
  summary.title = title;
  const close = () => {
    details.open = false;
  };
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    close();
    summary.focus();
  });
  details.addEventListener("focusout", (event) => {
    if (details.contains(event.relatedTarget)) return;
    setTimeout(() => {
      if (!details.contains(focusOf(details))) close();
    }, 150);
  });
  const list = make("div", "wb-menu-list", details);
  list.addEventListener("click", (event) => {
    if (!event.target.closest("button")) return;
    close();
    summary.focus();
  });
  return list;
}

// src/figures.ts
var REQUESTS = 100;
var MARK_HEIGHT = 0.03;
var BRIEF = 120;
function fill(model, box, cards, views, below = box) {
  const lines = model.get("lines");
  const figures = views.document.roots();
  const parts = figures.flatMap((figure, i) => cards[i] ? [{ figure, card: cards[i] }] : []);
  const points = /* @__PURE__ */ new Map();
  const settings = makeSettings(model, box);
  const count = (key) => points.get(key)?.x.length ?? 0;
  const payload = () => payloadOf(model) ?? {};
  let pointer = null;
  let axes = "";
  let kind = "iteration";
  let whole = false;
  const shownKeys = (index) => (lines[index] ?? []).filter((info) => !isHidden(info, settings.now)).map(({ key }) => key);
  const shownPoints = (index) => shownKeys(index).flatMap((key) => points.get(key) ?? []);
  const end = () => Math.max(0, ...[...points.values()].map(({ x }) => x.at(-1) ?? 0));
  const start = () => {
    const [iteration] = payload().focus ?? [];
    return whole || iteration === void 0 ? void 0 : positionOf(payload().axis, iteration);
  };
  const visible = () => {
    const range = figures[0]?.x_range;
    return { low: range?.start ?? 0, high: range?.end ?? 1 };
  };
  const labels = (index) => (lines[index] ?? []).map((info) => labelOf(info, payload().runs ?? [], settings.now));
  const showValues = () => {
    const { latest = {}, axis } = payload();
    const all = lines.flat().map(({ key }) => key);
    const place = placeAt(all, points, pointer, axis);
    for (const { keys, at } of cards) {
      const texts = readout(
        keys.map(({ info }) => info.key),
        points,
        latest,
        pointer
      );
      keys.forEach(({ value }, i) => value.textContent = texts[i] ?? "");
      at.textContent = place;
    }
  };
  const arrange = () => {
    const { notes = {}, runs = [], axis } = payload();
    const { now } = settings;
    const missing = axis?.missing[now.x];
    parts.forEach(({ figure, card }, index) => {
      styleCurves(figure, card, points, now, runs);
      orderKeys(card, ordered(runs, now.order));
      const keys = card.keys.map(({ info }) => info.key);
      const texts = [...new Set(keys.flatMap((name) => notes[name] ?? []))];
      if (missing) texts.unshift(missing);
      const below2 = now.log_y.includes(index) ? shownPoints(index).some(({ y }) => y.some((value) => value <= 0)) : false;
      if (below2) texts.push("values of 0 or less cannot be shown on a logarithmic axis");
      card.note.textContent = texts.join("; ");
      card.waiting.hidden = texts.length > 0 || keys.some(count);
      card.broken.hidden = !keys.some((name) => points.get(name)?.marks.length);
    });
  };
  const refit = () => {
    const { now } = settings;
    const brief = end() < BRIEF;
    const chosen = JSON.stringify([now.log_x, now.log_y, kind, kind === "time" && brief]);
    if (axes !== chosen && (axes || chosen !== PLAIN)) setAxes(views, figures, now, kind, brief);
    axes = chosen;
    fitRanges(figures, shownPoints, now, start());
    dashes.forEach((set, index) => {
      set({ x: now.log_x, y: now.log_y.includes(index) });
    });
    requestAnimationFrame(moveHandles);
  };
  const showMarks = () => {
    const { marks = [] } = payload();
    const { now } = settings;
    const hidden = new Set(
      lines.flat().filter((info) => isHidden(info, now)).map(({ key }) => key)
    );
    const shown2 = marks.filter(({ kind: kind2 }) => now.marks.includes(kind2));
    drawMarks(views, lines, shown2, hidden);
  };
  const showRest = () => {
    const { marks = [], axis, runs = [], differences = [], kept: tail = null } = payload();
    const { now } = settings;
    box.classList.toggle("wb-tables", now.table);
    for (const bar of toolbars) bar.show(now, axis?.missing ?? {});
    twins.forEach((twin, index) => {
      const infos = lines[index] ?? [];
      twin.show({
        caption: figureName(infos),
        labels: labels(index),
        curves: infos.map(({ key }) => points.get(key)),
        axis,
        visible: visible(),
        marks
      });
    });
    kept.show(now.marks.includes("branch") ? tail : null);
    const temporary = Boolean(payload().focus?.length);
    comparison?.show({ runs, differences, now, temporary });
  };
  const setData = (kind2, name, values) => {
    views.document.get_model_by_name(`${kind2}:${name}`).data = values;
  };
  const apply = () => {
    const { curves = {}, axis } = payload();
    kind = axis?.kind ?? kind;
    for (const name of [...points.keys()]) if (!(name in curves)) points.delete(name);
    for (const { key } of new Set(lines.flat())) {
      const data = curves[key];
      const now = data ? unpack(data) : NO_POINTS;
      if (data) points.set(key, now);
      const { x, y, marks, dotsX, dotsY, smoothX, smoothY, keptX, keptY } = now;
      const heights = new Float64Array(marks.length).fill(MARK_HEIGHT);
      setData("curve", key, { x, y });
      setData("smooth", key, { x: smoothX, y: smoothY });
      setData("kept", key, { x: keptX, y: keptY });
      setData("dots", key, { x: dotsX, y: dotsY });
      setData("marks", key, { x: marks, y: heights });
    }
    settings.heard();
    publishFacts(box, [...points.values()]);
  };
  const dashes = parts.map(
    ({ figure, card }, index) => makeDashes(figure, card, points, setData, index)
  );
  const pace = pacedView(model, box, apply);
  const update = () => {
    arrange();
    refit();
    showMarks();
    showValues();
    showRest();
  };
  let timer;
  let asked = -REQUESTS;
  const zoomed = () => {
    const range = figures[0]?.x_range;
    return range?.have_updated_interactively ? range : null;
  };
  const ask2 = () => {
    asked = performance.now();
    const range = zoomed();
    const any = figures.some(({ y_range }) => y_range.have_updated_interactively);
    const first = start();
    for (const card of cards) card.reset.hidden = !range && !any && first === void 0;
    const [low, high] = range ? [range.start, range.end] : [first ?? null, null];
    pace.hurry();
    void deliver(model, box, { kind: "range", start: low, stop: high });
  };
  const askRange = () => {
    clearTimeout(timer);
    refit();
    timer = setTimeout(ask2, Math.max(0, asked + REQUESTS - performance.now()));
  };
  const resetAll = () => {
    whole = true;
    for (const figure of figures) {
      views.view(figure).reset();
      for (const range of [figure.x_range, figure.y_range]) {
        range.have_updated_interactively = false;
      }
    }
    askRange();
  };
  const save = async (kind2, index) => {
    const figure = figures[index];
    const [infos, card] = [lines[index] ?? [], cards[index]];
    if (!figure || !card) return;
    const { now } = settings;
    const names = labels(index);
    const shaped = card.section.classList.contains("wb-shaped");
    const entries = infos.flatMap((info, i) => {
      const label = names[i] ?? info.channel;
      const { dash, shape } = info;
      const entry = { label, colour: colourOf(info, now), dash, shape: shaped ? shape : "" };
      return isHidden(info, now) ? [] : [entry];
    });
    const name = `${figureName(infos).replaceAll(/[^\w.-]+/g, "_")}.${kind2.toLowerCase()}`;
    try {
      const view = views.view(figure);
      if (kind2 === "CSV") {
        const curves = infos.map(({ key }) => points.get(key));
        download(new Blob([csv(now.x, names, curves)], { type: "text/csv" }), name);
      } else {
        download(await (kind2 === "PNG" ? png : svg)(view, entries, card.section), name);
      }
      toolbars[index]?.say(`saved ${name}`);
    } catch (error) {
      toolbars[index]?.say(`${name} cannot be saved: ${String(error)}`);
    }
  };
  const toolbars = parts.map(
    ({ card }, index) => makeToolbar(index, settings, card.tools, (kind2) => void save(kind2, index))
  );
  const twins = parts.map(({ card }) => makeTwin(card.section));
  const compare = (start2) => {
    pace.hurry();
    void deliver(model, box, { kind: "compare", start: start2 });
  };
  const kept = makeKept(below, compare, () => {
    settings.change({ marks: toggled(settings.now.marks, "branch") });
  });
  const several = lines.flat().some(({ run }) => run);
  const comparison = several ? makeComparison(lines.flat(), settings, below, () => {
    compare(null);
  }) : null;
  const handles = parts.map(
    ({ figure, card }) => makeHandle(
      card.holder,
      card.section,
      () => {
        const { axis, possible = [], command: last = null } = payload();
        const frame2 = frameOf(views.view(figure));
        return { frame: frame2, axis, last: Math.round(iterationAt(axis, end())), possible, command: last };
      },
      (name, args, waiting) => {
        void command(model, box, { name, arguments: args }, waiting);
      },
      compare
    )
  );
  let ended = false;
  const moveHandles = () => {
    if (ended) return;
    for (const { figure, card } of parts) {
      const frame2 = frameOf(views.view(figure));
      if (!frame2) continue;
      const bottom = frame2.bbox.bottom + card.holder.offsetTop;
      card.section.style.setProperty("--wb-bottom", `${bottom}px`);
    }
    for (const handle of handles) handle.update();
  };
  const sizes = new ResizeObserver(() => {
    requestAnimationFrame(moveHandles);
  });
  const point = (x) => {
    pointer = x;
    showValues();
  };
  parts.forEach(({ figure, card }, index) => {
    const view = views.view(figure);
    view.canvas_view.events_el.style.outline = "none";
    sizes.observe(card.holder);
    figure.on_event("rangesupdate", askRange);
    figure.on_event("reset", askRange);
    figure.on_event("doubletap", resetAll);
    figure.on_event("mousemove", (event) => {
      const frame2 = frameOf(view);
      const { x, sx } = event;
      const inside = !frame2 || sx === void 0 || sx >= frame2.bbox.left && sx <= frame2.bbox.right;
      point(inside ? x : null);
      const { marks = [] } = payload();
      const known = marks.filter(({ kind: kind2 }) => settings.now.marks.includes(kind2));
      showTip(card, frame2, event, known, new Set(shownKeys(index)));
    });
    figure.on_event("mouseleave", () => {
      point(null);
      card.tip.hidden = true;
    });
    card.reset.addEventListener("click", resetAll);
    for (const { info, button } of card.keys) {
      button.addEventListener("click", () => {
        settings.change({ hidden: toggled(settings.now.hidden, info.key) });
      });
    }
  });
  const endKeys = onKey(box, (key, target) => {
    if (key !== "l") return false;
    const index = cards.findIndex(({ section }) => section.contains(target));
    const all = figures.map((_, i) => i);
    const { log_y } = settings.now;
    if (index >= 0) settings.change({ log_y: toggled(log_y, index) });
    else settings.change({ log_y: log_y.length === all.length ? [] : all });
    return true;
  });
  settings.listen(update);
  const leaveTheme = followTheme(figures, box);
  model.on("change:payload", pace.draw);
  pace.draw();
  askRange();
  return () => {
    ended = true;
    clearTimeout(timer);
    settings.end();
    endKeys();
    sizes.disconnect();
    leaveTheme();
    model.off("change:payload", pace.draw);
    pace.end();
    views.remove();
  };
}
var PLAIN = JSON.stringify([false, [], "iteration", false]);
var NONE2 = new Float64Array(0);
var NO_POINTS = {
  x: NONE2,
  y: NONE2,
  marks: NONE2,
  dotsX: NONE2,
  dotsY: NONE2,
  smoothX: NONE2,
  smoothY: NONE2,
  keptX: NONE2,
  keptY: NONE2
};
function frameOf(view) {
  const { frame: frame2 } = view;
  return frame2 && frame2.bbox.right > frame2.bbox.left ? frame2 : void 0;
}
function publishFacts(box, points) {
  box.dataset.last = String(Math.max(0, ...points.map(({ x }) => x.at(-1) ?? 0)));
  box.dataset.points = String(points.reduce((sum, { x }) => sum + x.length, 0));
  box.dataset.updates = String(Number(box.dataset.updates ?? 0) + 1);
}

// src/draw.ts
var TRIES = 6;
function shown(el) {
  return el.isConnected && el.clientWidth > 0 && el.getClientRects().length > 0;
}
function whileShown(el, draw, report) {
  let undo = null;
  let drawing = false;
  let tries = 0;
  let ended = false;
  const over = () => ended;
  const look = async () => {
    if (over() || undo || drawing || !shown(el)) return;
    drawing = true;
    let failure = null;
    try {
      undo = await draw();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    drawing = false;
    if (over()) {
      undo?.();
    } else if (undo) {
      report(null);
    } else if (!shown(el)) {
      tries = 0;
    } else if ((tries += 1) < TRIES) {
      setTimeout(() => void look(), 100 * 2 ** tries);
    } else {
      report(failure ?? new Error("the output has no size on the page"));
    }
  };
  const observer = new ResizeObserver(() => {
    if (!shown(el)) tries = 0;
    void look();
  });
  observer.observe(el);
  void look();
  return () => {
    ended = true;
    observer.disconnect();
    undo?.();
  };
}
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

// src/widgets/plot.ts
var MOST_COLUMNS = 2;
function render({ model, el }) {
  const box = named("plot", make("div", "wb wb-live wb-plot", el));
  const endKeys = ownKeys(box);
  showProblem(model, box);
  offerCode(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const heading = make("div", "wb-title", box);
  const content = make("div", "", box);
  const problem = make("div", "wb-problem", box);
  problem.hidden = true;
  const show = () => {
    content.replaceChildren();
    heading.textContent = model.get("title");
    heading.hidden = !heading.textContent;
    const lines = model.get("lines");
    const grid = make("div", "wb-grid", content);
    grid.style.setProperty("--wb-columns", String(Math.min(lines.length, MOST_COLUMNS)));
    const cards = lines.map((infos) => makeCard(infos, grid));
    const draw = async () => {
      const bokeh = await loadBokeh(model);
      if (!shown(box)) return null;
      const json = JSON.parse(model.get("figures"));
      const holders = cards.map((card) => card.holder);
      const views = await embed(bokeh, json, holders);
      try {
        const end2 = fill(model, box, cards, views, content);
        announce(box);
        return end2;
      } catch (error) {
        views.remove();
        throw error;
      }
    };
    return whileShown(box, draw, (error) => {
      problem.hidden = !error;
      problem.textContent = error ? `The plot cannot be drawn here: ${error.message}` : "";
    });
  };
  let end = show();
  const again = () => {
    end();
    end = show();
  };
  model.on("change:figures", again);
  return () => {
    model.off("change:figures", again);
    end();
    endReports();
    endWatch();
    endKeys();
  };
}
var plot_default = { initialize: careForCell, render };
export {
  plot_default as default
};
