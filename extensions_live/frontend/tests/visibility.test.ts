import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { reportVisibility } from "../src/visibility";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

let sight: ReturnType<typeof fakeObserver>;
let model: FakeModel<typeof LIVE>;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  sight = fakeObserver("IntersectionObserver");
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
  model = new FakeModel(LIVE);
  close = reportVisibility(model, document.createElement("div"));
});
afterEach(() => {
  close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What was told so far. */
function told() {
  return model.sent.map((message) => message.kind === "visibility" && message.visible);
}

it("tells at once, under one name for each rendering", () => {
  reportVisibility(model, document.createElement("div"))();
  const names = model.sent.map((message) => message.kind === "visibility" && message.rendering);
  expect(new Set(names).size).toBe(2);
  expect(told()).toEqual([true, true, false]);
});

it("tells when it leaves the sight and comes back, and nothing in between", () => {
  sight.report({ isIntersecting: true });
  sight.report({ isIntersecting: true }, { isIntersecting: false });
  sight.report({ isIntersecting: false });
  sight.report({ isIntersecting: true });
  expect(told()).toEqual([true, false, true]);
});

it("tells when the page is hidden", () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(told()).toEqual([true, false]);
});

it("gives signs of life while it is in sight only", () => {
  vi.advanceTimersByTime(25_000);
  expect(told()).toEqual([true, true, true]);
  sight.report({ isIntersecting: false });
  vi.advanceTimersByTime(60_000);
  expect(told()).toEqual([true, true, true, false]);
});

it("tells again when the comm is open again", () => {
  model.emit("comm_live_update");
  expect(told()).toEqual([true, true]);
});

it("says farewell, and leaves nothing behind", () => {
  close();
  expect(told()).toEqual([true, false]);
  expect(model.listeners).toBe(0);
  expect(sight.active.size).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(told()).toEqual([true, false]);
});
