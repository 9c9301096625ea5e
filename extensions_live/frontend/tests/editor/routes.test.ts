import { describe, expect, it } from "vitest";

import { pathAround, wayAround } from "../../src/editor/routes";

const ENDS = { source: [300, 50], target: [100, 300] } as const;
const BLOCK = { x: 120, y: 140, width: 200, height: 60 };

describe("an edge", () => {
  it("is a curve where no node is in its way", () => {
    expect(wayAround(ENDS, [])).toBeNull();
    expect(wayAround(ENDS, [{ ...BLOCK, x: 500 }])).toBeNull();
  });

  it("leads beside a node, at the nearer side", () => {
    expect(wayAround(ENDS, [BLOCK])).toBe(104);
    expect(wayAround({ source: [320, 50], target: [300, 300] }, [BLOCK])).toBe(336);
  });

  it("leads beside all nodes between its ends", () => {
    const beside = { ...BLOCK, x: 60, width: 50, y: 180 };
    expect(wayAround(ENDS, [BLOCK, beside])).toBe(336);
  });

  it("stays a curve if its ends are too close for a way around", () => {
    expect(wayAround({ source: [300, 50], target: [100, 80] }, [BLOCK])).toBeNull();
  });

  it("begins and ends at its ends", () => {
    const path = pathAround(ENDS, 340);
    expect(path.startsWith("M300,50 ")).toBe(true);
    expect(path.endsWith(" L100,300")).toBe(true);
    expect(path).toContain("Q340,280");
  });
});
