// Brings all nodes into sight once Python has arranged them.

import { useCallback, useEffect, useRef } from "react";

import type { BoardPayload } from "../shown";
import type { Show } from "./useShow";

const DRAWN = 50; // ms until React Flow has the places of a board

/** Returns the function that takes the number of an intent, and shows all nodes once it is done. */
export function useArranged(
  board: BoardPayload,
  client: string,
  show: Show,
): (number: number) => void {
  const awaited = useRef<number | null>(null);
  useEffect(() => {
    if (awaited.current === null || (board.acked[client] ?? 0) < awaited.current) return;
    awaited.current = null;
    setTimeout(show, DRAWN);
  }, [board, client, show]);
  return useCallback((number: number) => {
    awaited.current = number;
  }, []);
}
