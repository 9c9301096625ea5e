// The canvas: React Flow with our nodes and edges, and what is dropped on it.

import {
  Background,
  Controls,
  MiniMap,
  ReactFlow,
  useReactFlow,
  useStore,
  useStoreApi,
  type Connection,
  type Edge,
  type FinalConnectionState,
  type OnSelectionChangeParams,
  type ReactFlowState,
} from "@xyflow/react";
import { memo, useCallback, useEffect, useRef, type DragEvent, type ReactNode } from "react";

import type { BoardPayload } from "../../messages";
import { canConnect, type End } from "../fitting";
import { endOf, portOf, type FlowEdge, type FlowNode } from "../flow";
import { BrickNode } from "./BrickNode";
import { useLatest, useTools } from "./context";
import { DRAGGED } from "./Palette";
import type { Flow } from "./useFlow";
import { useBoxes, useShow } from "./useShow";
import { Wire } from "./Wire";

const NODE_TYPES = { brick: BrickNode };
const EDGE_TYPES = { wire: Wire };
const MANY = 8; // number of nodes from which the small map is useful

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface CanvasProps {
  readonly board: BoardPayload;
  readonly flow: Flow;
  readonly full: boolean;
  readonly select: (ids: string[]) => void;
  /** Called if an edge ends on the empty canvas, at a place of the page. */
  readonly dropEdge: (end: End, at: Point) => void;
  /** Called if an item of the palette is dropped, at a place of the page. */
  readonly dropItem: (text: string, at: Point) => void;
  readonly dropFile: (file: File) => void;
  readonly begin: (at: Point) => void;
  readonly children: ReactNode;
}

