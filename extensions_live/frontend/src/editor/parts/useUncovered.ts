// Moves the view so that the settings, where they lie over the canvas, do not hide their node.

import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect } from "react";

import type { FlowEdge, FlowNode } from "../flow";
import { motion, useBoxes } from "./useShow";

/** The width of the settings over the canvas, and a gap. */
const COVERED = 268 + 16;

/** Moves the selected node out from under the settings; null if none of it is covered. */
export function useUncovered(node: string | null): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const boxesOf = useBoxes();
  useEffect(() => {
    if (node === null) return;
    const look = () => {
      const [box] = boxesOf([node]);
      const { width } = store.getState();
      if (!box || !width) return;
      const { x, y, zoom } = flow.getViewport();
      const over = (box.x + box.width) * zoom + x - (width - COVERED);
      // A node that is wider than what is left shows its beginning.
      const by = Math.min(over, box.x * zoom + x - 8);
      if (by > 0) void flow.setViewport({ x: x - by, y, zoom }, { duration: motion() });
    };
    const timer = setTimeout(() => {
      // Nothing moves away from a pointer that is pressed: the click would be lost.
      if (!store.getState().domNode?.matches(":active")) look();
      else window.addEventListener("pointerup", () => setTimeout(look), { once: true });
    }, motion() + 20); // after new nodes were brought into sight
    return () => clearTimeout(timer);
  }, [node, flow, store, boxesOf]);
}
