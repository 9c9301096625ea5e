import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { KEY, KEYS, listenToKeys, makeKeyList, sendKey } from "../src/keys";
import { make } from "../src/dom";

let box: HTMLElement;
let area: HTMLElement;
let end: () => void;
const act = vi.fn<(key: string) => void>();

beforeEach(() => {
  area = document.createElement("div");
  area.className = "jp-OutputArea";
  document.body.replaceChildren(area);
  box = make("div", "", area);
  end = listenToKeys(box, act);
});
afterEach(() => {
  end();
  vi.resetAllMocks();
});

function press(target: HTMLElement, key: string, more: KeyboardEventInit = {}) {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

it.each([" ", ".", "[", "]", "f", "l", "?"])("acts on %j in the view", (key) => {
  expect(press(box, key).defaultPrevented).toBe(true);
  expect(act).toHaveBeenCalledExactlyOnceWith(key);
});

it("leaves all other keys alone", () => {
  for (const key of ["a", "Enter", "Tab", "ArrowUp"]) {
    expect(press(box, key).defaultPrevented).toBe(false);
  }
  press(box, "f", { ctrlKey: true });
  press(box, "f", { metaKey: true });
  press(area, "f");
  expect(act).not.toHaveBeenCalled();
});

it("does not act while the user types, nor twice on a button", () => {
  const field = make("input", "", box);
  const list = make("select", "", box);
  const button = make("button", "", box);
  for (const key of [" ", ".", "f", "?"]) press(field, key);
  press(list, "f");
  press(button, " ");
  expect(act).not.toHaveBeenCalled();
  press(button, "f");
  const slider = make("input", "", box);
  slider.type = "range";
  press(slider, "[");
  expect(act.mock.calls).toEqual([["f"], ["["]]);
});

it("acts once while a key is held down, except for steps", () => {
  press(box, "f", { repeat: true });
  press(box, ".", { repeat: true });
  expect(act.mock.calls).toEqual([["."]]);
});

it("keeps shortcuts of the notebook away from plain keys only", () => {
  press(box, "f");
  expect(box.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  press(box, "s", { ctrlKey: true });
  expect(box.hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
});

it("tells the other parts of the view, and hears keys of theirs", () => {
  const heard: string[] = [];
  area.addEventListener(KEY, (event) => heard.push((event as CustomEvent<string>).detail));
  press(box, "l");
  expect(heard).toEqual(["l"]);
  const plot = make("div", "", area);
  plot.dispatchEvent(new CustomEvent(KEY, { bubbles: true, detail: "f" }));
  const elsewhere = make("div", "", document.body);
  elsewhere.dispatchEvent(new CustomEvent(KEY, { bubbles: true, detail: "." }));
  expect(act.mock.calls).toEqual([["l"], ["f"]]);
});

it("leaves keys of others alone if the view has several bars", () => {
  const bars = [box, make("div", "", area)];
  for (const bar of bars) bar.dataset.testid = "controls";
  const plot = make("div", "", area);
  sendKey(plot, ".");
  sendKey(bars[1] ?? plot, " ");
  expect(act).not.toHaveBeenCalled();
  press(box, ".");
  expect(act.mock.calls).toEqual([["."]]);
});

it("hears keys within a shadow root, where dashboards have their parts", () => {
  const root = make("div", "", document.body).attachShadow({ mode: "open" });
  const section = document.createElement("section");
  section.className = "wbd-section";
  root.append(section);
  const [bar, plot] = [make("div", "", section), make("div", "", section)];
  const heard = vi.fn();
  const endBar = listenToKeys(bar, heard);
  sendKey(plot, "f");
  endBar();
  expect(heard).toHaveBeenCalledExactlyOnceWith("f");
  expect(act).not.toHaveBeenCalled();
});

it("lists the keys", () => {
  const toggle = makeKeyList(box, box);
  const list = box.querySelector<HTMLElement>('[data-testid="keys"]');
  const button = box.querySelector("button");
  expect([list?.hidden, button?.getAttribute("aria-expanded")]).toEqual([true, "false"]);
  toggle();
  expect([list?.hidden, button?.getAttribute("aria-expanded")]).toEqual([false, "true"]);
  expect(list?.querySelectorAll("kbd").length).toBe(KEYS.length);
});

it("keeps Escape in a field, and lets it leave the view elsewhere", () => {
  const field = make("input", "", box);
  const button = make("button", "", box);
  const kept = (target: HTMLElement, key: string) => {
    press(target, key);
    return target.hasAttribute("data-lm-suppress-shortcuts");
  };
  expect([kept(field, "Escape"), kept(button, "Escape")]).toEqual([true, false]);
  expect([kept(button, "d"), kept(button, "ArrowDown")]).toEqual([true, true]);
  expect(box.hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
});

it("closes the list of keys with Escape, which then does not leave the view", () => {
  makeKeyList(box, box)();
  const button = make("button", "", box);
  press(button, "Escape");
  expect(box.querySelector<HTMLElement>('[data-testid="keys"]')?.hidden).toBe(true);
  expect(button.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  press(button, "Escape");
  expect(button.hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
});
