// Selects nodes, also those that an intent adds as soon as they arrive.

import { useReactFlow } from "@xyflow/react";
import { useCallback, useEffect, useRef } from "react";

import type { BoardPayload } from "../../messages";
import type { FlowEdge, FlowNode } from "../flow";
import type { Outbox } from "../outbox";
import type { Tools } from "./context";
import { useShow } from "./useShow";

/** Returns the function that selects nodes. */
export function useSelect(): Tools["select"] {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const bring = useShow();
  return useCallback(
    (ids, show = false) => {
      const wanted = new Set(ids);
      flow.setNodes((old) =>
        old.map((node) =>
          Boolean(node.selected) === wanted.has(node.id)
            ? node
            : { ...node, selected: wanted.has(node.id) },
        ),
      );
      flow.setEdges((old) =>
        old.map((edge) => (edge.selected ? { ...edge, selected: false } : edge)),
      );
      if (show) bring(ids);
    },
    [bring, flow],
  );
}

/** Returns the function that takes the number of an intent, and selects the nodes it will add. */
export function useNewNodes(
  board: BoardPayload,
  outbox: Outbox,
  select: Tools["select"],
): (number: number) => void {
  const awaited = useRef<{ number: number; before: ReadonlySet<string> } | null>(null);
  const present = useRef(board);
  useEffect(() => {
    present.current = board;
    const wanted = awaited.current;
    if (!wanted || (board.acked[outbox.client] ?? 0) < wanted.number) return;
    awaited.current = null;
    const fresh = board.nodes.filter(({ id, parent }) => !wanted.before.has(id) && parent === null);
    if (!fresh.length) return;
    // React Flow takes the nodes of this board first.
    const timer = setTimeout(() => {
      select(fresh.map(({ id }) => id));
    });
    return () => {
      clearTimeout(timer);
    };
  }, [board, outbox, select]);
  return useCallback((number: number) => {
    const before = awaited.current?.before ?? new Set(present.current.nodes.map(({ id }) => id));
    awaited.current = { number, before };
  }, []);
}
