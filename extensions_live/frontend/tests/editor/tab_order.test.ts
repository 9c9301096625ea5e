import { expect, it } from "vitest";

import { tabOrder } from "../../src/editor/tab_order";

function node(id: string, x: number, y: number, parent: string | null = null) {
  return { id, parent, x, y };
}

function edge(source: string, target: string, from_inside = false) {
  return { id: `${source}>${target}`, source, target, from_inside };
}

function order(...given: Parameters<typeof tabOrder>): string {
  return tabOrder(...given)
    .map(({ id }) => id)
    .join(" ");
}

it("visits nodes from top to bottom and from left to right, each before its edges", () => {
  const nodes = [node("cost", 50, 200), node("targets", 100, 0), node("features", 0, 0)];
  const edges = [edge("targets", "cost"), edge("features", "cost")];
  expect(order(nodes, edges)).toBe("features features>cost targets targets>cost cost");
});

it("follows a long chain from column to column", () => {
  const nodes = [node("c", 300, 0), node("a", 0, 0), node("d", 300, 100), node("b", 0, 100)];
  const edges = [edge("a", "b"), edge("b", "c"), edge("c", "d")];
  expect(order(nodes, edges)).toBe("a a>b b b>c c c>d d");
});

it("visits the contents of an open group after its head, before what follows the group", () => {
  const nodes = [
    node("cost", 0, 400),
    node("group", 0, 0),
    node("second", 20, 200, "group"),
    node("first", 20, 90, "group"),
  ];
  const edges = [
    edge("group", "cost"),
    edge("first", "second"),
    edge("second", "group"),
    edge("group", "first", true),
  ];
  expect(order(nodes, edges)).toBe(
    "group group>first first first>second second second>group group>cost cost",
  );
});

it("leaves out no node, even in a circle", () => {
  const edges = [edge("a", "b"), edge("b", "a")];
  expect(order([node("b", 0, 9), node("a", 0, 0)], edges)).toBe("a a>b b b>a");
});
