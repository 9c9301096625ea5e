// Moves the view so that nodes are in sight.

import { getViewportForBounds, useReactFlow, useStoreApi, type Viewport } from "@xyflow/react";
import { useCallback, useEffect } from "react";

import type { FlowEdge, FlowNode } from "../flow";
import { bounds, type Box } from "../layout";

const PADDING = 0.1;
const SMALLEST = 0.05;
const LATE = 50; // ms by which the last frame of a movement can be late
const LEAST = 200; // pixels that must be free between the palette and the settings

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

/** The pixels of the canvas that the palette and the settings cover, in a narrow editor. */
export function covered(canvas: Element | null): { left: number; right: number } {
  const editor = canvas?.closest(".wbe-narrow");
  const room = canvas?.getBoundingClientRect();
  if (!editor || !room) return { left: 0, right: 0 };
  const part = (name: string) => editor.querySelector(name)?.getBoundingClientRect();
  const [palette, settings] = [part(".wbe-palette"), part(".wbe-settings")];
  const left = palette ? Math.max(palette.right - room.left, 0) : 0;
  const right = settings ? Math.max(room.right - settings.left, 0) : 0;
  return room.width - left - right < LEAST ? { left: 0, right: 0 } : { left, right };
}

/** The view that shows all nodes and the end of the movement to it, for each canvas. */
const wholes = new WeakMap<Element, { readonly view: Viewport; readonly end: number }>();

/** Returns true if two views are the same, but for less than a pixel. */
export function isSame(one: Viewport, other: Viewport): boolean {
  const far = Math.max(Math.abs(one.x - other.x), Math.abs(one.y - other.y));
  return far < 1 && one.zoom === other.zoom;
}

/** Shows all nodes again if `parts`, which can cover them, change while the view shows them all. */
export function useShownAgain(parts: string): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const show = useShow();
  useEffect(() => {
    const { domNode } = store.getState();
    const whole = domNode && wholes.get(domNode);
    if (!whole) return;
    if (performance.now() < whole.end || isSame(flow.getViewport(), whole.view)) show();
  }, [parts, flow, store, show]);
}

export function useShow(): Show {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const boxesOf = useBoxes();
  return useCallback(
    (ids, quietly = false) => {
      const boxes = boxesOf(ids);
      const { width: whole, height, domNode } = store.getState();
      const { left, right } = covered(domNode);
      const width = whole - left - right;
      if (!boxes.length || !whole || !height) return;
      // A single node stays at the present zoom; only its surroundings move.
      const least = ids?.length === 1 ? Math.max(flow.getZoom(), 0.6) : SMALLEST;
      const zoomed = getViewportForBounds(bounds(boxes), width, height, SMALLEST, 1, PADDING);
      const zoom = ids?.length === 1 ? Math.min(zoomed.zoom, least) : zoomed.zoom;
      const { x, y, width: wide, height: tall } = bounds(boxes);
      const view = {
        x: left + width / 2 - (x + wide / 2) * zoom,
        y: height / 2 - (y + tall / 2) * zoom,
        zoom,
      };
      const duration = quietly ? 0 : motion();
      const end = performance.now() + duration + LATE;
      if (ids === undefined && domNode) wholes.set(domNode, { view, end });
      void flow.setViewport(view, { duration });
    },
    [boxesOf, flow, store],
  );
}
