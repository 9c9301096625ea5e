import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { focusOf, make } from "../src/dom";
import { followColours, followZoom } from "../src/looks";

const asked = new Map<string, EventTarget>();

beforeEach(() => {
  asked.clear();
  vi.stubGlobal("matchMedia", (query: string) => {
    const target = new EventTarget();
    asked.set(query, target);
    return target;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

function change(query: string) {
  asked.get(query)?.dispatchEvent(new Event("change"));
}

it("notices a dark theme and forced colours until it ends", () => {
  const changed = vi.fn();
  const end = followColours(changed);
  change("(prefers-color-scheme: dark)");
  change("(forced-colors: active)");
  expect(changed).toHaveBeenCalledTimes(3);
  end();
  change("(forced-colors: active)");
  expect(changed).toHaveBeenCalledTimes(3);
});

it("notices each change of the zoom until it ends", () => {
  const changed = vi.fn();
  vi.stubGlobal("devicePixelRatio", 1);
  const end = followZoom(changed);
  vi.stubGlobal("devicePixelRatio", 2);
  change("(resolution: 1dppx)");
  change("(resolution: 2dppx)");
  expect(changed).toHaveBeenCalledTimes(2);
  end();
  change("(resolution: 2dppx)");
  expect(changed).toHaveBeenCalledTimes(2);
});

it("finds the focus also within the shadow root of a dashboard", () => {
  const host = make("div", "", document.body);
  const inner = make("button", "", document.body);
  host.attachShadow({ mode: "open" }).append(inner);
  inner.focus();
  expect(document.activeElement).toBe(host);
  expect(focusOf(inner)).toBe(inner);
});
