import { describe, expect, it } from "vitest";

import {
  partOf,
  partValue,
  readAny,
  readNumber,
  readNumbers,
  readPair,
  written,
} from "../../src/editor/values";

const FREE = { least: null, below: null };

describe("values", () => {
  it("are numbers within limits", () => {
    expect(readNumber("1_000", true, FREE)).toEqual({ value: 1000 });
    expect(readNumber("0.5", false, { least: 0, below: 1 })).toEqual({ value: 0.5 });
    expect(readNumber("1", false, { least: 0, below: 1 })).toEqual({ wrong: "must be below 1" });
    expect(readNumber("-1", true, { least: 0, below: null })).toEqual({
      wrong: "must be at least 0",
    });
    expect(readNumber("2.5", true, FREE)).toEqual({ wrong: "2.5 is no whole number" });
    expect(readNumber("ten", true, FREE)).toEqual({ wrong: "ten is no number" });
  });

  it("are lists of numbers, some of which may be missing", () => {
    expect(readNumbers("[784, 500,10]", true, FREE)).toEqual({ value: [784, 500, 10] });
    expect(readNumbers("784 → ? → 10", true, FREE)).toEqual({ value: [784, null, 10] });
    expect(readNumbers("784, x1", true, FREE)).toEqual({ value: [784, 1] });
    expect(readNumbers("784, ten", true, FREE)).toEqual({ wrong: "ten is no number" });
  });

  it("are pairs, for which one number stands for both", () => {
    expect(readPair("5 × 3", FREE)).toEqual({ value: { tuple: [5, 3] } });
    expect(readPair("2", FREE)).toEqual({ value: { tuple: [2, 2] } });
    expect(readPair("1, 2, 3", FREE)).toEqual({ wrong: "two numbers are needed" });
  });

  it("are anything that JSON or Python writes", () => {
    expect(readAny("None")).toEqual({ value: null });
    expect(readAny("True")).toEqual({ value: true });
    expect(readAny("-1, 8")).toEqual({ value: { tuple: [-1, 8] } });
    expect(readAny("(2,)")).toEqual({ value: { tuple: [2] } });
    expect(readAny("[1, 2]")).toEqual({ value: [1, 2] });
    expect(readAny("valid")).toEqual({ value: "valid" });
  });

  it.each([3, "valid", true, [1, 2], { tuple: [5, 3] }])(
    "are written as they are read: %j",
    (one) => {
      const text = written(one);
      const read = Array.isArray(one) ? readNumbers(text, true, FREE) : readAny(text);
      expect(read).toEqual({ value: one });
    },
  );

  it("contain parts, whose names stay when their settings change", () => {
    const old = { brick: { type: "Linear", name: "head", settings: { output_dim: 3 } } };
    expect(partOf(old, "brick")).toEqual({ type: "Linear", settings: { output_dim: 3 } });
    expect(partOf(3, "scheme")).toBeNull();
    expect(partValue("brick", { type: "Linear", settings: {} }, old)).toEqual({
      brick: { type: "Linear", name: "head" },
    });
    expect(partValue("brick", { type: "Tanh", settings: {} }, old)).toEqual({
      brick: { type: "Tanh" },
    });
  });
});
