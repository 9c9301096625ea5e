import { describe, expect, it } from "vitest";

import { addition } from "../../src/editor/adding";
import { bricksFor, grouped, itemsOf, search, type Item } from "../../src/editor/entries";
import { EMPTY_BOARD } from "../../src/editor/model";
import { entry, item } from "./boards";

const PALETTE = {
  groups: [
    { title: "Layers", entries: [entry("Linear"), entry("LookupTable")] },
    { title: "Initialisation", entries: [entry("Constant", { kind: "scheme" })] },
    { title: "Operations", entries: [entry("relu", { kind: "operation" })] },
    { title: "PyTorch modules", entries: [entry("ReLU", { kind: "module" })] },
  ],
  blocks: [
    { name: "LeNet", text: "", own: false, saved: false },
    { name: "mine", text: "", own: true, saved: true },
  ],
  broken: [],
  dtypes: [],
  streams: [],
  step_rules: [],
};

function types(items: readonly Item[]) {
  return items.map(({ type }) => type);
}

describe("palette", () => {
  it("has inputs, blocks and everything that can be placed, but no schemes", () => {
    const found = types(itemsOf(PALETTE));
    expect(found).toEqual(["Input", "mine", "LeNet", "Linear", "LookupTable", "relu", "ReLU"]);
  });

  it("tells a ready block from the brick of the same name", () => {
    const block = { name: "MLP", text: "", own: false, saved: false };
    const [, ready] = itemsOf({ ...PALETTE, blocks: [block] });
    expect(ready).toMatchObject({ type: "MLP", title: "MLP with cost" });
  });

  it("has groups in their order", () => {
    const found = [...grouped(itemsOf(PALETTE)).keys()];
    expect(found.slice(0, 4)).toEqual(["Data", "Your own blocks", "Ready blocks", "Layers"]);
  });

  it("finds by the beginning, by initials and by words of the description", () => {
    const items = [
      item("Linear", "Layers", { text: "A transformation with a bias." }),
      item("BatchNormalization"),
      item("MLP"),
    ];
    expect(types(search(items, "lin"))).toEqual(["Linear"]);
    expect(types(search(items, "bn"))[0]).toBe("BatchNormalization");
    expect(types(search(items, "bias"))).toEqual(["Linear"]);
    expect(search(items, "zzz")).toEqual([]);
  });

  it("finds bricks by the names that other libraries have for them", () => {
    const items = [...itemsOf(PALETTE), item("Rectifier", "Activations")];
    expect(types(search(items, "relu"))[0]).toBe("Rectifier");
    expect(types(search(items, "embedding"))[0]).toBe("LookupTable");
    expect(types(search(items, "dense"))[0]).toBe("Linear");
  });

  it("returns everything in its order for an empty query", () => {
    expect(search(itemsOf(PALETTE), " ")).toEqual(itemsOf(PALETTE));
  });

  it("offers for a field only the bricks that it accepts", () => {
    expect(bricksFor(PALETTE, ["LookupTable"]).map(({ type }) => type)).toEqual(["LookupTable"]);
  });
});

describe("PyTorch modules", () => {
  const items = itemsOf({
    ...PALETTE,
    groups: [
      { title: "Layers", entries: [entry("Linear", {})] },
      { title: "PyTorch modules", entries: [entry("Linear", { kind: "module" })] },
    ],
  });

  it("have another name than the brick, also when they are added", () => {
    const both = items.filter(({ type }) => type === "Linear");
    expect(both.map(({ title }) => title)).toEqual([undefined, "nn.Linear"]);
    const added = both.map(
      (item) => addition(item, [0, 0], null, { ...EMPTY_BOARD, nodes: [] })[1].type,
    );
    expect(added).toEqual(["Linear", "torch.nn.Linear"]);
    expect(both.map(({ kind }) => kind)).toEqual(["brick", "module"]); // of what is dropped
  });
});
