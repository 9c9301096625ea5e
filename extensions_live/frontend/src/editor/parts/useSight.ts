// Brings nodes into sight that have just appeared.

import { useReactFlow, useStore, useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";

import type { FlowEdge, FlowNode } from "../flow";
import { covered, useBoxes, useShow } from "./useShow";

/** Brings nodes into sight: all when the canvas gets a size, later new ones that are out of it. */
export function useSight(nodes: readonly FlowNode[]): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const show = useShow();
  const boxesOf = useBoxes();
  const sized = useStore(({ width, height }) => width > 0 && height > 0);
  const before = useRef<ReadonlySet<string> | null>(null);
  // The new nodes, until the view was moved: another board can arrive before it is.
  const fresh = useRef<{ readonly ids: string[]; readonly first: boolean }>(NOTHING_NEW);
  const ids = JSON.stringify(nodes.map(({ id }) => id));
  // Nodes grow when their shapes arrive; the view follows, unless the user has done something.
  const settling = useRef(0);
  const room = useStore(({ width, height }) => width * height);
  const sizes = JSON.stringify([room, nodes.map(({ width, height }) => [width, height])]);
  useEffect(() => {
    if (performance.now() > settling.current) return;
    const timer = setTimeout(() => show(undefined, true));
    return () => clearTimeout(timer);
  }, [sizes, show]);
  useEffect(() => {
    const box = store.getState().domNode?.closest(".wbe");
    const settle = () => {
      settling.current = 0;
    };
    const kinds = ["pointerdown", "keydown", "wheel"] as const;
    for (const kind of kinds) box?.addEventListener(kind, settle, { passive: true });
    return () => {
      for (const kind of kinds) box?.removeEventListener(kind, settle);
    };
  }, [store, sized]);
  useEffect(() => {
    if (!sized) return;
    const now = JSON.parse(ids) as string[];
    const first = before.current === null || before.current.size === 0;
    const added = now.filter((id) => !before.current?.has(id));
    before.current = new Set(now);
    const { current: old } = fresh;
    fresh.current = { ids: [...old.ids, ...added], first: old.first || first };
    if (!fresh.current.ids.length) return;
    const look = () => {
      const { ids: all, first: whole } = fresh.current;
      fresh.current = NOTHING_NEW;
      const { x, y, zoom } = flow.getViewport();
      const { width, height, domNode } = store.getState();
      const room = covered(domNode);
      const hidden = boxesOf(all).some((box) => {
        const [left, top] = [box.x * zoom + x, box.y * zoom + y];
        const [right, bottom] = [left + box.width * zoom, top + box.height * zoom];
        return left < room.left || top < 0 || right > width - room.right || bottom > height;
      });
      const parents = new Set(all.map((id) => flow.getNode(id)?.parentId));
      const [group] = parents; // if the new nodes are the contents of a group that was opened
      const opened = group !== undefined && parents.size === 1 && !whole;
      if (!whole && !hidden) return;
      show(opened ? [group, ...all] : undefined, whole);
      if (whole) settling.current = performance.now() + SETTLING;
    };
    const timer = setTimeout(() => {
      // Nothing moves away from a pointer that is pressed: the click would be lost.
      if (!store.getState().domNode?.matches(":active")) look();
      else window.addEventListener("pointerup", () => setTimeout(look), { once: true });
    });
    return () => clearTimeout(timer);
  }, [ids, sized, flow, store, show, boxesOf]);
}

const SETTLING = 20000; // ms in which the shapes of a new model arrive
const NOTHING_NEW = { ids: [], first: false };
