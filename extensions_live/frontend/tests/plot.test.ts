import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { fitRanges, iterationAt, padded, placeText, positionOf, spanX, spanY } from "../src/axes";
import type { Figure } from "../src/bokeh";
import { isHidden, labelOf, ordered } from "../src/comparison";
import { listenToKeys } from "../src/keys";
import { onKey } from "../src/plot_keys";
import type { AxisData, LineInfo, PlotPayload, PlotSettings, PlotState } from "../src/messages";
import { duration, type Points } from "../src/numbers";
import { csv } from "../src/save";
import { makeSettings, toggled } from "../src/settings";
import { tableRows } from "../src/table";
import { positionOfSmoothing, smoothingOf } from "../src/toolbar";
import { FakeModel, LIVE } from "./fakes";

const NONE = new Float64Array(0);

function points(x: number[], y: number[]): Points {
  const [line, values] = [Float64Array.from(x), Float64Array.from(y)];
  const dots = { dotsX: NONE, dotsY: NONE, smoothX: NONE, smoothY: NONE };
  const kept = { keptX: NONE, keptY: NONE };
  return { x: line, y: values, marks: NONE, ...dots, ...kept };
}

const EPOCHS: AxisData = { kind: "epoch", missing: {}, iterations: [0, 10], values: [0, 1] };

function fakeSettings() {
  const box = document.createElement("div");
  const state = { ...LIVE, title: "", lines: [], figures: "", bokehjs: "", payload: {} };
  const model = new FakeModel<PlotState>(state);
  return { model, settings: makeSettings(model, box) };
}

describe("ranges", () => {
  const all = { low: 0, high: 100 };

  it("leave out rare extreme values only if they are robust", () => {
    const x = Array.from({ length: 100 }, (_, i) => i);
    const curve = points(
      x,
      x.map((i) => (i === 50 ? 1000 : 1 + i / 100)),
    );
    expect(spanY([curve], all, false, false)).toEqual({ low: 1, high: 1000 });
    expect(spanY([curve], all, false, true)?.high).toBeLessThan(2);
  });

  it("fit the values between the visible positions", () => {
    const curve = points([0, 50, 60, 100], [9, 2, 3, 8]);
    expect(spanY([curve], { low: 40, high: 70 }, false, false)).toEqual({ low: 2, high: 3 });
  });

  it("have only positive numbers on a logarithmic axis", () => {
    const curve = points([0, 1, 2], [-1, 0, 5]);
    expect(spanY([curve], all, true, false)).toEqual({ low: 5, high: 5 });
    expect(spanX([curve], true)).toEqual({ low: 1, high: 2 });
  });

  it("are never empty", () => {
    expect(padded({ low: 5, high: 5 }, 0.1, false)).toEqual({ low: 4.5, high: 5.5 });
    expect(padded({ low: 0, high: 0 }, 0.1, false)).toEqual({ low: -1, high: 1 });
    expect(spanY([points([1], [NaN])], all, false, false)).toBeNull();
    const smoothed = padded({ low: 1e-4, high: 1e-4 + 1e-19 }, 0.1, false);
    expect(smoothed.high - smoothed.low).toBeCloseTo(2e-5);
  });

  it("are positive on a logarithmic axis, whatever the values and the zoom are", () => {
    const range = {
      ...{ start: -1, end: 2, have_updated_interactively: true },
      setv: (properties: object) => Object.assign(range, properties),
    };
    const figure = { x_range: { ...range }, y_range: range } as unknown as Figure;
    const now = { ...fakeSettings().settings.now, log_y: [0] };
    fitRanges([figure], () => [points([0, 9], [-1, 0])], now);
    expect(range).toMatchObject({ start: 1, end: 10 });
  });

  it("stay as they are after the user has zoomed", () => {
    const setv = vi.fn();
    const range = { start: 1, end: 2, have_updated_interactively: true, setv };
    const figure = { x_range: range, y_range: range } as unknown as Figure;
    fitRanges([figure], () => [points([0, 9], [1, 2])], fakeSettings().settings.now);
    expect(setv).not.toHaveBeenCalled();
  });
});

describe("positions", () => {
  it("name the iteration on every axis", () => {
    expect(placeText(undefined, 1200)).toBe("iteration 1,200");
    expect(placeText(EPOCHS, 2.5)).toBe("epoch 2.50, iteration 25");
    expect(placeText({ ...EPOCHS, kind: "time", values: [0, 60] }, 90)).toBe(
      "1 min 30 s, iteration 15",
    );
  });

  it("lead back to the iteration", () => {
    expect(iterationAt(EPOCHS, positionOf(EPOCHS, 37))).toBeCloseTo(37);
  });

  it.each([
    [0, "0 s"],
    [59.6, "1 min"],
    [3700, "1 h 1 min"],
    [90_000, "1 d 1 h"],
  ])("%s seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe("smoothing", () => {
  it("keeps every position of the slider", () => {
    for (let position = 0; position <= 100; position += 1) {
      expect(positionOfSmoothing(smoothingOf(position))).toBe(position);
    }
    expect([smoothingOf(0), smoothingOf(1), smoothingOf(100)]).toEqual([0, 2, 100_000]);
  });
});

describe("settings", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const returned = (settings: Partial<PlotSettings>, stamp: number) =>
    ({ curves: {}, settings, stamp }) as unknown as PlotPayload;

  it("act at once and are sent together after a pause", () => {
    const { model, settings } = fakeSettings();
    settings.change({ smoothing: 3 });
    settings.change({ log_x: true });
    expect(settings.now).toMatchObject({ smoothing: 3, log_x: true });
    expect(model.sent).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(model.sent).toHaveLength(1);
    expect(model.sent[0]).toMatchObject({ settings: { smoothing: 3, log_x: true } });
  });

  it("are not undone by a payload that Python sent before it heard of them", () => {
    const { model, settings } = fakeSettings();
    settings.change({ smoothing: 3 });
    model.update("payload", returned({ smoothing: 0 }, 0));
    settings.heard();
    expect(settings.now.smoothing).toBe(3);
    model.update("payload", returned({ smoothing: 4 }, Date.now() + 1));
    settings.heard();
    expect(settings.now.smoothing).toBe(4);
  });

  it("toggle an item of a list", () => {
    expect(toggled([1, 2], 2)).toEqual([1]);
    expect(toggled([1], 2)).toEqual([1, 2]);
  });
});

