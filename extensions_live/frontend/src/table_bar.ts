// The bar above a table of a log: condition, choice of columns, copying, and counts.

import { focusOf, make, named } from "./dom";
import type { LogTablePayload, RowsMessage } from "./messages";

const MANY = 12; // channels; with more of them, the list can be searched

export interface TableBar {
  /** Shows counts, the error of the condition, and the columns that can be chosen. */
  readonly show: (now: LogTablePayload, held: boolean) => void;
  /** Shows a text about the last action. */
  readonly say: (text: string) => void;
}

/** Functions that the bar calls when the user requests something. */
export interface TableActions {
  readonly choose: (condition: string) => void;
  readonly columns: (names: RowsMessage["columns"]) => void;
  readonly copy: () => void;
  readonly newest: () => void;
}

/** Appends the bar to `parent`. */
export function makeTableBar(parent: HTMLElement, actions: TableActions): TableBar {
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
  const addChoice = (name: string, text: string, columns: RowsMessage["columns"]) => {
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
    event.stopPropagation(); // a notebook has shortcuts with single keys
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

  const fillChoices = (now: LogTablePayload) => {
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
      const rows = (count: number) => `${count.toLocaleString("en")} row${count === 1 ? "" : "s"}`;
      const chosen = now.condition && !now.error;
      counts.textContent = chosen
        ? `${now.total.toLocaleString("en")} of ${rows(now.all)}`
        : rows(now.all);
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
    },
  };
}
