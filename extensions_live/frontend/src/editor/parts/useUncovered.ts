// Moves the view so that the palette and the settings, where they lie over the canvas, do not hide
// the selected node, and back when nothing is selected any more.

import { useReactFlow, useStoreApi, type Viewport } from "@xyflow/react";
import { useEffect, useRef } from "react";

import type { FlowEdge, FlowNode } from "../flow";
import { covered, isSame, motion, useBoxes } from "./useShow";

const GAP = 8;

/**
 * Moves a node out from under what covers it; null for no node. `parts` changes with the parts of
 * the editor that are shown.
 */
export function useUncovered(node: string | null, parts: string): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const boxesOf = useBoxes();
  const moved = useRef<{ readonly from: Viewport; readonly to: Viewport } | null>(null);
  useEffect(() => {
    const isWhereMoved = () =>
      moved.current !== null && isSame(flow.getViewport(), moved.current.to);
    const look = () => {
      const { width, domNode } = store.getState();
      const before = flow.getViewport();
      if (node === null) {
        const back = isWhereMoved() ? moved.current?.from : undefined;
        moved.current = null;
        if (back) void flow.setViewport(back, { duration: motion() });
        return;
      }
      const [box] = boxesOf([node]);
      if (!box || !width) return;
      const { x, y, zoom } = before;
      const { left, right } = covered(domNode);
      const start = box.x * zoom + x - (left ? left + GAP : 0);
      const over = right ? (box.x + box.width) * zoom + x - (width - right - GAP) : 0;
      // A node that is wider than what is left shows its beginning.
      const by =
        start < 0 && left ? start : Math.max(0, Math.min(over, left ? start : start - GAP));
      if (Math.abs(by) < 1) return;
      const from = (isWhereMoved() ? moved.current?.from : undefined) ?? before;
      moved.current = { from, to: { x: x - by, y, zoom } };
      void flow.setViewport(moved.current.to, { duration: motion() });
    };
    const timer = setTimeout(() => {
      // Nothing moves away from a pointer that is pressed: the click would be lost.
      if (!store.getState().domNode?.matches(":active")) look();
      else window.addEventListener("pointerup", () => setTimeout(look), { once: true });
    }, motion() + 20); // after new nodes were brought into sight
    return () => clearTimeout(timer);
  }, [node, parts, flow, store, boxesOf]);
}
