// Where the handles of a node are: the style sheet says it, too. React Flow draws the edges with these
// places at once, before it has measured the handles.

import { Position, type NodeHandle } from "@xyflow/react";

import type { Size } from "./layout";
import type { BoardNode } from "./shown";

/** The ids of handles; the two of a group that are inside have ids of their own. */
export const HANDLES = {
  input: (name: string) => `i:${name}`,
  output: (name: string) => `o:${name}`,
  fromInside: (name: string) => `f:${name}`,
  toInside: (name: string) => `t:${name}`,
};

const BORDER = 1; // pixels, of a node
const OUTER = 11; // pixels, the size of a handle
const INNER = { size: 7, top: 44, bottom: 14 };

/** Returns the handles of a node, relative to its upper left corner. */
export function handlesOf(node: BoardNode, { width, height }: Size): NodeHandle[] {
  const { inputs, outputs, open } = node;
  const handle = (
    id: string,
    share: number,
    y: number,
    size: number,
  ): Omit<NodeHandle, "type" | "position"> => ({
    id,
    x: BORDER + share * (width - 2 * BORDER) - size / 2,
    y: y - size / 2,
    width: size,
    height: size,
  });
  const above = inputs.flatMap(({ name }, place): NodeHandle[] => {
    const share = (place + 0.5) / inputs.length;
    const outer = handle(HANDLES.input(name), share, BORDER, OUTER);
    const from = BORDER + INNER.top + INNER.size;
    const inner = handle(HANDLES.fromInside(name), share, from, INNER.size);
    return [
      { ...outer, type: "target", position: Position.Top },
      ...(open ? [{ ...inner, type: "source", position: Position.Bottom } as const] : []),
    ];
  });
  const below = outputs.flatMap(({ name }, place): NodeHandle[] => {
    const share = (place + 0.5) / outputs.length;
    const outer = handle(HANDLES.output(name), share, height - BORDER, OUTER);
    const to = height - BORDER - INNER.bottom - INNER.size;
    const inner = handle(HANDLES.toInside(name), share, to, INNER.size);
    return [
      { ...outer, type: "source", position: Position.Bottom },
      ...(open ? [{ ...inner, type: "target", position: Position.Top } as const] : []),
    ];
  });
  return [...above, ...below];
}
