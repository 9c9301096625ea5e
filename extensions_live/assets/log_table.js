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

// src/scroller.ts
var ROW = 25;
var TALLEST = 6e6;
function tall(total, header) {
  return Math.min(total * ROW + header, TALLEST);
}
function firstRow(top, height, viewport, total) {
  const room = Math.max(1, Math.floor((viewport - ROW) / ROW));
  const last = Math.max(0, total - room);
  const way = height - viewport;
  if (way <= 0 || top <= 0) return 0;
  if (height < TALLEST) return Math.min(last, Math.round(top / ROW));
  return Math.min(last, Math.round(top / way * last));
}

// src/table_bar.ts
var MANY = 12;
function makeTableBar(parent, actions) {
  const bar = make("div", "wb-table-bar", parent);
  const label = make("label", "wb-where", bar, "rows where ");
  const field = named("condition", make("input", "wb-condition", label));
  field.type = "text";
  field.placeholder = "cost < 0.1";
  field.spellcheck = false;
  field.autocomplete = "off";
  const choice = make("details", "wb-choice", bar);
  make("summary", "wb-button", choice, "Columns");
  const menu = make("div", "wb-choices", choice);
  const search = named("search", make("input", "wb-condition", menu));
  search.type = "search";
  search.placeholder = "find a column";
  search.setAttribute("aria-label", "find a column");
  const both = make("div", "wb-choice-all", menu);
  const addChoice = (name, text, columns) => {
    const button = named(name, make("button", "wb-button", both, text));
    button.type = "button";
    button.addEventListener("click", () => {
      actions.columns(columns);
    });
  };
  addChoice("all-columns", "All", "all");
  addChoice("no-columns", "None", []);
  const list = named("columns", make("div", "", menu));
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", "columns to show");
  const copy = named("copy", make("button", "wb-button", bar, "Copy as CSV"));
  copy.type = "button";
  copy.title = "copy these columns of the chosen rows, at most 10,000 rows";
  const newest = named("newest", make("button", "wb-button", bar));
  newest.type = "button";
  newest.hidden = true;
  const counts = named("counts", make("span", "wb-table-counts", bar));
  const said = named("said", make("span", "wb-table-counts", bar));
  said.setAttribute("role", "status");
  const error = named("condition-error", make("div", "wb-problem", parent));
  error.setAttribute("role", "alert");
  error.hidden = true;
  error.id = `wb-error-${Math.random().toString(36).slice(2)}`;
  field.setAttribute("aria-describedby", error.id);
  let started = false;
  let drawn = "";
  field.addEventListener("change", () => {
    actions.choose(field.value.trim());
  });
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter") return;
    event.preventDefault();
    actions.choose(field.value.trim());
  });
  copy.addEventListener("click", actions.copy);
  newest.addEventListener("click", actions.newest);
  choice.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    choice.open = false;
    choice.querySelector("summary")?.focus();
  });
  const find = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const line of list.querySelectorAll("label")) {
      line.hidden = !line.textContent.toLowerCase().includes(wanted);
    }
  };
  search.addEventListener("input", find);
  const fillChoices = (now) => {
    const key = JSON.stringify([now.channels, now.columns]);
    if (key === drawn) return;
    drawn = key;
    const focused = focusOf(list)?.dataset.channel;
    list.replaceChildren();
    for (const channel of now.channels) {
      const line = make("label", "", list);
      const box = make("input", "", line);
      box.type = "checkbox";
      box.checked = now.columns.includes(channel);
      box.dataset.channel = channel;
      line.append(channel);
      box.addEventListener("change", () => {
        const boxes = [...list.querySelectorAll("input")];
        const names = boxes.filter((one) => one.checked).map((one) => one.dataset.channel ?? "");
        actions.columns(names.length === boxes.length ? "all" : names);
      });
      if (channel === focused) box.focus();
    }
    search.hidden = now.channels.length <= MANY && !search.value;
    find();
  };
  return {
    show: (now, held) => {
      if (!started) field.value = now.condition;
      started = true;
      const rows = (count) => `${count.toLocaleString("en")} row${count === 1 ? "" : "s"}`;
      const chosen = now.condition && !now.error;
      counts.textContent = chosen ? `${now.total.toLocaleString("en")} of ${rows(now.all)}` : rows(now.all);
      newest.hidden = !held;
      const more = `Show ${now.newer.toLocaleString("en")} more row${now.newer === 1 ? "" : "s"}`;
      newest.textContent = now.newer ? more : "Back to the newest";
      error.hidden = !now.error;
      if (error.textContent !== now.error) error.textContent = now.error;
      field.setAttribute("aria-invalid", String(Boolean(now.error)));
      fillChoices(now);
    },
    say: (text) => {
      said.textContent = text;
    }
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

// src/widgets/log_table.ts
var SETTLE = 40;
var ITERATION = "iteration";
function render({ model, el }) {
  const box = named("log-table", make("div", "wb wb-live wb-table", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const endKeys = ownKeys(box);
  const payload = () => {
    const now = model.get("payload");
    return "rows" in now ? now : null;
  };
  const asked = {
    sort: ITERATION,
    descending: true,
    condition: "",
    columns: null,
    copy: 0
  };
  let known = false;
  let copying = 0;
  const bar = makeTableBar(box, {
    choose: (condition) => {
      asked.condition = condition;
      toTop();
    },
    columns: (names) => {
      asked.columns = names;
      ask2();
    },
    copy: () => {
      copying = asked.copy = asked.copy + 1;
      bar.say("copying");
      ask2();
    },
    newest: () => {
      toTop();
    }
  });
  const pane = named("rows", make("div", "wb-scroll", box));
  pane.tabIndex = 0;
  pane.setAttribute("role", "region");
  pane.setAttribute("aria-label", "rows of the log");
  const canvas = make("div", "wb-rows", pane);
  const table = make("table", "", canvas);
  const head = make("tr", "", make("thead", "", table));
  const body = make("tbody", "", table);
  const room = () => Math.max(1, Math.floor((pane.clientHeight - ROW) / ROW));
  const first = () => {
    const total = payload()?.total ?? 0;
    return firstRow(pane.scrollTop, tall(total, ROW), pane.clientHeight, total);
  };
  const ask2 = () => {
    const count = room();
    const start = Math.max(0, first() - count);
    const hold = pane.scrollTop > 0;
    const message = { kind: "rows", start, count: 3 * count, hold, ...asked };
    post(model, box, message);
  };
  const toTop = () => {
    pane.scrollTop = 0;
    ask2();
  };
  const sortBy = (channel) => {
    asked.descending = asked.sort === channel ? !asked.descending : true;
    asked.sort = channel;
    toTop();
  };
  let heads = "";
  const showHeads = (now) => {
    const key = JSON.stringify([now.columns, now.sort, now.descending]);
    if (key === heads) return;
    heads = key;
    const focused = focusOf(head)?.dataset.sort;
    head.replaceChildren();
    for (const channel of [ITERATION, ...now.columns]) {
      const cell = make("th", "", head);
      cell.scope = "col";
      const sorted = channel === now.sort;
      cell.ariaSort = !sorted ? "none" : now.descending ? "descending" : "ascending";
      const button = make("button", "", cell, channel);
      button.type = "button";
      button.dataset.sort = channel;
      button.title = `sort by ${channel}`;
      if (sorted) make("span", "", button, now.descending ? " ↓" : " ↑").ariaHidden = "true";
      button.addEventListener("click", () => {
        sortBy(channel);
      });
      if (channel === focused) button.focus();
    }
  };
  const showRows = (now) => {
    canvas.style.height = `${tall(now.total, ROW)}px`;
    table.ariaRowCount = String(now.total + 1);
    const place = first();
    const end = Math.min(place + room(), now.total);
    const missing = place < now.start || end > now.start + now.rows.length;
    box.classList.toggle("wb-loading", missing);
    if (missing && body.childElementCount) return;
    body.replaceChildren();
    now.rows.slice(place - now.start, end - now.start).forEach((cells, i) => {
      const row = make("tr", "", body);
      row.ariaRowIndex = String(place + i + 2);
      cells.forEach((text) => {
        const cell = make("td", "", row, text);
        if (text.length > 24) cell.title = text;
      });
    });
    box.dataset.first = String(place);
    box.dataset.total = String(now.total);
  };
  const apply = () => {
    const now = payload();
    if (!now) return;
    if (!known) {
      known = true;
      asked.condition = now.condition;
      asked.columns = now.chosen;
      asked.sort = now.sort;
      asked.descending = now.descending;
    }
    bar.show(now, pane.scrollTop > 0);
    showHeads(now);
    showRows(now);
    if (copying && now.copied === copying && now.csv) {
      copying = 0;
      const rows = `${now.csv_rows.toLocaleString("en")} of ${now.total.toLocaleString("en")} rows`;
      void copyText(now.csv, box).then((done) => {
        bar.say(done ? `copied ${rows}` : "the browser refused to copy; use log.query().to_csv()");
      });
    }
  };
  let timer;
  const scrolled = () => {
    const now = payload();
    if (now) showRows(now);
    clearTimeout(timer);
    timer = setTimeout(ask2, SETTLE);
  };
  pane.addEventListener("scroll", scrolled, { passive: true });
  let height = 0;
  const resized = new ResizeObserver(() => {
    if (pane.clientHeight === height) return;
    height = pane.clientHeight;
    if (known && height) ask2();
  });
  resized.observe(pane);
  model.on("change:payload", apply);
  apply();
  announce(box);
  return () => {
    clearTimeout(timer);
    resized.disconnect();
    endReports();
    endWatch();
    endKeys();
    model.off("change:payload", apply);
  };
}
var log_table_default = { initialize: careForCell, render };
export {
  log_table_default as default
};
