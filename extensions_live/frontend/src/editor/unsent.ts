// The intents that Python has not acknowledged, kept in the tab of the browser: a page that is loaded
// again while the kernel is busy sends them again. Python executes each intent once.

import type { Intent } from "../messages";

const KEY = "workbench-editor-";
const MOST = 2_000_000; // characters; browsers keep a few million

/** Keeps the intents of a board, or nothing if there are none. */
export function keep(origin: string, intents: readonly Intent[]): void {
  try {
    const text = JSON.stringify(intents);
    if (intents.length && text.length < MOST) sessionStorage.setItem(KEY + origin, text);
    else sessionStorage.removeItem(KEY + origin);
  } catch {
    // the browser refuses to store anything; then a reload can lose what is under way
  }
}

/** Returns the intents of a board that an earlier page has kept. */
export function kept(origin: string): Intent[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEY + origin) ?? "[]");
    return Array.isArray(found) ? found.filter(isIntent) : [];
  } catch {
    return [];
  }
}

function isIntent(one: unknown): one is Intent {
  const { client, number, name } = (one ?? {}) as Partial<Intent>;
  return typeof client === "string" && typeof number === "number" && typeof name === "string";
}
