import { expect, it } from "vitest";

import { firstRow, ROW, tall, TALLEST } from "../src/scroller";

it("shows the row at the scroll position of a short table", () => {
  const height = tall(100, ROW);
  expect(height).toBe(101 * ROW);
  expect(firstRow(0, height, 11 * ROW, 100)).toBe(0);
  expect(firstRow(5 * ROW, height, 11 * ROW, 100)).toBe(5);
});

it("ends with the last row, also in a table that is taller than a browser allows", () => {
  for (const total of [3, 100, 1_000_000, 50_000_000]) {
    const height = tall(total, ROW);
    const viewport = 11 * ROW;
    const last = Math.max(0, total - 10);
    expect(firstRow(height - viewport, height, viewport, total)).toBe(last);
  }
  expect(tall(1_000_000, ROW)).toBe(TALLEST);
});

it("never goes back while the position grows", () => {
  const height = tall(1_000_000, ROW);
  const rows = [0, 1, 100, 5000, 1e6, 3e6, 5.9e6].map((top) => firstRow(top, height, 300, 1e6));
  expect(rows).toEqual([...rows].sort((a, b) => a - b));
});
