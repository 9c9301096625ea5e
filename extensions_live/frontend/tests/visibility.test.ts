import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { reportVisibility } from "../src/visibility";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

let observer: ReturnType<typeof fakeObserver>;
let model: FakeModel<typeof LIVE>;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  observer = fakeObserver("IntersectionObserver");
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
  model = new FakeModel(LIVE);
  close = reportVisibility(model, document.createElement("div"));
});
afterEach(() => {
  close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Returns the visibility in every report so far. */
function reported() {
  return model.sent.map((message) => message.kind === "visibility" && message.visible);
}

it("reports at once, with a name of its own for each rendering", () => {
  reportVisibility(model, document.createElement("div"))();
  const names = model.sent.map((message) => message.kind === "visibility" && message.rendering);
  expect(new Set(names).size).toBe(2);
  expect(reported()).toEqual([true, true, false]);
});

it("reports that it becomes invisible and visible, and nothing in between", () => {
  observer.report({ isIntersecting: true });
  observer.report({ isIntersecting: true }, { isIntersecting: false });
  observer.report({ isIntersecting: false });
  observer.report({ isIntersecting: true });
  expect(reported()).toEqual([true, false, true]);
});

it("reports that the page is hidden", () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(reported()).toEqual([true, false]);
});

it("reports regularly while it is visible only", () => {
  vi.advanceTimersByTime(25_000);
  expect(reported()).toEqual([true, true, true]);
  observer.report({ isIntersecting: false });
  vi.advanceTimersByTime(60_000);
  expect(reported()).toEqual([true, true, true, false]);
});

it("reports on the control channel while a cell runs, and on the widget's own while none does", () => {
  const heard: unknown[] = [];
  const kernel = {
    status: "busy",
    connectionStatus: "connected",
    sendControlMessage: (request: object) => {
      heard.push((request as { content: { message: unknown } }).content.message);
      return { done: Promise.resolve({ content: { status: "ok" } }) };
    },
  };
  const busy = new FakeModel({ ...LIVE, has_control_channel: true }, { kernel });
  const end = reportVisibility(busy, document.createElement("div"));
  observer.report({ isIntersecting: false });
  observer.report({ isIntersecting: true });
  expect(heard).toMatchObject([
    { kind: "visibility", visible: true, number: 1 },
    { kind: "visibility", visible: false, number: 2 },
    { kind: "visibility", visible: true, number: 3 },
  ]);
  expect(busy.sent).toEqual([]);
  kernel.status = "idle";
  end();
  expect(busy.sent).toMatchObject([{ visible: false, number: 4 }]);
});

it("reports again when the comm is open again", () => {
  model.emit("comm_live_update");
  expect(reported()).toEqual([true, true]);
});

it("reports when it is closed, and removes all listeners", () => {
  close();
  expect(reported()).toEqual([true, false]);
  expect(model.listeners).toBe(0);
  expect(observer.active.size).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(reported()).toEqual([true, false]);
});
