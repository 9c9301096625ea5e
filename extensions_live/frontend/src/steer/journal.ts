// The branches of a run, with their differences, and the table of its interventions.

import { focusOf, make, named } from "../dom";
import { makePlainButton, ReceiptLine, type Send } from "./fields";
import type { BranchRow, InterventionRow, Receipt, SteerPayload } from "../messages";

const FEW = 4; // branches that are shown until the user wants all of them

export class Journal {
  readonly #send: Send;
  readonly #branches: HTMLElement;
  readonly #list: HTMLElement;
  readonly #all: HTMLButtonElement;
  readonly #older: HTMLElement;
  readonly #receipt: ReceiptLine;
  readonly #changes: HTMLDetailsElement;
  readonly #count: HTMLElement;
  readonly #body: HTMLElement;
  readonly #more: HTMLElement;
  #drawn = "";
  #open = false;
  #now: SteerPayload | null = null;

  constructor(parent: HTMLElement, send: Send, title = "") {
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
    frame.tabIndex = 0; // so that it can be scrolled with keys
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", `changes to training${title && ` of ${title}`}`);
    const table = make("table", "", frame);
    const row = make("tr", "", make("thead", "", table));
    for (const name of ["iteration", "time", "what", "old", "new", "by"]) make("th", "", row, name);
    this.#body = make("tbody", "", table);
    this.#more = make("div", "wb-words", this.#changes);
  }

  update(now: SteerPayload, receipts: readonly Receipt[]): void {
    this.#receipt.show(receipts, null);
    const { branches, more_branches: older, interventions, more_interventions: more } = now;
    const drawn = JSON.stringify([branches, older, interventions, more]);
    if (drawn === this.#drawn) return; // so that focus and selection are kept
    this.#drawn = drawn;
    this.#now = now;
    this.#showBranches(now);
    this.#changes.hidden = interventions.length === 0;
    this.#count.textContent = String(interventions.length + more);
    this.#body.replaceChildren();
    for (const change of interventions) this.#change(change);
    this.#more.textContent = more
      ? `and ${more} earlier; session.interventions contains all of them`
      : "";
  }

  /** Shows the newest branches, or all; a button that stays keeps the focus. */
  #showBranches({ branches, more_branches: older }: SteerPayload): void {
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
    this.#older.textContent =
      this.#open && older ? `and ${older} earlier; session.branches contains all of them` : "";
    const buttons = [...this.#list.querySelectorAll("button")];
    if (focused) buttons.find(({ dataset }) => dataset.branch === focused)?.focus();
  }

  #branch({ name, start, end, difference }: BranchRow): void {
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

  #change(change: InterventionRow): void {
    const row = make("tr", "", this.#body);
    make("td", "wb-count", row, change.iteration.toLocaleString("en"));
    make("td", "wb-count", row, change.time.slice(11)).title = change.time; // without the date
    for (const text of [change.what, change.old, change.new, change.by]) {
      make("td", "", row, text).title = text;
    }
  }
}
