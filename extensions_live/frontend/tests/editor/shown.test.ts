import { describe, expect, it } from "vitest";

import { detailOf } from "../../src/editor/details";
import { exampleLine, sizeOf } from "../../src/editor/flow";
import { EMPTY_BOARD } from "../../src/editor/model";
import { Shown } from "../../src/editor/shown";
import type { BoardNode, BoardPayload, FieldData, PalettePayload } from "../../src/messages";
import { edge, entry, node, setting } from "./boards";

function field(name: string, usual: unknown = null): FieldData {
  return setting(name, { default: usual });
}

function palette(...fields: FieldData[]): PalettePayload {
  const groups = [{ title: "Layers", entries: [entry("Linear", { fields })] }];
  return { groups, blocks: [], dtypes: [], streams: [], step_rules: [], broken: [] };
}

function sent(id: string, changes: Partial<BoardNode> = {}): BoardNode {
  return { ...node(id), settings: [], fields: [], ...changes };
}

function board(...nodes: BoardNode[]): BoardPayload {
  return { ...EMPTY_BOARD, nodes };
}

describe("the board of the page", () => {
  it("has the fields of the palette, with the values that Python sent", () => {
    const settings = [{ name: "output_dim", given: true, value: 10, inferred: null }];
    const known = palette(field("input_dim"), field("output_dim"), field("use_bias", true));
    const [shown] = new Shown().of(board(sent("a", { settings })), known).nodes;
    expect(shown?.settings.map(({ name, given, value }) => [name, given, value])).toEqual([
      ["input_dim", false, null],
      ["output_dim", true, 10],
      ["use_bias", false, true],
    ]);
    expect(shown?.settings[1]?.kind).toBe("whole");
  });

  it("has the fields that Python sent for this node only", () => {
    const [shown] = new Shown().of(
      board(sent("x", { kind: "input", type: "float32", fields: [field("shape")] })),
      palette(),
    ).nodes;
    expect(shown?.settings.map(({ name }) => name)).toEqual(["shape"]);
  });

  it("fills the first of some sizes with what arrives at the node", () => {
    const settings = [{ name: "dims", given: true, value: [null, 100, 10], inferred: null }];
    const all = { ...board(sent("x"), sent("a", { settings })), edges: [edge("x", "a")] };
    const nodes = new Shown().of(all, palette(field("dims"))).nodes;
    const [, shown] = nodes.map((one) => detailOf(one));
    expect(shown).toBe("10 → 100 → 10");
  });

  it("keeps the objects of nodes that did not change", () => {
    const [known, shown] = [palette(field("dim")), new Shown()];
    const [first] = shown.of(board(sent("a"), sent("b")), known).nodes;
    const [again, other] = shown.of(board(sent("a"), sent("b", { parameters: 3 })), known).nodes;
    expect(again).toBe(first);
    expect(other?.parameters).toBe(3);
    expect(shown.of(board(sent("a")), palette(field("dim"))).nodes[0]).not.toBe(first);
  });
});

describe("an input", () => {
  const examples = {
    features: { text: "an image", image: "data:image/png;base64,AA" },
    targets: { text: "3 (cat)", image: null },
  };
  const streams = [{ name: "train", note: "", sources: [], examples }];
  const input = (id: string) => sent(id, { kind: "input", title: id });
  const shown = (id: string) => {
    const given = { ...board(input(id)), shown_from: { [id]: "train" } };
    return new Shown().of(given, { ...palette(), streams }).nodes[0];
  };

  it("shows the example of a stream, and is taller for it", () => {
    const [plain, one] = [node("targets", { kind: "input" }), shown("targets")];
    expect(one?.example).toEqual({ text: "3 (cat)", image: null, stream: "train" });
    expect(one && exampleLine(one)).toBe("e.g. 3 (cat)");
    expect(one && sizeOf(one).height).toBeGreaterThan(sizeOf(plain).height);
  });

  it("names the stream of its image", () => {
    const one = shown("features");
    expect(one && exampleLine(one)).toBe("example of train");
  });

  it("shows nothing where no stream fits", () => {
    const given = board(input("features"));
    const [one] = new Shown().of(given, { ...palette(), streams }).nodes;
    expect(one && "example" in one).toBe(false);
  });
});
