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

// src/bokeh.ts
async function loadBokeh(model) {
  const found = await model.widget_manager?.get_model?.(model.get("bokehjs"));
  if (!found) throw new Error("the page received no BokehJS");
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
  if (!loaded) throw new Error(`BokehJS ${version} was loaded, but the page does not have it`);
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

// src/card.ts
function makeCard(channels, colours, parent) {
  const section = make("section", "wb-card", parent);
  const header = make("header", "wb-keys", section);
  const keys = channels.map((channel) => makeKey(channel, colours[channel] ?? "", header));
  const broken = make("span", "wb-broken", header, "✕ not finite");
  broken.title = "the values at the marked iterations are infinite or not a number";
  broken.hidden = true;
  const note = make("div", "wb-note", section);
  const holder = make("div", "wb-figure", section);
  const waiting = make("div", "wb-waiting", section, "waiting for the first values");
  const at = make("span", "wb-at", section);
  const reset = make("button", "wb-reset", section, "show all");
  reset.title = "show the whole run (or double-click the plot)";
  reset.hidden = true;
  return { section, holder, keys, waiting, note, broken, at, reset };
}
function makeKey(channel, colour, header) {
  const button = make("button", "wb-key", header);
  button.title = `show or hide ${channel}`;
  button.dataset.channel = channel;
  button.style.setProperty("--wb-colour", colour);
  make("span", "", button, channel);
  return { channel, button, value: make("output", "", button) };
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

// src/numbers.ts
function unpack(curve) {
  return {
    x: floats(curve.x),
    y: floats(curve.y),
    marks: floats(curve.marks),
    dotsX: floats(curve.dots_x),
    dotsY: floats(curve.dots_y)
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

// src/theme.ts
var LATE = 400;
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
  const repaint = () => {
    applyTheme(figures, el);
  };
  const themed = () => {
    repaint();
    setTimeout(repaint, LATE);
  };
  const watcher = new MutationObserver(themed);
  watcher.observe(document.body, { attributes: true });
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", themed);
  repaint();
  return () => {
    watcher.disconnect();
    media.removeEventListener("change", themed);
  };
}

// src/figures.ts
var DENSE = 300;
var SETTLE = 150;
var MARK_HEIGHT = 0.03;
var NOTHING = { curves: {}, latest: {}, notes: {} };
function readout(channels, points, latest, pointer) {
  const found = channels.map((name) => {
    const curve = points.get(name);
    if (pointer === null || !curve?.x.length) return { text: latest[name] ?? "" };
    const index = nearest(curve.x, curve.y, pointer);
    return { text: format(curve.y[index]), x: curve.x[index] };
  });
  const distance = (x2) => Math.abs(x2 - (pointer ?? 0));
  const [x] = found.flatMap((one) => one.x ?? []).sort((a, b) => distance(a) - distance(b));
  return {
    values: found.map(({ text }) => text),
    at: x === void 0 ? "" : `iteration ${x.toLocaleString("en")}`
  };
}
function fill(model, box, cards, views) {
  const figures = views.document.roots();
  const parts = figures.flatMap((figure, i) => cards[i] ? [{ figure, card: cards[i] }] : []);
  const points = /* @__PURE__ */ new Map();
  const count = (name) => points.get(name)?.x.length ?? 0;
  let pointer = null;
  const payload = () => {
    const now = model.get("payload");
    return "curves" in now ? now : NOTHING;
  };
  const showValues = () => {
    const { latest } = payload();
    for (const { keys, at } of cards) {
      const channels = keys.map((key) => key.channel);
      const text = readout(channels, points, latest, pointer);
      keys.forEach(({ value }, i) => value.textContent = text.values[i] ?? "");
      at.textContent = text.at;
    }
  };
  const arrange = () => {
    const { notes } = payload();
    for (const { figure, card } of parts) {
      const channels = card.keys.map((key) => key.channel);
      for (const { channel, button } of card.keys) {
        button.classList.toggle("wb-empty", !count(channel));
        const off = button.classList.contains("wb-off");
        for (const renderer of figure.renderers.filter((one) => one.tags[0] === channel)) {
          renderer.visible = !off;
          if (renderer.tags[1] === "line") {
            renderer.glyph.line_width = count(channel) > DENSE ? 1.25 : 2;
          }
        }
      }
      const missing = channels.flatMap((name) => notes[name] ?? []);
      card.note.textContent = missing.join("; ");
      card.waiting.hidden = missing.length > 0 || channels.some(count);
      card.broken.hidden = !channels.some((name) => points.get(name)?.marks.length);
    }
  };
  const apply = () => {
    for (const [name, curve] of Object.entries(payload().curves)) {
      const now = unpack(curve);
      points.set(name, now);
      const { x, y, marks, dotsX, dotsY } = now;
      const heights = new Float64Array(marks.length).fill(MARK_HEIGHT);
      views.document.get_model_by_name(`curve:${name}`).data = { x, y };
      views.document.get_model_by_name(`dots:${name}`).data = { x: dotsX, y: dotsY };
      views.document.get_model_by_name(`marks:${name}`).data = { x: marks, y: heights };
    }
    arrange();
    showValues();
    publishFacts(box, [...points.values()]);
  };
  let timer;
  const askRange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const range = figures[0]?.x_range;
      const zoomed = range?.have_updated_interactively ? range : null;
      for (const card of cards) card.reset.hidden = !zoomed;
      const [start, stop] = zoomed ? [zoomed.start, zoomed.end] : [null, null];
      post(model, box, { kind: "range", start, stop });
    }, SETTLE);
  };
  const resetAll = () => {
    for (const figure of figures) views.view(figure).reset();
  };
  const point = (x) => {
    pointer = x;
    showValues();
  };
  for (const { figure, card } of parts) {
    views.view(figure).canvas_view.events_el.style.outline = "none";
    figure.on_event("rangesupdate", askRange);
    figure.on_event("reset", askRange);
    figure.on_event("doubletap", resetAll);
    figure.on_event("mousemove", ({ x }) => {
      point(x);
    });
    figure.on_event("mouseleave", () => {
      point(null);
    });
    card.reset.addEventListener("click", resetAll);
    for (const { button } of card.keys) {
      button.addEventListener("click", () => {
        button.classList.toggle("wb-off");
        arrange();
      });
    }
  }
  const leaveTheme = followTheme(figures, box);
  model.on("change:payload", apply);
  apply();
  askRange();
  return () => {
    clearTimeout(timer);
    leaveTheme();
    model.off("change:payload", apply);
    views.remove();
  };
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

// src/widgets/plot.ts
var MOST_COLUMNS = 2;
function render({ model, el }) {
  const box = named("plot", make("div", "wb wb-live wb-plot", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const title = model.get("title");
  if (title) make("div", "wb-title", box, title);
  const channels = model.get("channels");
  const colours = model.get("colours");
  const grid = make("div", "wb-grid", box);
  grid.style.setProperty("--wb-columns", String(Math.min(channels.length, MOST_COLUMNS)));
  const cards = channels.map((names) => makeCard(names, colours, grid));
  const problem = make("div", "wb-problem", box);
  problem.hidden = true;
  const draw = async () => {
    const bokeh = await loadBokeh(model);
    if (!shown(box)) return null;
    const json = JSON.parse(model.get("figures"));
    const holders = cards.map((card) => card.holder);
    const views = await embed(bokeh, json, holders);
    try {
      const end2 = fill(model, box, cards, views);
      announce(box);
      return end2;
    } catch (error) {
      views.remove();
      throw error;
    }
  };
  const end = whileShown(box, draw, (error) => {
    problem.hidden = !error;
    problem.textContent = error ? `The plot cannot be drawn here: ${error.message}` : "";
  });
  return () => {
    end();
    endReports();
    endWatch();
  };
}
var plot_default = { initialize: careForCell, render };
export {
  plot_default as default
};
