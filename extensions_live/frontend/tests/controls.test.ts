import { afterEach, beforeEach, expect, it, vi } from "vitest";

import controls from "../src/widgets/controls";
import type {
  CommandMessage,
  ControlsPayload,
  ControlsState,
  NumberRow,
  Receipt,
} from "../src/messages";
import { FakeModel, LIVE, fakeObserver } from "./fakes";

const RUNNING: ControlsPayload = {
  state: "running",
  possible: ["pause", "stop", "train"],
  iteration: "iteration 5 of 10",
  epoch: "epoch 1 of 2",
  rate: "12 it/s",
  tier: ["compiled", "compiled: requested"],
  time_left: "1 s left",
  fraction: 0.5,
  values: [["cost", "0.5"]],
  command: null,
  receipts: [],
  steer: {
    able: true,
    session: "session-1",
    default_path: "session-1-{iterations_done}.tar",
    last_path: "",
    numbers: [],
    end: { epochs: 2, batches: 10, epochs_done: 0, batches_done: 5 },
    branches: [{ name: "main", start: 0, end: null, difference: "" }],
    more_branches: 0,
    snapshots: [],
    interventions: [],
    more_interventions: 0,
  },
  alerts: [],
  alert_count: 0,
  error: null,
  note: "",
};

const RATE: NumberRow = {
  path: "learning_rate",
  name: "learning_rate",
  owner: "",
  value: 0.1,
  low: 0,
  high: null,
  scale: "log",
  driven_by: "",
  held: false,
  receipt: null,
};

let el: HTMLElement;
let model: FakeModel<ControlsState>;
let end: () => void;

beforeEach(() => {
  fakeObserver("IntersectionObserver");
  el = document.createElement("div");
  model = new FakeModel<ControlsState>({ ...LIVE, title: "", folded: false, payload: {} });
  end = controls.render({ model, el });
});
afterEach(() => {
  end();
  vi.unstubAllGlobals();
});

/** Returns the part of the bar with a test id. */
function part(name: string): HTMLElement {
  const found = el.querySelector<HTMLElement>(`[data-testid="${name}"]`);
  if (!found) throw new Error(`the bar has no ${name}`);
  return found;
}

it("shows the progress of the run", () => {
  model.update("payload", RUNNING);
  const text = ["state", "iteration", "epoch", "rate", "tier", "time-left", "values"].map(
    (name) => part(name).textContent,
  );
  expect(text.slice(0, 4)).toEqual(["running", "iteration 5 of 10", "epoch 1 of 2", "12 it/s"]);
  expect(text.slice(4)).toEqual(["compiled", "1 s left", "cost0.5"]);
  expect(part("tier").title).toBe("compiled: requested");
  expect(part("progress").getAttribute("aria-valuenow")).toBe("50");
});

it.each([
  ["ask-for-rewind", "rewind-to"],
  ["ask-for-fork", "fork-name"],
])("leads from the button %s to the field %s", (button, field) => {
  document.body.append(el);
  model.update("payload", RUNNING);
  part(button).click();
  expect(part("more").hasAttribute("open")).toBe(true);
  expect(document.activeElement).toBe(part(field));
  el.remove();
});

it("enables the possible buttons, and shows either pause or resume", () => {
  model.update("payload", RUNNING);
  expect(part("pause")).toMatchObject({ disabled: false, hidden: false });
  expect(part("resume").hidden).toBe(true);
  expect(part("step")).toMatchObject({ disabled: true });
  model.update("payload", { ...RUNNING, state: "paused", possible: ["resume", "step"] });
  expect(part("pause").hidden).toBe(true);
  expect(part("resume")).toMatchObject({ disabled: false, hidden: false });
});

it("keeps the focus when its button is replaced or disabled", async () => {
  document.body.append(el);
  model.update("payload", RUNNING);
  part("pause").focus();
  model.update("payload", { ...RUNNING, state: "paused", possible: ["resume", "step"] });
  await Promise.resolve();
  expect(document.activeElement).toBe(part("resume"));
  part("step").focus();
  model.update("payload", { ...RUNNING, state: "completed", possible: ["train"] });
  await Promise.resolve();
  expect(document.activeElement).toBe(part("controls"));
});

