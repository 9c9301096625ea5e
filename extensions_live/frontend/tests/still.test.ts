import { describe, expect, it } from "vitest";

import { writeStill, replaceOutputs } from "../src/still";
import type { OutputBundles } from "../src/messages";
import { FakeModel, LIVE, fakeCell, fakeCells } from "./fakes";

const OLD = { data: { "text/plain": "old" }, metadata: { workbench: "mark" }, output_type: "x" };
const NEW: OutputBundles = {
  mark: [{ "text/plain": "two\nlines" }, { workbench: "mark", size: 3 }],
};

describe("replaceOutputs", () => {
  it("replaces data and metadata of the output with the mark, and keeps the rest", () => {
    const { cell, outputs, replaced } = fakeCell([{ data: { "text/plain": "other" } }, OLD]);
    replaceOutputs(fakeCells(cell), NEW);
    expect(replaced).toEqual([1]);
    expect(outputs[1]).toEqual({
      data: { "text/plain": "two\nlines" },
      metadata: { workbench: "mark", size: 3 },
      output_type: "x",
    });
  });

  it.each([
    ["as one string", "two\nlines"],
    ["as lines, as in the file", ["two\n", "lines"]],
  ])("does not replace an output that shows it already, %s", (_, text) => {
    const { cell, replaced } = fakeCell([{ ...OLD, data: { "text/plain": text, more: 1 } }]);
    replaceOutputs(fakeCells(cell), NEW);
    expect(replaced).toEqual([]);
  });

  it("skips other marks, unmarked outputs, and text cells", () => {
    const other = fakeCell([{ ...OLD, metadata: { workbench: "another" } }, {}]);
    const text = fakeCell([OLD], "markdown");
    replaceOutputs(fakeCells(other.cell, text.cell, { type: "code" }), NEW);
    expect([...other.replaced, ...text.replaced]).toEqual([]);
  });
});

describe("writeStill", () => {
  it("writes at once, and again with every change", () => {
    const { cell, outputs } = fakeCell([OLD]);
    const manager = { context: { model: { cells: fakeCells(cell) } } };
    const model = new FakeModel({ ...LIVE, still: NEW }, manager);
    writeStill(model);
    expect(outputs[0]?.data).toEqual(NEW.mark?.[0]);
    model.update("still", { mark: [{ "text/plain": "later" }, { workbench: "mark" }] });
    expect(outputs[0]?.data).toEqual({ "text/plain": "later" });
  });

  it("does nothing if the front end gives access to no cells", () => {
    expect(() => {
      writeStill(new FakeModel({ ...LIVE, still: NEW }));
    }).not.toThrow();
  });
});
