// The lines below the numbers: the end of the run, going back, forks, and files.

import { focusOf, make, named } from "../dom";
import { makeField, makePlainButton, onEnter, ReceiptLine, wholeNumber, type Send } from "./fields";
import type { CommandName, Receipt, SteerPayload } from "../messages";

const NO_COUNT = "must be a whole number; nothing was sent";

/** A line: a name, its controls, and the receipt of the last of its commands. */
class Line {
  readonly middle: HTMLElement;
  readonly receipt: ReceiptLine;

  constructor(
    name: string,
    label: string,
    parent: HTMLElement,
    readonly commands: readonly CommandName[],
    readonly send: Send,
  ) {
    const box = named(name, make("div", "wb-line", parent));
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", label);
    make("span", "wb-name", box, label);
    this.middle = make("span", "wb-middle", box);
    this.receipt = new ReceiptLine(`${name}-receipt`, box);
  }

  ask(name: CommandName, given: Record<string, unknown> = {}): void {
    this.receipt.sent(this.send(name, given));
  }

  show(receipts: readonly Receipt[]): Receipt | null {
    const last = receipts.filter((one) => this.commands.includes(one.about as CommandName)).at(-1);
    return this.receipt.show(receipts, last ?? null);
  }
}

export class Actions {
  readonly rewind: HTMLInputElement;
  readonly fork: HTMLInputElement;
  readonly #lines: Line[];
  readonly #total: HTMLInputElement;
  readonly #unit: HTMLSelectElement;
  readonly #endButton: HTMLButtonElement;
  readonly #planned: HTMLElement;
  readonly #snapshot: HTMLButtonElement;
  readonly #kept: HTMLDataListElement;
  readonly #path: HTMLInputElement;
  readonly #others: HTMLButtonElement[];
  #now: SteerPayload | null = null;
  #edited = false;
  #drawn = "";

  constructor(parent: HTMLElement, send: Send) {
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
      this.#total.value = String(this.#now?.end[this.#unit.value as "epochs"] ?? "");
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
      numeric: true,
    });
    make("span", "wb-words", apart.middle, "named");
    this.fork = makeField("fork-name", "name of the new session", apart.middle, {
      hint: "chosen for you",
    });
    const forks = () => {
      const iteration = wholeNumber(from, 0);
      if (from.value && iteration === null) {
        apart.receipt.refuse(`"${from.value}" ${NO_COUNT}`);
        return;
      }
      const name = this.fork.value.trim();
      apart.ask("fork", {
        ...(iteration === null ? {} : { iteration }),
        ...(name ? { name } : {}),
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
    const loaded =
      "restore the state of training from this file, and pause; no code in it is executed";
    const load = () => {
      const path = this.#path.value.trim() || this.#now?.last_path;
      if (path) file.ask("load", { path });
      else file.receipt.refuse("nothing was saved yet: type the path of a file to load");
    };
    this.#others.push(makePlainButton("save", "Save", saved, file.middle, save));
    this.#others.push(makePlainButton("load", "Load", loaded, file.middle, load));
    this.#lines = [end, back, apart, file];
  }

  update(now: SteerPayload, receipts: readonly Receipt[], state: string): void {
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

  #showEnd(): void {
    const end = this.#now?.end;
    if (!end) return;
    const unit = end.epochs === null && end.batches !== null ? "batches" : "epochs";
    this.#unit.value = unit;
    this.#total.value = end[unit] === null ? "" : String(end[unit]);
    this.#total.placeholder = "no end";
    const both = end.epochs !== null && end.batches !== null;
    this.#planned.textContent = both ? `${end.batches?.toLocaleString("en")} batches` : "";
  }
}
