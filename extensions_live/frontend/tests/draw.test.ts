import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { shown, whileShown } from "../src/draw";
import { fakeObserver, place } from "./fakes";

let resize: ReturnType<typeof fakeObserver>;

beforeEach(() => {
  vi.useFakeTimers();
  resize = fakeObserver("ResizeObserver");
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("shown", () => {
  it("requires an element in the page that has a size", () => {
    const { el, size } = place();
    expect(shown(el)).toBe(true);
    size.width = 0;
    expect(shown(el)).toBe(false);
    size.width = 100;
    el.remove();
    expect(shown(el)).toBe(false);
  });
});

describe("whileShown", () => {
  it("draws at once if possible, and reports success", async () => {
    const undo = vi.fn();
    const draw = vi.fn(() => Promise.resolve(undo));
    const report = vi.fn();
    const end = whileShown(place().el, draw, report);
    await settle();
    expect(draw).toHaveBeenCalledTimes(1);
    expect(report.mock.calls).toEqual([[null]]);
    end();
    expect(undo).toHaveBeenCalledTimes(1);
    expect(resize.active.size).toBe(0);
  });

  it("waits until the element is in the page and has a size", async () => {
    const { el, size } = place(0);
    const draw = vi.fn(() => Promise.resolve(vi.fn()));
    whileShown(el, draw, vi.fn());
    resize.report();
    await settle();
    expect(draw).not.toHaveBeenCalled();
    size.width = 100;
    resize.report();
    resize.report(); // while it draws
    await settle();
    resize.report(); // when it has drawn
    await settle();
    expect(draw).toHaveBeenCalledTimes(1);
  });

  it("draws again when a detached element is back", async () => {
    const { el, size } = place();
    const draw = vi.fn(() => {
      if (draw.mock.calls.length > 1) return Promise.resolve(vi.fn());
      size.width = 0;
      return Promise.resolve(null);
    });
    const report = vi.fn();
    whileShown(el, draw, report);
    await settle();
    expect(report).not.toHaveBeenCalled();
    size.width = 100;
    resize.report();
    await settle();
    expect(draw).toHaveBeenCalledTimes(2);
    expect(report.mock.calls).toEqual([[null]]);
  });

  it("reports an error only after several attempts in an element that stayed", async () => {
    const draw = vi.fn(() => Promise.reject(new Error("no canvas")));
    const report = vi.fn();
    whileShown(place().el, draw, report);
    await vi.advanceTimersByTimeAsync(6000);
    expect(report).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(draw).toHaveBeenCalledTimes(6);
    expect(report.mock.calls).toEqual([[new Error("no canvas")]]);
  });

  it("reports no error if a later attempt succeeds", async () => {
    const draw = vi.fn(() =>
      draw.mock.calls.length < 3
        ? Promise.reject(new Error("too early"))
        : Promise.resolve(vi.fn()),
    );
    const report = vi.fn();
    whileShown(place().el, draw, report);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(draw).toHaveBeenCalledTimes(3);
    expect(report.mock.calls).toEqual([[null]]);
  });

  it("removes a drawing that finishes after the end, and does not draw again", async () => {
    const undo = vi.fn();
    const draw = vi.fn(() => Promise.resolve(undo));
    const report = vi.fn();
    const end = whileShown(place().el, draw, report);
    end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(undo).toHaveBeenCalledTimes(1);
    expect(draw).toHaveBeenCalledTimes(1);
    expect(report).not.toHaveBeenCalled();
  });
});
