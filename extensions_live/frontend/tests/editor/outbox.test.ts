import { describe, expect, it, vi } from "vitest";

import type { Intent } from "../../src/messages";
import { Outbox } from "../../src/editor/outbox";

function outbox() {
  const sent: number[][] = [];
  let time = 0;
  const box = new Outbox(
    "me",
    (intents: Intent[]) => sent.push(intents.map(({ number }) => number)),
    () => time,
  );
  const wait = (ms: number) => {
    time += ms;
  };
  return { box, sent, wait };
}

describe("outbox", () => {
  it("sends all intents without an answer each time", () => {
    const { box, sent } = outbox();
    box.send("undo");
    box.send("redo");
    expect(sent).toEqual([[1], [1, 2]]);
  });

  it("forgets intents that Python has executed", () => {
    const { box, sent } = outbox();
    box.send("undo");
    box.send("redo");
    box.hear({ acked: { me: 1, other: 7 }, refused: [] });
    box.repeat();
    expect(sent.at(-1)).toEqual([2]);
  });

  it("sends nothing again if everything was answered", () => {
    const { box, sent } = outbox();
    box.send("undo");
    box.hear({ acked: { me: 1 }, refused: [] });
    box.repeat();
    expect(sent).toHaveLength(1);
  });

  it("reports each refusal of its own intents once", () => {
    const { box } = outbox();
    const refused = [
      { client: "me", number: 1, text: "no" },
      { client: "other", number: 2, text: "not mine" },
    ];
    box.send("undo");
    expect(box.hear({ acked: { me: 1 }, refused }).map(({ text }) => text)).toEqual(["no"]);
    expect(box.hear({ acked: { me: 1 }, refused })).toEqual([]);
  });

  it("measures the time without an answer from the last answer", () => {
    const { box, wait } = outbox();
    expect(box.silence).toBe(0);
    box.send("undo");
    wait(500);
    box.send("redo");
    wait(500);
    expect(box.silence).toBe(1000);
    box.hear({ acked: { me: 1 }, refused: [] });
    wait(200);
    expect(box.silence).toBe(200);
    box.hear({ acked: { me: 2 }, refused: [] });
    expect(box.silence).toBe(0);
  });

  it("keeps an intent although sending fails", () => {
    const deliver = vi.fn(() => {
      throw new Error("closed");
    });
    const box = new Outbox("me", deliver);
    expect(() => box.send("undo")).toThrow("closed");
    expect(box.waiting).toHaveLength(1);
  });
});
