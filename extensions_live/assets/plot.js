// Hosts Bokeh figures: loads BokehJS once a page, draws the figures that Python built, and replaces
// all numbers whenever a new payload arrives. `post`, `attend` and `showProblem` stand in attend.js,
// `whileShown` and `announce` in draw.js, `watchKernel` in kernel.js, `careForCell` in keep.js.

const DENSE = 300; // curves with more points than this are drawn thinner
const SETTLE = 150; // ms without a further change of the range before finer points are asked for

async function loadBokeh(model) {
  const carrier = await model.widget_manager.get_model(model.get("bokehjs"));
  const version = carrier.get("version");
  // Another library may have put the same or another version on the page; both can stay.
  if (window.Bokeh?.[version]) return window.Bokeh[version];
  window.__workbenchBokeh ??= {};
  window.__workbenchBokeh[version] ??= runScript(carrier.get("source"));
  try {
    await window.__workbenchBokeh[version];
  } catch (error) {
    delete window.__workbenchBokeh[version]; // the next view tries again
    throw error;
  }
  return window.Bokeh[version];
}

async function runScript(compressed) {
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).arrayBuffer();
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => reject(new Error("the page refused to load BokehJS"));
    document.head.append(script);
  });
  URL.revokeObjectURL(script.src);
}

const numbers = (view) => (view && view.byteLength
  // A Float64Array needs an aligned start, which a part of a message need not have.
  ? new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
  : new Float64Array(0));

function format(value) {
  if (value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : value.toPrecision(4);
}

// Index of the point nearest to `at` whose value can be shown, or -1.
function nearest(x, y, at) {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < at) low = middle + 1; else high = middle;
  }
  for (let step = 0; step < x.length; step += 1) {
    const right = low + step;
    const left = low - step - 1;
    const rightOk = right < x.length && !Number.isNaN(y[right]);
    const leftOk = left >= 0 && !Number.isNaN(y[left]);
    if (rightOk && leftOk) return x[right] - at < at - x[left] ? right : left;
    if (rightOk) return right;
    if (leftOk) return left;
    if (right >= x.length && left < 0) break;
  }
  return -1;
}

// Colours and fonts of the surrounding page, so that every theme fits.
function dress(figures, el) {
  const style = getComputedStyle(el);
  const font = style.fontFamily;
  const text = style.color;
  for (const figure of figures) {
    for (const grid of figure.center.filter((part) => part.type.endsWith("Grid"))) {
      grid.setv({ grid_line_color: text, grid_line_alpha: 0.12 });
    }
    for (const axis of [...figure.below, ...figure.left]) {
      axis.setv({
        axis_line_color: text, axis_line_alpha: 0.3,
        major_tick_line_color: text, major_tick_line_alpha: 0.3, minor_tick_line_color: null,
        major_label_text_color: text, major_label_text_font: font,
        major_label_text_font_size: "11px",
        axis_label_text_color: text, axis_label_text_alpha: 0.6, axis_label_text_font: font,
        axis_label_text_font_size: "11px", axis_label_text_font_style: "normal",
        axis_label_standoff: 4,
      });
    }
    for (const tool of figure.toolbar.tools) {
      if (tool.type === "CrosshairTool") tool.overlay.setv({ line_color: text });
    }
  }
}

