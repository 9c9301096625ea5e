import { describe, expect, it, vi } from "vitest";

import type { Figure } from "../src/bokeh";
import { makeCard } from "../src/card";
import { dashCurves, travel } from "../src/dashes";
import type { Points } from "../src/numbers";

const ALL = { low: 0, high: 10_000 };
const UNIT = { low: 0, high: 1 };

const array = (length: number, of: (i: number) => number) =>
  Float64Array.from({ length }, (_, i) => of(i));

describe("travel", () => {
  it("adds the ways up and down", () => {
    expect(
      travel(
        array(5, (i) => i),
        array(5, (i) => i % 2),
        ALL,
        UNIT,
        false,
      ),
    ).toBe(4);
  });

  it("is relative to the height of the figure, also on a logarithmic scale", () => {
    const x = array(3, (i) => i);
    expect(travel(x, Float64Array.of(1, 100, 1), ALL, { low: 1, high: 1e4 }, true)).toBe(1);
    expect(travel(x, Float64Array.of(0, 2, 0), ALL, { low: 0, high: 4 }, false)).toBe(1);
  });

  it("leaves out what is not visible, and gaps", () => {
    const x = array(6, (i) => i);
    expect(
      travel(
        x,
        array(6, (i) => i % 2),
        { low: 2, high: 4 },
        UNIT,
        false,
      ),
    ).toBe(2);
    expect(travel(x, Float64Array.of(0, 1, NaN, 0, 5, 9), ALL, UNIT, false)).toBe(2);
    expect(
      travel(
        x,
        array(6, (i) => i % 2),
        ALL,
        { low: 0, high: 0 },
        false,
      ),
    ).toBe(0);
  });
});

describe("dashCurves", () => {
  const info = { key: "b", run: "", channel: "b", label: "b", colour: "red", dash: [6, 3] };
  const none = new Float64Array(0);

  function dashes(y: Float64Array, form = "line"): unknown {
    const setv = vi.fn();
    const figure = {
      x_range: { start: 0, end: y.length },
      y_range: { start: 0, end: 1 },
      renderers: [{ tags: ["b", form], glyph: { setv } }],
    } as unknown as Figure;
    const x = array(y.length, (i) => i);
    const smooth = form === "smooth";
    const points = {
      ...{ marks: none, dotsX: none, dotsY: none },
      ...(smooth ? { x: none, y: none } : { smoothX: none, smoothY: none }),
      ...(smooth ? { smoothX: x, smoothY: y } : { x, y }),
    } as Points;
    const card = makeCard([info], document.createElement("div"));
    dashCurves(figure, card, new Map([["b", points]]), false);
    return (setv.mock.lastCall as [{ line_dash: unknown }] | undefined)?.[0].line_dash;
  }

  it.each(["line", "smooth"])("draws dashes where they can be seen, of the %s", (form) => {
    expect(
      dashes(
        array(200, (i) => i / 200),
        form,
      ),
    ).toEqual([6, 3]);
    expect(
      dashes(
        array(200, (i) => i % 2),
        form,
      ),
    ).toEqual([]);
  });

  it("leaves dots as they are", () => {
    expect(
      dashes(
        array(200, (i) => i % 2),
        "dots",
      ),
    ).toBeUndefined();
  });
});
