// Alerts during training: the latest ones in the bar, and a mark in the page's title until the user
// has read them.

import { make, named } from "./dom";
import { makePlainButton } from "./steer/fields";
import type { AlertRow } from "./messages";

const MARK = "(!) ";
const LEVELS = ["info", "warning", "error"];
const SHOWN = 3;

/** The views of this page with unread alerts; widgets are separate scripts and share it here. */
function unread(): Set<string> {
  const shared = globalThis as { workbenchUnread?: Set<string> };
  return (shared.workbenchUnread ??= new Set());
}

function markTitle(): void {
  const marked = document.title.startsWith(MARK);
  if (unread().size && !marked) document.title = MARK + document.title;
  if (!unread().size && marked) document.title = document.title.slice(MARK.length);
}

let watcher: MutationObserver | null = null;

/** Marks the title again whenever the page sets another one. */
function followTitle(): void {
  if (watcher || !unread().size) return;
  watcher = new MutationObserver(() => {
    markTitle();
    if (unread().size) return;
    watcher?.disconnect();
    watcher = null;
  });
  watcher.observe(document.head, { subtree: true, childList: true, characterData: true });
}

export class Alerts {
  readonly #box: HTMLElement;
  readonly #list: HTMLElement;
  readonly #view: string;
  #count: number | null = null;
  #read = 0;
  #drawn = "";

  constructor(parent: HTMLElement, view: string) {
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
      },
    );
    this.#box.hidden = true;
  }

  update(alerts: readonly AlertRow[], count: number): void {
    const isNew = count > (this.#count ?? 0);
    const first = this.#count === null;
    this.#count = count;
    this.#read = Math.min(this.#read, count); // after a rewind there are fewer
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
  read(): void {
    unread().delete(this.#view);
    markTitle();
  }
}
