// The views of examples: samples, mistakes, and the confusion matrix.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { rgba } from "../src/inside/pixels";
import type { ConfusionState, Tile, TilesPayload, TilesState } from "../src/messages";
import confusion, { sentence } from "../src/widgets/confusion";
import tiles from "../src/widgets/tiles";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

let el: HTMLElement;

beforeEach(() => {
  fakeObserver("IntersectionObserver");
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => {
  el.remove();
  vi.unstubAllGlobals();
});

function tile(index: number, more: Partial<Tile> = {}): Tile {
  return {
    index,
    text: `example ${String(index)}`,
    truth: "b",
    guess: "a",
    sure: 0.75,
    right: false,
    loss: "",
    flagged: false,
    ...more,
  };
}

function payload(...list: Tile[]): TilesPayload {
  const none = new DataView(new ArrayBuffer(0));
  const size = { width: 0, height: 0, channels: 0 };
  return { tiles: list, images: none, outputs: none, ...size, summary: "all" };
}

function begin(first: TilesPayload, flags = false) {
  const model = new FakeModel<TilesState>({ ...LIVE, payload: first, title: "", flags });
  const end = tiles.render({ model, el });
  const items = () => [...el.querySelectorAll<HTMLElement>(".wb-tile")];
  return {
    model,
    end,
    items,
    order: () =>
      items()
        .map((one) => one.dataset.index)
        .join(),
  };
}

test("a wrong prediction is told by a sign and with its truth", () => {
  const { items, end } = begin(payload(tile(3), tile(4, { right: true, guess: "b" })));
  expect(items()[0]?.textContent).toContain("✗ a75.0 %truth b");
  expect(items()[1]?.textContent).toContain("✓ b");
  expect(items()[1]?.textContent).not.toContain("truth");
  end();
});

test("an example keeps its element in another order", () => {
  const { model, items, order, end } = begin(payload(tile(1), tile(2), tile(3)));
  const [first] = items();
  model.update("payload", payload(tile(3), tile(1), tile(4)));
  expect(order()).toBe("3,1,4");
  expect(items()[1]).toBe(first);
  end();
});

test("nothing moves under the pointer", () => {
  const { model, items, order, end } = begin(payload(tile(1), tile(2)));
  const list = el.querySelector(".wb-tiles");
  list?.dispatchEvent(new Event("pointerenter"));
  model.update("payload", payload(tile(2), tile(3)));
  expect(order()).toBe("1,2");
  expect(items()[0]?.classList.contains("wb-stale")).toBe(true);
  list?.dispatchEvent(new Event("pointerleave"));
  expect(order()).toBe("2,3");
  end();
});

test("a flag is sent, and shown when Python has it", () => {
  const { model, end } = begin(payload(tile(7)), true);
  const button = el.querySelector<HTMLElement>(".wb-flag");
  button?.click();
  expect(model.sent.at(-1)).toEqual({ kind: "choose", what: "flag", value: "7" });
  expect(button?.getAttribute("aria-pressed")).toBe("false");
  model.update("payload", payload(tile(7, { flagged: true })));
  expect(button?.getAttribute("aria-pressed")).toBe("true");
  button?.click();
  expect(model.sent.at(-1)).toEqual({ kind: "choose", what: "unflag", value: "7" });
  end();
});

test("grey values and colours become pixels", () => {
  expect([...rgba(new Uint8Array([1, 2, 3, 4]), 1, 2, 1)]).toEqual([3, 3, 3, 255, 4, 4, 4, 255]);
  expect([...rgba(new Uint8Array([1, 2, 3]), 0, 1, 3)]).toEqual([1, 2, 3, 255]);
});

test("the confusion matrix is a table with heads", () => {
  const counts = new DataView(new Float32Array([3, 1, 0, 4]).buffer);
  const state = { names: ["cat", "dog"], counts, summary: "7 of 8 right", note: "" };
  const model = new FakeModel<ConfusionState>({ ...LIVE, payload: state, title: "" });
  const end = confusion.render({ model, el });
  const cells = [...el.querySelectorAll<HTMLElement>(".wb-cell")];
  expect(cells.map((cell) => cell.textContent)).toEqual(["3", "1", "", "4"]);
  expect(el.querySelectorAll("th[scope=row]")).toHaveLength(2);
  expect(cells[0]?.classList.contains("wb-right")).toBe(true);
  cells[1]?.dispatchEvent(new Event("mouseenter"));
  const pointed = el.querySelector('[data-testid="pointed"]')?.textContent;
  expect(pointed).toBe("truth cat, prediction dog: 1 of 4 examples (25.0 %)");
  end();
});

test("a class without examples has no share", () => {
  expect(sentence(["a", "b"], [0, 0, 1, 1], 0, 1)).toBe("truth a, prediction b: 0 of 0 examples");
});
