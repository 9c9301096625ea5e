// Moves the view so that nodes are in sight.

import { getViewportForBounds, useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback } from "react";

import type { FlowEdge, FlowNode } from "../flow";
import { bounds, type Box } from "../layout";

const PADDING = 0.1;
const SMALLEST = 0.05;

/** Shows some nodes, or all of them; `quietly` without a movement. */
export type Show = (ids?: readonly string[], quietly?: boolean) => void;

/** Returns the time for movements of the view: none if the user wants no motion. */
export function motion(): number {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 260;
}

/** Returns the boxes of nodes on the whole canvas. */
export function useBoxes(): (ids?: readonly string[]) => Box[] {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  return useCallback(
    (ids) =>
      (ids ?? flow.getNodes().map(({ id }) => id)).flatMap((id) => {
        const node = flow.getInternalNode(id);
        if (!node) return [];
        const { width = 0, height = 0 } = node;
        return [{ ...node.internals.positionAbsolute, width, height }];
      }),
    [flow],
  );
}

export function useShow(): Show {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const boxesOf = useBoxes();
  return useCallback(
    (ids, quietly = false) => {
      const boxes = boxesOf(ids);
      const { width, height } = store.getState();
      if (!boxes.length || !width || !height) return;
      // A single node stays at the present zoom; only its surroundings move.
      const least = ids?.length === 1 ? Math.max(flow.getZoom(), 0.6) : SMALLEST;
      const zoomed = getViewportForBounds(bounds(boxes), width, height, SMALLEST, 1, PADDING);
      const zoom = ids?.length === 1 ? Math.min(zoomed.zoom, least) : zoomed.zoom;
      const { x, y, width: wide, height: tall } = bounds(boxes);
      const view = {
        x: width / 2 - (x + wide / 2) * zoom,
        y: height / 2 - (y + tall / 2) * zoom,
        zoom,
      };
      void flow.setViewport(view, { duration: quietly ? 0 : motion() });
    },
    [boxesOf, flow, store],
  );
}
