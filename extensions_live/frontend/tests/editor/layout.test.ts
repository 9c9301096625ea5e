import { describe, expect, it } from "vitest";

import {
  aligned,
  bounds,
  freePlace,
  INSIDE,
  nearestPlace,
  place,
  structureOf,
  type Box,
} from "../../src/editor/layout";
import { edge, node } from "./boards";

const SIZE = { width: 100, height: 40 };

function sizes(...ids: string[]) {
  return new Map(ids.map((id) => [id, SIZE]));
}

function overlap(a: Box, b: Box) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe("layout", () => {
  it("places a chain from top to bottom", () => {
    const ids = ["a", "b", "c"];
    const boxes = place(
      ids.map((id) => node(id)),
      [edge("a", "b"), edge("b", "c")],
      sizes(...ids),
    );
    const tops = ids.map((id) => boxes.get(id)?.y ?? NaN);
    expect(tops).toEqual([...tops].sort((a, b) => a - b));
    expect(new Set(ids.map((id) => boxes.get(id)?.x)).size).toBe(1);
  });

  it("places a chain as dagre places it: in one line, with equal gaps", () => {
    const nodes = ["b", "a", "c"].map((id) => node(id));
    const wide = new Map([
      ["a", { width: 100, height: 40 }],
      ["b", { width: 60, height: 30 }],
      ["c", { width: 80, height: 40 }],
    ]);
    const boxes = place(nodes, [edge("b", "c"), edge("a", "b")], wide);
    const places = [...boxes].map(([id, { x, y }]) => [id, x, y]);
    expect(places).toEqual([
      ["b", 20, 96],
      ["a", 0, 0],
      ["c", 10, 182],
    ]);
  });

  it("places several new nodes together, below what leads to them, where there is room", () => {
    const known = new Map<string, readonly [number, number]>([["a", [0, 96]]]);
    const nodes = [node("x", { position: [0, 0] }), ...["a", "b", "c"].map((id) => node(id))];
    const edges = [edge("x", "a"), edge("x", "b"), edge("b", "c")];
    const boxes = place(nodes, edges, sizes("x", "a", "b", "c"), known);
    expect(boxes.get("x")).toMatchObject({ x: 0, y: 0 });
    expect(boxes.get("a")).toMatchObject({ x: 0, y: 96 });
    const [all, b, c] = [[...boxes.values()], boxes.get("b"), boxes.get("c")];
    expect(b?.x).toBe(c?.x);
    expect((c?.y ?? 0) - (b?.y ?? 0)).toBe(96);
    const pairs = all.flatMap((one, at) => all.slice(at + 1).map((other) => [one, other] as const));
    expect(pairs.some(([one, other]) => overlap(one, other))).toBe(false);
  });

  it("arranges all nodes for several new ones, if the user has placed none and room is short", () => {
    const known = new Map<string, readonly [number, number]>([
      ["x", [0, 0]],
      ["y", [0, 96]],
    ]);
    const nodes = ["x", "a", "b", "y"].map((id) => node(id));
    const edges = [edge("x", "a"), edge("a", "b"), edge("b", "y")];
    const boxes = place(nodes, edges, sizes("x", "a", "b", "y"), known);
    const tops = nodes.map(({ id }) => boxes.get(id)?.y);
    expect(tops).toEqual([0, 96, 192, 288]);
  });

  it("places new nodes below a wish, and what was there stays", () => {
    const known = new Map<string, readonly [number, number]>([["a", [0, 0]]]);
    const nodes = ["a", "b", "c"].map((id) => node(id));
    const edges = [edge("b", "c")];
    const boxes = place(nodes, edges, sizes("a", "b", "c"), known, [650, 300]);
    expect(boxes.get("b")).toMatchObject({ x: 600, y: 300 });
    expect(boxes.get("c")).toMatchObject({ x: 600, y: 396 });
    const [a, b] = ["a", "b"].map((id) =>
      place(nodes, edges, sizes("a", "b", "c"), known, [60, 10]).get(id),
    );
    expect(a && b && overlap(a, b)).toBe(false);
  });

  it("places what leads into an open group above it", () => {
    const nodes = [node("a", { parent: "g" }), node("g", { open: true }), node("x"), node("y")];
    const edges = [edge("x", "a"), edge("a", "y")];
    const boxes = place(nodes, edges, sizes("a", "g", "x", "y"));
    const [x, g, y] = ["x", "g", "y"].map((id) => boxes.get(id));
    expect((x?.y ?? 0) + 40).toBeLessThan(g?.y ?? 0);
    expect((g?.y ?? 0) + (g?.height ?? 0)).toBeLessThan(y?.y ?? 0);
  });

  it("finds the nearest place where a box overlaps no other", () => {
    const boxes = [{ x: 0, y: 0, ...SIZE }];
    expect(nearestPlace(SIZE, [200, 0], boxes)).toEqual([200, 0]);
    expect(nearestPlace(SIZE, [10, 30], boxes)).toEqual([10, 96]);
    expect(nearestPlace(SIZE, [90, 0], boxes)).toEqual([144, 0]);
    expect(nearestPlace(SIZE, [-90, 0], boxes)).toEqual([-144, 0]);
  });

  it("keeps positions, and places a new node below the one before it", () => {
    const nodes = [node("a", { position: [300, 20] }), node("b")];
    const boxes = place(nodes, [edge("a", "b")], sizes("a", "b"));
    expect(boxes.get("a")).toMatchObject({ x: 300, y: 20 });
    expect(boxes.get("b")?.x).toBe(300);
    expect(boxes.get("b")?.y).toBeGreaterThan(60);
  });

  it("keeps the places of the last layout", () => {
    const known = new Map([["a", [7, 8] as const]]);
    const boxes = place([node("a"), node("b")], [], sizes("a", "b"), known);
    expect(boxes.get("a")).toMatchObject({ x: 7, y: 8 });
  });

  it("places new nodes where they overlap no other", () => {
    const nodes = [node("a", { position: [0, 0] }), node("b"), node("c"), node("d")];
    const wires = ["b", "c", "d"].map((id) => edge("a", id));
    const boxes = [...place(nodes, wires, sizes("a", "b", "c", "d")).values()];
    const pairs = boxes.flatMap((one, i) =>
      boxes.slice(i + 1).map((other) => [one, other] as const),
    );
    expect(pairs.some(([one, other]) => overlap(one, other))).toBe(false);
  });

  it("arranges nodes of which only one has a position around this one", () => {
    const ids = ["a", "b", "c", "d"];
    const nodes = ids.map((id) => node(id, id === "c" ? { position: [500, 700] } : {}));
    const wires = [edge("a", "b"), edge("b", "c"), edge("c", "d")];
    const boxes = place(nodes, wires, sizes(...ids));
    expect(boxes.get("c")).toMatchObject({ x: 500, y: 700 });
    expect(ids.map((id) => boxes.get(id)?.x)).toEqual([500, 500, 500, 500]);
    const tops = ids.map((id) => boxes.get(id)?.y ?? NaN);
    expect(tops).toEqual([...tops].sort((one, other) => one - other));
  });

  it("draws an open group around its contents", () => {
    const nodes = [
      node("group", { open: true }),
      node("one", { parent: "group" }),
      node("two", { parent: "group" }),
    ];
    const wires = [
      edge("group", "one", { from_inside: true }),
      edge("one", "two"),
      edge("two", "group", { to_inside: true }),
    ];
    const boxes = place(nodes, wires, sizes("group", "one", "two"));
    const last = boxes.get("two");
    expect(boxes.get("one")).toMatchObject({ x: INSIDE.side, y: INSIDE.top });
    expect(boxes.get("group")?.height).toBe((last?.y ?? 0) + SIZE.height + INSIDE.bottom);
  });

  it.each([
    [12, 1],
    [60, 7],
  ])("places a chain of %i nodes in %i columns", (length, columns) => {
    const ids = Array.from({ length }, (_, i) => `n${i}`);
    const nodes = ids.map((id) => node(id));
    const wires = ids.slice(1).map((id, i) => edge(`n${i}`, id));
    const boxes = [...place(nodes, wires, sizes(...ids)).values()];
    expect(new Set(boxes.map(({ x }) => x)).size).toBe(columns);
    expect(bounds(boxes).height).toBeLessThan(1300);
    expect(new Set(boxes.map(({ x, y }) => `${x} ${y}`)).size).toBe(length);
  });

  it("has the same structure if only settings change", () => {
    const before = [node("a")];
    const after = [node("a", { parameters: 5 })];
    expect(structureOf(before, [])).toBe(structureOf(after, []));
    expect(structureOf(before, [])).not.toBe(structureOf([...before, node("b")], []));
  });

  it("aligns boxes by an edge or by their centres", () => {
    const boxes = new Map([
      ["a", { x: 0, y: 0, width: 100, height: 40 }],
      ["b", { x: 50, y: 90, width: 40, height: 40 }],
    ]);
    expect(aligned(boxes, "left").b).toEqual([0, 90]);
    expect(aligned(boxes, "centre").b).toEqual([30, 90]);
    expect(aligned(boxes, "top").b).toEqual([50, 0]);
    expect(aligned(boxes, "middle").a).toEqual([0, 45]);
  });

  it("moves a box to the right until it is free", () => {
    const taken = { x: 0, y: 0, width: 100, height: 40 };
    expect(freePlace(SIZE, [0, 0], [taken])[0]).toBeGreaterThan(100);
    expect(freePlace(SIZE, [0, 200], [taken])).toEqual([0, 200]);
  });
});
