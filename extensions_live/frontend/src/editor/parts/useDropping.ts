// What happens to nodes that are dropped on an edge, in an open group, or outside of their group.

import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback, useRef } from "react";

import type { BoardEdge } from "../../messages";
import type { FlowEdge, FlowNode } from "../flow";
import { groupAt, isFree, onEdge, openEdge, openGroups, within } from "../inserting";
import type { Box, Place } from "../layout";
import type { BoardPayload } from "../shown";
import type { Point } from "./Canvas";
import type { Tools } from "./context";
import type { Flow } from "./useFlow";

/** The class of the edge or group that takes what is dragged. */
const TARGET = "wbe-target";

/** The edge that leads through a node, or the group into which nodes move: null for none. */
type Target =
  | { readonly edge: BoardEdge; readonly node: string }
  | { readonly group: string | null; readonly nodes: readonly FlowNode[] };

interface Needs {
  readonly latest: { readonly current: BoardPayload };
  readonly flow: Flow;
  readonly tools: Pick<Tools, "send" | "say">;
}

export interface Dropping {
  /** Called while nodes are dragged. */
  readonly over: (event: MouseEvent | TouchEvent, moved: readonly FlowNode[]) => void;
  readonly drop: (event: MouseEvent | TouchEvent, moved: readonly FlowNode[]) => void;
  /** Marks the edge at a place of the page; with null none. */
  readonly markEdge: (box: Element, at: Point | null) => void;
}

export function useDropping({ latest, flow, tools }: Needs): Dropping {
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const marked = useRef<Element | null>(null);
  const { send, say } = tools;

  const mark = useCallback((element: Element | null) => {
    if (marked.current === element) return;
    marked.current?.classList.remove(TARGET);
    element?.classList.add(TARGET);
    marked.current = element;
  }, []);

  const markEdge = useCallback(
    (box: Element, at: Point | null) => {
      const edge = at && openEdge(latest.current, edgeAt(box, at));
      mark(edge ? elementOf(box, "edge", edge.id) : null);
    },
    [latest, mark],
  );

  /** Returns the edge or the group that takes nodes at a place; undefined if nothing changes. */
  const targetOf = useCallback(
    (box: Element, at: Point, moved: readonly FlowNode[]): Target | undefined => {
      const board = latest.current;
      const ids = moved.map(({ id }) => id);
      const [only] = ids;
      if (ids.length === 1 && only !== undefined && isFree(board, only)) {
        const edge = openEdge(board, edgeAt(box, at));
        if (edge) return { edge, node: only };
      }
      if (!openGroups(board).length) return undefined;
      const boxes = new Map<string, Box>(
        openGroups(board).flatMap(({ id }) => {
          const found = instance.getInternalNode(id);
          if (!found) return [];
          const { width = 0, height = 0 } = found;
          return [[id, { ...found.internals.positionAbsolute, width, height }] as const];
        }),
      );
      const { x, y } = instance.screenToFlowPosition(at);
      const group = groupAt(board, boxes, [x, y], ids);
      const nodes = moved.filter(
        ({ parentId, data }) => (parentId ?? null) !== group && data.node.editable,
      );
      return nodes.length ? { group, nodes } : undefined;
    },
    [instance, latest],
  );

  const over = useCallback<Dropping["over"]>(
    (event, moved) => {
      const [box, at] = [store.getState().domNode, pointOf(event)];
      if (!box || !at) return;
      const target = targetOf(box, at, moved);
      if (target && "edge" in target) mark(elementOf(box, "edge", target.edge.id));
      else if (target?.group) mark(elementOf(box, "node", target.group));
      else mark(null);
    },
    [mark, store, targetOf],
  );

  const drop = useCallback<Dropping["drop"]>(
    (event, moved) => {
      mark(null);
      const [box, at] = [store.getState().domNode, pointOf(event)];
      const target = box && at ? targetOf(box, at, moved) : undefined;
      if (!target) {
        flow.endDrag(moved.map(inside));
        return;
      }
      flow.endDrag([]);
      const absolute = (id: string): Place => {
        const place = instance.getInternalNode(id)?.internals.positionAbsolute;
        return [Math.round(place?.x ?? 0), Math.round(place?.y ?? 0)];
      };
      if ("edge" in target) {
        const { edge, node } = target;
        send("insert_node", { node, ...onEdge(edge, flow.room(edge, node)) });
        say(`${node} is on the edge to ${edge.target}`);
        return;
      }
      const { group, nodes } = target;
      const [left, top] = group === null ? [0, 0] : absolute(group);
      const positions = Object.fromEntries(
        nodes.map(({ id }) => {
          const [x, y] = absolute(id);
          const place: Place = [x - left, y - top];
          return [id, group === null ? place : within(place)];
        }),
      );
      send("put", { nodes: nodes.map(({ id }) => id), group, positions });
      say(group === null ? "taken out of the group" : `moved into ${group}`);
    },
    [flow, instance, mark, say, send, store, targetOf],
  );
  return { over, drop, markEdge };
}

/** Returns the id of the edge at a place of the page, or null. */
export function edgeAt(box: Element, { x, y }: Point): string | null {
  const root = box.getRootNode() as Document | ShadowRoot;
  for (const element of root.elementsFromPoint(x, y)) {
    const found = element.closest("[data-edge], .react-flow__edge");
    if (found) return found.getAttribute("data-edge") ?? found.getAttribute("data-id");
  }
  return null;
}

function elementOf(box: Element, kind: "edge" | "node", id: string): Element | null {
  return box.querySelector(`.react-flow__${kind}[data-id="${CSS.escape(id)}"]`);
}

/** Returns the place of a pointer on the page. */
function pointOf(event: MouseEvent | TouchEvent): Point | null {
  const point = "clientX" in event ? event : event.changedTouches[0];
  return point ? { x: point.clientX, y: point.clientY } : null;
}

/** Returns a node of a group at a position that is not on its border. */
function inside(node: FlowNode): FlowNode {
  if (node.parentId === undefined) return node;
  const [x, y] = within([node.position.x, node.position.y]);
  return { ...node, position: { x, y } };
}
