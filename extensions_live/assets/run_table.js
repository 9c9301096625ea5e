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
