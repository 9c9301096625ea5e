// Turns the board into nodes and edges of React Flow. What did not change keeps its object, so that
// React does not draw it again.

import type { Edge, Node } from "@xyflow/react";

import type { BoardEdge } from "../messages";
import type { BoardNode, BoardPayload } from "./shown";
import { detailOf } from "./details";
import { HANDLES, handlesOf } from "./handles";
import { edgeLabel, flopLabel, short, typeWords } from "./labels";
import type { Box, Place, Size } from "./layout";
import { withOrderedPorts } from "./ports";

export interface NodeData extends Record<string, unknown> {
  readonly node: BoardNode;
  /** True if the node has the first fault of the board. */
  readonly first: boolean;
}

export interface EdgeData extends Record<string, unknown> {
  readonly edge: BoardEdge;
  readonly label: string;
  /** The middle of the label; null if there is no room, undefined if it was not placed yet. */
  readonly at?: Place | null | undefined;
  /** Where the edge leads down beside the nodes that are in its way. */
  readonly via?: number | null | undefined;
  /** True for an edge within an open group. */
  readonly inside: boolean;
}

export type FlowNode = Node<NodeData, "brick">;
export type FlowEdge = Edge<EdgeData, "wire">;

/** Returns the name of a port for the id of its handle. */
export function portOf(handle: string | null | undefined): string {
  return (handle ?? "").slice(2);
}

const WIDTH = { least: 184, most: 340, port: 78 };
const HEIGHT = { header: 50, ports: 17, example: 16 };

/** Returns the names that a node shows beside its handles; a single port needs no name. */
export function shownPorts(node: BoardNode): { above: boolean; below: boolean } {
  return { above: node.inputs.length > 1, below: node.outputs.length > 1 };
}

/** Returns the shape and the dtype of an input. */
export function inputLine({ outputs: [output] }: BoardNode): string {
  return output ? `${output.shape ?? "shape unknown"}  ${output.dtype ?? ""}`.trim() : "input";
}

/** Returns the third line of an input: its example, or where its image comes from. */
export function exampleLine({ example }: Pick<BoardNode, "example">): string {
  if (!example) return "";
  return example.image === null ? `e.g. ${example.text}` : `example of ${example.stream}`;
}

/** Returns the second line of a node: its type or its most important settings, and its size. */
export function secondLine(node: BoardNode): string {
  if (node.fault?.needs) return node.fault.needs;
  if (node.kind === "input") return inputLine(node);
  const detail = detailOf(node);
  const plain = detail && node.title.toLowerCase().startsWith(node.type.toLowerCase());
  const size = node.parameters ? short(node.parameters) : "";
  const flops = node.flops ? flopLabel(node.flops) : "";
  return [plain ? "" : typeWords(node.type), detail, size, flops].filter(Boolean).join("  ");
}

/** Returns the size of a closed node, which depends on its texts. */
export function sizeOf(node: BoardNode): Size {
  const lines = [secondLine(node), exampleLine(node)].map(({ length }) => 6.4 * length);
  const text = Math.max(7.6 * node.title.length, ...lines) + (node.example?.image ? 18 : 0);
  const badges =
    (node.fault && !node.fault.needs ? 46 : 0) +
    (node.cost === null ? 0 : 46) +
    (node.monitored.length ? 30 : 0) +
    (node.frozen ? 30 : 0) +
    (node.open === null ? 0 : 28);
  const ports = Math.max(node.inputs.length, node.outputs.length) * WIDTH.port;
  const width = Math.max(
    Math.min(Math.max(WIDTH.least, text + 62 + badges), WIDTH.most),
    ports + 16,
  );
  const { above, below } = shownPorts(node);
  const more = HEIGHT.ports * (Number(above) + Number(below));
  const height = HEIGHT.header + more + (node.example ? HEIGHT.example : 0);
  return { width: 4 * Math.ceil(width / 4), height };
}

/** Returns the nodes for React Flow, parents before their children. */
export function flowNodes(
  { nodes, edges, summary }: BoardPayload,
  boxes: ReadonlyMap<string, Box>,
  old: readonly FlowNode[] = [],
): FlowNode[] {
  const before = new Map(old.map((node) => [node.id, node]));
  return parentsFirst(withOrderedPorts(nodes, edges, boxes)).map((node) => {
    const { x, y, width, height } = boxes.get(node.id) ?? { x: 0, y: 0, width: 200, height: 60 };
    const first = summary.fault?.node === node.id;
    const fresh: FlowNode = {
      id: node.id,
      type: "brick",
      position: { x, y },
      width,
      height,
      measured: { width, height }, // so that React Flow draws it without measuring it
      handles: handlesOf(node, { width, height }),
      data: { node, first },
      draggable: node.parent === null || node.editable,
      deletable: false, // our own keys do it
      ariaLabel: spoken(node),
      ...(node.parent === null ? {} : { parentId: node.parent }),
    };
    return keep(before.get(node.id), fresh);
  });
}

