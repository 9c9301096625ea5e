// The widgets `Samples` and `Mistakes`: examples with what the network makes of them.

import { careForCell } from "../cell";
import { make, named } from "../dom";
import { makeFrame } from "../inside/frame";
import { bytesOf, paint } from "../inside/pixels";
import { percent } from "../inside/time";
import type { Tile, TilesPayload, TilesState } from "../messages";
import type { Rendering } from "../model";

function render({ model, el }: Rendering<TilesState>) {
  const { content, choose, run } = makeFrame<TilesPayload>(model, el, "tiles-view");
  const summary = named("summary", make("div", "wb-inside-summary", content));
  const note = make("div", "wb-note", content);
  const list = named("tiles", make("ul", "wb-tiles", content));
  return run((payload) => {
    summary.textContent = payload.summary;
    note.textContent = payload.note;
    const [images, outputs] = [bytesOf(payload.images), bytesOf(payload.outputs)];
    const focused = list.querySelector<HTMLElement>("button:focus")?.dataset.index;
    list.replaceChildren();
    payload.tiles.forEach((tile, i) => {
      const item = make("li", "wb-tile", list);
      item.dataset.index = String(tile.index);
      if (tile.right !== null) item.dataset.right = String(tile.right);
      const pair = make("div", "wb-tile-images", item);
      for (const bytes of [images, outputs]) {
        if (!bytes.length) continue;
        const canvas = make("canvas", "wb-tile-image", pair);
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `example ${String(tile.index)}`);
        paint(canvas, bytes, i, payload);
      }
      if (tile.text) make("div", "wb-tile-text", item, tile.text);
      describe(tile, item);
      if (model.get("flags")) addFlag(tile, item, choose);
    });
    if (focused !== undefined) {
      list.querySelector<HTMLElement>(`button[data-index="${focused}"]`)?.focus();
    }
  });
}

/** Shows prediction and truth; marks a wrong one by a sign as well as by its colour. */
function describe(tile: Tile, item: HTMLElement): void {
  const line = make("div", "wb-tile-line", item);
  if (tile.guess) {
    const sign = tile.right === null ? "" : tile.right ? "✓ " : "✗ ";
    make("b", "wb-tile-guess", line, sign + tile.guess).title = "prediction";
  }
  if (tile.sure !== null) make("span", "wb-soft", line, percent(tile.sure));
  if (tile.truth && tile.right !== true) make("div", "wb-soft", item, `truth ${tile.truth}`);
  if (tile.loss) make("div", "wb-soft", item, `loss ${tile.loss}`);
}

function addFlag(
  tile: Tile,
  item: HTMLElement,
  choose: (what: string, value: string) => void,
): void {
  const button = make("button", "wb-flag", item, tile.flagged ? "⚑" : "⚐");
  button.type = "button";
  button.dataset.index = String(tile.index);
  button.title = tile.flagged ? "remove the flag" : "flag this example";
  button.setAttribute("aria-label", `flag example ${String(tile.index)}`);
  button.setAttribute("aria-pressed", String(tile.flagged));
  button.addEventListener("click", () => {
    choose(tile.flagged ? "unflag" : "flag", String(tile.index));
  });
}

export default { initialize: careForCell, render };