describe("comparison", () => {
  const info: LineInfo = {
    key: "b:cost",
    run: "b",
    channel: "cost",
    label: "",
    colour: "",
    dash: [],
    shape: "circle",
  };
  const runs = ["a", "b", "c"].map((key) => ({
    key,
    name: `run ${key}`,
    state: "",
    iterations: 0,
  }));

  it("labels a curve by its run, under the name that the user gave it", () => {
    const { now } = fakeSettings().settings;
    expect(labelOf(info, runs, now)).toBe("run b");
    expect(labelOf({ ...info, label: "cost" }, runs, now)).toBe("cost · run b");
    expect(labelOf(info, runs, { ...now, names: { b: "mine" } })).toBe("mine");
    expect(labelOf({ ...info, run: "", label: "cost" }, [], now)).toBe("cost");
  });

  it("hides all curves of a run", () => {
    const { now } = fakeSettings().settings;
    expect(isHidden(info, now)).toBe(false);
    expect(isHidden(info, { ...now, hidden_runs: ["b"] })).toBe(true);
    expect(isHidden(info, { ...now, hidden: ["b:cost"] })).toBe(true);
  });

  it("puts runs in order, new ones last", () => {
    expect(ordered(runs, ["c", "a"]).map(({ key }) => key)).toEqual(["c", "a", "b"]);
  });
});

describe("files and tables", () => {
  it("join curves by their positions", () => {
    const text = csv("iteration", ['a "b"', "c,d"], [points([1, 2], [3, NaN]), points([2], [5])]);
    expect(text).toBe('iteration,a "b","c,d"\n1,3,\n2,,5\n'.replace('a "b"', '"a ""b"""'));
  });

  it("keep a name with line breaks in one cell", () => {
    expect(csv("iteration", ["a\rb", "c\nd"], [])).toBe('iteration,"a\rb","c\nd"\n');
  });

  it("have rows at positions that exist, from the first to the last", () => {
    const x = Array.from({ length: 100 }, (_, i) => i);
    const rows = tableRows({
      caption: "",
      labels: ["cost", "test"],
      curves: [points(x, x), points([90], [7])],
      axis: undefined,
      visible: { low: 10, high: 60 },
      marks: [],
    });
    expect(rows).toHaveLength(12);
    expect(rows[0]).toEqual(["iteration 10", "10.00", "7.000"]);
    expect(rows.at(-1)?.[0]).toBe("iteration 60");
  });
});

describe("keys", () => {
  afterEach(() => {
    document.body.replaceChildren();
  });

  function area() {
    const outer = document.createElement("div");
    outer.className = "jp-OutputArea";
    const [box, other] = [document.createElement("div"), document.createElement("div")];
    outer.append(box, other);
    document.body.append(outer);
    return { box, other };
  }
  const send = (el: EventTarget) =>
    el.dispatchEvent(new CustomEvent("wb-key", { detail: "l", bubbles: true }));

  it("come from the same output or from the document, and end", () => {
    const act = vi.fn(() => true);
    const [mine, foreign] = [area(), area()];
    const end = onKey(mine.box, act);
    send(mine.other);
    send(foreign.other);
    send(document);
    expect(act).toHaveBeenCalledTimes(2);
    end();
    send(mine.other);
    expect(act).toHaveBeenCalledTimes(2);
  });

  it("that the plot has no use for go to the control bar", () => {
    const { box, other } = area();
    const bar = vi.fn();
    const end = [onKey(box, (key) => key === "l"), listenToKeys(other, bar)];
    for (const key of ["l", " ", "a"]) {
      box.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
    }
    expect(bar.mock.calls).toEqual([[" "]]);
    for (const one of end) one();
  });

  it("do not reach the notebook, and a field keeps its own", () => {
    const act = vi.fn(() => true);
    const notebook = vi.fn();
    const { box } = area();
    const field = box.appendChild(document.createElement("input"));
    document.addEventListener("keydown", notebook);
    const end = onKey(box, act);
    const event = new KeyboardEvent("keydown", { key: "l", bubbles: true, cancelable: true });
    field.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
    expect(act).not.toHaveBeenCalled();
    expect(notebook).not.toHaveBeenCalled();
    end();
    document.removeEventListener("keydown", notebook);
  });
});
