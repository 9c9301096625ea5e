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

/** Returns a widget whose page gives access to the kernel. */
function connected(status = "busy", connectionStatus = "connected", channel = true) {
  const kernel = { status, connectionStatus, clientId: "me", sendControlMessage: ask };
  return new FakeModel({ ...LIVE, has_control_channel: channel }, { kernel });
}

function answers(done: Promise<unknown>) {
  ask.mockReturnValue({ done });
}

describe("randomId", () => {
  it("is 32 hexadecimal digits, each time different", () => {
    const ids = Array.from({ length: 100 }, randomId);
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("command", () => {
  it("is sent on the control channel only, if the widget accepts it", async () => {
    answers(Promise.resolve({ content: { status: "ok" } }));
    const model = connected();
    await command(model, box, { name: "pause" }, waiting);
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
    ["sends an unknown reply", () => Promise.resolve(undefined)],
    ["has ended", () => Promise.reject(new Error("canceled"))],
  ])("is sent both ways with one id, if the kernel %s", async (_, done) => {
    answers(done());
    const model = connected();
    await command(model, box, { name: "stop" }, waiting);
    const [first] = ask.mock.calls[0] as [{ content: { message: { id: string } } }, ...unknown[]];
    expect(model.sent).toEqual([first.content.message]);
    expect(waiting).toHaveBeenCalledTimes(1);
  });

  it("waits only briefly for an answer", async () => {
    answers(new Promise(() => undefined));
    const model = connected();
    const sent = command(model, box, { name: "step" }, waiting);
    await vi.advanceTimersByTimeAsync(1400);
    expect(model.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await sent;
    expect(model.sent).toMatchObject([{ kind: "command", name: "step" }]);
  });

  it.each([
    ["the kernel has no control channel", connected("busy", "connected", false)],
    ["the connection is lost", connected("busy", "connecting")],
    [
      "the page gives no access to the kernel",
      new FakeModel({ ...LIVE, has_control_channel: true }),
    ],
  ])("is a message of the widget, if %s", async (_, model) => {
    await command(model, box, { name: "pause" }, waiting);
    expect(ask).not.toHaveBeenCalled();
    expect(model.sent).toMatchObject([{ kind: "command", name: "pause" }]);
    expect(waiting).toHaveBeenCalledTimes(1);
  });

  it("does not wait if no cell runs", async () => {
    await command(connected("idle", "connected", false), box, { name: "pause" }, waiting);
    expect(waiting).not.toHaveBeenCalled();
  });
});