it("shows that a click was sent until its outcome arrives", async () => {
  const before = { id: 3, text: "step: started at iteration 4", refused: false };
  model.update("payload", { ...RUNNING, command: before });
  expect(part("command").textContent).toBe(before.text);
  part("pause").click();
  await Promise.resolve();
  const waits = "Pause sent; while a cell runs, it takes effect when the cell ends";
  expect(part("command").textContent).toBe(waits);
  expect(model.sent.at(-1)).toMatchObject({ kind: "command", name: "pause" });
  model.update("payload", { ...RUNNING, command: before, iteration: "iteration 6 of 10" });
  expect(part("command").textContent).toBe(waits);
  const after = { id: 4, text: "pause: refused: it is paused", refused: true };
  const request = (model.sent.at(-1) as CommandMessage).id ?? "";
  const receipt: Receipt = { request, about: "pause", text: "", state: "refused", code: "" };
  model.update("payload", { ...RUNNING, command: after, receipts: [receipt] });
  expect(part("command").textContent).toBe(after.text);
  expect(part("command").classList).toContain("wb-refused");
});

it.each([
  ["the page gives no access to the kernel", {}, true, false],
  ["the kernel has no control channel", { sendControlMessage: vi.fn() }, false, false],
  ["both have one", { sendControlMessage: vi.fn() }, true, true],
  ["a dashboard is shown", { isFree: true }, false, true],
])(
  "says that its buttons wait for a cell unless it is not so: %s",
  (_, kernel, channel, hidden) => {
    const state = { ...LIVE, has_control_channel: channel, title: "", folded: false, payload: {} };
    const place = document.createElement("div");
    const own = new FakeModel<ControlsState>(state, { kernel });
    const stop = controls.render({ model: own, el: place });
    const line = place.querySelector<HTMLElement>('[data-testid="buttons-wait"]');
    expect(line?.textContent).toMatch(/^While a cell runs .* buttons may act only when it ends\.$/);
    expect(line?.hidden).toBe(hidden);
    stop();
  },
);

it("shows the error that ended training", () => {
  model.update("payload", RUNNING);
  expect(part("error").hidden).toBe(true);
  const error = { message: "ValueError: <b>", traceback: "line 1" };
  model.update("payload", { ...RUNNING, state: "failed", error });
  expect(part("error").hidden).toBe(false);
  expect(part("error-message").textContent).toBe("ValueError: <b>");
  expect(part("error-traceback").textContent).toBe("line 1");
});

it("shows that the view itself failed", () => {
  expect(part("view-problem").hidden).toBe(true);
  model.update("problem", "KeyError: 'x'");
  expect(part("view-problem").textContent).toMatch(/cannot be drawn; .*KeyError: 'x'/);
});

it("shows that the end is unknown", () => {
  model.update("payload", { ...RUNNING, fraction: null });
  expect(part("progress").classList).toContain("wb-unknown");
});

it("removes all listeners except that for its own error", () => {
  end();
  expect(model.listeners).toBe(1);
  expect(model.sent.at(-1)).toMatchObject({ kind: "visibility", visible: false });
});

it("names its session if it has a title", () => {
  expect(el.querySelector('[data-testid="session-title"]')).toBeNull();
  const titled = new FakeModel<ControlsState>({
    ...LIVE,
    title: "alt",
    folded: false,
    payload: {},
  });
  const other = document.createElement("div");
  const endOther = controls.render({ model: titled, el: other });
  expect(other.querySelector('[data-testid="session-title"]')?.textContent).toBe("alt");
  expect(other.querySelector('[role="region"]')?.getAttribute("aria-label")).toMatch("of alt");
  endOther();
});

it("sends nothing after the kernel has ended, and says so", () => {
  model.update("payload", RUNNING);
  el.querySelector(".wb-controls")?.classList.add("wb-disconnected");
  const before = model.sent.length;
  part("pause").click();
  expect(model.sent).toHaveLength(before);
  expect(part("command").textContent).toMatch("nothing was sent");
});

it("opens the steering part if it has few numbers, unless it is folded at first", () => {
  const opened = (folded: boolean) => {
    const other = document.createElement("div");
    const one = new FakeModel<ControlsState>({ ...LIVE, title: "", folded, payload: {} });
    const endOther = controls.render({ model: one, el: other });
    one.update("payload", { ...RUNNING, steer: { ...RUNNING.steer, numbers: [RATE] } });
    const { open } = other.querySelector<HTMLDetailsElement>('[data-testid="steer"]') ?? {};
    endOther();
    return open;
  };
  expect([opened(false), opened(true)]).toEqual([true, false]);
});
