// Moves the focus on the canvas with the Tab key, in the order of `tabOrder`.

import { useCallback, useEffect, useRef, type KeyboardEvent, type RefObject } from "react";

import { tabOrder, type TabStop } from "../tab_order";
import type { FlowEdge, FlowNode } from "../flow";
import { useLatest } from "./context";

const STOPS = "button, input, select, textarea, a[href], summary, [tabindex]";

interface TabKeys {
  /** Elements without a size directly before and after the part of the page with nodes and edges. */
  readonly before: RefObject<HTMLSpanElement | null>;
  readonly after: RefObject<HTMLSpanElement | null>;
  readonly pressed: (event: KeyboardEvent<HTMLElement>) => void;
}

export function useTabOrder(
  box: RefObject<HTMLElement | null>,
  nodes: readonly FlowNode[],
  edges: readonly FlowEdge[],
): TabKeys {
  const before = useRef<HTMLSpanElement>(null);
  const after = useRef<HTMLSpanElement>(null);
  const latest = useLatest({ nodes, edges });

  const stops = useCallback((): HTMLElement[] => {
    const root = box.current?.querySelector<HTMLElement>(".react-flow__renderer");
    if (!root) return [];
    const { nodes: now, edges: wires } = latest.current;
    const order = tabOrder(
      now.map(({ id, parentId = null, position }) => ({ id, parent: parentId, ...position })),
      wires.flatMap(({ data }) => (data ? [data.edge] : [])),
    );
    const parts = partsIn(root);
    return order.flatMap((stop) => parts.get(keyOf(stop)) ?? []).flatMap(stopsIn);
  }, [box, latest]);

  // The browser itself enters the canvas at its first or last element in the document.
  useEffect(() => {
    let tab: "forward" | "backward" | null = null;
    const key = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "Tab") return;
      tab = event.shiftKey ? "backward" : "forward";
      setTimeout(() => {
        tab = null; // the browser moves the focus before
      });
    };
    const entered = ({ target, relatedTarget }: FocusEvent) => {
      const root = box.current?.querySelector(".react-flow__renderer");
      if (!tab || !(target instanceof Element) || !root?.contains(target)) return;
      if (relatedTarget instanceof Node && root.contains(relatedTarget)) return;
      const found = stops();
      const first = tab === "forward" ? found[0] : found.at(-1);
      if (first && first !== target) first.focus();
    };
    const element = box.current;
    window.addEventListener("keydown", key, true);
    element?.addEventListener("focusin", entered);
    return () => {
      window.removeEventListener("keydown", key, true);
      element?.removeEventListener("focusin", entered);
    };
  }, [box, stops]);

  const pressed = useCallback(
    (event: KeyboardEvent<HTMLElement>) => {
      if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey) return;
      const found = stops();
      const place = found.indexOf(event.target as HTMLElement);
      if (place < 0) return;
      const next = found[place + (event.shiftKey ? -1 : 1)];
      if (next) {
        event.preventDefault();
        next.focus();
      } else {
        // From there, the browser goes on to what is outside.
        (event.shiftKey ? before : after).current?.focus({ preventScroll: true });
      }
    },
    [stops],
  );
  return { before, after, pressed };
}

const keyOf = ({ kind, id }: TabStop) => `${kind} ${id}`;

/** Returns the elements of all nodes and edges, those of an edge with its label, by stop. */
function partsIn(root: HTMLElement): Map<string, HTMLElement[]> {
  const found = new Map<string, HTMLElement[]>();
  const add = (kind: TabStop["kind"], id: string | undefined, part: HTMLElement) => {
    if (id === undefined) return;
    const key = keyOf({ kind, id });
    const known = found.get(key);
    if (known) known.push(part);
    else found.set(key, [part]);
  };
  for (const part of root.querySelectorAll<HTMLElement>(".react-flow__node")) {
    add("node", part.dataset.id, part);
  }
  for (const part of root.querySelectorAll<HTMLElement>(".react-flow__node-toolbar")) {
    add("node", part.dataset.id, part);
  }
  for (const part of root.querySelectorAll<HTMLElement>(".react-flow__edge")) {
    add("edge", part.dataset.id, part);
  }
  for (const part of root.querySelectorAll<HTMLElement>("[data-edge]")) {
    add("edge", part.dataset.edge, part);
  }
  return found;
}

/** Returns the elements of a part of the canvas that the Tab key visits. */
function stopsIn(part: HTMLElement): HTMLElement[] {
  return [part, ...part.querySelectorAll<HTMLElement>(STOPS)].filter(
    (one) =>
      one.tabIndex >= 0 &&
      !one.matches(":disabled") &&
      one.checkVisibility({ visibilityProperty: true }),
  );
}
