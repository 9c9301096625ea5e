import { describe, expect, it } from "vitest";

import {
  flowEdges,
  flowNodes,
  portOf,
  positionsOf,
  secondLine,
  spoken,
} from "../../src/editor/flow";
import { HANDLES } from "../../src/editor/handles";
import { matching } from "../../src/editor/parts/Chooser";
import { faultIn } from "../../src/editor/parts/CodePane";
import { whyNot } from "../../src/editor/parts/Train";
import { BUSY, GONE, LOST, noticeOf, SILENT } from "../../src/editor/parts/useKernel";
import { board, edge, node } from "./boards";

const BOX = { x: 1, y: 2, width: 100, height: 40 };

describe("nodes of React Flow", () => {
  it("come with parents before their children", () => {
    const nodes = [node("group/part", { parent: "group" }), node("group", { open: true })];
    expect(flowNodes(board(nodes), new Map()).map(({ id }) => id)).toEqual(["group", "group/part"]);
  });

  it("stay the same objects if nothing changed", () => {
    const boxes = new Map([["a", BOX]]);
    const old = flowNodes(board([node("a")]), boxes);
    expect(flowNodes(board([node("a")]), boxes, old)[0]).toBe(old[0]);
    const changed = flowNodes(board([node("a", { parameters: 3 })]), boxes, old)[0];
    expect(changed).not.toBe(old[0]);
  });

  it("keep the position of a node that is being dragged, and the selection", () => {
    const [first] = flowNodes(board([node("a")]), new Map([["a", BOX]]));
    if (!first) throw new Error("no node");
    const dragged = { ...first, position: { x: 50, y: 60 }, dragging: true, selected: true };
    const [now] = flowNodes(board([node("a", { flops: 1 })]), new Map([["a", BOX]]), [dragged]);
    expect(now).toMatchObject({ position: { x: 50, y: 60 }, selected: true });
  });

  it("need no measuring: they have their sizes and the places of their handles", () => {
    const [group] = flowNodes(board([node("a", { open: true })]), new Map([["a", BOX]]));
    expect(group?.measured).toEqual({ width: 100, height: 40 });
    const places = group?.handles?.map(({ id, type, x, y }) => [id, type, x, y]);
    expect(places).toEqual([
      [HANDLES.input("input_"), "target", 44.5, -4.5],
      [HANDLES.fromInside("input_"), "source", 46.5, 48.5],
      [HANDLES.output("output"), "source", 44.5, 33.5],
      [HANDLES.toInside("output"), "target", 46.5, 14.5],
    ]);
  });

  it("cannot be dragged out of a brick that wires its parts itself", () => {
    const part = node("mlp/linear", { parent: "mlp", editable: false });
    const [, inner] = flowNodes(board([node("mlp", { open: true }), part]), new Map());
    expect(inner).toMatchObject({ draggable: false, parentId: "mlp" });
  });

  it("have whole numbers as positions in an intent", () => {
    expect(positionsOf([{ id: "a", position: { x: 1.4, y: 2.6 } }])).toEqual({ a: [1, 3] });
  });
});

describe("edges of React Flow", () => {
  it("end at handles inside of an open group", () => {
    const [first, last] = flowEdges(
      board(
        [node("g", { open: true }), node("g/a", { parent: "g" })],
        [
          edge("g", "g/a", { output: "input_", from_inside: true }),
          edge("g/a", "g", { input: "output", to_inside: true }),
        ],
      ),
    );
    expect(first?.sourceHandle).toBe(HANDLES.fromInside("input_"));
    expect(last?.targetHandle).toBe(HANDLES.toInside("output"));
    expect(portOf(first?.sourceHandle)).toBe("input_");
    expect(first?.data?.inside).toBe(true);
  });

  it("are within a group, and are announced with a new name, also if they existed before", () => {
    const wires = [edge("a", "b")];
    const old = flowEdges(board([node("a"), node("b")], wires));
    expect(flowEdges(board([node("a"), node("b")], wires), old)[0]).toBe(old[0]);
    const parts = [node("a", { parent: "g", title: "first" }), node("b", { parent: "g" })];
    const [now] = flowEdges(board([node("g", { open: true }), ...parts], wires), old);
    expect(now?.data?.inside).toBe(true);
    expect(now?.ariaLabel).toBe("edge from first to b, shape batch × 10");
  });

  it("are announced with their shape", () => {
    const [one] = flowEdges(board([node("a"), node("b")], [edge("a", "b")]));
    expect(one?.ariaLabel).toBe("edge from a to b, shape batch × 10");
  });
});

