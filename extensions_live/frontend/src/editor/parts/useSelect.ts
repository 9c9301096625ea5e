// Selects nodes, also those that an intent makes as soon as they arrive.

import { useCallback, useLayoutEffect, useMemo, useRef } from "react";

import type { FlowNode } from "../flow";
import type { Outbox } from "../outbox";
import type { BoardPayload } from "../shown";
import type { Tools } from "./context";
import type { Flow } from "./useFlow";
import { useShow } from "./useShow";

/** Returns the function that selects nodes. */
export function useSelect(choose: Flow["choose"]): Tools["select"] {
  const bring = useShow();
  return useCallback(
    (ids, show = false) => {
      choose(ids);
      if (show) bring(ids);
    },
    [bring, choose],
  );
}

/** Returns the ids of the selected nodes: the same list until it changes. */
export function useSelected(nodes: readonly FlowNode[]): readonly string[] {
  const ids = JSON.stringify(nodes.flatMap(({ id, selected }) => (selected ? [id] : [])));
  return useMemo(() => JSON.parse(ids) as string[], [ids]);
}

/** Returns the function that takes the number of an intent, and selects the nodes that it makes. */
export function useNewNodes(
  board: BoardPayload,
  outbox: Outbox,
  select: Tools["select"],
): (number: number) => void {
  const awaited = useRef(new Set<number>());
  // After the effect that takes the nodes of this board, and before anything else can happen.
  useLayoutEffect(() => {
    const there = new Set(board.nodes.map(({ id }) => id));
    const fresh: string[] = [];
    for (const { client, number, nodes } of board.made) {
      if (client !== outbox.client || !awaited.current.delete(number)) continue;
      fresh.push(...nodes.filter((id) => there.has(id)));
    }
    if (fresh.length) select(fresh);
  }, [board, outbox, select]);
  return useCallback((number: number) => {
    awaited.current.add(number);
  }, []);
}
