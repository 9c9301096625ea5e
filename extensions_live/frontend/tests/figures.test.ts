import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Embedded, Figure } from "../src/bokeh";
import { makeCard } from "../src/card";
import { fill } from "../src/figures";
import { placeAt, readout } from "../src/readout";
import type { AxisName, CurveData, LineInfo, PlotPayload, PlotState } from "../src/messages";
import { fakeObserver, FakeModel, LIVE } from "./fakes";

vi.mock("../src/pace", () => import("./at_once"));

function curve(x: number[], y: number[], marks: number[] = []): CurveData {
  const view = (values: number[]) => new DataView(Float64Array.from(values).buffer);
  return { x: view(x), y: view(y), marks: view(marks), dots_x: view([]), dots_y: view([]) };
}

function points(x: number[], y: number[]) {
  const none = new Float64Array(0);
  const [line, values] = [Float64Array.from(x), Float64Array.from(y)];
  return {
    x: line,
    y: values,
    marks: none,
    dotsX: none,
    dotsY: none,
    smoothX: none,
    smoothY: none,
    keptX: none,
    keptY: none,
  };
}

const LINES: LineInfo[][] = [
  [
    {
      key: "cost",
      run: "",
      channel: "cost",
      label: "cost",
      colour: "red",
      dash: [],
      shape: "circle",
    },
  ],
];

describe("readout", () => {
  const known = new Map([
    ["cost", points([0, 1000], [3, 4])],
    ["lost", points([0, 1000], [NaN, NaN])],
    ["test", points([0, 600], [5, 6])],
  ]);
  const latest = { cost: "4", later: "7" };

  it("gives the latest values if there is no pointer", () => {
    expect(readout(["cost", "later", "test"], known, latest, null)).toEqual(["4", "7", ""]);
    expect(placeAt(["cost"], known, null)).toBe("");
  });

  it("gives the values nearest to the pointer, and the nearest iteration of all", () => {
    const keys = ["cost", "test", "lost", "later"];
    expect(readout(keys, known, latest, 900)).toEqual(["4.000", "6.000", "–", "7"]);
    expect(placeAt(keys, known, 900)).toBe("iteration 1,000");
    expect(placeAt(["cost", "test"], known, 510)).toBe("iteration 600");
  });

  it("names no iteration if no value can be shown", () => {
    expect(readout(["lost"], known, latest, 900)).toEqual(["–"]);
    expect(placeAt(["lost"], known, 900)).toBe("");
  });
});

