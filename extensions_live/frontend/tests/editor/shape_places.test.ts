import { describe, expect, it } from "vitest";

import { flowEdges, flowNodes, type FlowNode } from "../../src/editor/flow";
import { LabelEdges } from "../../src/editor/label_edges";
import type { Box } from "../../src/editor/layout";
import { labelPlaces, pointOn, TALL, widthOf, type Labelled } from "../../src/editor/shape_places";
import { board, edge, node } from "./boards";

const WIDTH = 80;

function straight(id: string, x: number, length = 60): Labelled {
  return { id, source: [x, 0], target: [x, length], width: WIDTH };
}

function boxes(places: ReadonlyMap<string, readonly [number, number] | null>): Box[] {
  return [...places.values()].flatMap((at) =>
    at ? [{ x: at[0] - WIDTH / 2, y: at[1] - TALL / 2, width: WIDTH, height: TALL }] : [],
  );
}

function meet(one: Box, other: Box): boolean {
  const across = one.x < other.x + other.width && other.x < one.x + one.width;
  return across && one.y < other.y + other.height && other.y < one.y + one.height;
}

describe("labels of edges", () => {
  it("are in the middle of their edges if there is room", () => {
    expect(labelPlaces([straight("a", 10)], []).get("a")).toEqual([10, 30]);
  });

  it("do not lie on each other", () => {
    const found = labelPlaces([straight("a", 0), straight("b", 30), straight("c", 60)], []);
    const all = boxes(found);
    expect(all).toHaveLength(3);
    all.forEach((one, place) => {
      expect(all.slice(place + 1).some((other) => meet(one, other))).toBe(false);
    });
  });

  it("do not lie on a node that a long edge passes", () => {
    const passed = { x: -100, y: 90, width: 200, height: 50 };
    const at = labelPlaces([straight("long", 0, 230)], [passed]).get("long");
    expect(at?.[0]).toBe(0);
    expect(boxes(new Map([["long", at ?? null]])).some((one) => meet(one, passed))).toBe(false);
  });

  it("are left out where there is no room", () => {
    const everywhere = { x: -500, y: -500, width: 1000, height: 1000 };
    expect(labelPlaces([straight("a", 0)], [everywhere]).get("a")).toBeNull();
  });

  it("are wider for a longer text", () => {
    expect(widthOf("batch × 784")).toBeGreaterThan(widthOf("scalar"));
  });

  it("follow the curve from one end to the other, and back up in the middle", () => {
    const curve = { source: [0, 0], target: [100, 80] } as const;
    expect(pointOn(curve, 0)).toEqual([0, 0]);
    expect(pointOn(curve, 0.5)).toEqual([50, 40]);
    expect(pointOn(curve, 1)).toEqual([100, 80]);
    expect(pointOn({ source: [0, 100], target: [60, 0] }, 0.5)).toEqual([30, 50]);
  });
});

describe("edges with places", () => {
  const at = (nodes: FlowNode[], id: string, x: number, y: number) =>
    nodes.map((one) => (one.id === id ? { ...one, position: { x, y } } : one));

  it("keep their objects until their labels move", () => {
    const given = board([node("a"), node("b")], [edge("a", "b")]);
    const sizes = { width: 100, height: 50 };
    const nodes = flowNodes(
      given,
      new Map([
        ["a", { x: 0, y: 0, ...sizes }],
        ["b", { x: 0, y: 120, ...sizes }],
      ]),
    );
    const edges = flowEdges(given);
    const labels = new LabelEdges();
    const [first] = labels.of(edges, nodes);
    expect(first?.data?.at).toEqual([50, 85]);
    expect(labels.of(edges, nodes)[0]).toBe(first);
    expect(labels.of(edges, at(nodes, "b", 40, 120))[0]?.data?.at).toEqual([70, 85]);
  });

  it("keep their labels beside an open group that they pass", () => {
    const given = board(
      [node("a"), node("g", { open: true }), node("g/b", { parent: "g" }), node("c")],
      [edge("a", "c")],
    );
    const group = { x: 60, y: 100, width: 300, height: 300 };
    const small = { width: 100, height: 50 };
    const nodes = flowNodes(
      given,
      new Map([
        ["a", { x: 0, y: 0, ...small }],
        ["g", group],
        ["g/b", { x: 100, y: 120, ...small }],
        ["c", { x: 0, y: 500, ...small }],
      ]),
    );
    const [drawn] = new LabelEdges().of(flowEdges(given), nodes);
    const width = widthOf(drawn?.data?.label ?? "");
    expect(drawn?.data?.at).toEqual([expect.any(Number), expect.any(Number)]);
    const [x = NaN, y = NaN] = drawn?.data?.at ?? [];
    const label = { x: x - width / 2, y: y - TALL / 2, width, height: TALL };
    expect(meet(label, group)).toBe(false);
  });

  it("begin within an open group, at the place of the group", () => {
    const given = board(
      [node("g", { open: true }), node("g/a", { parent: "g" })],
      [edge("g", "g/a", { output: "input_", from_inside: true })],
    );
    const nodes = flowNodes(
      given,
      new Map([
        ["g", { x: 1000, y: 500, width: 300, height: 300 }],
        ["g/a", { x: 100, y: 120, width: 100, height: 50 }],
      ]),
    );
    const [x = 0, y = 0] = new LabelEdges().of(flowEdges(given), nodes)[0]?.data?.at ?? [];
    expect(x).toBe(1150);
    expect(y).toBeGreaterThan(544);
    expect(y).toBeLessThan(620);
  });
});
