// The widgets `Samples` and `Mistakes`: examples with the predictions of the network. An example
// keeps its element, and nothing moves under the pointer or the focus, so that no click is lost.

import { careForCell } from "../cell";
import { make, named } from "../dom";
import { makeEditBar } from "../inside/edit_bar";
import { makeFrame } from "../inside/frame";
import { bytesOf, paint } from "../inside/pixels";
import { percent } from "../inside/time";
import type { LiveState, Tile, TilesPayload, TilesState } from "../messages";
import type { Model, Rendering } from "../model";

const HELD_BY_POINTER = "The order is held while the pointer is on the examples.";
const HELD_BY_FOCUS = "The order is held while an example has the focus.";

/** One example on the page. */
interface Card {
  readonly item: HTMLElement;
  readonly update: (tile: Tile, place: number, payload: TilesPayload) => void;
}

function render({ model, el }: Rendering<TilesState>) {
  const { box, content, choose, run } = makeFrame<TilesPayload>(model, el, "tiles-view");
  const head = make("div", "wb-tiles-head", content);
  const summary = named("summary", make("div", "wb-inside-summary", head));
  const plain = model as unknown as Model<LiveState>;
  const showEdits = model.get("flags") ? makeEditBar(plain, box, content, choose) : null;
  const note = model.get("flags") ? make("div", "wb-held", head) : null;
  note?.setAttribute("role", "status");
  const list = named("tiles", make("ul", "wb-tiles", content));
  const cards = new Map<number, Card>();
  let latest: TilesPayload | null = null;
  let pointed = false;

  const held = () => cards.size > 0 && (pointed || list.querySelector(":focus-visible") !== null);
  const arrange = () => {
    if (!latest) return;
    const payload = latest;
    const { images, outputs, tiles } = payload;
    const double = bytesOf(images).length > 0 && bytesOf(outputs).length > 0;
    list.classList.toggle("wb-wide", double || tiles.some(({ text }) => text));
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
      const tile = place === undefined ? undefined : payload.tiles[place];
      card.item.classList.toggle("wb-stale", !tile);
      if (tile && place !== undefined) card.update(tile, place, payload);
    }
    const order = [...list.children].map((item) => (item as HTMLElement).dataset.index);
    const same = order.join() === payload.tiles.map(({ index }) => index).join();
    const text = same ? "" : pointed ? HELD_BY_POINTER : HELD_BY_FOCUS;
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

function makeTile(
  index: number,
  list: HTMLElement,
  flags: boolean,
  choose: (what: string, value: string) => void,
): Card {
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
  let flagged = false;
  const flag = flags ? make("button", "wb-flag", item) : null;
  if (flag) {
    flag.type = "button";
    flag.setAttribute("aria-label", `flag example ${String(index)}`);
    flag.addEventListener("click", () => {
      choose(flagged ? "unflag" : "flag", String(index));
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
      // A sign in addition to the colour, for users who cannot tell the colours apart.
      const sign = tile.right === null ? "" : tile.right ? "✓ " : "✗ ";
      guess.textContent = tile.guess && sign + tile.guess;
      sure.textContent = tile.sure === null ? "" : percent(tile.sure);
      truth.textContent =
        tile.truth && (tile.right !== true || tile.edit) ? `truth ${tile.truth}` : "";
      loss.textContent = tile.loss && `loss ${tile.loss}`;
      ({ flagged } = tile);
      if (!flag) return;
      flag.hidden = tile.edit === "dropped";
      flag.textContent = flagged ? "⚑" : "⚐";
      flag.title = flagged ? "remove the flag" : "flag this example";
      flag.setAttribute("aria-pressed", String(flagged));
    },
  };
}

export default { initialize: careForCell, render };
