import { describe, expect, it, vi } from "vitest";

import type { Figure } from "../src/bokeh";
import { makeCard } from "../src/card";
import { lengthOf, makeDashes, within } from "../src/dashes";
import type { Points } from "../src/numbers";
import { shapePlaces } from "../src/shapes";

const NONE = new Float64Array(0);
const UNIT = { low: 0, high: 1 };
const SQUARE = { x: UNIT, y: UNIT, logX: false, logY: false };

const array = (length: number, of: (i: number) => number) =>
  Float64Array.from({ length }, (_, i) => of(i));
const zigzag = (length: number, size: number) => ({
  x: array(length, (i) => i / size),
  y: array(length, (i) => i % 2),
});

describe("lengthOf", () => {
  it("adds the ways to the right, up and down, in sizes of the figure", () => {
    expect(lengthOf(zigzag(5, 4), SQUARE)).toBe(5);
    expect(lengthOf(zigzag(5, 4), { ...SQUARE, y: { low: 0, high: 2 } })).toBe(3);
  });

  it("uses the scales of the axes", () => {
    const line = { x: Float64Array.of(1, 10, 100), y: Float64Array.of(1, 100, 1) };
    const ranges = { x: { low: 1, high: 100 }, y: { low: 1, high: 1e4 } };
    expect(lengthOf(line, { ...ranges, logX: true, logY: true })).toBe(2);
  });

  it("leaves out gaps", () => {
    const line = { x: array(4, (i) => i), y: Float64Array.of(0, 1, NaN, 0) };
    expect(lengthOf(line, SQUARE)).toBe(2);
    expect(
      lengthOf({ x: array(2, (i) => i), y: array(2, (i) => i) }, { ...SQUARE, logY: true }),
    ).toBe(0);
  });
});

describe("within", () => {
  it.each([
    [2.5, 4.5, [2, 3, 4, 5]],
    [-1, 9, [0, 1, 2, 3, 4, 5]],
    [7, 9, [5]],
    [-9, -8, [0]],
  ])("returns the part between %d and %d, with a point on each side", (low, high, kept) => {
    const line = { x: array(6, (i) => i), y: array(6, (i) => i) };
    expect([...within(line, { low, high }).x]).toEqual(kept);
    expect([...within(line, { low, high }).y]).toEqual(kept);
  });
});

describe("makeDashes", () => {
  const info = {
    key: "b",
    run: "",
    channel: "b",
    label: "b",
    colour: "red",
    dash: [6, 3],
    shape: "square",
  };

  function scene(form: string, line: { x: Float64Array; y: Float64Array }) {
    const glyph = { setv: vi.fn() };
    const figure = {
      x_range: { start: 0, end: 1 },
      y_range: { start: 0, end: 1 },
      renderers: [{ tags: ["b", form], glyph }],
    };
    const empty = { x: NONE, y: NONE, marks: NONE, dotsX: NONE, dotsY: NONE };
    const rest = { ...empty, smoothX: NONE, smoothY: NONE, keptX: NONE, keptY: NONE };
    const own = form === "smooth" ? { smoothX: line.x, smoothY: line.y } : line;
    const points = new Map<string, Points>([["b", { ...rest, ...own }]]);
    const draw = vi.fn();
    const card = makeCard([info], document.createElement("div"));
    const set = makeDashes(figure as unknown as Figure, card, points, draw);
    const dash = () => {
      set({ x: false, y: false });
      return (glyph.setv.mock.lastCall as [{ line_dash: unknown }] | undefined)?.[0].line_dash;
    };
    return { dash, draw, figure, points, line };
  }

  it.each(["line", "smooth"])("draws dashes where they can be seen, of the %s", (form) => {
    expect(scene(form, zigzag(10, 10)).dash()).toEqual([6, 3]);
    const { dash, draw } = scene(form, zigzag(200, 200));
    expect(dash()).toEqual([]);
    expect(draw).not.toHaveBeenCalled();
  });

  it("cuts a long line to its visible part, and draws it whole again", () => {
    const { dash, draw, figure, line } = scene("line", zigzag(200, 10));
    expect(dash()).toEqual([]);
    figure.x_range = { start: 5, end: 5.2 };
    expect(dash()).toEqual([6, 3]);
    const [kind, key, part] = draw.mock.lastCall as [string, string, typeof line];
    expect([kind, key, part.x[0], part.x.at(-1)]).toEqual(["curve", "b", 4.7, 5.5]);
    figure.x_range = { start: 0, end: 1 };
    expect(dash()).toEqual([]);
    expect(draw).toHaveBeenLastCalledWith("curve", "b", line);
    dash();
    expect(draw).toHaveBeenCalledTimes(2);
  });

  it("does not draw an old line again after new points", () => {
    const { dash, draw, figure, points } = scene("line", zigzag(200, 10));
    figure.x_range = { start: 5, end: 5.2 };
    dash();
    const old = points.get("b");
    if (old) points.set("b", { ...old, ...zigzag(400, 400) });
    figure.x_range = { start: 0, end: 1 };
    dash();
    expect(draw).toHaveBeenCalledTimes(1);
  });

  it("leaves dots as they are", () => {
    expect(scene("dots", zigzag(200, 200)).dash()).toBeUndefined();
  });
});

