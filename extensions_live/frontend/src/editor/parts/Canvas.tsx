// The canvas: React Flow with our nodes and edges, and what is dropped on it.

import {
  Background,
  Controls,
  MiniMap,
  ReactFlow,
  useReactFlow,
  useStore,
  type Connection,
  type Edge,
  type FinalConnectionState,
  type ReactFlowState,
} from "@xyflow/react";
import {
  memo,
  useCallback,
  useMemo,
  useRef,
  useState,
  type DragEvent,
  type ReactNode,
} from "react";

import type { BoardEdge } from "../../messages";
import type { BoardPayload } from "../shown";
import { canConnect, type End } from "../fitting";
import { endOf, portOf, type FlowEdge, type FlowNode } from "../flow";
import { LabelEdges } from "../label_edges";
import { BrickNode } from "./BrickNode";
import { useLatest, useTools } from "./context";
import { DRAGGED } from "./Palette";
import type { Flow } from "./useFlow";
import { edgeAt, useDropping } from "./useDropping";
import { useSight } from "./useSight";
import { useTabOrder } from "./useTabOrder";
import { Wire } from "./Wire";

const NODE_TYPES = { brick: BrickNode };
const EDGE_TYPES = { wire: Wire };
const CLICK = 5; // pixels by which the pointer can move during a click
const PAN = 4; // pixels a frame by which the view moves while something is dragged to its border
const MANY = 8; // number of nodes from which the small map is useful

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface CanvasProps {
  readonly board: BoardPayload;
  readonly flow: Flow;
  readonly full: boolean;
  /** Called if an edge ends on the empty canvas, at a place of the page. */
  readonly dropEdge: (end: End, at: Point) => void;
  /** Called if an item of the palette is dropped, at a place of the page, perhaps on an edge. */
  readonly dropItem: (text: string, at: Point, edge: string | null) => void;
  readonly dropFile: (file: File) => void;
  readonly begin: (at: Point) => void;
  readonly children: ReactNode;
}

export const Canvas = memo((props: CanvasProps) => {
  const { board, flow, full, dropEdge, dropItem, dropFile, begin, children } = props;
  const tools = useTools();
  const { send, remove } = tools;
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const latest = useLatest(board);
  const dropping = useDropping({ latest, flow, tools });
  useSight(flow.nodes);
  const [labels] = useState(() => new LabelEdges());
  const edges = useMemo(() => labels.of(flow.edges, flow.nodes), [labels, flow.edges, flow.nodes]);
  const box = useRef<HTMLDivElement>(null);
  const tab = useTabOrder(box, flow.nodes, flow.edges);
  const mapped = useStore((state) => state.nodeLookup.size > MANY && !isAllInSight(state));

  const connect = useCallback(
    ({ source, target, sourceHandle, targetHandle }: Connection, old?: BoardEdge) => {
      const [output, input] = [portOf(sourceHandle), portOf(targetHandle)];
      const instead = old ? { instead: endOf(old) } : {};
      send("connect", { source, output, target, input, ...instead });
    },
    [send],
  );
  const reconnected = useRef(false);
  const reconnect = useCallback(
    (old: FlowEdge, fresh: Connection) => {
      reconnected.current = true;
      connect(fresh, old.data?.edge);
    },
    [connect],
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
  const over = (event: DragEvent) => {
    const { types } = event.dataTransfer;
    if (!types.includes(DRAGGED) && !types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    dropping.markEdge(event.currentTarget, { x: event.clientX, y: event.clientY });
  };
  const dropped = (event: DragEvent) => {
    dropping.markEdge(event.currentTarget, null);
    const item = event.dataTransfer.getData(DRAGGED);
    const [file] = event.dataTransfer.files;
    const at = { x: event.clientX, y: event.clientY };
    if (item) dropItem(item, at, edgeAt(event.currentTarget, at));
    else if (file) dropFile(file);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={box}
      className="wbe-canvas"
      data-testid="canvas"
      onKeyDown={tab.pressed}
      onDragOver={over}
      onDragLeave={({ currentTarget }) => dropping.markEdge(currentTarget, null)}
      onDrop={dropped}
      onDoubleClick={(event) => {
        const pane = (event.target as Element).classList.contains("react-flow__pane");
        if (pane) begin({ x: event.clientX, y: event.clientY });
      }}
    >
      <span ref={tab.before} tabIndex={-1} />
      <ReactFlow<FlowNode, FlowEdge>
        nodes={flow.nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={flow.changeNodes}
        onEdgesChange={flow.changeEdges}
        onNodeClick={(event, { id }) => {
          // React Flow keeps a selection of several nodes if one of them is clicked.
          if (!event.ctrlKey && !event.metaKey && !event.shiftKey) flow.choose([id]);
        }}
        onNodeDragStart={flow.startDrag}
        onNodeDrag={(event, _, moved) => dropping.over(event, moved)}
        onNodeDragStop={(event, _, moved) => dropping.drop(event, moved)}
        onSelectionDragStart={flow.startDrag}
        onSelectionDragStop={(_, moved) => flow.endDrag(moved)}
        onConnect={(fresh) => connect(fresh)}
        onConnectEnd={ended}
        onReconnectStart={() => {
          reconnected.current = false;
        }}
        onReconnect={reconnect}
        onReconnectEnd={(_, { data }, __, { toNode }) => {
          if (reconnected.current || toNode || !data) return;
          remove([], [data.edge]);
        }}
        isValidConnection={valid}
        connectionRadius={30}
        autoPanSpeed={PAN}
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
        paneClickDistance={CLICK}
        nodeClickDistance={CLICK}
        proOptions={{ hideAttribution: false }}
        ariaLabelConfig={{ "controls.ariaLabel": "zoom", "minimap.ariaLabel": "small map" }}
      >
        <span ref={tab.after} tabIndex={-1} />
        <Background gap={22} size={1.2} />
        <Controls showInteractive={false} showFitView={false} position="bottom-left" />
        {mapped && (
          <MiniMap<FlowNode>
            pannable
            zoomable
            position="bottom-right"
            nodeClassName={({ data: { node } }) =>
              node.fault?.needs ? "wbe-mini-waits" : node.fault ? "wbe-mini-fault" : ""
            }
            onClick={(_, { x, y }) => void instance.setCenter(x, y, { zoom: instance.getZoom() })}
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
