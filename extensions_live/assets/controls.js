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

// src/steer/aside.ts
var KEY = "workbench-refusals-aside";
var MOST = 50;
function read() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
function putAside(request) {
  const kept = [...read().filter((one) => one !== request), request].slice(-MOST);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
  }
}
function isAside(request) {
  return request !== "" && read().includes(request);
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

// src/steer/shorten.ts
var MOST2 = 20;
var HALF = 9;
function shortened(text) {
  return text.replaceAll(/\S+/g, (word) => {
    const name = word.slice(word.lastIndexOf("/"));
    if (word.length <= MOST2) return word;
    if (word.includes("/") && name.length < MOST2) return `…${name}`;
    return `${word.slice(0, HALF)}…${word.slice(-HALF)}`;
  });
}
function writeReceipt(element, text) {
  const [, command2, outcome] = /^(.*): ((?:applied|started) .*iteration .*)$/s.exec(text) ?? [];
  element.title = text;
  const shown = command2 === void 0 ? text : `${shortened(command2)}: ${outcome}`;
  if (element.textContent === shown) return;
  element.textContent = command2 === void 0 ? text : "";
  if (command2 === void 0) return;
  make("span", "wb-asked", element, `${shortened(command2)}:`);
  element.append(" ");
  make("span", "wb-outcome", element, outcome);
}

// src/steer/fields.ts
function makeField(name, label, parent, { hint = "", numeric = false } = {}) {
  const field = named(name, make("input", "wb-field", parent));
  field.type = "text";
  field.autocomplete = "off";
  field.spellcheck = false;
  field.placeholder = hint;
  field.inputMode = numeric ? "decimal" : "text";
  field.setAttribute("aria-label", label);
  field.classList.toggle("wb-short", numeric);
  return field;
}
function makePlainButton(name, label, title, parent, act) {
  const button = named(name, make("button", "wb-button wb-plain", parent, label));
  button.type = "button";
  button.title = title;
  button.addEventListener("click", act);
  return button;
}
function onEnter(field, act) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") act();
  });
}
function wholeNumber(field, least) {
  const text = field.value.replaceAll(/[,_\s]/g, "");
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least ? value : null;
}
function outcomeIn(text) {
  return /: ((?:queued|applied|started|refused|failed).*)$/s.exec(text)?.[1] ?? text;
}
function isLeft({ request, state }) {
  return state === "refused" && isAside(request);
}
function keyOf(receipt) {
  return receipt ? JSON.stringify([receipt.request, receipt.state, receipt.text]) : "";
}
var ReceiptLine = class {
  // a refusal that the user has put aside
  /** With `brief`, the line leaves out what its control already says. */
  constructor(name, parent, brief = false) {
    this.brief = brief;
    this.element = named(name, make("span", "wb-receipt", parent));
  }
  brief;
  element;
  /** The id of the last request of this page, until its outcome arrives. */
  pending = "";
  #own = "";
  // why nothing was sent
  #other = null;
  // the last one that was not waited for
  #gone = "";
  /** Shows that a request was sent; `id` is empty if it was not. */
  sent(id) {
    if (!id) return;
    this.pending = id;
    this.#own = "";
    this.element.removeAttribute("role");
    this.#write("sent", "waiting");
  }
  /** Puts a refusal aside; other receipts stay. */
  dismiss() {
    if (!this.#own && this.element.dataset.state === "refused") {
      this.#gone = keyOf(this.#other);
      if (this.#other?.request) putAside(this.#other.request);
    }
    this.#own = "";
    this.#showReceipt(this.#other);
  }
  /** Shows why nothing was sent; the next receipt replaces it. */
  refuse(text) {
    this.#own = text;
    this.element.setAttribute("role", "alert");
    this.#write(text, "refused");
  }
  /** Shows the receipt of the request that was sent, or else `other`. */
  show(receipts, other) {
    const mine = this.pending ? receipts.find((one) => one.request === this.pending) : null;
    const same2 = keyOf(other) === keyOf(this.#other);
    this.#other = other;
    if (this.pending && !mine) return null;
    if (mine && mine.state !== "waiting") this.pending = "";
    if (this.#own && same2) return mine ?? null;
    this.#own = "";
    this.#showReceipt(mine ?? other);
    return mine ?? null;
  }
  #showReceipt(receipt) {
    const { text = "", state = "applied", code } = receipt ?? {};
    const isGone = receipt && (keyOf(receipt) === this.#gone || isLeft(receipt));
    if (isGone) this.#write("", "applied");
    else this.#write(text, state, code);
  }
  #write(text, state, code = "") {
    const { element } = this;
    if (element.dataset.text === text + code && element.dataset.state === state) return;
    element.dataset.text = text + code;
    element.dataset.state = state;
    writeReceipt(element, this.brief ? outcomeIn(text) : text);
    element.title = text;
    if (code) appendCode(element, code);
  }
};

// src/alerts.ts
var MARK = "(!) ";
var LEVELS = ["info", "warning", "error"];
var SHOWN = 3;
function unread() {
  const shared = globalThis;
  return shared.workbenchUnread ??= /* @__PURE__ */ new Set();
}
function markTitle() {
  const marked = document.title.startsWith(MARK);
  if (unread().size && !marked) document.title = MARK + document.title;
  if (!unread().size && marked) document.title = document.title.slice(MARK.length);
}
var watcher = null;
function followTitle() {
  if (watcher || !unread().size) return;
  watcher = new MutationObserver(() => {
    markTitle();
    if (unread().size) return;
    watcher?.disconnect();
    watcher = null;
  });
  watcher.observe(document.head, { subtree: true, childList: true, characterData: true });
}
var Alerts = class {
  #box;
  #list;
  #view;
  #count = null;
  #read = 0;
  #drawn = "";
  constructor(parent, view) {
    this.#view = view;
    this.#box = named("alerts", make("div", "wb-alerts", parent));
    this.#list = make("ul", "", this.#box);
    this.#list.setAttribute("role", "log");
    this.#list.setAttribute("aria-label", "alerts");
    makePlainButton(
      "dismiss",
      "Dismiss",
      "hide these alerts; the log keeps them",
      this.#box,
      () => {
        this.read();
        this.#read = this.#count ?? 0;
        this.#box.hidden = true;
      }
    );
    this.#box.hidden = true;
  }
  update(alerts, count) {
    const isNew = count > (this.#count ?? 0);
    const first = this.#count === null;
    this.#count = count;
    this.#read = Math.min(this.#read, count);
    if (isNew && !first) unread().add(this.#view);
    markTitle();
    followTitle();
    const shown = alerts.slice(0, Math.min(SHOWN, count - this.#read));
    this.#box.hidden = shown.length === 0;
    const drawn = JSON.stringify(shown);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#list.replaceChildren();
    for (const { level, text, iteration } of shown) {
      const item = make("li", "", this.#list);
      item.dataset.level = LEVELS.includes(level) ? level : "warning";
      make("b", "", item, level);
      make("span", "", item, text);
      make("span", "wb-words", item, `at iteration ${iteration.toLocaleString("en")}`);
    }
  }
  /** Removes the mark from the title of the page. */
  read() {
    unread().delete(this.#view);
    markTitle();
  }
};

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
var BUTTONS_WAIT = "While a cell runs that does not wait for this run, buttons may act only when it ends.";
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
function sayThatButtonsWait(model, parent) {
  const line = named("buttons-wait", make("div", "wb-waits", parent, BUTTONS_WAIT));
  line.hidden = actsAtOnce(model);
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

// src/buttons.ts
var BUTTONS = [
  {
    name: "pause",
    label: "Pause",
    title: "pause after this batch",
    icon: "M4 3h3v10H4zM9 3h3v10H9z"
  },
  { name: "resume", label: "Resume", title: "continue training", icon: "M4 2.5v11l9-5.5z" },
  {
    name: "step",
    label: "Step",
    title: "train on one batch and pause",
    icon: "M3 2.5v11l7-5.5zM11 3h2v10h-2z"
  },
  {
    name: "stop",
    label: "Stop",
    title: "end training after this batch",
    icon: "M3.5 3.5h9v9h-9z"
  },
  {
    name: "train",
    label: "more epochs",
    title: "train for this many more epochs, even after training has ended",
    icon: "M7 3h2v4h4v2H9v4H7V9H3V7h4z"
  }
];
function makeButton(button, parent, send) {
  const element = named(button.name, make("button", "wb-button", parent));
  element.type = "button";
  element.title = button.title;
  element.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${button.icon}"/></svg>`;
  element.append(button.label);
  element.addEventListener("click", send);
  return element;
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
var MARK2 = "workbench";
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
      const mark = output.metadata?.[MARK2];
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

// src/draw.ts
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
var KEY2 = "wb-key";
var KEYS = [
  ["space", "pause or resume"],
  [".", "train on one batch and pause"],
  ["[", "go to the previous snapshot"],
  ["]", "go to the next snapshot"],
  ["f", "fork"],
  ["l", "logarithmic axis of the plots"],
  ["?", "show or hide this list"]
];
var OWN = /* @__PURE__ */ new Set([" ", ".", "[", "]", "f", "l", "?"]);
var BARS = '[data-testid="controls"]';
function areaOf(part) {
  return part.closest(".jp-OutputArea, .wbd-section");
}
function sendKey(from, key) {
  from.dispatchEvent(new CustomEvent(KEY2, { bubbles: true, composed: true, detail: key }));
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
  document.addEventListener(KEY2, sent, { capture: true });
  return () => {
    document.removeEventListener(KEY2, sent, { capture: true });
  };
}
function takesText(target) {
  if (target instanceof HTMLInputElement) return target.type !== "range";
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
function isPressed(target) {
  return target instanceof HTMLElement && target.matches("button, summary, a");
}
function keyOf2(event) {
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
function listenToKeys(box, act, instead) {
  box.tabIndex = 0;
  const endOwning = ownKeys(box, instead);
  const pressed = (event) => {
    const key = keyOf2(event);
    if (key === null) return;
    event.preventDefault();
    if (!event.repeat || key === ".") act(key);
    sendKey(box, key);
  };
  const endHearing = hearKeys(box, (key) => {
    const area = areaOf(box);
    if (area && area.querySelectorAll(BARS).length < 2) act(key);
  });
  box.addEventListener("keydown", pressed);
  return () => {
    endOwning();
    box.removeEventListener("keydown", pressed);
    endHearing();
  };
}
function makeKeyList(row, parent) {
  const button = named("keys-button", make("button", "wb-button wb-plain wb-help", row, "?"));
  button.type = "button";
  button.title = "list of keys";
  button.setAttribute("aria-label", "list of keys");
  const list = named("keys", make("div", "wb-keylist", parent));
  list.setAttribute("role", "list");
  list.hidden = true;
  for (const [key, meaning] of KEYS) {
    const pair = make("div", "", list);
    pair.setAttribute("role", "listitem");
    make("kbd", "", pair, key);
    make("span", "wb-words", pair, meaning);
  }
  const toggle = () => {
    list.hidden = !list.hidden;
    parent.classList.toggle("wb-keys-open", !list.hidden);
    button.setAttribute("aria-expanded", String(!list.hidden));
  };
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", toggle);
  parent.addEventListener("keydown", ({ key, target }) => {
    if (key === "Escape" && !list.hidden && !takesText(target)) toggle();
  });
  return toggle;
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

// src/progress.ts
function makeProgress(parent) {
  const bar = named("progress", make("div", "wb-bar", parent));
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", "progress of the run");
  const done = make("div", "wb-done", bar);
  const counts = make("div", "wb-counts", parent);
  const iteration = named("iteration", make("span", "", counts));
  const epoch = named("epoch", make("span", "", counts));
  const rate = named("rate", make("span", "", counts));
  const tier = named("tier", make("span", "wb-tier", counts));
  const left = named("time-left", make("span", "wb-left", counts));
  return (facts) => {
    iteration.textContent = facts.iteration;
    epoch.textContent = facts.epoch;
    rate.textContent = facts.rate;
    [tier.textContent = "", tier.title = ""] = facts.tier;
    left.textContent = facts.time_left;
    const { fraction } = facts;
    bar.classList.toggle("wb-unknown", fraction === null && facts.state === "running");
    const percent = 100 * (fraction ?? 0);
    done.style.width = `${percent}%`;
    if (fraction === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", String(Math.round(percent)));
    bar.setAttribute("aria-valuetext", [facts.state, facts.iteration, facts.epoch].join(", "));
  };
}

// src/steady.ts
var SCROLLS = /auto|scroll/;
function scrollerOf(el) {
  for (let part = el.parentElement; part; part = part.parentElement) {
    if (SCROLLS.test(getComputedStyle(part).overflowY) && part.scrollHeight > part.clientHeight) {
      return part;
    }
  }
  return document.documentElement;
}
function steadily(box, change) {
  const plot = document.querySelector(".wb-plot:hover");
  const below = plot && box.compareDocumentPosition(plot) & Node.DOCUMENT_POSITION_FOLLOWING;
  const before = below ? plot.getBoundingClientRect().top : 0;
  change();
  const moved = below ? plot.getBoundingClientRect().top - before : 0;
  if (plot && moved) scrollerOf(plot).scrollTop += moved;
}

// src/steer/actions.ts
var NO_COUNT = "must be a whole number; nothing was sent";
var Line = class {
  constructor(name, label, parent, commands, send) {
    this.commands = commands;
    this.send = send;
    const box = named(name, make("div", "wb-line", parent));
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", label);
    make("span", "wb-name", box, label);
    this.middle = make("span", "wb-middle", box);
    this.receipt = new ReceiptLine(`${name}-receipt`, box);
  }
  commands;
  send;
  middle;
  receipt;
  ask(name, given = {}) {
    this.receipt.sent(this.send(name, given));
  }
  show(receipts) {
    const last = receipts.filter((one) => this.commands.includes(one.about)).at(-1);
    return this.receipt.show(receipts, last ?? null);
  }
};
var Actions = class {
  rewind;
  fork;
  #lines;
  #total;
  #unit;
  #endButton;
  #planned;
  #snapshot;
  #kept;
  #path;
  #others;
  #now = null;
  #edited = false;
  #drawn = "";
  constructor(parent, send) {
    const end = new Line("end", "end", parent, ["set_end"], send);
    make("span", "wb-words", end.middle, "after");
    this.#total = makeField("end-total", "end of the run", end.middle, { numeric: true });
    this.#unit = named("end-unit", make("select", "wb-field", end.middle));
    this.#unit.setAttribute("aria-label", "unit of the end");
    for (const unit of ["epochs", "batches"]) make("option", "", this.#unit, unit).value = unit;
    const setEnd = () => {
      const number = wholeNumber(this.#total, 1);
      if (number === null) {
        end.receipt.refuse(`"${this.#total.value}" ${NO_COUNT}`);
        return;
      }
      this.#edited = false;
      end.ask("set_end", { [this.#unit.value]: number });
    };
    const title = "end training after this total, which may be earlier than planned";
    this.#endButton = makePlainButton("set-end", "Set", title, end.middle, setEnd);
    this.#planned = named("planned", make("span", "wb-words", end.middle));
    onEnter(this.#total, setEnd);
    const edit = () => {
      this.#edited = true;
      this.#endButton.disabled = !this.#now?.able;
    };
    this.#total.addEventListener("input", edit);
    this.#unit.addEventListener("change", () => {
      this.#total.value = String(this.#now?.end[this.#unit.value] ?? "");
      edit();
    });
    this.#total.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#edited = false;
      this.#showEnd();
    });
    const back = new Line("back", "go back", parent, ["snapshot", "rewind", "undo"], send);
    make("span", "wb-words", back.middle, "to iteration");
    const to = makeField("rewind-to", "iteration to go back to", back.middle, { numeric: true });
    this.rewind = to;
    this.#kept = make("datalist", "", back.middle);
    this.#kept.id = `wb-kept-${Math.random().toString(36).slice(2)}`;
    to.setAttribute("list", this.#kept.id);
    const rewind = () => {
      const iteration = wholeNumber(to, 0);
      if (iteration === null) back.receipt.refuse(`"${to.value}" ${NO_COUNT}`);
      else back.ask("rewind", { iteration });
    };
    onEnter(to, rewind);
    const rewound = "go back to this iteration and pause; later iterations are kept as a branch";
    const undone = "go back to the state before the last change to training, and pause";
    this.#others = [makePlainButton("rewind", "Rewind", rewound, back.middle, rewind)];
    const undo = () => {
      back.ask("undo");
    };
    this.#others.push(makePlainButton("undo", "Undo", undone, back.middle, undo));
    const keep = "keep the present state in memory, so that you can go back to it";
    this.#snapshot = makePlainButton("snapshot", "Snapshot", keep, back.middle, () => {
      back.ask("snapshot");
    });
    const apart = new Line("fork-line", "fork", parent, ["fork"], send);
    make("span", "wb-words", apart.middle, "from iteration");
    const from = makeField("fork-from", "iteration to fork from", apart.middle, {
      hint: "now",
      numeric: true
    });
    make("span", "wb-words", apart.middle, "named");
    this.fork = makeField("fork-name", "name of the new session", apart.middle, {
      hint: "chosen for you"
    });
    const forks = () => {
      const iteration = wholeNumber(from, 0);
      if (from.value && iteration === null) {
        apart.receipt.refuse(`"${from.value}" ${NO_COUNT}`);
        return;
      }
      const name = this.fork.value.trim();
      apart.ask("fork", {
        ...iteration === null ? {} : { iteration },
        ...name ? { name } : {}
      });
    };
    onEnter(this.fork, forks);
    onEnter(from, forks);
    const forked = "start a second session from this point; it is paused, and this one continues";
    this.#others.push(makePlainButton("fork", "Fork", forked, apart.middle, forks));
    const file = new Line("file", "file", parent, ["save", "load"], send);
    this.#path = makeField("path", "file to save to or to load", file.middle);
    this.#path.classList.add("wb-path");
    const saved = "save the run to this file; training waits while it is written";
    const save = () => {
      const path = this.#path.value.trim();
      file.ask("save", path ? { path } : {});
    };
    const loaded = "restore the state of training from this file, and pause; no code in it is executed";
    const load = () => {
      const path = this.#path.value.trim() || this.#now?.last_path;
      if (path) file.ask("load", { path });
      else file.receipt.refuse("nothing was saved yet: type the path of a file to load");
    };
    this.#others.push(makePlainButton("save", "Save", saved, file.middle, save));
    this.#others.push(makePlainButton("load", "Load", loaded, file.middle, load));
    this.#lines = [end, back, apart, file];
  }
  update(now, receipts, state) {
    this.#now = now;
    for (const line of this.#lines) {
      const settled = line.show(receipts);
      if (settled?.state === "refused" && settled.about === "set_end") this.#edited = true;
    }
    for (const part of [this.#total, this.#unit, this.#snapshot]) part.disabled = !now.able;
    const busy = state === "created" || state === "stopping";
    for (const button of this.#others) button.disabled = busy;
    this.#path.placeholder = now.default_path;
    if (!this.#edited && focusOf(this.#total) !== this.#total) this.#showEnd();
    this.#endButton.disabled = !now.able || !this.#edited;
    const kept = now.snapshots.map(({ iteration }) => iteration).join();
    if (kept === this.#drawn) return;
    this.#drawn = kept;
    this.#kept.replaceChildren();
    for (const { iteration, pin, branch } of [...now.snapshots].reverse()) {
      const option = make("option", "", this.#kept, `${branch}${pin ? `, ${pin}` : ""}`);
      option.value = String(iteration);
    }
  }
  #showEnd() {
    const end = this.#now?.end;
    if (!end) return;
    const unit = end.epochs === null && end.batches !== null ? "batches" : "epochs";
    this.#unit.value = unit;
    this.#total.value = end[unit] === null ? "" : String(end[unit]);
    this.#total.placeholder = "no end";
    const both = end.epochs !== null && end.batches !== null;
    this.#planned.textContent = both ? `${end.batches?.toLocaleString("en")} batches` : "";
  }
};

// src/steer/journal.ts
var FEW = 4;
var Journal = class {
  #send;
  #branches;
  #list;
  #all;
  #older;
  #receipt;
  #changes;
  #count;
  #body;
  #more;
  #drawn = "";
  #open = false;
  #now = null;
  constructor(parent, send, title = "") {
    this.#send = send;
    this.#branches = named("branches", make("div", "wb-line wb-branches", parent));
    make("span", "wb-name", this.#branches, "branches");
    this.#list = make("ul", "wb-middle", this.#branches);
    this.#list.id = `wb-branches-${Math.random().toString(36).slice(2)}`;
    const below = make("div", "wb-branches-below", this.#branches);
    this.#all = makePlainButton("all-branches", "", "", below, () => {
      this.#open = !this.#open;
      if (this.#now) this.#showBranches(this.#now);
    });
    this.#all.setAttribute("aria-controls", this.#list.id);
    this.#older = make("span", "wb-words", below);
    this.#receipt = new ReceiptLine("branch-receipt", this.#branches);
    this.#changes = named("changes", make("details", "wb-changes", parent));
    const summary = make("summary", "", this.#changes, "changes");
    this.#count = make("span", "wb-count", summary);
    const frame = make("div", "wb-frame", this.#changes);
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", `changes to training${title && ` of ${title}`}`);
    const table = make("table", "", frame);
    const row = make("tr", "", make("thead", "", table));
    for (const name of ["iteration", "time", "what", "old", "new", "by"]) make("th", "", row, name);
    this.#body = make("tbody", "", table);
    this.#more = make("div", "wb-words", this.#changes);
  }
  update(now, receipts) {
    this.#receipt.show(receipts, null);
    const { branches, more_branches: older, interventions, more_interventions: more } = now;
    const drawn = JSON.stringify([branches, older, interventions, more]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#now = now;
    this.#showBranches(now);
    this.#changes.hidden = interventions.length === 0;
    this.#count.textContent = String(interventions.length + more);
    this.#body.replaceChildren();
    for (const change of interventions) this.#change(change);
    this.#more.textContent = more ? `and ${more} earlier; session.interventions contains all of them` : "";
  }
  /** Shows the newest branches, or all; a button that stays keeps the focus. */
  #showBranches({ branches, more_branches: older }) {
    const focused = focusOf(this.#list)?.dataset.branch;
    const hidden = Math.max(0, branches.length - FEW);
    const shown = this.#open ? branches : branches.slice(hidden);
    this.#branches.hidden = branches.length < 2;
    this.#list.replaceChildren();
    for (const branch of [...shown].reverse()) this.#branch(branch);
    const total = (branches.length + older).toLocaleString("en");
    const wide = older ? `show ${branches.length} of ${total}` : `show all ${total}`;
    this.#all.hidden = !hidden;
    this.#all.textContent = this.#open ? "show the newest" : wide;
    this.#all.setAttribute("aria-expanded", String(this.#open));
    this.#older.textContent = this.#open && older ? `and ${older} earlier; session.branches contains all of them` : "";
    const buttons = [...this.#list.querySelectorAll("button")];
    if (focused) buttons.find(({ dataset }) => dataset.branch === focused)?.focus();
  }
  #branch({ name, start, end, difference }) {
    const item = named("branch", make("li", "", this.#list));
    const until = end === null ? "now" : end.toLocaleString("en");
    const span = `${start.toLocaleString("en")} to ${until}`;
    if (end === null) {
      make("b", "", item, name);
    } else {
      const title = `go to the end of ${name}, at iteration ${until}, and pause there`;
      const button = makePlainButton("go-to-branch", name, title, item, () => {
        this.#receipt.sent(this.#send("rewind", { iteration: end, branch: name }));
      });
      button.dataset.branch = name;
    }
    make("span", "wb-words", item, span);
    make("span", "wb-difference", item, difference).title = difference;
  }
  #change(change) {
    const row = make("tr", "", this.#body);
    make("td", "wb-count", row, change.iteration.toLocaleString("en"));
    make("td", "wb-count", row, change.time.slice(11)).title = change.time;
    for (const text of [change.what, change.old, change.new, change.by]) {
      make("td", "", row, text).title = text;
    }
  }
};

// src/steer/scale.ts
var POSITIONS = 1e3;
var DECADES = 3;
var MARGIN = 0.1;
function scaleFor(row) {
  const { value, low, high } = row;
  if (row.scale === "log") return logarithmic(value && value > 0 ? value : 1e-3, high);
  if (low === null) return null;
  const most = value !== null && value > low + 1 ? low + 2 * (value - low) : low + 1;
  return linear(low, high ?? most);
}
function suits(scale, value) {
  const share = scale.position(value) / POSITIONS;
  return value === 0 || share >= MARGIN && share <= 1 - MARGIN;
}
function logarithmic(value, most) {
  const decade = Math.floor(Math.log10(value));
  const low = 10 ** (decade - DECADES);
  const high = Math.min(10 ** (decade + DECADES), most ?? Infinity);
  const span = Math.log10(high / low);
  return {
    low,
    high,
    value: (position) => rounded(low * 10 ** (span * position / POSITIONS), 3),
    position: (one) => one <= low ? 0 : POSITIONS * Math.log10(one / low) / span
  };
}
function linear(low, high) {
  const span = high - low;
  return {
    low,
    high,
    value: (position) => rounded(low + span * position / POSITIONS, 4),
    position: (one) => POSITIONS * (one - low) / span
  };
}
function rounded(value, digits) {
  return Number(value.toPrecision(digits));
}
function inText(value) {
  if (value === null) return "not finite";
  const short = Number(value.toPrecision(7));
  const size = Math.abs(short);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? short.toExponential() : String(short);
}

// src/steer/number_row.ts
var SETTLE = 200;
var UNABLE = "values can be changed while training runs or is paused";
var HOLDS = "a value that you set here holds until you release it";
var NumberControl = class {
  element;
  #send;
  #slider;
  #field;
  #driver;
  #hold;
  #receipt;
  #scale = null;
  #row;
  #editing = false;
  #chosen = null;
  // sent, until the receipt arrives
  #request = "";
  // which sent it
  #later;
  constructor(row, parent, send) {
    this.#row = row;
    this.#send = send;
    const box = named("number", make("div", "wb-line wb-number", parent));
    box.dataset.path = row.path;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", row.name);
    this.element = box;
    make("span", "wb-name", box, row.name).title = row.path;
    const middle = make("span", "wb-middle", box);
    this.#slider = named("slider", make("input", "wb-slider", middle));
    this.#slider.type = "range";
    this.#slider.max = String(POSITIONS);
    this.#slider.step = "any";
    this.#slider.setAttribute("aria-label", `${row.name}, slider`);
    this.#slider.addEventListener("input", this.#slide);
    this.#slider.addEventListener("change", this.#slide);
    this.#slider.addEventListener("keydown", this.#step);
    this.#field = makeField("value", row.name, middle, { numeric: true });
    this.#field.addEventListener("input", () => {
      this.#editing = true;
      this.#field.removeAttribute("aria-invalid");
    });
    this.#field.addEventListener("change", this.#type);
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#revert();
    });
    this.#field.addEventListener("blur", () => {
      if (this.#field.getAttribute("aria-invalid")) this.#revert();
    });
    onEnter(this.#field, this.#type);
    this.#hold = makePlainButton("hold", "Hold", HOLDS, middle, this.#toggle);
    this.#driver = named("driver", make("span", "wb-driver", middle));
    this.#receipt = new ReceiptLine("number-receipt", box, true);
  }
  /** Shows the present value and receipt, except while the user edits. */
  update(row, able, receipts) {
    this.#row = row;
    const settled = this.#receipt.show(receipts, row.receipt);
    const mine = receipts.find((one) => one.request === this.#request);
    if (mine && mine.state !== "waiting") this.#chosen = null;
    if (settled && settled.state !== "waiting") {
      if (settled.state === "refused" && this.#field.value) {
        this.#field.setAttribute("aria-invalid", "true");
        this.#editing = focusOf(this.#field) === this.#field;
      }
    }
    for (const part of [this.#slider, this.#field, this.#hold]) part.disabled = !able;
    this.element.title = able ? "" : UNABLE;
    this.#hold.hidden = !row.driven_by;
    this.#hold.textContent = row.held ? "Release" : "Hold";
    this.#hold.title = row.held ? `let ${row.driven_by} set it again` : HOLDS;
    const driver = row.held ? `held; ${row.driven_by} waits` : `driven by ${row.driven_by}`;
    this.#driver.textContent = row.driven_by ? driver : "";
    this.#driver.title = row.driven_by ? HOLDS : "";
    if (!this.#editing && this.#chosen === null) this.#showValue(row.value, true);
  }
  /** Shows a value on the slider and, with `all`, in the field, too, once training has it. */
  #showValue(value, all) {
    if (all) {
      this.#field.removeAttribute("aria-invalid");
      const text = inText(value);
      if (this.#field.value !== text) this.#field.value = text;
      if (!this.#scale || !suits(this.#scale, value ?? 0)) this.#scale = scaleFor(this.#row);
    }
    this.#slider.classList.toggle("wb-none", !this.#scale);
    if (this.#scale) this.#slider.value = String(this.#scale.position(value ?? 0));
    this.#slider.setAttribute("aria-valuetext", inText(value));
  }
  #slide = (event) => {
    if (!this.#scale) return;
    this.#editing = true;
    const value = this.#scale.value(Number(this.#slider.value));
    this.#field.value = inText(value);
    this.#field.removeAttribute("aria-invalid");
    this.#slider.setAttribute("aria-valuetext", inText(value));
    if (event.type !== "change") return;
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      this.#choose(value);
    }, SETTLE);
  };
  /** Moves by 1 %, or by 10 % with Page Up and Page Down, since `step="any"` sets no step. */
  #step = (event) => {
    const steps = {
      ArrowRight: 1,
      ArrowUp: 1,
      ArrowLeft: -1,
      ArrowDown: -1,
      PageUp: 10,
      PageDown: -10
    };
    const step = steps[event.key];
    if (step === void 0) return;
    event.preventDefault();
    const before = this.#slider.value;
    this.#slider.value = String(Number(before) + step * POSITIONS / 100);
    if (this.#slider.value === before) return;
    this.#slider.dispatchEvent(new Event("change"));
  };
  #type = () => {
    if (!this.#editing) return;
    const text = this.#field.value.trim();
    const value = Number(text);
    if (!text || !Number.isFinite(value)) {
      this.#field.setAttribute("aria-invalid", "true");
      this.#receipt.refuse(`"${text}" is not a number; nothing was sent`);
      return;
    }
    this.#choose(value);
  };
  #choose(value) {
    this.#editing = false;
    this.#chosen = value;
    this.#showValue(value, false);
    const name = this.#row.driven_by ? "hold" : "set";
    this.#request = this.#send(name, { shared: this.#row.path, value });
    this.#receipt.sent(this.#request);
  }
  #revert() {
    this.#editing = false;
    this.#field.removeAttribute("aria-invalid");
    this.#receipt.dismiss();
    this.#showValue(this.#chosen ?? this.#row.value, true);
  }
  #toggle = () => {
    const name = this.#row.held ? "release" : "hold";
    this.#receipt.sent(this.#send(name, { shared: this.#row.path }));
  };
};

// src/steer/numbers.ts
var MANY = 8;
var Numbers = class {
  #box;
  #send;
  #controls = /* @__PURE__ */ new Map();
  constructor(parent, send) {
    this.#box = named("numbers", make("div", "wb-numbers", parent));
    this.#send = send;
  }
  update(rows, able, receipts) {
    const paths = [...this.#controls.keys()].join("\n");
    if (rows.map((row) => row.path).join("\n") !== paths) this.#build(rows);
    for (const row of rows) this.#controls.get(row.path)?.update(row, able, receipts);
  }
  /** Makes all rows. This happens once, unless an extension with a number is added. */
  #build(rows) {
    this.#box.replaceChildren();
    const kept = this.#controls;
    this.#controls = /* @__PURE__ */ new Map();
    const groups = /* @__PURE__ */ new Map();
    for (const row of rows) groups.set(row.owner, [...groups.get(row.owner) ?? [], row]);
    let open = true;
    for (const [owner, members] of groups) {
      const parent = groups.size > 1 ? this.#group(owner, members.length, open) : this.#box;
      if (rows.length > MANY) open = false;
      for (const row of members) {
        const control = kept.get(row.path) ?? new NumberControl(row, parent, this.#send);
        parent.append(control.element);
        this.#controls.set(row.path, control);
      }
    }
  }
  #group(owner, count, open) {
    const group = named("group", make("details", "wb-group", this.#box));
    group.open = open;
    const summary = make("summary", "", group, owner || "further variables");
    make("span", "wb-count", summary, String(count));
    return group;
  }
};

// src/steer/steer.ts
var FEW2 = 4;
var IN_SUMMARY = 3;
var WAYS = [
  { name: "rewind", label: "Rewind…", title: "choose an iteration to go back to" },
  { name: "fork", label: "Fork…", title: "start a second session from this one (key f)" }
];
var Steer = class {
  box;
  #hint;
  #numbers;
  #more;
  #actions;
  #journal;
  #decided;
  /** With `folded`, the part is closed at first; otherwise, this depends on its contents. */
  constructor(parent, send, title = "", folded = false) {
    this.#decided = folded;
    const frame = make("div", "wb-steer-frame", parent);
    this.box = named("steer", make("details", "wb-steer", frame));
    const summary = make("summary", "", this.box, "Steer");
    this.#hint = named("steer-hint", make("span", "wb-hint", summary));
    const body = make("div", "wb-steer-body", this.box);
    this.#numbers = new Numbers(body, send);
    this.#more = named("more", make("details", "wb-actions", body));
    make("summary", "", this.#more, "end, rewind, fork, file");
    this.#actions = new Actions(make("div", "wb-numbers", this.#more), send);
    this.#journal = new Journal(body, send, title);
    const ways = make("span", "wb-ways", frame);
    for (const { name, label, title: text } of WAYS) {
      makePlainButton(`ask-for-${name}`, label, text, ways, () => {
        this.askFor(name);
      });
    }
  }
  update({ steer, receipts, state }) {
    if (!this.#decided) {
      this.#decided = true;
      this.box.open = steer.numbers.length > 0 && steer.numbers.length <= FEW2;
    }
    const shown = steer.numbers.slice(0, IN_SUMMARY);
    this.#hint.textContent = shown.map((one) => `${one.name} ${inText(one.value)}`).join("   ");
    this.#numbers.update(steer.numbers, steer.able, receipts);
    this.#actions.update(steer, receipts, state);
    this.#journal.update(steer, receipts);
  }
  /** Opens the part and puts the cursor in the first field of a rewind or fork. */
  askFor(name) {
    this.box.open = this.#more.open = true;
    this.#actions[name].focus();
  }
};

// src/widgets/controls.ts
var NOT_SENT = "nothing was sent, since the kernel of this run has ended";
function render({ model, el }) {
  const box = named("controls", make("div", "wb wb-live wb-controls", el));
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "training; press ? for keys");
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const top = make("div", "wb-row", box);
  const title = model.get("title");
  if (title) {
    named("session-title", make("b", "wb-session", top, title));
    box.setAttribute("aria-label", `training of ${title}; press ? for keys`);
  }
  const state = named("state", make("span", "wb-state", top));
  const buttons = make("span", "wb-buttons", top);
  const train = make("span", "wb-more", buttons);
  const more = makeField("more-epochs", "number of further epochs", train, { numeric: true });
  more.value = "5";
  const answer = named("command", make("span", "wb-command", top));
  answer.setAttribute("role", "status");
  sayThatButtonsWait(model, box);
  offerCode(model, box);
  const showProgress = makeProgress(box);
  const values = named("values", make("div", "wb-values", box));
  const alerts = new Alerts(box, model.get("ident"));
  const note = named("note", make("div", "wb-note", box));
  const error = named("error", make("details", "wb-error", box));
  const summary = named("error-message", make("summary", "", error));
  const trace = named("error-traceback", make("pre", "", error));
  const payload = () => {
    const now = model.get("payload");
    return "state" in now ? now : null;
  };
  let pending = null;
  const ask2 = (name, given, label) => {
    if (box.classList.contains("wb-disconnected")) {
      answer.textContent = NOT_SENT;
      return "";
    }
    const mine = { id: randomId(), label };
    pending = mine;
    answer.textContent = `${label} sent`;
    const request = { name, arguments: given, id: mine.id };
    void command(model, box, request, (when) => {
      if (pending === mine) answer.textContent = `${label} sent; ${when}`;
    });
    return mine.id;
  };
  const send = (name, given = {}) => ask2(name, given, name.replace("_", " "));
  const byName = /* @__PURE__ */ new Map();
  const press = ({ name, label }) => {
    if (name !== "train") return ask2(name, {}, label);
    const epochs = wholeNumber(more, 1);
    more.setAttribute("aria-invalid", String(epochs === null));
    if (epochs === null) answer.textContent = `"${more.value}" must be a number of epochs`;
    return epochs === null ? "" : ask2(name, { epochs }, `${epochs} ${label}`);
  };
  for (const button of BUTTONS) {
    const parent = button.name === "train" ? train : buttons;
    byName.set(
      button.name,
      makeButton(button, parent, () => press(button))
    );
  }
  buttons.append(train);
  onEnter(more, () => byName.get("train")?.click());
  const steer = new Steer(box, send, title, model.get("folded"));
  const toggleKeys = makeKeyList(top, box);
  const act = (key) => {
    const now = payload();
    if (!now) return;
    const possible = (name) => now.possible.includes(name);
    const { batches_done: done } = now.steer.end;
    const { snapshots } = now.steer;
    if (key === " ") byName.get(possible("resume") ? "resume" : "pause")?.click();
    else if (key === ".") byName.get("step")?.click();
    else if (key === "f") steer.askFor("fork");
    else if (key === "?") toggleKeys();
    else if (key === "[") {
      const before = snapshots.filter(({ iteration }) => iteration < done).at(-1);
      if (before) send("rewind", { iteration: before.iteration });
    } else if (key === "]") {
      const after = snapshots.find(({ iteration }) => iteration > done);
      if (after) send("rewind", { iteration: after.iteration, branch: after.branch });
    }
  };
  const endKeys = listenToKeys(box, act, (lost) => {
    if (lost === byName.get("pause")) return byName.get("resume");
    return lost === byName.get("resume") ? byName.get("pause") : void 0;
  });
  const apply = () => {
    const now = payload();
    if (!now) return;
    box.dataset.state = now.state;
    state.textContent = now.state;
    const resumes = now.possible.includes("resume");
    for (const [name, button] of byName) {
      button.disabled = !now.possible.includes(name);
      if (name === "pause") button.hidden = resumes;
      if (name === "resume") button.hidden = !resumes;
    }
    showProgress(now);
    showValues(values, now.values);
    const { command: last } = now;
    if (now.receipts.some((one) => one.request === pending?.id)) pending = null;
    const text = last?.text ?? "";
    if (!pending) writeReceipt(answer, text);
    answer.classList.toggle("wb-refused", !pending && Boolean(last?.refused));
    alerts.update(now.alerts, now.alert_count);
    steer.update(now);
    note.textContent = now.note;
    error.hidden = !now.error;
    if (now.error) {
      summary.textContent = now.error.message;
      trace.textContent = now.error.traceback;
    }
  };
  const readAlerts = () => {
    alerts.read();
  };
  box.addEventListener("pointerdown", readAlerts);
  box.addEventListener("focusin", readAlerts);
  const update = () => {
    steadily(box, apply);
  };
  model.on("change:payload", update);
  apply();
  announce(box);
  return () => {
    endReports();
    endWatch();
    endKeys();
    alerts.read();
    model.off("change:payload", update);
  };
}
function showValues(parent, values) {
  parent.replaceChildren();
  for (const [name = "", value = ""] of values) {
    const chip = make("span", "wb-value", parent);
    chip.dataset.channel = name;
    make("span", "", chip, name);
    make("b", "", chip, value);
  }
}
var controls_default = { initialize: careForCell, render };
export {
  controls_default as default
};
