import { afterEach, beforeEach, expect, it, vi } from "vitest";

import progress from "../src/widgets/progress";
import type { ProgressPayload, ProgressState } from "../src/messages";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

const RUNNING: ProgressPayload = {
  state: "running",
  iteration: "iteration 5 of 10",
  epoch: "epoch 1 of 2",
  rate: "12 it/s",
  tier: ["compiled", "asked for"],
  time_left: "1 s left",
  fraction: 0.5,
  failure: "",
};

let el: HTMLElement;
let model: FakeModel<ProgressState>;
let end: () => void;

beforeEach(() => {
  fakeObserver("IntersectionObserver");
  el = document.createElement("div");
  model = new FakeModel<ProgressState>({ ...LIVE, payload: {} });
  end = progress.render({ model, el });
});
afterEach(() => {
  end();
  vi.unstubAllGlobals();
});

function part(name: string): HTMLElement {
  const found = el.querySelector<HTMLElement>(`[data-testid="${name}"]`);
  if (!found) throw new Error(`the line has no ${name}`);
  return found;
}

it("shows how far the run is", () => {
  model.update("payload", RUNNING);
  const names = ["state", "iteration", "epoch", "rate", "tier", "time-left"];
  expect(names.map((name) => part(name).textContent)).toEqual([
    "running",
    "iteration 5 of 10",
    "epoch 1 of 2",
    "12 it/s",
    "compiled",
    "1 s left",
  ]);
  expect(part("progress").getAttribute("aria-valuenow")).toBe("50");
  expect(el.querySelectorAll("button")).toHaveLength(0);
});

it("has no value while the end is unknown", () => {
  model.update("payload", RUNNING);
  model.update("payload", { ...RUNNING, fraction: null });
  expect(part("progress").classList).toContain("wb-unknown");
  expect(part("progress").hasAttribute("aria-valuenow")).toBe(false);
});

it("shows the error that ended training", () => {
  model.update("payload", { ...RUNNING, state: "failed", failure: "ValueError: <b>" });
  expect(part("failure").textContent).toBe("ValueError: <b>");
});
