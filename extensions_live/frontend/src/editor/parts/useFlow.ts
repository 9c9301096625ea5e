// The nodes and edges of React Flow for the current board, and what the user does with them.

import {
  applyEdgeChanges,
  applyNodeChanges,
  useStoreApi,
  type EdgeChange,
  type NodeChange,
} from "@xyflow/react";
import { useCallback, useLayoutEffect, useRef, useState } from "react";

import type { BoardEdge } from "../../messages";
import type { BoardPayload } from "../shown";
import { flowEdges, flowNodes, positionsOf, sizeOf, type FlowEdge, type FlowNode } from "../flow";
import { roomOn, type Room } from "../inserting";
import { homes, place, structureOf, type Place, type Placed, type Size } from "../layout";
import { regrouped } from "../regrouping";
import type { Tools } from "./context";

export interface Flow {
  readonly nodes: FlowNode[];
  readonly edges: FlowEdge[];
  readonly changeNodes: (changes: NodeChange<FlowNode>[]) => void;
  readonly changeEdges: (changes: EdgeChange<FlowEdge>[]) => void;
  /** Selects some nodes, and nothing else. */
  readonly choose: (ids: readonly string[]) => void;
  readonly startDrag: () => void;
  readonly endDrag: (moved: readonly FlowNode[]) => void;
  /** Sends positions; with them those of nodes that have none yet, so that all of them stay. */
  readonly move: (positions: Record<string, Place>) => void;
  /** Returns the room on an edge for a new node, or for one that exists; null where it has none. */
  readonly room: (edge: BoardEdge, node?: string) => Room | null;
  /** Places the next new nodes that have no position below a place, or near it. */
  readonly expect: (at: Place) => void;
  /** Arranges all nodes; returns the number of the intent. */
  readonly arrange: () => number;
}

/** A layout, and what it depends on. */
interface Layout {
  readonly key: string;
  readonly boxes: ReadonlyMap<string, Placed>;
  readonly sizes: ReadonlyMap<string, Size>;
}

/** The size of a node that is not drawn yet. */
export const NEW: Size = { width: 184, height: 50 };

const NO_LAYOUT: Layout = { key: "", boxes: new Map(), sizes: new Map() };

export function useFlow(board: BoardPayload, send: Tools["send"]): Flow {
  const store = useStoreApi();
  const [nodes, setNodes] = useState<FlowNode[]>([]);
  const [edges, setEdges] = useState<FlowEdge[]>([]);
  const [turn, setTurn] = useState(0);
  const latest = useRef(board);
  const known = useRef(new Map<string, Place>());
  const last = useRef<Layout>(NO_LAYOUT);
  const dragging = useRef(false);
  const wish = useRef<Place | null>(null);

  useLayoutEffect(() => {
    const lost = new Set(latest.current.nodes.flatMap((node) => (node.position ? [node.id] : [])));
    // Python forgot positions, for example by `arrange`.
    if (board.nodes.some(({ id, position }) => !position && lost.has(id))) known.current.clear();
    const parents = new Map(latest.current.nodes.map(({ id, parent }) => [id, parent]));
    const moved = regrouped(latest.current.nodes, board.nodes, known.current);
    for (const { id, parent } of board.nodes) {
      if (parents.get(id) !== parent) known.current.delete(id); // places are relative to parents
    }
    for (const [id, at] of moved) known.current.set(id, at);
    latest.current = board;
    const sizes = new Map<string, Size>(board.nodes.map((node) => [node.id, sizeOf(node)]));
    const key = structureOf(board.nodes, board.edges) + JSON.stringify([...sizes.values()]);
    if (key !== last.current.key) {
      const boxes = place(board.nodes, board.edges, sizes, known.current, wish.current);
      wish.current = null;
      last.current = { key, boxes, sizes };
      for (const [id, { home }] of boxes) known.current.set(id, home);
    }
    const { boxes } = last.current;
    setNodes((old) => unlessSame(old, flowNodes(board, boxes, old)));
    setEdges((old) => unlessSame(old, flowEdges(board, old)));
  }, [board, turn]);

  /** Returns positions as Python keeps them, with those of nodes that have none yet. */
  const kept = useCallback((moved: Readonly<Record<string, Place>>) => {
    const { nodes: all, edges: wires } = latest.current;
    const { boxes, sizes } = last.current;
    const positions = homes(moved, boxes, all, wires, sizes, known.current);
    const others = all.flatMap(({ id, position, editable }) => {
      const at = known.current.get(id);
      return position === null && editable && at ? [[id, at] as const] : [];
    });
    for (const [id, at] of Object.entries(positions)) known.current.set(id, at);
    return { ...Object.fromEntries(others), ...positions };
  }, []);

  const move = useCallback(
    (moved: Record<string, Place>) => {
      send("move", { positions: kept(moved) });
    },
    [kept, send],
  );

  const room = useCallback<Flow["room"]>(
    (edge, node) => {
      const { boxes } = last.current;
      const size = (node === undefined ? null : boxes.get(node)) ?? NEW;
      const found = roomOn(edge, latest.current.nodes, boxes, size, node);
      if (!found) return null;
      // With the places of all others: what Python does not know is arranged again later.
      return { position: found.position, positions: kept(found.positions) };
    },
    [kept],
  );

  const changeNodes = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      setNodes((old) => applyNodeChanges(changes, old));
      // Arrow keys move nodes without any event of dragging.
      const keyed = changes.flatMap((change) =>
        change.type === "position" && change.position && !change.dragging && !dragging.current
          ? [{ id: change.id, position: change.position }]
          : [],
      );
      if (keyed.length) move(positionsOf(keyed));
    },
    [move],
  );

  const changeEdges = useCallback((changes: EdgeChange<FlowEdge>[]) => {
    setEdges((old) => applyEdgeChanges(changes, old));
  }, []);

  // Our own nodes are changed, not those of React Flow, which lag behind a board that just arrived.
  const choose = useCallback(
    (ids: readonly string[]) => {
      const wanted = new Set(ids);
      setNodes((old) => withSelected(old, ({ id }) => wanted.has(id)));
      setEdges((old) => withSelected(old, () => false));
      // A box that was drawn around nodes does not stay for others.
      store.setState({ nodesSelectionActive: false });
    },
    [store],
  );

  const startDrag = useCallback(() => {
    dragging.current = true;
  }, []);

  const endDrag = useCallback(
    (moved: readonly FlowNode[]) => {
      dragging.current = false;
      if (moved.length) move(positionsOf(moved));
    },
    [move],
  );

  const expect = useCallback((at: Place) => {
    wish.current = at;
  }, []);

  const arrange = useCallback(() => {
    known.current.clear();
    last.current = NO_LAYOUT;
    setTurn((old) => old + 1);
    return send("arrange");
  }, [send]);

  return {
    nodes,
    edges,
    changeNodes,
    changeEdges,
    choose,
    startDrag,
    endDrag,
    move,
    room,
    expect,
    arrange,
  };
}

/** Returns the old items if nothing changed, as by a board that only brings its code. */
function unlessSame<Item>(old: Item[], fresh: Item[]): Item[] {
  return old.length === fresh.length && fresh.every((item, at) => item === old[at]) ? old : fresh;
}

/** Returns items in which only the wanted ones are selected; unchanged items keep their objects. */
function withSelected<Item extends { selected?: boolean }>(
  items: Item[],
  wanted: (item: Item) => boolean,
): Item[] {
  return items.map((item) => {
    const selected = wanted(item);
    return Boolean(item.selected) === selected ? item : { ...item, selected };
  });
}
