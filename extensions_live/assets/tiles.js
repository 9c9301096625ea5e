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
function makePlainButton(name, label, title, parent, act) {
  const button = named(name, make("button", "wb-button wb-plain", parent, label));
  button.type = "button";
  button.title = title;
  button.addEventListener("click", act);
  return button;
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

// src/inside/edit_bar.ts
var LISTED = 6;
var HINT = "flag examples (⚐) to relabel or drop them";
function flagged(chosen) {
  const some = chosen.slice(0, LISTED).map((index) => index.toLocaleString("en"));
  const more = chosen.length > LISTED ? ", …" : "";
  return chosen.length ? `${String(chosen.length)} flagged: ${some.join(", ")}${more}` : HINT;
}
function makeEditBar(model, box, parent, choose) {
  const bar = named("edit-bar", make("div", "wb-edit", parent));
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "flagged examples");
  const text = named("edit-text", make("span", "wb-edit-text", bar));
  const form = make("span", "wb-edit-form", bar);
  const label = named("edit-label", make("select", "wb-select", form));
  label.setAttribute("aria-label", "new class of the flagged examples");
  let latest = null;
  const send = (name, given) => {
    const id = randomId();
    receipt.sent(id);
    const request = { name, arguments: { examples: latest?.chosen ?? [], ...given }, id };
    void command(model, box, request);
  };
  const relabel = makePlainButton(
    "relabel",
    "Relabel",
    "train on the flagged examples with this class from the next batch on; undo takes it back",
    form,
    () => {
      send("relabel", { value: Number(label.value), source: latest?.source });
      label.value = "";
      enable();
    }
  );
  const drop = makePlainButton(
    "drop",
    "Drop",
    "train without the flagged examples from the next batch on; undo takes it back",
    form,
    () => {
      send("drop", {});
    }
  );
  const clear = makePlainButton("unflag-all", "Clear flags", "remove all flags", form, () => {
    choose("unflag all", "");
  });
  const note = named("edit-note", make("span", "wb-edit-text", bar));
  const receipt = new ReceiptLine("edit-receipt", bar);
  receipt.element.setAttribute("aria-live", "polite");
  const enable = () => {
    const none = !latest?.chosen.length;
    label.disabled = none;
    relabel.disabled = none || label.value === "";
    drop.disabled = none;
    clear.disabled = none;
  };
  label.addEventListener("change", enable);
  let classes = "";
  const list = (names) => {
    if (classes === names.join("\n") && label.options.length) return;
    classes = names.join("\n");
    label.replaceChildren();
    make("option", "", label, "new class …").value = "";
    names.forEach((name, place) => {
      make("option", "", label, name).value = String(place);
    });
  };
  return (now) => {
    bar.hidden = !now;
    latest = now;
    if (!now) return;
    form.hidden = now.reason !== "";
    text.textContent = now.reason || flagged(now.chosen);
    text.title = now.reason ? "" : now.chosen.join(", ");
    label.hidden = relabel.hidden = now.no_label !== "";
    note.textContent = now.reason ? "" : now.no_label;
    list(now.classes);
    enable();
    receipt.show(now.receipts, now.receipts.at(-1) ?? null);
  };
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

// src/inside/pixels.ts
function bytesOf(view) {
  return view?.byteLength ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(0);
}
function rgba(bytes, index, size, channels) {
  const found = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      found[4 * i + c] = bytes[(index * size + i) * channels + (channels === 3 ? c : 0)] ?? 0;
    }
    found[4 * i + 3] = 255;
  }
  return found;
}
function paint(canvas, bytes, index, { width, height, channels }) {
  canvas.width = width;
  canvas.height = height;
  const pixels = rgba(bytes, index, width * height, channels);
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
}

