import { describe, expect, it } from "vitest";

import { betweenChoices, groupChoices, type Acts } from "../../src/editor/choices";
import {
  canStandOnEdge,
  groupAt,
  isFree,
  openEdge,
  roomOn,
  within,
} from "../../src/editor/inserting";
import { board, edge, item, node } from "./boards";

const BOX = { x: 0, y: 0, width: 100, height: 100 };
const ACTS: Acts = {
  add: () => undefined,
  connect: () => undefined,
  select: () => undefined,
  familyOf: () => "layer",
};

describe("an edge", () => {
  it("can lead through something, unless it is inside of a brick", () => {
    const outer = edge("a", "b");
    const inner = edge("a/one", "a/two");
    const border = edge("a", "a/one", { from_inside: true });
    const nodes = [
      node("a"),
      node("b"),
      node("a/one", { editable: false }),
      node("a/two", { editable: false }),
    ];
    const all = board(nodes, [outer, inner, border]);
    expect(openEdge(all, outer.id)).toBe(outer);
    expect(openEdge(all, inner.id)).toBeUndefined();
    expect(openEdge(all, border.id)).toBeUndefined();
    expect(openEdge(all, null)).toBeUndefined();
  });

  it("takes bricks with an input and an output, and no blocks", () => {
    expect(canStandOnEdge(item("Tanh"))).toBe(true);
    expect(canStandOnEdge(item("MLP", "Ready blocks", { kind: "block", entry: null }))).toBe(false);
  });

  it("offers the free nodes of the canvas first", () => {
    const all = board([node("a"), node("b"), node("free")], [edge("a", "b")]);
    const sent: unknown[] = [];
    const [line] = all.edges;
    if (!line) throw new Error("no edge");
    const choices = betweenChoices([item("Tanh")], all, line, ACTS, (name, given) => {
      sent.push([name, given]);
    });
    expect(choices.map(({ title }) => title)).toEqual(["free", "Tanh"]);
    for (const { act } of choices) act();
    expect(sent).toEqual([
      ["insert_node", { node: "free", target: "b", input: "input_" }],
      ["insert", { type: "Tanh", target: "b", input: "input_" }],
    ]);
  });
});

describe("room on an edge", () => {
  const nodes = [node("a"), node("b"), node("c"), node("in", { parent: "c" })];
  const size = { width: 100, height: 50 };
  const boxes = (gap: number) =>
    new Map([
      ["a", { x: 0, y: 0, width: 100, height: 50 }],
      ["b", { x: 40, y: 50 + gap, width: 100, height: 50 }],
      ["c", { x: 300, y: 60 + gap, width: 100, height: 50 }],
      ["in", { x: 10, y: 10, width: 100, height: 50 }],
    ]);

  it("is in the middle if the ends are far apart", () => {
    const room = roomOn(edge("a", "b"), nodes, boxes(250), size);
    expect(room).toEqual({ position: [20, 150], positions: {} });
  });

  it("is made by moving down what is not above the end", () => {
    const room = roomOn(edge("a", "b"), nodes, boxes(56), size);
    expect(room?.position).toEqual([20, 106]);
    expect(room?.positions).toEqual({ b: [40, 212], c: [300, 222] });
  });

  it("leaves out the node that moves there", () => {
    const room = roomOn(edge("a", "b"), nodes, boxes(56), size, "c");
    expect(room?.positions).toEqual({ b: [40, 212] });
  });

  it("is nowhere on an edge that leads upwards", () => {
    expect(roomOn(edge("b", "a"), nodes, boxes(56), size)).toBeNull();
  });

  it("is within the group of an edge, where what is below it moves down", () => {
    const grouped = [
      node("group", { kind: "group", open: true }),
      ...["a", "b", "c"].map((id) => node(id, { parent: "group" })),
      node("below"),
    ];
    const places = new Map([
      ...boxes(56),
      ["group", { x: 200, y: 0, width: 500, height: 300 }] as const,
      ["below", { x: 200, y: 400, width: 100, height: 50 }] as const,
    ]);
    expect(roomOn(edge("a", "b"), grouped, places, size)).toEqual({
      position: [20, 106],
      positions: { b: [40, 212], c: [300, 222] },
    });
  });

  it("is outside of a group into which an edge leads", () => {
    const grouped = [
      node("a"),
      node("group", { kind: "group", open: true }),
      node("b", { parent: "group" }),
    ];
    const places = new Map([
      ["a", { x: 0, y: 0, width: 100, height: 50 }],
      ["group", { x: 0, y: 106, width: 156, height: 200 }],
      ["b", { x: 28, y: 84, width: 100, height: 50 }],
    ]);
    expect(roomOn(edge("a", "b"), grouped, places, size)).toEqual({
      position: [14, 106],
      positions: { group: [0, 212] },
    });
  });
});

describe("a node", () => {
  it("is free if nothing is connected to it", () => {
    const all = board(
      [node("a"), node("b"), node("c"), node("x", { kind: "input" })],
      [edge("a", "b")],
    );
    expect(["a", "b", "c", "x", "none"].map((id) => isFree(all, id))).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it("stays off the border and the name of its group", () => {
    expect(within([-40, 3.4])).toEqual([28, 84]);
    expect(within([60.4, 200])).toEqual([60, 200]);
  });
});

describe("an open group", () => {
  const group = (id: string, parent: string | null = null) =>
    node(id, { kind: "group", open: true, parent });
  const all = board([
    group("outer"),
    group("inner", "outer"),
    node("a"),
    node("b", { open: true }),
  ]);
  const boxes = new Map([
    ["outer", BOX],
    ["inner", { ...BOX, width: 50 }],
    ["b", { ...BOX, x: 500 }],
  ]);

  it("takes what is dropped in it, the innermost first", () => {
    expect(groupAt(all, boxes, [20, 20], ["a"])).toBe("inner");
    expect(groupAt(all, boxes, [80, 20], ["a"])).toBe("outer");
    expect(groupAt(all, boxes, [300, 20], ["a"])).toBeNull();
  });

  it("does not take itself, what is around it, or a place in an open brick", () => {
    expect(groupAt(all, boxes, [20, 20], ["inner"])).toBe("outer");
    expect(groupAt(all, boxes, [20, 20], ["outer"])).toBeNull();
    expect(groupAt(all, boxes, [520, 20], ["a"])).toBeNull();
  });

  it("is offered in a list, and so is no group for what is in one", () => {
    const put: unknown[] = [];
    const chosen = (nodes: string[]) =>
      groupChoices(all, nodes, (to) => put.push(to)).map(({ title }) => title);
    expect(chosen(["a"])).toEqual(["outer", "inner"]);
    expect(chosen(["inner"])).toEqual(["Out of all groups"]);
    groupChoices(all, ["inner"], (to) => put.push(to))[0]?.act();
    expect(put).toEqual([null]);
  });
});
