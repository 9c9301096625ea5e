// Shows views that a page failed to show. A page that is very busy while it loads reports "model
// not found" for a widget and does not try again, although the widget arrives later.

import type { LiveState } from "./messages";
import type { Cells, Model, Output } from "./model";

const SHOWS = "application/vnd.jupyter.widget-view+json";
const GIVEN_UP = ".jp-Cell .jp-OutputArea-output.jupyter-widgets";
const LOOKS = [1000, 3000, 6000, 12_000]; // ms after the widget is initialised

/** Checks a few times for outputs of `model` that the page failed to show, and shows them. */
export function reviveViews(model: Model<LiveState>): void {
  for (const wait of LOOKS) {
    setTimeout(() => {
      revive(model.widget_manager?.context?.model?.cells, model.get("ident"));
    }, wait);
  }
}

function revive(cells: Cells | undefined, ident: string): void {
  for (const dead of document.querySelectorAll(GIVEN_UP)) {
    const cell = dead.closest<HTMLElement>(".jp-Cell");
    const child = dead.closest(".jp-OutputArea-child");
    const outputs = cells?.get(Number(cell?.dataset.windowedListIndex))?.outputs;
    if (!outputs || !child?.parentElement) continue;
    const place = [...child.parentElement.children].indexOf(child);
    const output = outputs.length > place ? outputs.get(place).toJSON() : null;
    if (!output || shownModel(output) !== ident) continue;
    dead.classList.remove("jupyter-widgets"); // still.css recognises a failed output by this class
    outputs.set(place, output);
  }
}

/** Returns the id of the widget that an output shows. */
function shownModel(output: Output): unknown {
  const view = output.data?.[SHOWS] as { model_id?: unknown } | undefined;
  return view?.model_id;
}
