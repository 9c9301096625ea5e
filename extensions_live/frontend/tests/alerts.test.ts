import { afterEach, beforeEach, expect, it } from "vitest";

import { Alerts } from "../src/alerts";
import type { AlertRow } from "../src/messages";

let el: HTMLElement;
let alerts: Alerts;

afterEach(() => {
  alerts.read();
});
beforeEach(() => {
  document.title = "run.ipynb - JupyterLab";
  el = document.createElement("div");
  alerts = new Alerts(el, "a");
});

function some(count: number): AlertRow[] {
  return Array.from({ length: Math.min(count, 5) }, (_, i) => {
    const number = count - i;
    return { iteration: 1000 * number, level: "error", text: `alert ${String(number)}` };
  });
}

function shown() {
  return [...el.querySelectorAll("li")].map((item) => item.textContent);
}

it("shows the newest alerts with level and iteration", () => {
  alerts.update(some(1), 1);
  expect(shown()).toEqual(["erroralert 1at iteration 1,000"]);
  expect(el.querySelector("li")?.dataset.level).toBe("error");
  alerts.update(some(9), 9);
  expect(shown().length).toBe(3);
});

it("shows an unknown level as a warning, and text as text", () => {
  alerts.update([{ iteration: 1, level: "loud", text: "<img>" }], 1);
  expect(el.querySelector("li")?.dataset.level).toBe("warning");
  expect(el.querySelector("img")).toBeNull();
});

it("marks the title of the page until new alerts are read", () => {
  alerts.update(some(1), 1);
  expect(document.title).toBe("run.ipynb - JupyterLab"); // they were there before the view
  alerts.update(some(2), 2);
  alerts.update(some(2), 2);
  expect(document.title).toBe("(!) run.ipynb - JupyterLab");
  document.title = "other.ipynb - JupyterLab"; // the notebook sets it, too
  alerts.update(some(2), 2);
  expect(document.title).toBe("(!) other.ipynb - JupyterLab");
  alerts.read();
  expect(document.title).toBe("other.ipynb - JupyterLab");
});

it("marks the title again after the notebook has set it", async () => {
  alerts.update([], 0);
  alerts.update(some(1), 1);
  document.title = "other.ipynb - JupyterLab";
  await Promise.resolve();
  expect(document.title).toBe("(!) other.ipynb - JupyterLab");
  alerts.read();
  await Promise.resolve();
  expect(document.title).toBe("other.ipynb - JupyterLab");
});

it("keeps the mark while another view has unread alerts", () => {
  const other = new Alerts(el, "b");
  for (const one of [alerts, other]) {
    one.update([], 0);
    one.update(some(1), 1);
  }
  alerts.read();
  expect(document.title).toMatch(/^\(!\) /);
  other.read();
  expect(document.title).not.toMatch(/^\(!\) /);
});

it("hides alerts that are dismissed, and shows later ones", () => {
  alerts.update(some(2), 2);
  el.querySelector("button")?.click();
  alerts.update(some(2), 2);
  const box = el.querySelector<HTMLElement>('[data-testid="alerts"]');
  expect(box?.hidden).toBe(true);
  alerts.update(some(3), 3);
  expect(box?.hidden).toBe(false);
  expect(shown()).toEqual(["erroralert 3at iteration 3,000"]);
});
