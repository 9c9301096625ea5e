import { createElement, type ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { flushSync } from "react-dom";
import { afterEach, describe, expect, it, vi } from "vitest";

import { Fault } from "../../src/editor/parts/BrickNode";
import { ToolsProvider, type Tools } from "../../src/editor/parts/context";
import { StatusBar } from "../../src/editor/parts/StatusBar";
import { whyNot } from "../../src/editor/parts/Train";
import type { BoardPayload } from "../../src/editor/shown";
import { board, node } from "./boards";

const TEXT = "linear.apply: input_ has shape (?, 784), but input_dim is 12, so its last dimension";
const SHORT = "linear expects vectors of size 12, but gets size 784";
const FAULT = { text: TEXT, short: SHORT, needs: null, setting: "input_dim", fix: null };

let root: Root | null = null;
let box: HTMLElement;

function draw(part: ReactElement) {
  if (!root) {
    box = document.createElement("div");
    document.body.append(box);
    root = createRoot(box);
  }
  const own = root;
  const tools = { send: vi.fn(), select: vi.fn() } as unknown as Tools;
  flushSync(() => {
    own.render(createElement(ToolsProvider, { value: tools }, part));
  });
}

afterEach(() => {
  root?.unmount();
  root = null;
  document.body.replaceChildren();
  vi.useRealTimers();
});

function find(testid: string) {
  return box.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
}

function bar(changes: Partial<BoardPayload["summary"]>, waiting = false) {
  const ready = board([node("linear", { cost: "output" })]);
  const changed = { ...ready, summary: { ...ready.summary, ...changes } };
  const session = { status: { session: "", state: "", text: "" }, announced: "" };
  return createElement(StatusBar, { board: changed, selected: [], said: "", session, waiting });
}

describe("the fault of a node", () => {
  it("is a short sentence, with the text of Python in details that a key opens", () => {
    draw(createElement(Fault, { node: node("linear", { fault: FAULT }) }));
    const details = box.querySelector("details");
    expect(box.querySelector("p")?.textContent).toBe(SHORT);
    expect(details?.open).toBe(false);
    expect(find("fault-text")?.textContent).toBe(TEXT);
    expect(find("fault-details")?.tagName).toBe("SUMMARY");
  });

  it("has these details also where something is only missing", () => {
    const fault = { ...FAULT, needs: "connect an input" };
    draw(createElement(Fault, { node: node("linear", { fault }) }));
    expect(box.querySelector("p")?.textContent).toBe("Not finished yet: connect an input.");
    expect(find("fault-text")?.textContent).toBe(TEXT);
  });
});

describe("the status line", () => {
  it("says that the model is checked, and nothing about its faults until then", () => {
    draw(bar({ checking: true }));
    expect(find("state")?.textContent).toBe("checking the model…");
    draw(bar({ checking: false }));
    expect(find("state")?.textContent).toBe("no faults");
  });

  it("has the first fault in a short sentence", () => {
    draw(bar({ fault: { node: "linear", text: TEXT, short: SHORT, needs: null } }));
    expect(find("show-fault")?.textContent).toBe(SHORT);
    expect(find("show-fault")?.title).toBe(TEXT);
  });

  it("mentions an edit that has no answer after a while", () => {
    vi.useFakeTimers();
    draw(bar({}, true));
    expect(find("state")?.textContent).toBe("no faults");
    flushSync(() => vi.advanceTimersByTime(500));
    expect(find("state")?.textContent).toBe("waiting for Python…");
    draw(bar({}, false));
    expect(find("state")?.textContent).toBe("no faults");
  });
});

describe("training", () => {
  it("waits until the model is checked", () => {
    const ready = board([node("cost", { cost: "output" })]);
    const checking = { ...ready, summary: { ...ready.summary, checking: true } };
    expect(whyNot(ready, false)).toBeNull();
    expect(whyNot(checking, false)?.text).toContain("still being checked");
  });
});
