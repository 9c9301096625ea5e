import { describe, expect, it } from "vitest";

import { canDeepen, surgeryOf, surgeryText, unitsOf } from "../../src/editor/parts/Surgery";
import type { SurgeryPayload } from "../../src/messages";
import { node, setting } from "./boards";

const surgery: SurgeryPayload = {
  differs: true,
  paused: true,
  session: "session 1",
  text: "2 layers kept",
  changes: ["mlp: dims [4, 5] -> [4, 6]"],
  problem: "",
  widened: [],
  reason: "",
  receipt: { number: 0, text: "" },
};

describe("the bar of surgery", () => {
  it("says what would be kept", () => {
    expect(surgeryText(surgery)).toBe("Ready for session 1: 2 layers kept");
  });

  it("asks to pause while the session runs", () => {
    expect(surgeryText({ ...surgery, paused: false })).toBe(
      "session 1 trains the earlier model. Pause to apply your edits.",
    );
  });

  it("says why the model cannot be applied", () => {
    expect(surgeryText({ ...surgery, problem: "mlp has a fault" })).toBe(
      "Not in session 1 yet: mlp has a fault",
    );
  });

  it("is empty until Python has compared", () => {
    expect(surgeryOf({})).toBeNull();
    expect(surgeryOf(surgery)).toBe(surgery);
  });
});

describe("widening", () => {
  it("begins with the present units, given or inferred", () => {
    const given = setting("output_dim", { given: true, value: 50 });
    const inferred = setting("num_filters", { given: false, inferred: 8 });
    expect(unitsOf(node("linear", { settings: [given] }))).toBe(50);
    expect(unitsOf(node("conv", { type: "Convolutional", settings: [inferred] }))).toBe(8);
  });

  it("is offered for layers only", () => {
    expect(unitsOf(node("tanh", { type: "Tanh" }))).toBeNull();
  });
});

describe("deepening", () => {
  it("is offered for the layers of an MLP that another layer follows", () => {
    const nodes = [
      node("mlp", { type: "MLP", open: true }),
      node("mlp/linear_0", { parent: "mlp" }),
      node("mlp/tanh", { parent: "mlp", type: "Tanh" }),
      node("mlp/linear_1", { parent: "mlp" }),
      node("linear"),
    ];
    const found = nodes.filter((one) => canDeepen(one, nodes)).map(({ id }) => id);
    expect(found).toEqual(["mlp/linear_0"]);
  });
});