function card(channels, colours) {
  const section = document.createElement("section");
  section.className = "wb-card";
  const keys = document.createElement("header");
  keys.className = "wb-keys";
  const values = {};
  const buttons = {};
  for (const channel of channels) {
    const key = document.createElement("button");
    key.className = "wb-key";
    key.title = `show or hide ${channel}`;
    key.dataset.channel = channel;
    key.style.setProperty("--wb-colour", colours[channel]);
    const name = document.createElement("span");
    name.textContent = channel;
    const value = document.createElement("output");
    key.append(name, value);
    keys.append(key);
    values[channel] = value;
    buttons[channel] = key;
  }
  const at = document.createElement("span");
  at.className = "wb-at";
  const broken = document.createElement("span");
  broken.className = "wb-broken";
  broken.textContent = "✕ not finite";
  broken.title = "infinite or not a number at the marked iterations";
  broken.hidden = true;
  const reset = document.createElement("button");
  reset.className = "wb-reset";
  reset.textContent = "show all";
  reset.title = "end zooming; a double click does the same";
  reset.hidden = true;
  keys.append(broken);
  const holder = document.createElement("div");
  holder.className = "wb-figure";
  const waiting = document.createElement("div");
  waiting.className = "wb-waiting";
  waiting.textContent = "waiting for the first values";
  const note = document.createElement("div");
  note.className = "wb-note";
  section.append(keys, note, holder, waiting, at, reset);
  return { section, holder, waiting, note, values, buttons, broken, at, reset };
}

// Embeds the figures in the holders of their cards; leaves nothing behind where that fails.
async function embed(Bokeh, json, cards) {
  const ids = json.roots.map((root) => root.id);
  const roots = Object.fromEntries(ids.map((id, i) => [id, cards[i].holder]));
  // BokehJS keeps every document in a list, which would keep closed views alive.
  const list = Bokeh.documents;
  const clear = (document) => {
    document.clear();
    if (list.includes(document)) list.splice(list.indexOf(document), 1);
    for (const one of cards) one.holder.replaceChildren();
  };
  try {
    const [views] = await Bokeh.embed.embed_items({ plot: json }, [{ docid: "plot", root_ids: ids, roots }]);
    views.document = views.get_by_id(ids[0]).model.document;
    views.forget = () => {
      clear(views.document);
      for (const view of [...views]) views.delete(view); // from the index of all views, too
    };
    return views;
  } catch (error) {
    // A document that was made for an element that had left is still in the list, without views.
    const lost = (one) => !one.views_manager && one.roots()[0]?.id === ids[0];
    list.filter(lost).forEach(clear);
    throw error;
  }
}

