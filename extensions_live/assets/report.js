// src/bokeh.ts
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

// src/widgets/report.ts
async function drawReport(page) {
  const text = page.getElementById("figures")?.textContent;
  const holders = [...page.querySelectorAll(".figure")];
  if (!text || !holders.length) return;
  const problem = page.getElementById("problem");
  try {
    const json = JSON.parse(text);
    const bokeh = window.Bokeh?.[json.version];
    if (!bokeh) throw new Error("the file has no BokehJS");
    const views = await embed(bokeh, json, holders);
    const figures = views.document.roots();
    followTheme(figures, page.body);
    followTitles(figures, page.body);
    page.body.dataset.drawn = String(figures.length);
  } catch (error) {
    if (problem) {
      problem.hidden = false;
      problem.textContent = `The curves cannot be drawn: ${String(error)}`;
    }
  }
}
void drawReport(document);
export {
  drawReport
};
