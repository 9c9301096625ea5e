import { expect, test, vi } from "vitest";

import type { Embedded } from "../src/bokeh";
import { arePowers, logTicks, ticksWithin } from "../src/log_ticks";

test.each([
  [1, 99, [1, 3, 10, 30]],
  [0.75, 150, [1, 10, 100]],
  [2, 300, [3, 10, 30, 100, 300]],
  [0.5, 6, [0.5, 1, 2, 5]],
  [2, 9, [2, 3, 4, 6, 8]],
  [0.15, 0.45, [0.2, 0.3, 0.4]],
  [0.001, 0.05, [0.001, 0.003, 0.01, 0.03]],
  [1e-9, 9e-9, [1e-9, 2e-9, 5e-9]],
])("a range from %f to %f has ticks at round numbers", (low, high, major) => {
  expect(ticksWithin(low, high)?.major).toEqual(major);
});

test("the other digits have minor ticks", () => {
  expect(ticksWithin(0.5, 6)?.minor).toEqual([0.6, 0.7, 0.8, 0.9, 3, 4, 6]);
});

test("a range without enough round numbers is left to BokehJS", () => {
  expect(ticksWithin(1.01, 1.02)).toBeNull();
});

test("powers of 10 are known", () => {
  expect(arePowers([1e-7, 0.001, 0.1, 1, 1000, 1e12])).toBe(true);
  expect(arePowers([0.2, 0.4])).toBe(false);
});

test("only powers of 10 are labelled as such", () => {
  const make = (type: string) => ({
    get_ticks_no_defaults: vi.fn(() => ({ major: [type], minor: [] })),
    doFormat: () => [type],
    format_graphics: () => [type],
  });
  const { ticker, formatter } = logTicks({ create: make } as unknown as Embedded);
  const { get_ticks_no_defaults: ticks } = ticker as unknown as ReturnType<typeof make>;
  const { doFormat, format_graphics: draw } = formatter as unknown as {
    doFormat: (ticks: number[]) => string[];
    format_graphics: (ticks: number[]) => string[];
  };
  const given = ticks as unknown as (low: number, high: number) => { major: unknown[] };
  expect(given(2, 9).major).toEqual([2, 3, 4, 6, 8]);
  expect(given(1, 1001).major).toEqual(["LogTicker"]);
  for (const format of [doFormat, draw]) {
    expect(format([0.2, 0.4])).toEqual(["BasicTickFormatter"]);
    expect(format([0.1, 1])).toEqual(["LogTickFormatter"]);
  }
});
