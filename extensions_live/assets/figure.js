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

// src/titles.ts
function paintTitles(figures, el) {
  const { fontFamily: font, color: text } = getComputedStyle(el);
  for (const figure of figures) {
    const { above, right } = figure;
    for (const part of [...figure.center, ...above, ...right]) {
      if (part.type === "Title") part.setv({ text_color: text, text_font: font });
    }
  }
}
function followTitles(figures, el) {
  return followColours(() => {
    paintTitles(figures, el);
  });
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

// src/widgets/figure.ts
function render({ model, el }) {
  const box = named("figure", make("div", "wb wb-live wb-static", el));
  const holder = make("div", "wb-figure", box);
  const problem = make("div", "wb-problem", box);
  problem.hidden = true;
  const draw = async () => {
    const bokeh = await loadBokeh(model);
    if (!shown(box)) return null;
    const json = JSON.parse(model.get("figures"));
    const views = await embed(bokeh, json, [holder]);
    const figures = views.document.roots();
    const ends = [followTheme(figures, box), followTitles(figures, box)];
    announce(box);
    return () => {
      for (const end of ends) end();
      views.remove();
    };
  };
  const endKeys = ownKeys(box);
  const endDrawing = whileShown(box, draw, (error) => {
    problem.hidden = !error;
    problem.textContent = error ? `The figure cannot be drawn here: ${error.message}` : "";
  });
  return () => {
    endKeys();
    endDrawing();
  };
}
var figure_default = { initialize: careForCell, render };
export {
  figure_default as default
};
