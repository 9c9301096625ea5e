import { afterEach, describe, expect, it, vi } from "vitest";

import { GONE, STALE, fate, kernelOf, watchKernel, type Facts } from "../src/kernel";
import type { Manager } from "../src/model";
import { post } from "../src/post";
import { FakeModel, LIVE } from "./fakes";

const WELL: Facts = { closed: false, live: true, kernel: { status: "idle" }, sent: true };

describe("fate", () => {
  const cases: [string, Partial<Facts>, string][] = [
    ["all is well", {}, ""],
    ["the kernel is busy", { kernel: { status: "busy" } }, ""],
    ["the status is unknown", { kernel: { status: "unknown" } }, ""],
    ["the comm is not known yet", { live: undefined }, ""],
    ["a message was lost, but there is a kernel", { sent: false }, ""],
    ["the front end names no kernel", { kernel: undefined }, ""],
    ["the comm is closed", { live: false }, GONE],
    ["there is no kernel any more", { kernel: null }, GONE],
    ["the kernel is dead", { kernel: { status: "dead" } }, GONE],
    ["nothing can be sent, and no kernel named", { kernel: undefined, sent: false }, GONE],
    ["the document was closed", { closed: true }, STALE],
    ["the document was closed, and the kernel is gone", { closed: true, kernel: null }, STALE],
  ];
  it.each(cases)("where %s", (_, facts, text) => {
    expect(fate({ ...WELL, ...facts })).toBe(text);
  });
});

describe("kernelOf", () => {
  it("tells a kernel that is gone from a front end that says nothing", () => {
    const broken: Manager = {
      get kernel(): never {
        throw new Error("no context");
      },
    };
    expect(kernelOf({ kernel: { status: "idle" } })).toEqual({ status: "idle" });
    expect(kernelOf(broken)).toBeNull();
    expect(kernelOf({})).toBeUndefined();
    expect(kernelOf(undefined)).toBeUndefined();
  });
});

describe("watchKernel", () => {
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  const box = document.createElement("div");
  const line = () => box.querySelector<HTMLElement>("[data-testid=fate]");
  afterEach(() => {
    box.replaceChildren();
    box.className = "";
  });

  it("says nothing while all is well", async () => {
    const manager = { kernel: { status: "idle" }, get_model: () => Promise.resolve({}) };
    watchKernel(new FakeModel(LIVE, manager), box);
    await settle();
    expect(line()?.hidden).toBe(true);
    expect(box.classList).not.toContain("wb-gone");
  });

  it("speaks when the comm of its own widget closes", async () => {
    const own = { comm_live: true };
    const get_model = vi.fn(() => Promise.resolve(own));
    const model = new FakeModel(LIVE, { kernel: { status: "idle" }, get_model });
    watchKernel(model, box);
    await settle();
    expect(get_model).toHaveBeenCalledWith("abc");
    own.comm_live = false;
    model.emit("comm_live_update");
    expect(line()?.hidden).toBe(false);
    expect(line()?.textContent).toBe(GONE);
    expect(box.classList).toContain("wb-gone");
  });

  it("learns from messages, where nothing else tells, and takes it back", () => {
    const model = new FakeModel(LIVE);
    watchKernel(model, box);
    model.open = false;
    post(model, box, { kind: "range", start: null, stop: null });
    expect(line()?.textContent).toBe(GONE);
    model.open = true;
    post(model, box, { kind: "range", start: null, stop: null });
    expect(line()?.hidden).toBe(true);
  });

  it("knows a closed document, and hears of it by a signal of the session", () => {
    const statusChanged = { connect: vi.fn<(look: () => void) => void>(), disconnect: vi.fn() };
    const context = { isDisposed: false, sessionContext: { statusChanged } };
    watchKernel(new FakeModel(LIVE, { isDisposed: false, context, kernel: {} }), box);
    context.isDisposed = true;
    statusChanged.connect.mock.calls[0]?.[0]();
    expect(line()?.textContent).toBe(STALE);
  });

  it("leaves nothing behind", () => {
    const signal = { connect: vi.fn(), disconnect: vi.fn() };
    const context = { sessionContext: { kernelChanged: signal, statusChanged: signal } };
    const model = new FakeModel(LIVE, { context, kernel: {} });
    watchKernel(model, box)();
    expect(signal.disconnect.mock.calls).toEqual(signal.connect.mock.calls);
    expect(model.listeners).toBe(0);
  });
});
