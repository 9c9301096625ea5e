import { afterEach, beforeEach, expect, it, vi } from "vitest";

import table from "../src/widgets/log_table";
import type { LogTablePayload, LogTableState, RowsMessage } from "../src/messages";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

const NOW: LogTablePayload = {
  channels: ["cost", "<b>"],
  chosen: null,
  columns: ["cost", "<b>"],
  rows: [
    ["2", "0.5", ""],
    ["1", "1", "<i>"],
  ],
  start: 0,
  total: 2,
  all: 2,
  newer: 0,
  sort: "iteration",
  descending: true,
  condition: "",
  error: "",
  copied: 0,
  csv: "",
  csv_rows: 0,
};

let el: HTMLElement;
let model: FakeModel<LogTableState>;
let end: () => void;

beforeEach(() => {
  fakeObserver("IntersectionObserver");
  fakeObserver("ResizeObserver");
  el = document.createElement("div");
  document.body.append(el);
  model = new FakeModel<LogTableState>({ ...LIVE, payload: {} });
  end = table.render({ model, el });
  const pane = part("rows");
  Object.defineProperty(pane, "clientHeight", { value: 275 });
  model.update("payload", NOW);
});
afterEach(() => {
  end();
  el.remove();
  vi.unstubAllGlobals();
});

function part(name: string): HTMLElement {
  const found = el.querySelector<HTMLElement>(`[data-testid="${name}"]`);
  if (!found) throw new Error(`the table has no ${name}`);
  return found;
}
function texts(selector: string): (string | null)[] {
  return [...el.querySelectorAll(selector)].map((one) => one.textContent);
}
function request(): RowsMessage {
  return model.sent
    .filter((one) => (one.kind as string) === "rows")
    .at(-1) as unknown as RowsMessage;
}

it("shows rows and columns as text", () => {
  expect(texts("th")).toEqual(["iteration ↓", "cost", "<b>"]);
  expect(texts("td")).toEqual(["2", "0.5", "", "1", "1", "<i>"]);
  expect(part("counts").textContent).toBe("2 rows");
});

it("asks for another order when a heading is clicked", () => {
  el.querySelector<HTMLButtonElement>('[data-sort="cost"]')?.click();
  expect(request()).toMatchObject({ sort: "cost", descending: true, start: 0, hold: false });
  model.update("payload", { ...NOW, sort: "cost" });
  el.querySelector<HTMLButtonElement>('[data-sort="cost"]')?.click();
  expect(request()).toMatchObject({ sort: "cost", descending: false });
  const sorted = [...el.querySelectorAll("th")].map((one) => one.ariaSort);
  expect(sorted).toEqual(["none", "descending", "none"]);
});

it("asks for the rows of a condition, and shows why it cannot be used", () => {
  const field = part("condition") as HTMLInputElement;
  field.value = " csot < 1 ";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  expect(request().condition).toBe("csot < 1");
  expect(part("condition-error").hidden).toBe(true);
  const error = "the log has no channel 'csot'";
  model.update("payload", { ...NOW, condition: "csot < 1", error });
  expect(part("condition-error").textContent).toBe(error);
  expect(field.getAttribute("aria-invalid")).toBe("true");
  model.update("payload", { ...NOW, condition: "cost < 1", total: 1, rows: [["2", "0.5", ""]] });
  expect(part("counts").textContent).toBe("1 of 2 rows");
});

it("asks for chosen columns", () => {
  const [cost] = part("columns").querySelectorAll("input");
  cost?.click();
  expect(request().columns).toEqual(["<b>"]);
  cost?.click();
  expect(request().columns).toBe("all");
  part("no-columns").click();
  expect(request().columns).toEqual([]);
  part("all-columns").click();
  expect(request().columns).toBe("all");
});

it("keeps what an earlier page requested", () => {
  end();
  model.state.payload = { ...NOW, chosen: "all", sort: "cost", descending: false };
  end = table.render({ model, el });
  [...el.querySelectorAll<HTMLElement>('[data-testid="copy"]')].at(-1)?.click();
  expect(request()).toMatchObject({ columns: "all", sort: "cost", descending: false });
});

it("finds one of many columns", () => {
  const channels = [...Array(40).keys()].map((i) => `layer ${i}`);
  const search = part("search") as HTMLInputElement;
  expect(search.hidden).toBe(true);
  model.update("payload", { ...NOW, channels });
  expect(search.hidden).toBe(false);
  search.value = " Layer 39 ";
  search.dispatchEvent(new Event("input"));
  const shown = [...part("columns").querySelectorAll("label")].filter((one) => !one.hidden);
  expect(shown.map((one) => one.textContent)).toEqual(["layer 39"]);
});

it("copies what Python answers", async () => {
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  part("copy").click();
  expect(request().copy).toBe(1);
  expect(part("said").textContent).toBe("copying");
  model.update("payload", { ...NOW, copied: 1, csv: "iteration,cost\n2,0.5\n", csv_rows: 2 });
  await vi.waitFor(() => {
    expect(part("said").textContent).toBe("copied 2 of 2 rows");
  });
  expect(writeText).toHaveBeenCalledWith("iteration,cost\n2,0.5\n");
  model.update("payload", { ...NOW, copied: 1 });
  expect(writeText).toHaveBeenCalledTimes(1);
});

it("holds its rows while the user has scrolled away from the newest", () => {
  vi.useFakeTimers();
  const pane = part("rows");
  model.update("payload", { ...NOW, total: 1000, all: 1000 });
  pane.scrollTop = 500;
  pane.dispatchEvent(new Event("scroll"));
  vi.runAllTimers();
  vi.useRealTimers();
  expect(request()).toMatchObject({ start: 10, count: 30, hold: true });
  model.update("payload", { ...NOW, start: 10, total: 1000, all: 1000, newer: 5 });
  expect(part("newest").textContent).toBe("Show 5 more rows");
  part("newest").click();
  expect(request()).toMatchObject({ start: 0, hold: false });
});

it("removes all listeners except that for its own error", () => {
  end();
  expect(model.listeners).toBe(1);
});
