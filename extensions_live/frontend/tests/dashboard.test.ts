import { expect, test, vi } from "vitest";

import { show } from "../src/dashboard/contents";
import { Hosted, withViews } from "../src/dashboard/hosted";
import { addPages } from "../src/dashboard/pages";
import { showRuns, toggled } from "../src/dashboard/run_list";
import { addThemeSwitch } from "../src/dashboard/theme_switch";
import type { DashboardContents, RunRow } from "../src/messages";

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

test("a single page has no tabs", () => {
  const parent = document.createElement("div");
  const { pageOf } = addPages([{ page: "Run" }, { page: "Run" }], parent);
  expect(pageOf("Run")).toBe(parent);
  expect(parent.childElementCount).toBe(0);
});

test("tabs choose a page by mouse and keyboard, and the address keeps the choice", () => {
  const parent = document.createElement("div");
  document.body.append(parent);
  history.replaceState(null, "", "#Model");
  const { pageOf, remove } = addPages([{ page: "Run" }, { page: "Model" }], parent);
  const shown = () => ["Run", "Model"].filter((name) => !pageOf(name).hidden);
  expect(shown()).toEqual(["Model"]);
  const [run, model] = parent.querySelectorAll<HTMLButtonElement>('[role="tab"]');
  run?.click();
  expect([shown(), location.hash, run?.tabIndex]).toEqual([["Run"], "#Run", 0]);
  run?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  expect([shown(), model?.getAttribute("aria-selected")]).toEqual([["Model"], "true"]);
  expect(document.activeElement).toBe(model);
  remove();
  history.replaceState(null, "", "#nothing");
  parent.remove();
});

const SCRIPT =
  "export default { render: ({ model, el }) => { el.textContent = model.get('text'); } }";

function contents(page: string): DashboardContents {
  const state = { text: "first" };
  return {
    kind: "contents",
    sections: [{ page, title: "", subtitle: "", parts: ["one"] }],
    parts: { one: { module: "Text", state } },
    modules: { Text: { esm: `data:text/javascript,${encodeURIComponent(SCRIPT)}`, css: "" } },
    bokehjs: { ident: "bokehjs", version: "3" },
  };
}

test("a widget shows widgets inside of itself that arrive later", async () => {
  const url = vi.spyOn(URL, "createObjectURL");
  url.mockImplementation(() => `data:text/javascript,${encodeURIComponent(SCRIPT)}`);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => undefined);
  const parent = document.createElement("div");
  const shown = show(contents(""), parent, vi.fn());
  await vi.waitFor(() => {
    expect(parent.textContent).toBe("first");
  });
  const { widget_manager } = shown.parts.get("one") ?? {};
  await expect(widget_manager?.get_model?.("two")).rejects.toThrow("no widget two");
  shown.add({ two: { module: "Text", state: { text: "second" } } }, {});
  const model = await widget_manager?.get_model?.("two");
  const view = await widget_manager?.create_view?.(model);
  expect(view?.el.textContent).toBe("second");
  parent.append(view?.el ?? "");
  view?.remove();
  expect(parent.textContent).toBe("first");
  shown.remove();
  vi.restoreAllMocks();
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