describe("shapes", () => {
  const infos = ["a", "b"].map((key, i) => ({
    key,
    run: key,
    channel: "cost",
    label: "",
    colour: "red",
    dash: i ? [6, 3] : [],
    shape: i ? "square" : "circle",
  }));

  function scene(points: number) {
    const glyph = { setv: vi.fn() };
    const renderers = infos.map(({ key }) => ({ tags: [key, "line"], glyph, visible: true }));
    const figure = {
      x_range: { start: 0, end: 10 },
      y_range: { start: 0, end: 1 },
      renderers,
    };
    const rest = {
      marks: NONE,
      dotsX: NONE,
      dotsY: NONE,
      smoothX: NONE,
      smoothY: NONE,
      keptX: NONE,
      keptY: NONE,
    };
    const known = new Map(infos.map(({ key }) => [key, { ...zigzag(points, 10), ...rest }]));
    const draw = vi.fn();
    const card = makeCard(infos, document.createElement("div"));
    const set = makeDashes(figure as unknown as Figure, card, known, draw, 3);
    const shapes = () => {
      draw.mockClear();
      set({ x: false, y: false });
      const calls = draw.mock.calls as [string, string, { x: Float64Array; y: Float64Array }][];
      return new Map(calls.filter(([kind]) => kind === "shapes").map(([, name, at]) => [name, at]));
    };
    return { shapes, card, figure };
  }

  it("are on both dense curves, each at its own places", () => {
    const { shapes, card } = scene(200);
    const found = shapes();
    expect(found.get("3:a")?.x).toEqual(Float64Array.from([0.625, 3.125, 5.625, 8.125]));
    expect(found.get("3:b")?.x).toEqual(Float64Array.from([1.875, 4.375, 6.875, 9.375]));
    expect(card.section.classList.contains("wb-shaped")).toBe(true);
  });

  it("are absent where dashes can be seen, and go when the user zooms in", () => {
    expect(scene(10).shapes().size).toBe(0);
    const { shapes, figure } = scene(200);
    shapes();
    figure.x_range = { start: 5, end: 5.2 };
    expect([...shapes().values()].map(({ x }) => x.length)).toEqual([0, 0]);
    expect(shapes().size).toBe(0);
  });

  it("are absent beside a curve that is hidden", () => {
    const { shapes, card, figure } = scene(200);
    card.keys[0]?.button.classList.add("wb-off");
    for (const one of figure.renderers.slice(0, 1)) one.visible = false;
    expect(shapes().size).toBe(0);
    expect(card.section.classList.contains("wb-shaped")).toBe(false);
  });

  it("are on the line, also with logarithmic axes and beside gaps", () => {
    const line = { x: array(3, (i) => 10 ** i), y: Float64Array.from([1, 100, NaN]) };
    const scales = { x: { low: 1, high: 100 }, y: { low: 1, high: 100 }, logX: true, logY: true };
    const { x, y } = shapePlaces(line, 0, 1, scales);
    expect([...x]).toEqual([10 ** 0.25, 10 ** 0.75].map((one) => expect.closeTo(one) as number));
    expect([...y]).toEqual([10 ** 0.5, 10 ** 1.5].map((one) => expect.closeTo(one) as number));
  });
});
