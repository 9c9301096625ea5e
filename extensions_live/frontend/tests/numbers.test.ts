import { describe, expect, it } from "vitest";

import { floats, format, nearest, unpack } from "../src/numbers";

function bytes(...values: number[]) {
  return new DataView(Float64Array.from(values).buffer);
}

describe("floats", () => {
  it("reads a buffer with any start in a message", () => {
    const message = new Uint8Array(21);
    message.set(new Uint8Array(Float64Array.of(1.5, NaN).buffer), 3);
    expect([...floats(new DataView(message.buffer, 3, 16))]).toEqual([1.5, NaN]);
  });

  it.each([[null], [undefined], [bytes()]])("reads no numbers from %s", (view) => {
    expect(floats(view).length).toBe(0);
  });
});

describe("unpack", () => {
  it("returns each array of a curve", () => {
    const empty = bytes();
    const curve = { x: bytes(1, 2), y: bytes(3, 4), marks: bytes(5), dots_x: bytes(6) };
    const points = unpack({ ...curve, dots_y: empty });
    expect([...points.x, ...points.y, ...points.marks, ...points.dotsX]).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
    expect(points.dotsY.length).toBe(0);
  });
});

describe("format", () => {
  it.each([
    [0, "0.000"],
    [0.25, "0.2500"],
    [-1234.56, "-1235"],
    [999_999, "1.000e+6"],
    [1e6, "1.000e+6"],
    [0.000999, "9.990e-4"],
    [-1e-7, "-1.000e-7"],
    [NaN, "–"],
    [undefined, "–"],
  ])("returns four digits of %s", (value, text) => {
    expect(format(value)).toBe(text);
  });
});

describe("nearest", () => {
  const x = [0, 10, 20, 30];
  const y = [1, 1, 1, 1];

  it.each([
    [-5, 0],
    [0, 0],
    [4, 0],
    [6, 1],
    [29, 3],
    [99, 3],
  ])("finds the point nearest to %s", (at, index) => {
    expect(nearest(x, y, at)).toBe(index);
  });

  it.each([
    [[NaN, NaN, 1, NaN], 0, 2],
    [[1, NaN, NaN, NaN], 30, 0],
    [[1, NaN, NaN, 1], 16, 3],
    [[1, NaN, NaN, 1], 14, 0],
  ])("skips values that are not numbers: %s at %s", (values, at, index) => {
    expect(nearest(x, values, at)).toBe(index);
  });

  it("finds nothing if no value is a number", () => {
    expect(nearest(x, [NaN, NaN, NaN, NaN], 15)).toBe(-1);
    expect(nearest([], [], 15)).toBe(-1);
  });
});
