import { describe, expect, it } from "vitest";

import { addition, freeName } from "../../src/editor/adding";
import { canConnect, targetsFor, whatFits, type End } from "../../src/editor/fitting";
import { board, edge, entry, item, node } from "./boards";

const ITEMS = [
  item("LookupTable"),
  item("Linear"),
  item("Convolutional", "Images"),
  item("CategoricalCrossEntropy", "Costs"),
  item("Input", "Data", { kind: "input", entry: null }),
];

function output(shape: string, dtype = "float32") {
  return node("a", { outputs: [{ name: "output", shape, dtype, wire: "a" }] });
}

function from(id: string): End {
  return { node: id, port: "output", side: "output" };
}

describe("what fits", () => {
  it("begins with what usually follows a variable with so many dimensions", () => {
    expect(whatFits(ITEMS, board([output("batch × 784")]), from("a"))[0]?.type).toBe("Linear");
    const images = board([output("batch × 1 × 28 × 28")]);
    expect(whatFits(ITEMS, images, from("a"))[0]?.type).toBe("Convolutional");
  });

  it("begins with a softmax after scores, and ends with a cost of probabilities", () => {
    const items = [...ITEMS, item("Softmax", "Activations")];
    const linear = { ...output("batch × 10"), type: "Linear" };
    const found = whatFits(items, board([linear]), from("a")).map(({ type }) => type);
    expect(found[0]).toBe("Softmax");
    expect(found.indexOf("CategoricalCrossEntropy")).toBeGreaterThan(found.indexOf("Linear"));
  });

  it("begins with a lookup table for whole numbers", () => {
    const found = whatFits(ITEMS, board([output("batch × time", "int64")]), from("a"));
    expect(found[0]?.type).toBe("LookupTable");
  });

  it("offers no input after an output, and no item without outputs before an input", () => {
    const sink = item("Sink", "Layers", {
      entry: entry("Sink", { methods: [{ name: "apply", text: "", inputs: [], outputs: [] }] }),
    });
    const end: End = { node: "a", port: "input_", side: "input" };
    const found = whatFits([...ITEMS, sink], board([node("a")]), end).map(({ type }) => type);
    expect(found).toContain("Input");
    expect(found).not.toContain("Sink");
    const after = whatFits(ITEMS, board([node("a")]), from("a")).map(({ type }) => type);
    expect(after).not.toContain("Input");
  });

  it("offers free inputs before taken ones, and none that would close a circle", () => {
    const nodes = ["a", "b", "c", "d"].map((id) => node(id));
    const wired = board(nodes, [edge("a", "b"), edge("b", "c")]);
    const found = targetsFor(wired, from("b"));
    expect(found.map((one) => [one.node.id, one.taken])).toEqual([
      ["d", false],
      ["c", true],
    ]);
    expect(canConnect(wired, "c", "a")).toBe(false);
    expect(canConnect(wired, "a", "c")).toBe(true);
    expect(canConnect(wired, "a", "a")).toBe(false);
  });
});

describe("additions", () => {
  const empty = board([node("linear"), node("features")]);

  it("connect a brick to the output that it follows", () => {
    expect(addition(item("Linear"), [1, 2], from("features"), empty)).toEqual([
      "add",
      { type: "Linear", position: [1, 2], after: ["features", "output"] },
    ]);
  });

  it("give a prediction to the input for predictions of a cost", () => {
    const port = (one: string) => ({ name: one, many: false, optional: false });
    const methods = [
      { name: "apply", text: "", inputs: [port("y"), port("y_hat")], outputs: null },
    ];
    const cost = item("SquaredError", "Costs", { entry: entry("SquaredError", { methods }) });
    const [name, given] = addition(cost, [0, 0], from("linear"), empty);
    expect([name, given]).toMatchObject([
      "add",
      { name: "cost", after: ["linear", "output"], input: "y_hat" },
    ]);
  });

  it("put a brick or an input before an input, in one step", () => {
    const end: End = { node: "features", port: "input_", side: "input" };
    expect(addition(item("Linear"), [0, 0], end, empty)).toEqual([
      "add",
      { type: "Linear", position: [0, 0], before: ["features", "input_"] },
    ]);
    const data = item("Input", "Data", { kind: "input", entry: null });
    expect(addition(data, [0, 0], end, empty)).toEqual([
      "add_input",
      { name: "input", position: [0, 0], before: ["features", "input_"] },
    ]);
  });

  it("find the first free name", () => {
    expect(freeName("linear", empty)).toBe("linear_2");
    expect(freeName("other", empty)).toBe("other");
  });
});
