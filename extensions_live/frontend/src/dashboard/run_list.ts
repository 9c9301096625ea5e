// The list of the runs of a database: a name shows that run alone, a box adds it to the comparison.

import { make, named } from "../dom";
import type { RunRow } from "../messages";

/** Returns the runs to show after a click on the box of `uuid`. */
export function toggled(rows: readonly RunRow[], uuid: string): string[] {
  return rows.filter((row) => row.shown !== (row.uuid === uuid)).map((row) => row.uuid);
}

/** Fills `parent` with `rows`; `select` is called with the runs to show. */
export function showRuns(
  parent: HTMLElement,
  rows: readonly RunRow[],
  select: (runs: string[]) => void,
): void {
  const focus = (parent.getRootNode() as Document | ShadowRoot).activeElement?.id;
  parent.replaceChildren();
  const list = named("runs", make("ul", "wbd-runs", parent));
  list.setAttribute("aria-label", "runs");
  for (const row of rows) {
    const item = make("li", "wbd-run", list);
    item.dataset.uuid = row.uuid;
    item.dataset.state = row.state;
    item.classList.toggle("wbd-shown", row.shown);
    if (row.colour) item.style.setProperty("--wbd-colour", row.colour);
    const box = make("input", "wbd-box", item);
    box.type = "checkbox";
    box.id = `box-${row.uuid}`;
    box.checked = row.shown;
    box.setAttribute("aria-label", `compare ${row.name}`);
    box.title = "compare with the other runs that are shown";
    box.addEventListener("change", () => {
      select(toggled(rows, row.uuid));
    });
    const button = make("button", "wbd-name", item);
    button.type = "button";
    button.id = `run-${row.uuid}`;
    button.title = "show this run alone";
    if (row.shown) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      select([row.uuid]);
    });
    const top = make("span", "wbd-line", button);
    make("b", "", top, row.name);
    make("span", "wbd-state", top, row.state);
    make("span", "wbd-soft", button, `${row.iterations} iterations · ${row.epochs} epochs`);
    make("span", "wbd-soft", button, [row.created, row.origin].filter(Boolean).join(" · "));
    if (row.detail) make("span", "wbd-soft wbd-detail", button, row.detail);
  }
  if (focus) list.querySelector<HTMLElement>(`[id="${focus}"]`)?.focus();
}
