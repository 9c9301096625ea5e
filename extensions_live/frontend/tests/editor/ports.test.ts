import { describe, expect, it } from "vitest";

import { withOrderedPorts } from "../../src/editor/ports";
import { edge, node } from "./boards";

const box = (x: number, y: number) => ({ x, y, width: 100, height: 40 });
const input = (name: string) => ({ name, many: false, optional: false, constant: null });
const output = (name: string) => ({ name, shape: null, dtype: null, wire: name });
const names = (ports: readonly { readonly name: string }[] = []) => ports.map(({ name }) => name);

/** A cost whose inputs come from two nodes, of which the first one is to the right. */
function crossed(changes: Parameters<typeof node>[1] = {}) {
  const inputs = [input("y"), input("mask"), input("y_hat")];
  const nodes = [node("targets"), node("mlp"), node("cost", { inputs, ...changes })];
  const edges = [
    edge("targets", "cost", { input: "y" }),
    edge("mlp", "cost", { input: "y_hat", id: "prediction" }),
  ];
  const boxes = new Map([
    ["targets", box(300, 0)],
    ["mlp", box(0, 0)],
    ["cost", box(100, 100)],
  ]);
  return { nodes, edges, boxes };
}

describe("the ports of a node", () => {
  it("are in the order of the nodes above it; one without an edge keeps its place", () => {
    const { nodes, edges, boxes } = crossed();
    const cost = withOrderedPorts(nodes, edges, boxes).at(-1);
    expect(names(cost?.inputs)).toEqual(["y_hat", "mask", "y"]);
  });

  it("of a cost have one order, however they are connected", () => {
    const { nodes, edges, boxes } = crossed({ kind: "cost" });
    for (const given of [[], edges.slice(0, 1), edges]) {
      const cost = withOrderedPorts(nodes, given, boxes).at(-1);
      expect(names(cost?.inputs)).toEqual(["y_hat", "y", "mask"]);
    }
  });

  it("stay where they are if no edges cross", () => {
    const { nodes, edges, boxes } = crossed();
    boxes.set("targets", box(-300, 0));
    expect(withOrderedPorts(nodes, edges, boxes).at(-1)).toBe(nodes.at(-1));
  });

  it("follow the places of nodes within groups", () => {
    const { nodes, edges, boxes } = crossed();
    const moved = nodes.map((one) => (one.id === "mlp" ? { ...one, parent: "group" } : one));
    boxes.set("group", box(700, 0));
    const all = [node("group", { kind: "group", open: true }), ...moved];
    expect(names(withOrderedPorts(all, edges, boxes).at(-1)?.inputs)).toEqual([
      ...["y", "mask", "y_hat"],
    ]);
  });

  it("are in the order of the nodes below it", () => {
    const outputs = [output("states"), output("cells")];
    const nodes = [node("lstm", { outputs }), node("a"), node("b")];
    const edges = [edge("lstm", "a", { output: "states" }), edge("lstm", "b", { output: "cells" })];
    const boxes = new Map([
      ["lstm", box(100, 0)],
      ["a", box(200, 100)],
      ["b", box(0, 100)],
    ]);
    expect(names(withOrderedPorts(nodes, edges, boxes)[0]?.outputs)).toEqual(["cells", "states"]);
  });

  it.each([
    ["subtract", ["y", "mask", "y_hat"]],
    ["add", ["y_hat", "mask", "y"]],
  ])("of %s are moved only if they can change places", (type, order) => {
    const { nodes, edges, boxes } = crossed({ kind: "operation", type });
    expect(names(withOrderedPorts(nodes, edges, boxes).at(-1)?.inputs)).toEqual(order);
  });
});