// Keeps embedded figures up to date; returns a function that ends that and removes them.
function fill(model, box, cards, views) {
  const channels = model.get("channels");
  const figures = views.document.roots();
  const data = {};
  let pointer = null;

  const showValues = () => {
    const { latest = {} } = model.get("payload");
    channels.forEach((names, i) => {
      let shownAt = null;
      for (const name of names) {
        const { x, y } = data[name] ?? {};
        let text = latest[name] ?? "";
        if (pointer !== null && x?.length) {
          const index = nearest(x, y, pointer);
          text = index < 0 ? "–" : format(y[index]);
          // The curve with the point nearest to the pointer names the iteration.
          if (index >= 0 && !(Math.abs(x[index] - pointer) >= Math.abs(shownAt - pointer))) {
            shownAt = x[index];
          }
        }
        cards[i].values[name].textContent = text;
      }
      cards[i].at.textContent = shownAt === null ? "" : `iteration ${shownAt.toLocaleString("en")}`;
    });
  };

  // Shows and hides what belongs to a curve, and explains what is missing.
  const arrange = () => {
    const { notes = {} } = model.get("payload");
    figures.forEach((figure, i) => {
      const { buttons, waiting, broken, note } = cards[i];
      for (const renderer of figure.renderers) {
        const [name, kind] = renderer.tags;
        const count = data[name]?.x.length ?? 0;
        const off = buttons[name].classList.contains("wb-off");
        renderer.visible = !off;
        if (kind === "line") renderer.glyph.line_width = count > DENSE ? 1.25 : 2;
      }
      for (const name of channels[i]) {
        buttons[name].classList.toggle("wb-empty", !data[name]?.x.length);
      }
      note.textContent = channels[i].map((name) => notes[name]).filter(Boolean).join("; ");
      waiting.hidden = note.textContent || channels[i].some((name) => data[name]?.x.length);
      broken.hidden = !channels[i].some((name) => data[name]?.marks.length);
    });
  };

  const apply = () => {
    const { curves = {} } = model.get("payload");
    for (const [name, curve] of Object.entries(curves)) {
      const [x, y, marks, dotsX, dotsY] = (
        [curve.x, curve.y, curve.marks, curve.dots_x, curve.dots_y].map(numbers)
      );
      data[name] = { x, y, marks };
      views.document.get_model_by_name(`curve:${name}`).data = { x, y };
      views.document.get_model_by_name(`dots:${name}`).data = { x: dotsX, y: dotsY };
      views.document.get_model_by_name(`marks:${name}`).data = {
        x: marks, y: new Float64Array(marks.length).fill(0.03),
      };
    }
    arrange();
    showValues();
    const sizes = Object.values(data).map(({ x }) => x.length);
    box.dataset.last = Math.max(0, ...Object.values(data).map(({ x }) => x[x.length - 1] ?? 0));
    box.dataset.points = sizes.reduce((sum, size) => sum + size, 0);
    box.dataset.updates = Number(box.dataset.updates ?? 0) + 1;
  };

  let timer = null;
  const range = figures[0].x_range;
  const askRange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const zoomed = range.have_updated_interactively;
      for (const one of cards) one.reset.hidden = !zoomed;
      const [start, stop] = zoomed ? [range.start, range.end] : [null, null];
      post(model, box, { kind: "range", start, stop });
    }, SETTLE);
  };
  const resetAll = () => { for (const figure of figures) views.get(figure).reset(); };
  figures.forEach((figure, i) => {
    views.get(figure).canvas_view.events_el.style.outline = "none"; // after every drag, otherwise
    figure.on_event("rangesupdate", askRange);
    figure.on_event("reset", askRange);
    figure.on_event("doubletap", resetAll);
    cards[i].reset.addEventListener("click", resetAll);
    figure.on_event("mousemove", ({ x }) => { pointer = x; showValues(); });
    figure.on_event("mouseleave", () => { pointer = null; showValues(); });
    for (const name of channels[i]) {
      cards[i].buttons[name].addEventListener("click", () => {
        cards[i].buttons[name].classList.toggle("wb-off");
        arrange();
      });
    }
  });

  const repaint = () => dress(figures, box);
  // A theme announces itself before its colours are there.
  const themed = () => { repaint(); setTimeout(repaint, 400); };
  const watcher = new MutationObserver(themed);
  watcher.observe(document.body, { attributes: true });
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", themed);

  repaint();
  model.on("change:payload", apply);
  apply();
  askRange();
  announce(box);
  return () => {
    clearTimeout(timer);
    watcher.disconnect();
    media.removeEventListener("change", themed);
    model.off("change:payload", apply);
    views.forget();
  };
}

function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "wb wb-live wb-plot";
  box.dataset.testid = "plot";
  el.append(box);
  showProblem(model, box);
  const forget = watchKernel(model, box);
  const leave = attend(model, box);
  const channels = model.get("channels");
  if (model.get("title")) {
    const title = document.createElement("div");
    title.className = "wb-title";
    title.textContent = model.get("title");
    box.append(title);
  }
  const grid = document.createElement("div");
  grid.className = "wb-grid";
  grid.style.setProperty("--wb-columns", Math.min(channels.length, 2));
  box.append(grid);
  const cards = channels.map((names) => card(names, model.get("colours")));
  grid.append(...cards.map((one) => one.section));

  const problem = document.createElement("div");
  problem.className = "wb-problem";
  problem.hidden = true;
  box.append(problem);

  const end = whileShown(box, async () => {
    const Bokeh = await loadBokeh(model);
    if (!shown(box)) return null;
    const views = await embed(Bokeh, JSON.parse(model.get("figures")), cards);
    try {
      return fill(model, box, cards, views);
    } catch (error) {
      views.forget();
      throw error;
    }
  }, (error) => {
    problem.hidden = !error;
    problem.textContent = error ? `The plot cannot be drawn here: ${error.message}` : "";
  });
  return () => {
    end();
    leave();
    forget();
  };
}

export default { initialize: careForCell, render };