export const Canvas = memo((props: CanvasProps) => {
  const { board, flow, full, select, dropEdge, dropItem, dropFile, begin, children } = props;
  const { send } = useTools();
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const latest = useLatest(board);
  useSight(flow.nodes);
  const mapped = useStore((state) => state.nodeLookup.size > MANY && !isAllInSight(state));

  const connect = useCallback(
    ({ source, target, sourceHandle, targetHandle }: Connection) => {
      const [output, input] = [portOf(sourceHandle), portOf(targetHandle)];
      send("connect", { source, output, target, input });
    },
    [send],
  );
  const reconnected = useRef(false);
  const reconnect = useCallback(
    (old: FlowEdge, fresh: Connection) => {
      reconnected.current = true;
      const edge = old.data?.edge;
      const moved =
        edge && (edge.target !== fresh.target || edge.input !== portOf(fresh.targetHandle));
      if (moved) send("disconnect", endOf(edge));
      connect(fresh);
    },
    [connect, send],
  );
  const valid = useCallback(
    ({ source, target }: Connection | Edge) => canConnect(latest.current, source, target),
    [latest],
  );
  const ended = useCallback(
    (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
      const { fromNode, fromHandle, toNode } = state;
      if (!fromNode || toNode) return;
      const point = event instanceof MouseEvent ? event : event.changedTouches[0];
      if (point === undefined) return;
      const side = fromHandle.type === "source" ? "output" : "input";
      const end: End = { node: fromNode.id, port: portOf(fromHandle.id), side };
      dropEdge(end, { x: point.clientX, y: point.clientY });
    },
    [dropEdge],
  );
  const selected = useCallback(
    ({ nodes }: OnSelectionChangeParams<FlowNode, FlowEdge>) => {
      select(nodes.map(({ id }) => id));
    },
    [select],
  );
  const over = (event: DragEvent) => {
    const { types } = event.dataTransfer;
    if (!types.includes(DRAGGED) && !types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
  };
  const dropped = (event: DragEvent) => {
    const item = event.dataTransfer.getData(DRAGGED);
    const [file] = event.dataTransfer.files;
    if (item) dropItem(item, { x: event.clientX, y: event.clientY });
    else if (file) dropFile(file);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      className="wbe-canvas"
      data-testid="canvas"
      onDragOver={over}
      onDrop={dropped}
      onDoubleClick={(event) => {
        const pane = (event.target as Element).classList.contains("react-flow__pane");
        if (pane) begin({ x: event.clientX, y: event.clientY });
      }}
    >
      <ReactFlow<FlowNode, FlowEdge>
        nodes={flow.nodes}
        edges={flow.edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={flow.changeNodes}
        onEdgesChange={flow.changeEdges}
        onNodeDragStart={flow.startDrag}
        onNodeDragStop={(_, __, moved) => flow.endDrag(moved)}
        onSelectionDragStart={flow.startDrag}
        onSelectionDragStop={(_, moved) => flow.endDrag(moved)}
        onSelectionChange={selected}
        onConnect={connect}
        onConnectEnd={ended}
        onReconnectStart={() => {
          reconnected.current = false;
        }}
        onReconnect={reconnect}
        onReconnectEnd={(_, { data }, __, { toNode }) => {
          if (reconnected.current || toNode || !data) return;
          send("disconnect", endOf(data.edge));
        }}
        isValidConnection={valid}
        connectionRadius={30}
        deleteKeyCode={null}
        selectionKeyCode="Shift"
        multiSelectionKeyCode={["Meta", "Control"]}
        zoomActivationKeyCode={["Meta", "Control"]}
        zoomOnScroll={full}
        preventScrolling={full}
        zoomOnDoubleClick={false}
        minZoom={0.05}
        maxZoom={2}
        elevateEdgesOnSelect={false}
        nodeDragThreshold={2}
        proOptions={{ hideAttribution: false }}
        ariaLabelConfig={{ "controls.ariaLabel": "zoom", "minimap.ariaLabel": "small map" }}
      >
        <Background gap={22} size={1.2} />
        <Controls showInteractive={false} showFitView={false} position="bottom-left" />
        {mapped && (
          <MiniMap<FlowNode>
            pannable
            zoomable
            position="bottom-right"
            nodeClassName={({ data }) => (data.node.fault ? "wbe-mini-fault" : "")}
            onClick={(_, { x, y }) => void instance.setCenter(x, y)}
          />
        )}
      </ReactFlow>
      {children}
    </div>
  );
});
Canvas.displayName = "Canvas";

/** Returns true if no node is out of sight. */
function isAllInSight({ nodeLookup, transform, width, height }: ReactFlowState): boolean {
  const [x, y, zoom] = transform;
  return [...nodeLookup.values()].every(({ width: wide = 0, height: tall = 0, internals }) => {
    const { x: left, y: top } = internals.positionAbsolute;
    const inside = left * zoom + x >= 0 && top * zoom + y >= 0;
    return inside && (left + wide) * zoom + x <= width && (top + tall) * zoom + y <= height;
  });
}

/** Brings nodes into sight: all when the canvas gets a size, later new ones that are out of it. */
function useSight(nodes: readonly FlowNode[]): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const show = useShow();
  const boxesOf = useBoxes();
  const sized = useStore(({ width, height }) => width > 0 && height > 0);
  const before = useRef<ReadonlySet<string> | null>(null);
  const ids = nodes.map(({ id }) => id).join("\n");
  useEffect(() => {
    if (!sized) return;
    const now = ids ? ids.split("\n") : [];
    const first = before.current === null || before.current.size === 0;
    const fresh = now.filter((id) => !before.current?.has(id));
    before.current = new Set(now);
    if (!fresh.length) return;
    const timer = setTimeout(() => {
      const { x, y, zoom } = flow.getViewport();
      const { width, height } = store.getState();
      const hidden = boxesOf(fresh).some((box) => {
        const [left, top] = [box.x * zoom + x, box.y * zoom + y];
        const [right, bottom] = [left + box.width * zoom, top + box.height * zoom];
        return left < 0 || top < 0 || right > width || bottom > height;
      });
      const parents = new Set(fresh.map((id) => flow.getNode(id)?.parentId));
      const [group] = parents; // if the new nodes are the contents of a group that was opened
      const opened = group !== undefined && parents.size === 1 && !first;
      if (first || hidden) show(opened ? [group, ...fresh] : undefined, first);
    });
    return () => clearTimeout(timer);
  }, [ids, sized, flow, store, show, boxesOf]);
}
