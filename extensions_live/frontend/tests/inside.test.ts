// The views that look inside a network: places in time, numbers, colours, and the panel.

import { beforeAll, expect, test, vi } from "vitest";
import { scaleOf, strength } from "../src/inside/heat";
import { makePanel, tablesOf, unpackDistributions } from "../src/inside/panel";
import { brief, columnAt, edges, Moment, percent } from "../src/inside/time";
import { makeValues } from "../src/inside/values";
import type { DistributionsPayload, LayersPayload } from "../src/messages";
import { spread } from "../src/numbers";
import { tableOf } from "../src/widgets/layers";

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

test.each([
  [0, []],
  [1, [0]],
  [2, [0, 1]],
  [9, [0, 4, 8]],
])("of %d places, those at %j are in a table of three", (count, places) => {
  expect(spread(count, 3)).toEqual(places);
});

test("the tables of a variable have its records and its histogram", () => {
  const [records, ranges] = tablesOf("W", unpackDistributions(payload([10, 2000])), 1);
  expect(records?.heads.slice(0, 3)).toEqual(["at", "mean", "deviation"]);
  expect(records?.rows[1]).toEqual([
    "iteration 2,000",
    "2.00e3",
    "0.500",
    "−1.00",
    "3.00",
    "25.0 %",
    "0 %",
  ]);
  expect(ranges?.caption).toBe("histogram of W at iteration 2,000");
  expect(ranges?.rows.map(([range]) => range)).toEqual([
    "−1.00 to 0",
    "0 to 1.00",
    "1.00 to 2.00",
    "2.00 to 3.00",
  ]);
  expect(ranges?.rows.map(([, count]) => count)).toEqual(["2", "2", "2", "2"]);
});

test("the table of layers has a row for each layer", () => {
  const now = {
    metric: "dead",
    metrics: [["dead", "dead units"]],
    rows: ["/a", "/b"],
  } as unknown as LayersPayload;
  const table = tableOf(now, new Float64Array([5, 9]), (row, t) => `${String(row)}${String(t)}`);
  expect(table).toEqual({
    caption: "dead units of layers over the run",
    heads: ["layer", "iteration 5", "iteration 9"],
    rows: [
      ["/a", "00", "01"],
      ["/b", "10", "11"],
    ],
  });
});

test("tables change at once with the choice, and later with the records", () => {
  vi.useFakeTimers();
  const [parent, head] = [document.createElement("div"), document.createElement("div")];
  const values = makeValues("some", parent, head);
  const show = (key: string, text: string) => {
    values.show(key, () => [{ caption: text, heads: ["at"], rows: [] }]);
  };
  const caption = () => parent.querySelector("caption")?.textContent;
  show("W", "first");
  show("W", "second");
  expect(caption()).toBe("first");
  vi.advanceTimersByTime(2000);
  expect(caption()).toBe("second");
  show("b", "third");
  expect(caption()).toBe("third");
  values.end();
  vi.useRealTimers();
});

test("a button makes the tables visible", () => {
  const [parent, head] = [document.createElement("div"), document.createElement("div")];
  makeValues("some", parent, head);
  const [element, button] = [parent.querySelector("div"), head.querySelector("button")];
  expect(element?.className).toContain("wb-unseen");
  button?.click();
  expect(element?.className).not.toContain("wb-unseen");
  expect(button?.getAttribute("aria-pressed")).toBe("true");
});
