import { expect, test, vi } from "vitest";

import { Hosted, withViews } from "../src/dashboard/hosted";
import { showRuns, toggled } from "../src/dashboard/run_list";
import { addThemeSwitch } from "../src/dashboard/theme_switch";
import type { RunRow } from "../src/messages";

const manager = {};

function run(uuid: string, shown: boolean, more: Partial<RunRow> = {}): RunRow {
  const texts = { created: "today", origin: "", iterations: "3", epochs: "1", detail: "" };
  return { uuid, name: uuid, ...texts, state: "running", shown, colour: "", ...more };
}

test("bytes become views, at any depth", () => {
  const bytes = new Float64Array([1, 2]).buffer;
  const found = withViews({ a: { b: [bytes] }, c: null, d: "x" }) as { a: { b: DataView[] } };
  expect(found.a.b[0]?.getFloat64(8, true)).toBe(2);
  expect(found).toMatchObject({ c: null, d: "x" });
});

test("a change calls those who listen to that trait", () => {
  const model = new Hosted({ problem: "", payload: {} }, vi.fn(), manager);
  const heard = vi.fn();
  model.on("change:problem", heard);
  model.update({ payload: { a: 1 } });
  expect(heard).not.toHaveBeenCalled();
  model.update({ problem: "no ink" });
  expect([heard.mock.calls.length, model.get("problem")]).toEqual([1, "no ink"]);
  model.off("change:problem", heard);
  model.update({ problem: "" });
  expect(heard).toHaveBeenCalledTimes(1);
});

test("messages of a widget are posted", () => {
  const post = vi.fn();
  new Hosted({}, post, manager).send({ kind: "range", start: 1, stop: 2 });
  expect(post).toHaveBeenCalledWith({ kind: "range", start: 1, stop: 2 });
});

test("a box adds a run to the comparison, or takes it away", () => {
  const rows = [run("a", true), run("b", false), run("c", true)];
  expect(toggled(rows, "b")).toEqual(["a", "b", "c"]);
  expect(toggled(rows, "a")).toEqual(["c"]);
});

test("the name of a run shows it alone", () => {
  const parent = document.createElement("div");
  const select = vi.fn();
  showRuns(parent, [run("a", true), run("b", false)], select);
  parent.querySelectorAll<HTMLButtonElement>(".wbd-name")[1]?.click();
  expect(select).toHaveBeenCalledWith(["b"]);
});

test("a new list keeps the focus", () => {
  const parent = document.createElement("div");
  document.body.append(parent);
  showRuns(parent, [run("a", true), run("b", false)], vi.fn());
  parent.querySelector<HTMLElement>("#run-b")?.focus();
  showRuns(parent, [run("c", false), run("a", true), run("b", false)], vi.fn());
  expect(document.activeElement?.id).toBe("run-b");
});

test("the text of a run is not read as HTML", () => {
  const parent = document.createElement("div");
  showRuns(parent, [run("a", true, { state: "failed", detail: "<img src=x>" })], vi.fn());
  expect(parent.querySelector("img")).toBeNull();
  expect(parent.textContent).toContain("<img src=x>");
});

test("the button changes the theme, and the choice is kept", () => {
  vi.stubGlobal("matchMedia", () => ({ matches: true, addEventListener: vi.fn() }));
  addThemeSwitch(document.body);
  expect(document.documentElement.dataset.wbTheme).toBe("dark");
  const button = document.querySelector<HTMLButtonElement>('[data-testid="theme"]');
  button?.click();
  expect(document.body.dataset.wbTheme).toBe("light");
  expect(button?.getAttribute("aria-label")).toBe("use the dark theme");
  addThemeSwitch(document.body);
  expect(document.body.dataset.wbTheme).toBe("light");
});
