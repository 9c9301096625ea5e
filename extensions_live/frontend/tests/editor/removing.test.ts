import { describe, expect, it } from "vitest";

import { removalText, separate } from "../../src/editor/removing";
import { selectionText } from "../../src/editor/parts/StatusBar";
import { board, edge, node } from "./boards";

const chain = board(
  [node("a"), node("linear_2"), node("c")],
  [edge("a", "linear_2"), edge("linear_2", "c")],
);
const [first, second] = chain.edges;

describe("what was removed", () => {
  it("is a node with its edges, and how to undo it", () => {
    expect(removalText(chain, ["linear_2"], [])).toBe(
      "removed linear_2 and 2 edges: undo with Ctrl+Z",
    );
    expect(removalText(board([node("a")]), ["a"], [])).toBe("removed a: undo with Ctrl+Z");
  });

  it("is an edge between two nodes, or several edges", () => {
    if (!first || !second) throw new Error("no edges");
    expect(removalText(chain, [], [first])).toBe(
      "removed the edge from a to linear_2: undo with Ctrl+Z",
    );
    expect(removalText(chain, [], [first, second])).toBe("removed 2 edges: undo with Ctrl+Z");
  });

  it("counts an edge once that goes away with a node", () => {
    if (!first || !second) throw new Error("no edges");
    expect(separate(chain, ["linear_2"], [first])).toEqual([]);
    expect(separate(chain, ["a"], [first, second])).toEqual([second]);
    expect(removalText(chain, ["a", "linear_2"], [first, second])).toBe(
      "removed 2 nodes and 2 edges: undo with Ctrl+Z",
    );
  });

  it("leaves out edges within a group that is removed", () => {
    const group = board(
      [
        node("g", { kind: "group", open: true }),
        node("x", { parent: "g" }),
        node("y", { parent: "g" }),
        node("z"),
      ],
      [edge("x", "y"), edge("y", "z")],
    );
    expect(removalText(group, ["g"], [])).toBe("removed g and 1 edge: undo with Ctrl+Z");
  });
});

describe("what is selected", () => {
  it("is named, or counted", () => {
    expect(selectionText(chain, ["linear_2"])).toBe("linear_2 is selected");
    expect(selectionText(chain, ["a", "c"])).toBe("2 nodes selected");
  });
});
