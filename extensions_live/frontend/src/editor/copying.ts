// The text of copied nodes: the document of the board, with the list of the nodes that are meant.

/** Returns the text to copy for some nodes, or null if there is nothing to copy. */
export function copiedText(document: string, nodes: readonly string[]): string | null {
  const whole = parsed(document);
  return whole && nodes.length ? JSON.stringify({ ...whole, nodes }) : null;
}

/** Returns true if a text can be a document of a board, or a specification. */
export function isDocument(text: string): boolean {
  const whole = parsed(text);
  return whole !== null && ("board" in whole || "bricks" in whole);
}

function parsed(text: string): object | null {
  if (!text.trimStart().startsWith("{")) return null;
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}

/** Returns the arguments of `paste` for a text: a document, or code; null if it is neither. */
export function pastable(text: string): Record<string, unknown> | null {
  if (!isDocument(text)) return /^\s*(from|import) workbench\b/m.test(text) ? { text } : null;
  const { nodes, ...document } = parsed(text) as { nodes?: unknown };
  return { text: JSON.stringify(document), ...(Array.isArray(nodes) ? { nodes } : {}) };
}
