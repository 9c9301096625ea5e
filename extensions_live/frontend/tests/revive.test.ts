import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { reviveViews } from "../src/revive";
import { FakeModel, LIVE, fakeCell, fakeCells } from "./fakes";

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML = `
    <div class="jp-Cell" data-windowed-list-index="0"><div>
      <div class="jp-OutputArea-child"><div class="jp-OutputArea-output"></div></div>
      <div class="jp-OutputArea-child"><div class="jp-OutputArea-output jupyter-widgets"></div></div>
    </div></div>`;
});
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

function shows(id: string) {
  return { data: { "application/vnd.jupyter.widget-view+json": { model_id: id } } };
}

it.each([
  ["its own output", "abc", [1]],
  ["no output of another widget", "xyz", []],
])("shows again %s", (_, id, expected) => {
  const { cell, replaced } = fakeCell([{}, shows(id)]);
  reviveViews(new FakeModel(LIVE, { context: { model: { cells: fakeCells(cell) } } }));
  vi.advanceTimersByTime(20_000);
  expect(replaced).toEqual(expected);
});
