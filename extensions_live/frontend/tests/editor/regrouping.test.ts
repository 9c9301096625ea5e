import { describe, expect, it } from "vitest";

import { INSIDE, type Place } from "../../src/editor/layout";
import { regrouped } from "../../src/editor/regrouping";
import { node } from "./boards";

const places = (given: Record<string, Place>) => new Map(Object.entries(given));
const { side, top } = INSIDE;

describe("a node whose group changed", () => {
  it("makes way for the head of a new group, which begins where the first one was", () => {
    const before = [node("a"), node("b"), node("c")];
    const after = [
      node("group", { kind: "group" }),
      node("a", { parent: "group" }),
      node("b", { parent: "group" }),
      node("c"),
    ];
    const known = places({ a: [100, 200], b: [80, 300], c: [100, 400] });
    expect(Object.fromEntries(regrouped(before, after, known))).toEqual({
      group: [80 - side, 200],
      a: [20 + side, top],
      b: [side, 100 + top],
    });
  });

  it("returns when its group is dissolved", () => {
    const before = [node("group"), node("a", { parent: "group" })];
    const known = places({ group: [100, 50], a: [28, 84] });
    expect(Object.fromEntries(regrouped(before, [node("a")], known))).toEqual({
      a: [128, 134 - top],
    });
  });

  it("stays where it is when it moves into a group that exists", () => {
    const before = [node("group"), node("a")];
    const after = [node("group"), node("a", { parent: "group" })];
    const known = places({ group: [100, 50], a: [140, 150] });
    expect(Object.fromEntries(regrouped(before, after, known))).toEqual({ a: [40, 100] });
  });

  it("is arranged if its place is not known", () => {
    const before = [node("a"), node("b")];
    const after = [node("group"), node("a", { parent: "group" }), node("b")];
    expect(regrouped(before, after, places({ b: [0, 0] })).size).toBe(0);
  });
});
