import { describe, expect, it } from "vitest";

import { detailOf, filledIn } from "../../src/editor/details";
import { secondLine, sizeOf, spoken } from "../../src/editor/flow";
import {
  countLabel,
  counted,
  dimensions,
  edgeLabel,
  flopLabel,
  portWords,
  short,
} from "../../src/editor/labels";
import { piecesOf } from "../../src/editor/python";
import { node, setting } from "./boards";

describe("labels", () => {
  it("shorten large numbers", () => {
    expect([512, 1000, 79_510, 1_240_000, 3e9].map(short)).toEqual([
      "512",
      "1 k",
      "79.5 k",
      "1.24 M",
      "3 G",
    ]);
  });

  it("show the dtype on an edge only if it is unusual", () => {
    expect(edgeLabel("batch × 784", "float32")).toBe("batch × 784");
    expect(edgeLabel("batch", "int64")).toBe("batch int64");
    expect(edgeLabel("", "float32")).toBe("scalar");
    expect(edgeLabel(null, null)).toBe("");
  });

  it("count dimensions", () => {
    expect(["", "scalar", "batch", "batch × 1 × 28 × 28"].map(dimensions)).toEqual([0, 0, 1, 4]);
    expect(dimensions(null)).toBeNull();
  });

  it("show floating-point operations with their unit", () => {
    expect([12, 15_680, 1_200_000, 2e12].map(flopLabel)).toEqual([
      ...["12 FLOP", "15.7 kFLOP", "1.2 MFLOP", "2 TFLOP"],
    ]);
  });

  it("leave out counts that are unknown or zero", () => {
    expect(countLabel(79_510, null)).toBe("79.5 k params");
    expect(countLabel(0, 0)).toBe("");
    expect(countLabel(7850, 15_680)).toBe("7.85 k params · 15.7 kFLOP");
    expect(counted(1, "node")).toBe("1 node");
    expect(counted(2000, "node")).toBe("2,000 nodes");
  });
});

describe("details", () => {
  it("show what is inferred in the gaps of a list", () => {
    const dims = setting("dims", { given: true, value: [null, 100], inferred: [784, 100] });
    expect(filledIn(dims)).toBe("784");
    expect(filledIn({ ...dims, value: [784, 100] })).toBe("");
  });

  it("name the inputs of a cost by what they are", () => {
    const inputs = [{ name: "y" }, { name: "y_hat" }];
    expect(inputs.map(({ name }) => portWords(name, inputs))).toEqual(["targets", "predictions"]);
    expect(portWords("y", [{ name: "x" }, { name: "y" }])).toBe("y");
  });

  it("show sizes, given or inferred", () => {
    const linear = [
      setting("input_dim", { inferred: 784 }),
      setting("output_dim", { given: true, value: 10 }),
    ];
    expect(detailOf(node("a", { settings: linear }))).toBe("784 → 10");
    const dims = [setting("dims", { given: true, value: [784, null, 10] })];
    expect(detailOf(node("a", { settings: dims }))).toBe("784 → ? → 10");
  });

  it("show filters with their size", () => {
    const given = [
      setting("num_filters", { given: true, value: 6 }),
      setting("filter_size", { given: true, value: { tuple: [5, 5] } }),
    ];
    expect(detailOf(node("a", { settings: given }))).toBe("6 filters of 5 × 5");
  });

  it("show nothing for a brick without settings", () => {
    expect(detailOf(node("a"))).toBe("");
  });

  it("repeat the type only if the name differs from it", () => {
    const dims = [setting("dims", { given: true, value: [4, 2] })];
    const mlp = { type: "MLP", settings: dims };
    expect(secondLine(node("mlp", mlp))).toBe("4 → 2");
    expect(secondLine(node("head", { ...mlp, parameters: 10 }))).toBe("MLP  4 → 2  10");
    const both = node("head", { ...mlp, parameters: 10, flops: 1_200_000 });
    expect(secondLine(both)).toBe("MLP  4 → 2  10  1.2 MFLOP");
    expect(secondLine(node("product", { type: "matmul", flops: 16 }))).toBe("matmul  16 FLOP");
  });

  it("make a node wide enough for its ports", () => {
    const many = Array.from({ length: 6 }, (_, i) => ({
      name: `input_${i}`,
      many: false,
      optional: false,
      constant: null,
    }));
    expect(sizeOf(node("a", { inputs: many })).width).toBeGreaterThan(sizeOf(node("a")).width);
    expect(sizeOf(node("a", { inputs: many })).height).toBeGreaterThan(sizeOf(node("a")).height);
  });

  it("are spoken with the output and the fault", () => {
    const short = "head: input_dim is 12";
    const fault = { text: "long", short, needs: null, setting: null, fix: null };
    expect(spoken(node("head", { fault }))).toBe(
      "Linear head, output batch × 10, fault: head: input_dim is 12",
    );
  });
});

describe("code", () => {
  it("is split into pieces without loss", () => {
    const code = 'from a import b  # why\nx = MLP([784, None], name="mlp")\n';
    const pieces = piecesOf(code);
    expect(pieces.map(({ text }) => text).join("")).toBe(code);
    const kinds = new Map(pieces.map(({ kind, text }) => [text, kind]));
    expect(kinds.get("from")).toBe("keyword");
    expect(kinds.get("# why")).toBe("comment");
    expect(kinds.get("MLP")).toBe("call");
    expect(kinds.get("784")).toBe("number");
    expect(kinds.get('"mlp"')).toBe("text");
  });

  it("keeps a keyword within a text", () => {
    expect(piecesOf('"for"')).toEqual([{ kind: "text", text: '"for"' }]);
  });
});
