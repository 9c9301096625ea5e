// Tables with the values that a view draws. Screen readers can always read them, and a button makes
// them visible.

import { make, named } from "../dom";

const PAUSE = 2000; // ms between two updates, so that a reader is not interrupted by every record

export interface ValueTable {
  readonly caption: string;
  readonly heads: string[];
  /** The name of each row, followed by its values. */
  readonly rows: string[][];
}

export interface Values {
  /** Shows the tables that `make` returns: now if `key` is new, else at most every two seconds. */
  readonly show: (key: string, make: () => ValueTable[]) => void;
  readonly end: () => void;
}

/** Adds the tables to `parent`, and the button that makes them visible to `head`. */
export function makeValues(name: string, parent: HTMLElement, head: HTMLElement): Values {
  const element = named(`${name}-table`, make("div", "wb-inside-tables wb-unseen", parent));
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "values");
  const button = named("table", make("button", "wb-button wb-small", head, "table"));
  button.type = "button";
  button.title = "show the values as a table";
  let shown = false;
  const toggle = () => {
    button.setAttribute("aria-pressed", String(shown));
    element.classList.toggle("wb-unseen", !shown);
    element.tabIndex = shown ? 0 : -1; // it can be scrolled by keys
  };
  button.addEventListener("click", () => {
    shown = !shown;
    toggle();
  });
  toggle();

  let last = 0;
  let before = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    show(key, tables) {
      clearTimeout(timer);
      const fill = () => {
        [last, before] = [Date.now(), key];
        element.replaceChildren();
        for (const table of tables()) fillTable(make("table", "", element), table);
      };
      const wait = last + PAUSE - Date.now();
      if (key !== before || wait <= 0) fill();
      else timer = setTimeout(fill, wait);
    },
    end: () => {
      clearTimeout(timer);
    },
  };
}

function fillTable(table: HTMLElement, { caption, heads, rows }: ValueTable): void {
  make("caption", "", table, caption);
  const top = make("tr", "", make("thead", "", table));
  for (const head of heads) make("th", "", top, head).scope = "col";
  const body = make("tbody", "", table);
  for (const [name = "", ...cells] of rows) {
    const row = make("tr", "", body);
    make("th", "", row, name).scope = "row";
    for (const cell of cells) make("td", "", row, cell);
  }
}
