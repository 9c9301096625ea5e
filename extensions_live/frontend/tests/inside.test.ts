// The views that look inside a network: places in time, numbers, colours, and the panel.

import { beforeAll, expect, test, vi } from "vitest";
import { scaleOf, strength } from "../src/inside/heat";
import { makePanel, unpackDistributions } from "../src/inside/panel";
import { brief, columnAt, edges, Moment, percent } from "../src/inside/time";
import type { DistributionsPayload } from "../src/messages";

beforeAll(() => {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {
        return;
      }
      disconnect() {
        return;
      }
    },
  );
  vi.stubGlobal("matchMedia", () => ({
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
});

const bytes = (numbers: Float64Array | Float32Array) => new DataView(numbers.buffer);

function payload(iterations: number[], name = "W"): DistributionsPayload {
  const count = iterations.length;
  return {
    kinds: ["parameters", "gradients"],
    kind: "parameters",
    names: ["W", "b"],
    name,
    iterations: bytes(new Float64Array(iterations)),
    low: bytes(new Float64Array(count).fill(-1)),
    high: bytes(new Float64Array(count).fill(3)),
    counts: bytes(new Float32Array(4 * count).fill(2)),
    numbers: bytes(new Float32Array(iterations.flatMap((i) => [i, 0.5, 0.25, 0]))),
    size: 8,
    note: "",
  };
}

test("columns of a history share the width by their iterations", () => {
  expect(edges([0, 10, 20], 100)).toEqual([0, 25, 75, 100]);
  expect(edges([5], 100)).toEqual([0, 100]);
});

test.each([
  [-5, 0],
  [24, 0],
  [26, 1],
  [99, 2],
  [500, 2],
])("at %d is column %d", (x, column) => {
  expect(columnAt([0, 25, 75, 100], x)).toBe(column);
});

test("a moment follows the latest record until one is chosen", () => {
  const moment = new Moment();
  expect(moment.index([0, 10])).toBe(1);
  moment.choose([0, 10, 20], 1);
  expect(moment.index([0, 4, 9, 20])).toBe(2); // the nearest of a history that was thinned
  moment.choose([0, 10, 20], 2);
  expect(moment.index([0, 10, 20, 30])).toBe(3);
});

test.each([
  [0, "0"],
  [NaN, "–"],
  [-0.5, "−0.500"],
  [1e-7, "1.00e−7"],
  [-Infinity, "−∞"],
])("%d is shown as %s", (value, text) => {
  expect(brief(value)).toBe(text);
});

test.each([
  [0, "0 %"],
  [1, "100 %"],
  [0.00001, "< 0.1 %"],
  [0.99999, "> 99.9 %"],
  [0.125, "12.5 %"],
])("the share %d is shown as %s", (share, text) => {
  expect(percent(share)).toBe(text);
});

test("a size is painted by its logarithm, and a share by itself", () => {
  const sizes = scaleOf(0.01, 1, false);
  expect(strength(0.1, sizes)).toBeCloseTo(0.5);
  expect(strength(0, sizes)).toBe(0);
  expect(strength(NaN, sizes)).toBeNull();
  expect(strength(0.3, scaleOf(0.2, 0.4, true))).toBeCloseTo(0.3);
});

test("zeros do not spoil the scale of sizes", () => {
  expect(strength(0.5, scaleOf(0, 1, false))).toBeGreaterThan(0.9);
});

test("distributions are unpacked", () => {
  const found = unpackDistributions(payload([1, 2]));
  expect(found.bins).toBe(4);
  expect([...found.iterations]).toEqual([1, 2]);
});

test("the panel shows the latest record, and an earlier one by the slider", () => {
  const parent = document.createElement("div");
  const panel = makePanel(parent, () => undefined);
  panel.show(payload([10, 20, 30]));
  const slider = parent.querySelector("input");
  const mean = () => parent.querySelector('[data-fact="mean"] b')?.textContent;
  expect(mean()).toBe("30.0");
  if (slider) slider.value = "0";
  slider?.dispatchEvent(new Event("input"));
  expect(mean()).toBe("10.0");
  panel.show(payload([10, 20, 30, 40]));
  expect(mean()).toBe("10.0");
  expect(slider?.getAttribute("aria-valuetext")).toBe("iteration 10");
  parent.querySelector<HTMLElement>('[data-testid="latest"]')?.click();
  expect(mean()).toBe("40.0");
  panel.end();
});

test("another variable begins at its latest record", () => {
  const parent = document.createElement("div");
  const panel = makePanel(parent, () => undefined);
  panel.show(payload([10, 20]));
  const slider = parent.querySelector("input");
  if (slider) slider.value = "0";
  slider?.dispatchEvent(new Event("input"));
  panel.show(payload([10, 20], "b"));
  expect(parent.querySelector('[data-fact="mean"] b')?.textContent).toBe("20.0");
  panel.end();
});

test("choices are reported, and the buttons stay the same elements", () => {
  const parent = document.createElement("div");
  const chosen: string[][] = [];
  const panel = makePanel(parent, (what, value) => chosen.push([what, value]));
  panel.show(payload([1]));
  const button = parent.querySelector<HTMLElement>('[data-value="gradients"]');
  button?.click();
  panel.show(payload([1, 2]));
  expect(parent.querySelector('[data-value="gradients"]')).toBe(button);
  const select = parent.querySelector("select");
  if (select) select.value = "b";
  select?.dispatchEvent(new Event("change"));
  expect(chosen).toEqual([
    ["kind", "gradients"],
    ["name", "b"],
  ]);
  panel.end();
});