/** Returns the old object of a node if nothing changed. */
function keep(old: FlowNode | undefined, fresh: FlowNode): FlowNode {
  if (!old) return fresh;
  const position = old.dragging ? old.position : fresh.position;
  const { node, first } = old.data;
  const same =
    first === fresh.data.first &&
    (node === fresh.data.node || JSON.stringify(node) === JSON.stringify(fresh.data.node));
  const still =
    old.position.x === position.x &&
    old.position.y === position.y &&
    old.width === fresh.width &&
    old.height === fresh.height &&
    old.parentId === fresh.parentId;
  if (same && still) return old;
  const kept: FlowNode = { ...old, ...fresh, position, data: same ? old.data : fresh.data };
  if (fresh.parentId === undefined) {
    delete kept.parentId;
  }
  return kept;
}

function parentsFirst(nodes: readonly BoardNode[]): BoardNode[] {
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const depth = (id: string): number => {
    const parent = parents.get(id);
    return parent === null || parent === undefined ? 0 : 1 + depth(parent);
  };
  const depths = new Map(nodes.map(({ id }) => [id, depth(id)]));
  return [...nodes].sort((a, b) => (depths.get(a.id) ?? 0) - (depths.get(b.id) ?? 0));
}

/** Returns what a screen reader says about a node. */
export function spoken(node: BoardNode): string {
  const kind = node.kind === "input" ? "input" : node.type;
  const shapes = node.outputs.flatMap(({ shape }) => (shape === null ? [] : [shape]));
  const parts = [node.title === kind ? kind : `${kind} ${node.title}`];
  if (node.example) parts.push(`for example ${node.example.text}, from ${node.example.stream}`);
  if (shapes.length) parts.push(`output ${shapes.join(" and ")}`);
  if (node.cost !== null) parts.push("the cost");
  if (node.fault?.needs) parts.push(`unfinished: ${node.fault.needs}`);
  else if (node.fault) parts.push(`fault: ${node.fault.short}`);
  return parts.join(", ");
}

/** Returns the edges for React Flow. */
export function flowEdges(
  { nodes, edges }: BoardPayload,
  old: readonly FlowEdge[] = [],
): FlowEdge[] {
  const before = new Map(old.map((edge) => [edge.id, edge]));
  const titles = new Map(nodes.map(({ id, title }) => [id, title]));
  const inner = new Set(nodes.flatMap(({ id, parent }) => (parent === null ? [] : [id])));
  return edges.map((edge) => {
    const label = edgeLabel(edge.shape, edge.dtype);
    const [from, to] = [titles.get(edge.source) ?? "", titles.get(edge.target) ?? ""];
    const known = before.get(edge.id);
    const inside = inner.has(edge.source) || inner.has(edge.target);
    const ariaLabel = `edge from ${from} to ${to}${label ? `, shape ${label}` : ""}`;
    const same = known?.data?.inside === inside && known.ariaLabel === ariaLabel;
    if (same && JSON.stringify(known.data?.edge) === JSON.stringify(edge)) return known;
    return {
      id: edge.id,
      type: "wire",
      source: edge.source,
      target: edge.target,
      sourceHandle: (edge.from_inside ? HANDLES.fromInside : HANDLES.output)(edge.output),
      targetHandle: (edge.to_inside ? HANDLES.toInside : HANDLES.input)(edge.input),
      data: { edge, label, inside },
      deletable: false,
      selected: known?.selected ?? false,
      ariaLabel,
    };
  });
}

/** Returns the arguments of `disconnect` for an edge. */
export function endOf({ target, input, index }: BoardEdge): Record<string, unknown> {
  return { target, input, ...(index === null ? {} : { index }) };
}

/** Returns the positions of nodes as the arguments of `move`. */
export function positionsOf(nodes: readonly Pick<FlowNode, "id" | "position">[]) {
  return Object.fromEntries(
    nodes.map(({ id, position: { x, y } }): [string, Place] => [
      id,
      [Math.round(x), Math.round(y)],
    ]),
  );
}