describe("fill", () => {
  type Handler = (event: { x: number; sx?: number }) => void;
  const handlers = new Map<string, Handler>();
  const data: Record<string, Record<string, Float64Array>> = {};
  const range = {
    start: 2,
    end: 8,
    have_updated_interactively: false,
    setv: (properties: object) => Object.assign(range, properties),
  };
  const rangeY = {
    start: 0,
    end: 1,
    have_updated_interactively: false,
    setv: (properties: object) => Object.assign(rangeY, properties),
  };
  const glyph = {
    line_width: 0,
    line_alpha: 1,
    setv: (properties: object) => Object.assign(glyph, properties),
  };
  const line = { tags: ["cost", "line"], visible: true, glyph };
  const axis = { setv: vi.fn() };
  const setFigure = vi.fn();
  const create = vi.fn((type: string) => ({ type }));
  const reset = vi.fn();
  const remove = vi.fn();
  const box = document.createElement("div");
  let model: FakeModel<PlotState>;
  let card: ReturnType<typeof makeCard>;
  let frame: { bbox: Record<string, number> } | undefined;
  let end: () => void;

  const payload = (notes = {}, marks: number[] = []): PlotPayload =>
    ({
      curves: { cost: curve([1, 2, 3], [9, 8, 7], marks) },
      latest: { cost: "7" },
      notes,
    }) as unknown as PlotPayload;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("matchMedia", () => new EventTarget());
    fakeObserver("ResizeObserver");
    const figure = {
      x_range: range,
      y_range: rangeY,
      renderers: [line],
      center: [],
      below: [axis],
      left: [axis],
      setv: setFigure,
      toolbar: { tools: [] },
      on_event: (name: string, handler: Handler) => handlers.set(name, handler),
    } as unknown as Figure;
    const views = {
      document: {
        roots: () => [figure],
        get_model_by_name: (name: string) => ({
          set data(value: Record<string, Float64Array>) {
            data[name] = value;
          },
        }),
      },
      view: () => ({
        canvas_view: { events_el: document.createElement("div") },
        get frame() {
          return frame;
        },
        reset,
      }),
      create,
      remove,
    } as unknown as Embedded;
    const state = { ...LIVE, title: "", lines: LINES, figures: "" };
    model = new FakeModel<PlotState>({ ...state, bokehjs: "", payload: {} });
    card = makeCard(LINES[0] ?? [], box);
    Object.assign(range, { start: 2, end: 8, have_updated_interactively: false });
    rangeY.have_updated_interactively = false;
    end = fill(model, box, [card], views);
  });
  afterEach(() => {
    end();
    box.replaceChildren();
    delete box.dataset.updates;
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("shows that it waits until there are points", () => {
    expect(card.waiting.hidden).toBe(false);
    model.update("payload", payload());
    expect(card.waiting.hidden).toBe(true);
    expect(card.keys[0]?.value.textContent).toBe("7");
  });

  it("shows faintly what a rewind ended, and compares or hides it", () => {
    const tail = {
      ...curve([1, 2], [9, 8]),
      kept_x: curve([2, 3], []).x,
      kept_y: curve([2, 7], []).x,
    };
    const kept = { start: 2, text: "faint: iteration 3" };
    model.update("payload", { ...payload(), curves: { cost: tail }, kept });
    expect(data["kept:cost"]).toEqual({ x: Float64Array.of(2, 3), y: Float64Array.of(2, 7) });
    const note = box.querySelector<HTMLElement>('[data-testid="kept"]');
    const [compare, hide] = note?.querySelectorAll("button") ?? [];
    expect(note?.textContent).toContain("faint: iteration 3");
    compare?.click();
    expect(model.sent.at(-1)).toMatchObject({ kind: "compare", start: 2 });
    hide?.click();
    expect(note?.hidden).toBe(true);
  });

  it("replaces all numbers with every payload", () => {
    model.update("payload", payload({}, [2, 3]));
    expect(data["curve:cost"]).toEqual({
      x: Float64Array.of(1, 2, 3),
      y: Float64Array.of(9, 8, 7),
    });
    expect(data["marks:cost"]?.y).toEqual(Float64Array.of(0.03, 0.03));
    expect(card.broken.hidden).toBe(false);
    model.update("payload", payload());
    expect(data["marks:cost"]?.x).toHaveLength(0);
    expect(card.broken.hidden).toBe(true);
    expect(box.dataset).toMatchObject({ last: "3", points: "3", updates: "3" });
  });

  it("names the axis by the numbers that are drawn, not by those that were asked for", () => {
    const axisOf = (kind: AxisName) => ({ kind, missing: {}, iterations: [], values: [] });
    model.update("payload", { ...payload(), axis: axisOf("time") });
    expect(axis.setv).toHaveBeenLastCalledWith(
      expect.objectContaining({ axis_label: "seconds of training" }),
    );
    const choice = box.querySelector<HTMLSelectElement>('[data-testid="x-axis"]');
    if (choice) choice.value = "examples";
    choice?.dispatchEvent(new Event("change"));
    expect(axis.setv).toHaveBeenLastCalledWith(
      expect.objectContaining({ axis_label: "seconds of training" }),
    );
    vi.advanceTimersByTime(1000);
    model.update("payload", { ...payload(), axis: axisOf("examples"), stamp: Infinity });
    vi.advanceTimersByTime(1000);
    expect(axis.setv).toHaveBeenLastCalledWith(expect.objectContaining({ axis_label: "examples" }));
  });

  it("draws dense curves thinner", () => {
    model.update("payload", payload());
    expect(line.glyph.line_width).toBe(2);
    const many = Array.from({ length: 301 }, (_, i) => i);
    model.update("payload", { ...payload(), curves: { cost: curve(many, many) } });
    expect(line.glyph.line_width).toBe(1.25);
  });

  it("explains a missing channel instead of waiting", () => {
    const nothing = { curves: {}, latest: {}, notes: { cost: "no such channel" } };
    model.update("payload", nothing);
    expect(card.note.textContent).toBe("no such channel");
    expect(card.waiting.hidden).toBe(true);
  });

  it("shows the values at the pointer if there is one", () => {
    model.update("payload", payload());
    handlers.get("mousemove")?.({ x: 1.2 });
    expect(card.keys[0]?.value.textContent).toBe("9.000");
    expect(card.at.textContent).toBe("iteration 1");
    handlers.get("mouseleave")?.({ x: 0 });
    expect(card.keys[0]?.value.textContent).toBe("7");
  });

  it("shows no values of an iteration beside the axis", () => {
    model.update("payload", payload());
    frame = { bbox: { left: 40, right: 400, top: 0, bottom: 100 } };
    handlers.get("mousemove")?.({ x: 1.2, sx: 39 });
    frame = undefined;
    expect(card.keys[0]?.value.textContent).toBe("7");
  });

  it("hides and shows a curve by its key", () => {
    card.keys[0]?.button.click();
    expect(line.visible).toBe(false);
    card.keys[0]?.button.click();
    expect(line.visible).toBe(true);
  });

  it("requests the whole range at first, and a part at once and in intervals", () => {
    vi.advanceTimersByTime(1000);
    range.have_updated_interactively = true;
    for (let i = 0; i < 10; i += 1) {
      handlers.get("rangesupdate")?.({ x: 0 });
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(1000);
    expect(model.sent).toEqual([
      { kind: "range", start: null, stop: null },
      { kind: "range", start: 2, stop: 8 },
      { kind: "range", start: 2, stop: 8 },
    ]);
    expect(card.reset.hidden).toBe(false);
    card.reset.click();
    expect(reset).toHaveBeenCalledTimes(1);
  });

  it("removes everything at the end", () => {
    end();
    expect(model.listeners).toBe(0);
    expect(remove).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    expect(model.sent).toEqual([]);
  });
});
