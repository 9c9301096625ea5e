import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { command, randomId } from "../src/command";
import type { Kernel } from "../src/model";
import { FakeModel, LIVE } from "./fakes";

const box = document.createElement("div");
const waiting = vi.fn();
const ask = vi.fn<NonNullable<Kernel["sendControlMessage"]>>();

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.resetAllMocks();
});

/** A widget whose page hands out a connection to the kernel. */
function connected(status = "busy", connectionStatus = "connected") {
  const kernel = { status, connectionStatus, clientId: "me", sendControlMessage: ask };
  return new FakeModel(LIVE, { kernel });
}

function answers(done: Promise<unknown>) {
  ask.mockReturnValue({ done });
}

describe("randomId", () => {
  it("is 32 hexadecimal digits, and never the same", () => {
    const ids = Array.from({ length: 100 }, randomId);
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("command", () => {
  it("goes by the control channel alone, where the widget takes it", async () => {
    answers(Promise.resolve({ content: { status: "ok" } }));
    const model = connected();
    await command(model, box, "pause", true, waiting);
    expect(ask).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        channel: "control",
        content: {
          receiver: "abc",
          message: { kind: "command", name: "pause", id: expect.any(String) as string },
        },
      }),
      true,
      true,
    );
    expect(model.sent).toEqual([]);
    expect(waiting).not.toHaveBeenCalled();
  });

  it.each([
    ["refuses it", () => Promise.resolve({ content: { status: "unknown" } })],
    ["says nothing that is understood", () => Promise.resolve(undefined)],
    ["is gone", () => Promise.reject(new Error("canceled"))],
  ])("goes by both ways under one id, where the kernel %s", async (_, done) => {
    answers(done());
    const model = connected();
    await command(model, box, "stop", true, waiting);
    const [first] = ask.mock.calls[0] as [{ content: { message: { id: string } } }, ...unknown[]];
    expect(model.sent).toEqual([first.content.message]);
    expect(waiting).toHaveBeenCalledTimes(1);
  });

  it("does not wait for an answer for long", async () => {
    answers(new Promise(() => undefined));
    const model = connected();
    const sent = command(model, box, "step", true, waiting);
    await vi.advanceTimersByTimeAsync(1400);
    expect(model.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await sent;
    expect(model.sent).toMatchObject([{ kind: "command", name: "step" }]);
  });

  it.each([
    ["the kernel does not hear it", connected(), false],
    ["the connection is lost", connected("busy", "connecting"), true],
    ["the page hands out no connection", new FakeModel(LIVE), true],
  ])("is a message of the widget, where %s", async (_, model, heard) => {
    await command(model, box, "pause", heard, waiting);
    expect(ask).not.toHaveBeenCalled();
    expect(model.sent).toMatchObject([{ kind: "command", name: "pause" }]);
    expect(waiting).toHaveBeenCalledTimes(1);
  });

  it("need not wait while no cell runs", async () => {
    await command(connected("idle"), box, "pause", false, waiting);
    expect(waiting).not.toHaveBeenCalled();
  });
});