describe("texts of parts", () => {
  it("begin with the best match in a list of choices", () => {
    const choice = (title: string) => ({ key: title, title, text: "", act: () => undefined });
    const found = matching([choice("BilinearForm"), choice("Linear")], "linear");
    expect(found.map(({ title }) => title)).toEqual(["Linear", "BilinearForm"]);
  });

  it("have the line of a fault in code", () => {
    expect(faultIn({ number: 1, text: "line 10: invalid syntax" })).toEqual({
      line: 10,
      text: "invalid syntax",
    });
    expect(faultIn({ number: 1, text: "no" })).toEqual({ line: 0, text: "no" });
  });

  it("say why a model cannot be trained yet", () => {
    const ready = board([node("cost", { cost: "output" })]);
    expect(whyNot(ready, false)).toBeNull();
    expect(whyNot(ready, true)).toMatchObject({ what: "data" });
    expect(whyNot(board([]), true)?.text).toContain("empty");
    expect(whyNot(board([node("a")]), false)).toMatchObject({ what: "cost" });
    const fault = { node: "cost", text: "long", short: "cost: wrong", needs: null };
    const faulty = { ...ready, summary: { ...ready.summary, fault } };
    expect(whyNot(faulty, true)).toEqual({
      text: "cost: wrong. Fix this first.",
      node: "cost",
      what: null,
    });
    const needs = "connect an input";
    const unfinished = { ...ready, summary: { ...ready.summary, fault: { ...fault, needs } } };
    expect(whyNot(unfinished, false)?.text).toBe("First finish cost: connect an input.");
  });

  it("say what an unfinished node needs instead of its settings", () => {
    const needs = "connect y and y hat";
    const fault = { text: "missing", short: "cost: missing", needs, setting: null, fix: null };
    const waiting = node("cost", { fault });
    expect(secondLine(waiting)).toBe(needs);
    expect(spoken(waiting)).toContain(`unfinished: ${needs}`);
  });
});

describe("the notice about the kernel", () => {
  const idle = { closed: false, live: true, kernel: { status: "idle" }, sent: true };

  it("is absent while Python answers", () => {
    expect(noticeOf(idle, 0)).toBeNull();
    expect(noticeOf({ ...idle, kernel: { status: "busy" } }, 1000)).toBeNull();
  });

  it("says that the kernel is busy, silent, gone or lost", () => {
    expect(noticeOf({ ...idle, kernel: { status: "busy" } }, 3000)?.text).toBe(BUSY);
    expect(noticeOf(idle, 3000)).toBeNull();
    expect(noticeOf(idle, 9000)?.text).toBe(SILENT);
    expect(noticeOf({ ...idle, live: false }, 0)).toMatchObject({ text: GONE, gone: true });
    expect(noticeOf({ ...idle, closed: true }, 0)).toMatchObject({ text: LOST, gone: true });
  });

  it("knows whether the drawing is lost with the kernel", () => {
    expect(noticeOf({ ...idle, live: false }, 0)?.loses).toBe(true);
    expect(noticeOf(idle, 9000)?.loses).toBe(true);
    expect(noticeOf({ ...idle, closed: true }, 0)?.loses).toBe(false);
  });
});
