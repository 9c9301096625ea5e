import { describe, expect, it, vi } from "vitest";

import type { Intent } from "../../src/messages";
import { Outbox } from "../../src/editor/outbox";
import { keep, kept } from "../../src/editor/unsent";

function outbox(kept: Intent[] = []) {
  const keep = vi.fn();
  const sent: number[][] = [];
  let time = 0;
  const box = new Outbox(
    "me",
    (intents: Intent[]) => sent.push(intents.map(({ number }) => number)),
    keep,
    kept,
    () => time,
  );
  const wait = (ms: number) => {
    time += ms;
  };
  return { box, sent, wait, keep };
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

  it("sends what an earlier page has kept before its own, until it is answered", () => {
    const left: Intent = { client: "before", number: 4, name: "add", arguments: {} };
    const { box, sent, keep } = outbox([left]);
    box.repeat();
    box.send("undo");
    expect(sent).toEqual([[4], [4, 1]]);
    const refused = [{ client: "before", number: 4, text: "no" }];
    expect(box.hear({ acked: { before: 4 }, refused }).map(({ text }) => text)).toEqual(["no"]);
    expect(box.waiting.map(({ client }) => client)).toEqual(["me"]);
    box.hear({ acked: { before: 4, me: 1 }, refused });
    expect(keep).toHaveBeenLastCalledWith([]);
  });

  it("keeps the intents of each board in the tab, and only valid ones", () => {
    const one: Intent = { client: "me", number: 1, name: "undo", arguments: {} };
    keep("a", [one]);
    expect([kept("a"), kept("b")]).toEqual([[one], []]);
    sessionStorage.setItem("workbench-editor-b", '[{"client": 1}, null]');
    expect(kept("b")).toEqual([]);
    sessionStorage.setItem("workbench-editor-b", "no JSON");
    expect(kept("b")).toEqual([]);
    keep("a", []);
    expect(kept("a")).toEqual([]);
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
