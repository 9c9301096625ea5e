import { createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { flushSync } from "react-dom";
import { afterEach, expect, it, vi } from "vitest";

import type { SessionStatus } from "../../src/messages";
import type { EditorModel } from "../../src/editor/model";
import { ToolsProvider, type Tools } from "../../src/editor/parts/context";
import { StatusBar } from "../../src/editor/parts/StatusBar";
import { saysThatTrainingBegins, trainingBegins } from "../../src/editor/parts/Train";
import { editText } from "../../src/editor/parts/useMessages";
import { useStatus } from "../../src/editor/parts/useStatus";
import { board } from "./boards";

const changed = vi.fn();
let root: Root | null = null;
let box: HTMLElement;
let heard: (() => void)[] = [];
let status: SessionStatus | Record<string, never> = {};

const model = {
  get: () => status,
  on: (_: string, callback: () => void) => heard.push(callback),
  off: (_: string, callback: () => void) => {
    heard = heard.filter((one) => one !== callback);
  },
} as unknown as EditorModel;

function Bar() {
  const session = useStatus(model, changed);
  return createElement(StatusBar, {
    ...{ board: board([]), selected: [], said: "", waiting: false, session },
  });
}

/** Sends a status, as Python does; returns what is shown and what is announced. */
function say(state: string, text: string): [string, string] {
  status = { session: "run 1", state, text };
  flushSync(() => {
    for (const callback of heard) callback();
  });
  const announced = [...box.querySelectorAll('[role="status"]')].at(-1);
  const shown = box.querySelector('[data-testid="session-status"]');
  return [shown?.textContent ?? "", announced?.textContent ?? ""];
}

function draw(): void {
  box = document.createElement("div");
  document.body.append(box);
  const own = (root = createRoot(box));
  const tools = { select: vi.fn(), send: vi.fn() } as unknown as Tools;
  flushSync(() => {
    own.render(createElement(ToolsProvider, { value: tools }, createElement(Bar)));
  });
}

afterEach(() => {
  root?.unmount();
  box.remove();
  changed.mockClear();
  status = {};
  heard = [];
});

it("shows each sentence about the session, and announces only new states", async () => {
  draw();
  expect(box.querySelector('[data-testid="session-status"]')).toBeNull();
  say("running", "run 1 is training: iteration 3");
  await vi.waitFor(() => {
    expect(changed).toHaveBeenCalledTimes(1);
  });
  expect(say("running", "run 1 is training: iteration 90")).toEqual([
    "run 1 is training: iteration 90",
    "run 1 is training: iteration 3",
  ]);
  say("finished", "run 1 finished at iteration 100");
  await vi.waitFor(() => {
    expect(changed).toHaveBeenCalledTimes(2);
  });
  expect(say("finished", "run 1 finished at iteration 100")).toEqual([
    "run 1 finished at iteration 100",
    "run 1 finished at iteration 100",
  ]);
});

it("announces nothing when a page is loaded", () => {
  status = { session: "run 1", state: "paused", text: "run 1 is paused at iteration 7" };
  draw();
  expect(say("paused", "run 1 is paused at iteration 7")).toEqual([
    "run 1 is paused at iteration 7",
    "",
  ]);
  expect(changed).not.toHaveBeenCalled();
});

it("names the last edit, also one that is undone or done again", () => {
  const at = (version: number, undo: string | null, redo: string | null) => ({
    ...board([]),
    ...{ version, structure: 1, undo, redo },
  });
  const [none, moved, named] = [at(1, null, null), at(2, "move a", null), at(3, "rename b", null)];
  expect(editText(none, moved)).toBe("done: move a");
  expect(editText(moved, named)).toBe("done: rename b");
  expect(editText(named, at(4, "move a", "rename b"))).toBe("undone: rename b");
  expect(editText(at(4, "move a", "rename b"), at(5, "rename b", null))).toBe(
    "done again: rename b",
  );
  expect(editText(moved, moved)).toBe("");
  expect(editText({ ...none, structure: 0, version: 0 }, named)).toBe("");
});

it("recognises what is said before there is a session", () => {
  expect(saysThatTrainingBegins(trainingBegins("digits"))).toBe(true);
  expect(saysThatTrainingBegins("fault: training begins on")).toBe(false);
});
