import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { loadBokeh, type Embedded } from "../src/bokeh";
import type { SweepPayload, SweepState } from "../src/messages";
import sweep from "../src/widgets/sweep";
import { FakeModel, fakeObserver, LIVE } from "./fakes";

vi.mock("../src/pace", () => import("./at_once"));

const data: { lines: { data: unknown } } = { lines: { data: {} } };
const remove = vi.fn();
vi.mock("../src/bokeh", () => ({
  loadBokeh: vi.fn(() => Promise.resolve({})),
  embed: vi.fn(() =>
    Promise.resolve({
      document: { get_model_by_name: (name: "lines") => data[name], roots: () => [] },
      remove,
    } as unknown as Embedded),
  ),
}));
vi.mock("../src/titles", () => ({ followTitles: () => vi.fn() }));

const NOW: SweepPayload = {
  caption: "sweep: running, 1 of 2 runs are over",
  heads: ["run", "rate", "<b>", "epochs", "state"],
  rows: [
    ["1", "0.1", "0.25", "4", "finished"],
    ["0", "0.01", "", "2", "<i>"],
  ],
  best: "1",
  sources: { lines: { xs: [[0, 1]], colour: ["orange"] } },
};

let el: HTMLElement;
let model: FakeModel<SweepState>;
let end: () => void;
let resize: ReturnType<typeof fakeObserver>;

beforeEach(() => {
  fakeObserver("IntersectionObserver");
  resize = fakeObserver("ResizeObserver");
  data.lines = { data: {} };
  remove.mockClear();
  el = document.createElement("div");
  document.body.append(el);
  model = new FakeModel<SweepState>({ ...LIVE, payload: {}, figures: "{}", bokehjs: "" });
  end = sweep.render({ model, el });
});
afterEach(() => {
  end();
  el.remove();
  vi.unstubAllGlobals();
});

function texts(selector: string): (string | null)[] {
  return [...el.querySelectorAll(selector)].map((one) => one.textContent);
}

/** Gives the view a size, so that it draws. */
async function show() {
  const box = el.querySelector<HTMLElement>('[data-testid="sweep-view"]');
  if (!box) throw new Error("there is no view");
  Object.defineProperty(box, "clientWidth", { value: 100 });
  box.getClientRects = () => ({ length: 1 }) as DOMRectList;
  resize.report();
  await vi.waitFor(() => {
    expect(resize.active.size).toBeGreaterThan(0);
  });
  await new Promise((resolve) => setTimeout(resolve));
}

it("shows nothing before the first payload", () => {
  expect(el.querySelector("table")).toBeNull();
});

it("shows the runs as text, and marks the best", () => {
  model.update("payload", NOW);
  expect(texts("caption")).toEqual([NOW.caption]);
  expect(texts("thead th")).toEqual(NOW.heads);
  expect(texts("tbody th")).toEqual(["1", "0"]);
  expect(texts("td")).toEqual(["0.1", "0.25", "4", "finished", "0.01", "", "2", "<i>"]);
  expect(texts('tr[aria-current="true"] th')).toEqual(["1"]);
});

it("replaces the table when a run changes", () => {
  model.update("payload", NOW);
  model.update("payload", { ...NOW, rows: NOW.rows.slice(1), best: "0" });
  expect(el.querySelectorAll("table").length).toBe(1);
  expect(texts('tr[aria-current="true"] th')).toEqual(["0"]);
});

it("gives the lines to the figure, before and after it is drawn", async () => {
  model.update("payload", NOW);
  await show();
  expect(data.lines.data).toEqual(NOW.sources.lines);
  const lines = { xs: [[0, 2]], colour: ["grey"] };
  model.update("payload", { ...NOW, sources: { lines } });
  expect(data.lines.data).toEqual(lines);
});

it("removes the figure and listens no longer when the view is closed", async () => {
  await show();
  end();
  expect(remove).toHaveBeenCalledTimes(1);
  model.update("payload", NOW);
  expect(el.querySelector("table")).toBeNull();
});

it("keeps the table if the figure cannot be drawn", async () => {
  vi.useFakeTimers();
  vi.mocked(loadBokeh).mockRejectedValue(new Error("no script"));
  model.update("payload", NOW);
  const box = el.querySelector<HTMLElement>('[data-testid="sweep-view"]');
  if (!box) throw new Error("there is no view");
  Object.defineProperty(box, "clientWidth", { value: 100 });
  box.getClientRects = () => ({ length: 1 }) as DOMRectList;
  resize.report();
  await vi.runAllTimersAsync();
  expect(texts(".wb-problem:not([hidden])")).toEqual([
    "The figure cannot be drawn here: no script",
  ]);
  expect(texts("tbody th")).toEqual(["1", "0"]);
  vi.mocked(loadBokeh).mockReset();
  vi.useRealTimers();
});
