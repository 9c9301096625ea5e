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

// src/dashboard/hosted.ts
function withViews(value) {
  if (value instanceof ArrayBuffer) return new DataView(value);
  if (Array.isArray(value)) return value.map(withViews);
  if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withViews(one)]));
  }
  return value;
}
var Hosted = class {
  constructor(traits, post, widget_manager, module = "") {
    this.post = post;
    this.widget_manager = widget_manager;
    this.module = module;
    this.#traits = withViews(traits);
  }
  post;
  widget_manager;
  module;
  #listeners = /* @__PURE__ */ new Map();
  #traits;
  get = (name) => this.#traits[name];
  send = (message) => {
    this.post(message);
  };
  on = (event, callback) => {
    const known = this.#listeners.get(event) ?? /* @__PURE__ */ new Set();
    this.#listeners.set(event, known.add(callback));
  };
  off = (event, callback) => {
    this.#listeners.get(event)?.delete(callback);
  };
  /** Sets traits that the server sent, and calls their listeners. */
  update(changes) {
    const now = withViews(changes);
    Object.assign(this.#traits, now);
    for (const name of Object.keys(now)) {
      for (const callback of [...this.#listeners.get(`change:${name}`) ?? []]) callback();
    }
  }
};

// src/dashboard/pages.ts
function addPages(sections, parent) {
  const names = [...new Set(sections.map(({ page }) => page))];
  if (names.length < 2) return { pageOf: () => parent, remove: () => void 0 };
  const list = named("pages", make("div", "wbd-tabs", parent));
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "pages");
  const tabs = /* @__PURE__ */ new Map();
  const panels = /* @__PURE__ */ new Map();
  const choose = (name) => {
    for (const [one, tab] of tabs) {
      const chosen = one === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      const panel = panels.get(one);
      if (panel) panel.hidden = !chosen;
    }
  };
  for (const name of names) {
    const tab = named(`page-${name}`, make("button", "wbd-tab", list, name));
    tab.type = "button";
    tab.id = `tab-${name}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `panel-${name}`);
    tab.addEventListener("click", () => {
      history.replaceState(null, "", `#${encodeURIComponent(name)}`);
      choose(name);
    });
    const panel = make("div", "wbd-panel", parent);
    panel.id = `panel-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tabs.set(name, tab);
    panels.set(name, panel);
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = names.findIndex((name) => tabs.get(name) === event.target);
    if (step === void 0 || at < 0) return;
    const next = tabs.get(names[(at + step + names.length) % names.length] ?? "");
    next?.click();
    next?.focus();
    event.preventDefault();
  });
  const follow = () => {
    const wanted = chosenInAddress();
    choose(names.includes(wanted) ? wanted : names[0] ?? "");
  };
  window.addEventListener("hashchange", follow);
  follow();
  return {
    pageOf: (name) => panels.get(name) ?? parent,
    remove: () => {
      window.removeEventListener("hashchange", follow);
    }
  };
}
function chosenInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

// src/dashboard/contents.ts
var FREE = { status: "idle", connectionStatus: "connected", isFree: true };
function show(contents, parent, send) {
  const parts = /* @__PURE__ */ new Map();
  const scripts = /* @__PURE__ */ new Map();
  const styles = /* @__PURE__ */ new Set();
  const ends = [];
  let removed = false;
  const { ident: bokehjs, version } = contents.bokehjs;
  const draw = async (model, el) => {
    const script = scripts.get(model.module);
    if (!script) throw new Error(`there is no script ${model.module}`);
    const { render: render2 } = (await script).default;
    const end = removed ? void 0 : render2({ model, el });
    return typeof end === "function" ? end : () => void 0;
  };
  const manager = {
    kernel: FREE,
    get_model: (id) => {
      const found = id === bokehjs ? carrier : parts.get(id);
      return found ? Promise.resolve(found) : Promise.reject(new Error(`no widget ${id}`));
    },
    create_view: async (model) => {
      const el = document.createElement("div");
      el.className = "wbd-part";
      const end = await draw(model, el);
      const remove = () => {
        end();
        el.remove();
      };
      return { el, remove };
    }
  };
  const carrier = new Hosted({ version }, () => void 0, manager);
  const add = (more, modules) => {
    for (const [ident, { module, state }] of Object.entries(more)) {
      const post = (content) => {
        send({ kind: "part", ident, content });
      };
      parts.set(ident, new Hosted(state, post, manager, module));
    }
    for (const [name, { css, esm }] of Object.entries(modules)) {
      if (css && !styles.has(css)) make("style", "", parent, css);
      styles.add(css);
      const script = loaded.get(esm) ?? load(esm);
      loaded.set(esm, script);
      scripts.set(name, script);
    }
  };
  add(contents.parts, contents.modules);
  const { pageOf, remove: removePages } = addPages(contents.sections, parent);
  for (const { page, title, subtitle, parts: idents } of contents.sections) {
    const section = named("section", make("section", "wbd-section", pageOf(page)));
    if (title) make("h2", "wbd-heading", section, title);
    if (subtitle) make("p", "wbd-subtitle", section, subtitle);
    for (const ident of idents) {
      const model = parts.get(ident);
      if (!model) continue;
      const el = make("div", "wbd-part", section);
      draw(model, el).then(
        (end) => {
          if (removed) end();
          else ends.push(end);
        },
        (error) => {
          make("div", "wb-problem", el, `This part cannot be loaded: ${String(error)}`);
        }
      );
    }
  }
  return {
    parts,
    add,
    remove: () => {
      removed = true;
      for (const end of ends) end();
      removePages();
      parent.replaceChildren();
    }
  };
}
var loaded = /* @__PURE__ */ new Map();
async function load(esm) {
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  try {
    return await import(
      /* @vite-ignore */
      url
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

// src/dashboard/run_list.ts
function toggled(rows, uuid) {
  return rows.filter((row) => row.shown !== (row.uuid === uuid)).map((row) => row.uuid);
}
function showRuns(parent, rows, select) {
  const focus = parent.getRootNode().activeElement?.id;
  parent.replaceChildren();
  const list = named("runs", make("ul", "wbd-runs", parent));
  list.setAttribute("aria-label", "runs");
  for (const row of rows) {
    const item = make("li", "wbd-run", list);
    item.dataset.uuid = row.uuid;
    item.dataset.state = row.state;
    item.classList.toggle("wbd-shown", row.shown);
    if (row.colour) item.style.setProperty("--wbd-colour", row.colour);
    const box = make("input", "wbd-box", item);
    box.type = "checkbox";
    box.id = `box-${row.uuid}`;
    box.checked = row.shown;
    box.setAttribute("aria-label", `compare ${row.name}`);
    box.title = "compare with the other runs that are shown";
    box.addEventListener("change", () => {
      select(toggled(rows, row.uuid));
    });
    const button = make("button", "wbd-name", item);
    button.type = "button";
    button.id = `run-${row.uuid}`;
    button.title = "show this run alone";
    if (row.shown) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      select([row.uuid]);
    });
    const top = make("span", "wbd-line", button);
    make("b", "", top, row.name);
    make("span", "wbd-state", top, row.state);
    make("span", "wbd-soft", button, `${row.iterations} iterations · ${row.epochs} epochs`);
    make("span", "wbd-soft", button, [row.created, row.origin].filter(Boolean).join(" · "));
    if (row.detail) make("span", "wbd-soft wbd-detail", button, row.detail);
  }
  if (focus) list.querySelector(`[id="${focus}"]`)?.focus();
}

// src/dashboard/theme_switch.ts
var KEY = "workbench-dashboard-theme";
var MOON = "M11.5 10.5A5.5 5.5 0 0 1 5.5 2.6a5.6 5.6 0 1 0 7.3 7.3 5.5 5.5 0 0 1-1.3.6z";
var SUN = "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.4 1h1.2v2H7.4zM7.4 13h1.2v2H7.4zM1 7.4h2v1.2H1zM13 7.4h2v1.2h-2zM2.6 3.5l.9-.9 1.4 1.4-.9.9zM11.1 12l.9-.9 1.4 1.4-.9.9zM11.1 4l1.4-1.4.9.9L12 4.9zM2.6 12.5L4 11.1l.9.9-1.4 1.4z";
function currentTheme() {
  const chosen = stored();
  if (chosen) return chosen;
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
function stored() {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}
function addThemeSwitch(parent) {
  const button = named("theme", make("button", "wbd-theme", parent));
  button.type = "button";
  const apply = () => {
    const theme = currentTheme();
    const other = theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.wbTheme = theme;
    document.body.dataset.wbTheme = theme;
    button.title = `use the ${other} theme`;
    button.setAttribute("aria-label", button.title);
    const path = theme === "dark" ? SUN : MOON;
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
  };
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(KEY, currentTheme() === "dark" ? "light" : "dark");
    } catch {
      return;
    }
    apply();
  });
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", apply);
  apply();
  return () => {
    media.removeEventListener("change", apply);
  };
}

// src/widgets/dashboard.ts
var LOST = "The connection to this dashboard was lost: its program has ended, or the network is down. This page shows the last state. Reload the page to connect again.";
function render({ model, el }) {
  const { title, place, notice, style } = model.start;
  make("style", "", el, style);
  const page = named("dashboard", make("div", "wbd", el));
  const bar = make("header", "wbd-bar", page);
  const text = make("div", "wbd-titles", bar);
  make("h1", "wbd-title", text, title);
  if (place) make("div", "wbd-soft", text, place);
  const endTheme = addThemeSwitch(bar);
  const lost = named("lost", make("div", "wbd-notice wbd-lost", page, LOST));
  lost.setAttribute("role", "alert");
  lost.hidden = true;
  if (notice) named("exposed", make("div", "wbd-notice", page, notice));
  const problem = named("runs-problem", make("div", "wbd-notice", page));
  problem.setAttribute("role", "alert");
  problem.hidden = true;
  const body = make("div", "wbd-body", page);
  const side = make("nav", "wbd-side", body);
  side.hidden = true;
  const main = named("main", make("main", "wbd-main", body));
  const waiting = make("p", "wbd-soft", main, "loading");
  const send = (message) => {
    model.send_msg(message);
  };
  let shown = null;
  model.on("msg:custom", (message) => {
    lost.hidden = true;
    if (message.kind === "change") {
      for (const [ident, traits] of Object.entries(message.parts)) {
        shown?.parts.get(ident)?.update(traits);
      }
    } else if (message.kind === "parts") {
      shown?.add(message.parts, message.modules);
    } else if (message.kind === "runs") {
      side.hidden = false;
      problem.hidden = !message.problem;
      problem.textContent = message.problem;
      if (message.problem) return;
      showRuns(side, message.rows, (runs) => {
        send({ kind: "select", runs });
      });
    } else {
      waiting.remove();
      shown?.remove();
      shown = show(message, main, send);
    }
  });
  model.on("lifecycle:remove", () => {
    endTheme();
    shown?.remove();
  });
  watchConnection(lost);
  send({ kind: "ready" });
}
function watchConnection(lost) {
  const versions = Object.entries(window.Bokeh ?? {}).filter(([name]) => /^\d/.test(name));
  for (const one of versions.flatMap(([, bokeh]) => bokeh.documents)) {
    one.on_event?.("connection_lost", () => {
      lost.hidden = false;
    });
  }
}
var dashboard_default = { render };
export {
  dashboard_default as default
};
