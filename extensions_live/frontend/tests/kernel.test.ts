import { afterEach, describe, expect, it, vi } from "vitest";

import {
  KERNEL_STOPPED,
  REOPENED,
  kernelNotice,
  kernelOf,
  watchKernel,
  type Facts,
} from "../src/kernel";
import type { Manager } from "../src/model";
import { post } from "../src/post";
import { FakeModel, LIVE } from "./fakes";

const WELL: Facts = { closed: false, live: true, kernel: { status: "idle" }, sent: true };

describe("kernelNotice", () => {
  const cases: [string, Partial<Facts>, string][] = [
    ["everything works", {}, ""],
    ["the kernel is busy", { kernel: { status: "busy" } }, ""],
    ["the status is unknown", { kernel: { status: "unknown" } }, ""],
    ["the comm is not known yet", { live: undefined }, ""],
    ["a message was lost, but there is a kernel", { sent: false }, ""],
    ["the front end gives no information", { kernel: undefined }, ""],
    ["the comm is closed", { live: false }, KERNEL_STOPPED],
    ["there is no kernel any more", { kernel: null }, KERNEL_STOPPED],
    ["the kernel is dead", { kernel: { status: "dead" } }, KERNEL_STOPPED],
    [
      "nothing can be sent, and there is no information",
      { kernel: undefined, sent: false },
      KERNEL_STOPPED,
    ],
    ["the document was closed", { closed: true }, REOPENED],
    ["the document was closed, and the kernel has ended", { closed: true, kernel: null }, REOPENED],
  ];
  it.each(cases)("if %s", (_, facts, text) => {
    expect(kernelNotice({ ...WELL, ...facts })).toBe(text);
  });
});

describe("kernelOf", () => {
  it("distinguishes a kernel that has ended from a front end without information", () => {
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
  const line = () => box.querySelector<HTMLElement>("[data-testid=kernel-notice]");
  afterEach(() => {
    box.replaceChildren();
    box.className = "";
  });

  it("shows nothing while everything works", async () => {
    const manager = { kernel: { status: "idle" }, get_model: () => Promise.resolve({}) };
    watchKernel(new FakeModel(LIVE, manager), box);
    await settle();
    expect(line()?.hidden).toBe(true);
    expect(box.classList).not.toContain("wb-disconnected");
  });

  it("shows that the comm of its own widget closed", async () => {
    const own = { comm_live: true };
    const get_model = vi.fn(() => Promise.resolve(own));
    const model = new FakeModel(LIVE, { kernel: { status: "idle" }, get_model });
    watchKernel(model, box);
    await settle();
    expect(get_model).toHaveBeenCalledWith("abc");
    own.comm_live = false;
    model.emit("comm_live_update");
    expect(line()?.hidden).toBe(false);
    expect(line()?.textContent).toBe(KERNEL_STOPPED);
    expect(box.classList).toContain("wb-disconnected");
  });

  it("uses failed messages if there is no other information, and clears the text again", () => {
    const model = new FakeModel(LIVE);
    watchKernel(model, box);
    model.open = false;
    post(model, box, { kind: "range", start: null, stop: null });
    expect(line()?.textContent).toBe(KERNEL_STOPPED);
    model.open = true;
    post(model, box, { kind: "range", start: null, stop: null });
    expect(line()?.hidden).toBe(true);
  });

  it("recognises a closed document at a signal of the session", () => {
    const statusChanged = { connect: vi.fn<(look: () => void) => void>(), disconnect: vi.fn() };
    const context = { isDisposed: false, sessionContext: { statusChanged } };
    watchKernel(new FakeModel(LIVE, { isDisposed: false, context, kernel: {} }), box);
    context.isDisposed = true;
    statusChanged.connect.mock.calls[0]?.[0]();
    expect(line()?.textContent).toBe(REOPENED);
  });

  it("removes all listeners at the end", () => {
    const signal = { connect: vi.fn(), disconnect: vi.fn() };
    const context = { sessionContext: { kernelChanged: signal, statusChanged: signal } };
    const model = new FakeModel(LIVE, { context, kernel: {} });
    watchKernel(model, box)();
    expect(signal.disconnect.mock.calls).toEqual(signal.connect.mock.calls);
    expect(model.listeners).toBe(0);
  });
});
