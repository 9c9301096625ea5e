import { describe, expect, it } from "vitest";

import { homes, place, type Box, type Place } from "../../src/editor/layout";
import type { BoardEdge } from "../../src/messages";
import type { BoardNode } from "../../src/editor/shown";
import { edge, node } from "./boards";

const SIZE = { width: 100, height: 40 };

/** Nodes with the ids of `places`, there; those in `opened` have three parts. */
function nodesAt(places: Record<string, Place>, ...opened: string[]): BoardNode[] {
  return Object.entries(places).flatMap(([id, [x, y]]) => {
    const position: [number, number] = [x, y];
    if (!opened.includes(id)) return [node(id, { position, open: false })];
    const parts = ["0", "1", "2"].map((part) => node(`${id}/${part}`, { parent: id }));
    return [node(id, { position, open: true }), ...parts];
  });
}

function within(...ids: string[]): BoardEdge[] {
  return ids.flatMap((id) => [edge(`${id}/0`, `${id}/1`), edge(`${id}/1`, `${id}/2`)]);
}

function laid(nodes: BoardNode[], edges: BoardEdge[] = []) {
  return place(nodes, edges, new Map(nodes.map(({ id }) => [id, SIZE])));
}

function covered(boxes: ReadonlyMap<string, Box>): string[] {
  const all = [...boxes].filter(([id]) => !id.includes("/"));
  return all.flatMap(([id, a], i) =>
    all.slice(i + 1).flatMap(([other, b]) => {
      const across = a.x < b.x + b.width && b.x < a.x + a.width;
      return across && a.y < b.y + b.height && b.y < a.y + a.height ? [`${id} ${other}`] : [];
    }),
  );
}

function placeOf(boxes: ReadonlyMap<string, Box>, id: string): Place {
  const { x, y } = boxes.get(id) ?? { x: NaN, y: NaN };
  return [x, y];
}

describe("neighbours of an open node", () => {
  const CHAIN: Record<string, Place> = { a: [0, 0], b: [0, 96], c: [0, 192] };
  const LINKS = [edge("a", "b"), edge("b", "c")];

  it("move below it with the space that was between them", () => {
    const boxes = laid(nodesAt(CHAIN, "a"), [...LINKS, ...within("a")]);
    const bottom = boxes.get("a")?.height ?? NaN;
    expect(placeOf(boxes, "a")).toEqual([0, 0]);
    expect(placeOf(boxes, "b")).toEqual([0, bottom + 56]);
    expect(placeOf(boxes, "c")).toEqual([0, bottom + 152]);
  });

  it("are back when it is closed", () => {
    const open = laid(nodesAt(CHAIN, "a", "b"), [...LINKS, ...within("a", "b")]);
    expect(covered(open)).toEqual([]);
    for (const [id, home] of Object.entries(CHAIN)) expect(open.get(id)?.home).toEqual(home);
    const boxes = laid(nodesAt(CHAIN), LINKS);
    for (const [id, home] of Object.entries(CHAIN)) expect(placeOf(boxes, id)).toEqual(home);
  });

  it("move to the right if they are beside it, and only if it needs their place", () => {
    const places: Record<string, Place> = {
      a: [0, 0],
      near: [110, 10],
      far: [600, 10],
      up: [0, -90],
    };
    const boxes = laid(nodesAt(places, "a"), within("a"));
    expect(placeOf(boxes, "near")).toEqual([(boxes.get("a")?.width ?? NaN) + 10, 10]);
    expect(placeOf(boxes, "far")).toEqual([600, 10]);
    expect(placeOf(boxes, "up")).toEqual([0, -90]);
  });

  it("stay where there is room for it", () => {
    const boxes = laid(nodesAt({ a: [0, 0], b: [0, 900], c: [0, 960] }, "a"), within("a"));
    expect(placeOf(boxes, "b")).toEqual([0, 900]);
    expect(placeOf(boxes, "c")).toEqual([0, 960]);
  });

  it("stay below it if they take its output, also at its side", () => {
    const places: Record<string, Place> = {
      a: [0, 0],
      b: [0, 96],
      side: [-300, 96],
      other: [-300, 160],
    };
    const wires = [edge("a", "b"), edge("a", "side"), ...within("a")];
    const boxes = laid(nodesAt(places, "a"), wires);
    expect(boxes.get("side")?.y).toBe(boxes.get("b")?.y);
    expect(covered(boxes)).toEqual([]);
  });

  it("move each other, and keep their order", () => {
    const places: Record<string, Place> = { a: [0, 0], b: [60, 60], c: [120, 110], d: [220, 115] };
    const boxes = laid(nodesAt(places, "a", "b"), within("a", "b"));
    expect(covered(boxes)).toEqual([]);
    const tops = ["a", "b", "c"].map((id) => boxes.get(id)?.y ?? NaN);
    expect(tops).toEqual([...tops].sort((one, other) => one - other));
    expect(boxes.get("d")?.x).toBeGreaterThan(boxes.get("c")?.x ?? NaN);
  });

  it("move in an open group, too, which then needs more room", () => {
    const inner = [
      node("a/0", { parent: "a", position: [28, 84], open: true }),
      node("a/1", { parent: "a", position: [28, 180] }),
      node("a/0/x", { parent: "a/0" }),
      node("a/0/y", { parent: "a/0" }),
    ];
    const [a, b] = [node("a", { position: [0, 0], open: true }), node("b", { position: [0, 400] })];
    const boxes = laid(
      [a, b, ...inner],
      [edge("a", "b"), edge("a/0", "a/1"), edge("a/0/x", "a/0/y")],
    );
    const below = (boxes.get("a/0")?.y ?? NaN) + (boxes.get("a/0")?.height ?? NaN) + 56;
    expect(boxes.get("a/1")?.y).toBe(below);
    expect(boxes.get("b")?.y).toBeGreaterThan(boxes.get("a")?.height ?? NaN);
  });
});

describe("a node that is dragged beside an open one", () => {
  const NODES = nodesAt({ a: [0, 0], b: [0, 96] }, "a");
  const EDGES = within("a");
  const SIZES = new Map(NODES.map(({ id }) => [id, SIZE]));
  const drag = (at: Place) => {
    const boxes = place(NODES, EDGES, SIZES);
    return homes({ b: at }, boxes, NODES, EDGES, SIZES, new Map()).b;
  };

  it("keeps its home relative to where it was moved", () => {
    const [x, y] = placeOf(place(NODES, EDGES, SIZES), "b");
    expect(drag([x + 20, y])).toEqual([20, 96]);
  });

  it("stays where it is dropped, if nothing there is in the way", () => {
    expect(drag([500, 200])).toEqual([500, 200]);
  });
});
