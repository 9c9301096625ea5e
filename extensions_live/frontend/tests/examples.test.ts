// The views of examples: samples, mistakes, and the confusion matrix.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { flagged } from "../src/inside/edit_bar";
import { rgba } from "../src/inside/pixels";
import type { ConfusionState, EditBar, Tile, TilesPayload, TilesState } from "../src/messages";
import confusion, { sentence } from "../src/widgets/confusion";
import tiles from "../src/widgets/tiles";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

vi.mock("../src/pace", () => import("./at_once"));

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
    edit: "",
    ...more,
  };
}

function payload(...list: Tile[]): TilesPayload {
  const none = new DataView(new ArrayBuffer(0));
  const size = { width: 0, height: 0, channels: 0 };
  return { tiles: list, images: none, outputs: none, ...size, summary: "all", edit: null };
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

function editing(more: Partial<EditBar> = {}): EditBar {
  const none = { reason: "", no_label: "", receipts: [] };
  return { chosen: [3, 4], classes: ["cat", "dog"], source: "targets", ...none, ...more };
}

function beginEditing(edit: EditBar) {
  const page = begin({ ...payload(tile(3), tile(4)), edit }, true);
  const part = (name: string) => {
    const found = el.querySelector<HTMLSelectElement>(`[data-testid="${name}"]`);
    if (!found) throw new Error(name);
    return found;
  };
  const last = () => page.model.sent.filter((one) => one.kind === "command").at(-1);
  return { ...page, part, last };
}

test("flagged examples are relabelled with the chosen class", async () => {
  const { part, last, end } = beginEditing(editing());
  const label = part("edit-label");
  const button = part("relabel");
  expect(button.disabled).toBe(true);
  label.value = "1";
  label.dispatchEvent(new Event("change"));
  expect(button.disabled).toBe(false);
  button.click();
  await Promise.resolve();
  const given = { examples: [3, 4], value: 1, source: "targets" };
  expect(last()).toMatchObject({ name: "relabel", arguments: given });
  expect(part("edit-receipt").textContent).toBe("sent");
  expect(label.value).toBe("");
  end();
});

test("flagged examples are dropped, and the receipt is shown", async () => {
  const { part, last, model, end } = beginEditing(editing());
  part("drop").click();
  await Promise.resolve();
  expect(last()).toMatchObject({ name: "drop", arguments: { examples: [3, 4] } });
  const request = (last() as { id: string }).id;
  const text = "drop examples 3, 4: applied at iteration 7";
  const receipt = { request, about: "drop", text, state: "applied" as const, code: "" };
  const edit = editing({ chosen: [], receipts: [receipt] });
  model.update("payload", { ...payload(tile(5)), edit });
  expect(part("edit-receipt").textContent).toBe(text);
  end();
});

test("without flags nothing can be edited", () => {
  const { part, end } = beginEditing(editing({ chosen: [] }));
  for (const name of ["edit-label", "relabel", "drop", "unflag-all"])
    expect(part(name).disabled).toBe(true);
  expect(part("edit-text").textContent).toContain("flag examples");
  end();
});

test("the form says why examples cannot be edited", () => {
  const { part, end } = beginEditing(editing({ reason: "they were given" }));
  expect(part("edit-text").textContent).toBe("they were given");
  expect(part("drop").closest<HTMLElement>(".wb-edit-form")?.hidden).toBe(true);
  end();
});

test("labels that are computed can only be changed in code", () => {
  const { part, end } = beginEditing(editing({ no_label: "give the stored label in code" }));
  expect(part("relabel").hidden).toBe(true);
  expect(part("drop").hidden).toBe(false);
  expect(part("edit-note").textContent).toBe("give the stored label in code");
  end();
});

test("a dropped example says so", () => {
  const { items, end } = begin(payload(tile(3, { edit: "dropped" })));
  expect(items()[0]?.dataset.edit).toBe("dropped");
  expect(items()[0]?.querySelector(".wb-tile-badge")?.textContent).toBe("dropped");
  end();
});

test("many flagged examples are counted", () => {
  expect(flagged([1, 2, 3, 4, 5, 6000, 7])).toBe("7 flagged: 1, 2, 3, 4, 5, 6,000, …");
});

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

test("a view with flags says when its order is held", () => {
  const { model, end } = begin(payload(tile(1), tile(2)), true);
  const list = el.querySelector(".wb-tiles");
  const note = el.querySelector("[role=status].wb-held");
  list?.dispatchEvent(new Event("pointerenter"));
  model.update("payload", payload(tile(1), tile(2)));
  expect(note?.textContent).toBe("");
  model.update("payload", payload(tile(2), tile(1)));
  expect(note?.textContent).toBe("The order is held while the pointer is on the examples.");
  list?.dispatchEvent(new Event("pointerleave"));
  expect(note?.textContent).toBe("");
  end();
});

test("a view without flags has no such note", () => {
  const { end } = begin(payload(tile(1), tile(2)));
  expect(el.querySelector(".wb-held")).toBeNull();
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
