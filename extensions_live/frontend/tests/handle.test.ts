import { describe, expect, it, vi } from "vitest";

import { makeHandle, type HandleFacts } from "../src/handle";

describe("the handle", () => {
  it("shows the outcome of a rewind until another command has taken effect", () => {
    const parent = document.createElement("div");
    const scale = { compute: (x: number) => x, invert: (x: number) => x };
    const bbox = { left: 0, right: 100, top: 0, bottom: 100 };
    const facts = {
      frame: { bbox, x_scale: scale },
      axis: undefined,
      last: 50,
      possible: ["rewind", "fork"],
      command: null,
    } as unknown as { -readonly [K in keyof HandleFacts]: HandleFacts[K] };
    const handle = makeHandle(parent, parent, () => facts, vi.fn(), vi.fn());
    const part = (name: string) => parent.querySelector<HTMLElement>(`[data-testid="${name}"]`);
    part("handle")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
    part("rewind-here")?.click();
    facts.command = { id: 1, text: "rewind to 0: applied at iteration 0", refused: false };
    handle.update();
    expect(part("handle-answer")?.textContent).toBe("rewind to 0: applied at iteration 0");
    facts.command = { id: 2, text: "rewind to 7: applied at iteration 7", refused: false };
    handle.update();
    expect(part("handle-answer")?.textContent).toBe("");
  });
});