// src/inside/time.ts
function percent(share) {
  if (Number.isNaN(share)) return "–";
  if (share === 0 || share === 1) return `${String(100 * share)} %`;
  return share < 1e-3 ? "< 0.1 %" : share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`;
}

// src/widgets/tiles.ts
var HELD_BY_POINTER = "The order is held while the pointer is on the examples.";
var HELD_BY_FOCUS = "The order is held while an example has the focus.";
function render({ model, el }) {
  const { box, content, choose, run } = makeFrame(model, el, "tiles-view");
  const head = make("div", "wb-tiles-head", content);
  const summary = named("summary", make("div", "wb-inside-summary", head));
  const plain2 = model;
  const showEdits = model.get("flags") ? makeEditBar(plain2, box, content, choose) : null;
  const note = model.get("flags") ? make("div", "wb-held", head) : null;
  note?.setAttribute("role", "status");
  const list = named("tiles", make("ul", "wb-tiles", content));
  const cards = /* @__PURE__ */ new Map();
  let latest = null;
  let pointed = false;
  const held = () => cards.size > 0 && (pointed || list.querySelector(":focus-visible") !== null);
  const arrange = () => {
    if (!latest) return;
    const payload = latest;
    const { images, outputs, tiles } = payload;
    const double = bytesOf(images).length > 0 && bytesOf(outputs).length > 0;
    list.classList.toggle("wb-wide", double || tiles.some(({ text: text2 }) => text2));
    const places = new Map(payload.tiles.map((tile, place) => [tile.index, place]));
    if (!held()) {
      for (const [index, card] of cards) {
        if (places.has(index)) continue;
        card.item.remove();
        cards.delete(index);
      }
      payload.tiles.forEach(({ index }, place) => {
        const card = cards.get(index) ?? makeTile(index, list, model.get("flags"), choose);
        cards.set(index, card);
        const there = list.children[place];
        if (there !== card.item) list.insertBefore(card.item, there ?? null);
      });
    }
    for (const [index, card] of cards) {
      const place = places.get(index);
      const tile = place === void 0 ? void 0 : payload.tiles[place];
      card.item.classList.toggle("wb-stale", !tile);
      if (tile && place !== void 0) card.update(tile, place, payload);
    }
    const order = [...list.children].map((item) => item.dataset.index);
    const same2 = order.join() === payload.tiles.map(({ index }) => index).join();
    const text = same2 ? "" : pointed ? HELD_BY_POINTER : HELD_BY_FOCUS;
    if (note && note.textContent !== text) note.textContent = text;
  };
  list.addEventListener("pointerenter", () => {
    pointed = true;
  });
  list.addEventListener("pointerleave", () => {
    pointed = false;
    arrange();
  });
  list.addEventListener("focusout", () => {
    setTimeout(arrange);
  });
  return run((payload) => {
    latest = payload;
    summary.textContent = payload.summary;
    showEdits?.(payload.edit);
    arrange();
  });
}
function makeTile(index, list, flags, choose) {
  const item = make("li", "wb-tile", list);
  item.dataset.index = String(index);
  item.title = `example ${index.toLocaleString("en")}`;
  make("div", "wb-tile-index wb-soft", item, `#${index.toLocaleString("en")}`);
  const pair = make("div", "wb-tile-images", item);
  const canvases = [0, 1].map(() => {
    const canvas = make("canvas", "wb-tile-image", pair);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `example ${String(index)}`);
    return canvas;
  });
  const badge = make("div", "wb-tile-badge", item);
  const text = make("div", "wb-tile-text", item);
  const line = make("div", "wb-tile-line", item);
  const guess = make("b", "wb-tile-guess", line);
  guess.title = "prediction";
  const sure = make("span", "wb-soft", line);
  const truth = make("div", "wb-soft", item);
  const loss = make("div", "wb-soft", item);
  let flagged2 = false;
  const flag = flags ? make("button", "wb-flag", item) : null;
  if (flag) {
    flag.type = "button";
    flag.setAttribute("aria-label", `flag example ${String(index)}`);
    flag.addEventListener("click", () => {
      choose(flagged2 ? "unflag" : "flag", String(index));
    });
  }
  return {
    item,
    update: (tile, place, payload) => {
      item.dataset.edit = tile.edit;
      badge.textContent = tile.edit;
      item.dataset.right = tile.right === null ? "" : String(tile.right);
      [payload.images, payload.outputs].forEach((view, i) => {
        const [canvas, bytes] = [canvases[i], bytesOf(view)];
        if (!canvas) return;
        canvas.hidden = !bytes.length;
        if (bytes.length) paint(canvas, bytes, place, payload);
      });
      text.textContent = tile.text;
      const sign = tile.right === null ? "" : tile.right ? "✓ " : "✗ ";
      guess.textContent = tile.guess && sign + tile.guess;
      sure.textContent = tile.sure === null ? "" : percent(tile.sure);
      truth.textContent = tile.truth && (tile.right !== true || tile.edit) ? `truth ${tile.truth}` : "";
      loss.textContent = tile.loss && `loss ${tile.loss}`;
      ({ flagged: flagged2 } = tile);
      if (!flag) return;
      flag.hidden = tile.edit === "dropped";
      flag.textContent = flagged2 ? "⚑" : "⚐";
      flag.title = flagged2 ? "remove the flag" : "flag this example";
      flag.setAttribute("aria-pressed", String(flagged2));
    }
  };
}
var tiles_default = { initialize: careForCell, render };
export {
  tiles_default as default
};
