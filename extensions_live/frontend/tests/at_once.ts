// Stands for src/pace.ts, which has tests of its own: every update is drawn at once.
//
// One for all tests, because files that run in the same page share the modules that stand for others.

import { vi } from "vitest";

export const pacedView = (_model: unknown, _box: unknown, draw: () => void) => ({
  draw,
  hurry: vi.fn(),
  end: vi.fn(),
});
