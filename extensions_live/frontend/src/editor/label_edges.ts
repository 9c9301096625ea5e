// The edges of the canvas with the places of their labels, for the nodes where they are now.

import { HANDLES, type FlowEdge, type FlowNode } from "./flow";
import { INSIDE, type Box, type Place } from "./layout";
import { labelPlaces, widthOf, type Labelled } from "./shape_places";

const HEAD = 44; // the height of the head of an open group
const FOOT = 14; // where edges end within it, above its lower border

/** Gives the edges that are drawn one after another the places of their labels. */
export class LabelEdges {
  #known = new Map<string, { readonly from: FlowEdge; readonly to: FlowEdge }>();

  /** Returns the edges with places; one that did not change keeps its object. */
  of(edges: readonly FlowEdge[], nodes: readonly FlowNode[]): FlowEdge[] {
    const places = placesOf(edges, nodes);
    const known = new Map<string, { from: FlowEdge; to: FlowEdge }>();
    for (const from of edges) {
      const at = places.get(from.id);
      const old = this.#known.get(from.id);
      const same = old?.from === from && isSame(old.to.data?.at, at);
      const to = same || !from.data ? (old?.to ?? from) : { ...from, data: { ...from.data, at } };
      known.set(from.id, { from, to });
    }
    this.#known = known;
    return [...known.values()].map(({ to }) => to);
  }
}

function isSame(one: Place | null | undefined, other: Place | null | undefined): boolean {
  if (!one || !other) return one === other;
  return one[0] === other[0] && one[1] === other[1];
}

function placesOf(edges: readonly FlowEdge[], nodes: readonly FlowNode[]) {
  const boxes = absolute(nodes);
  const ends = new Map(nodes.map(({ id, data }) => [id, handlesOf(boxes.get(id), data.node)]));
  const labelled = edges.flatMap((edge): Labelled[] => {
    const source = ends.get(edge.source)?.get(edge.sourceHandle ?? "");
    const target = ends.get(edge.target)?.get(edge.targetHandle ?? "");
    const label = edge.data?.label ?? "";
    if (!source || !target || !label) return [];
    return [{ id: edge.id, source, target, width: widthOf(label) }];
  });
  // A node that is dragged does not push labels away, or it could not be dropped on their edges.
  const solid = nodes.flatMap(({ id, data, dragging }): Box[] => {
    const box = boxes.get(id);
    if (!box || dragging) return [];
    return [data.node.open === true ? { ...box, height: HEAD } : box];
  });
  return labelPlaces(labelled, solid);
}

/** Returns the boxes of nodes on the whole canvas. */
function absolute(nodes: readonly FlowNode[]): Map<string, Box> {
  const boxes = new Map<string, Box>();
  for (const { id, parentId, position, width = 0, height = 0 } of nodes) {
    const parent = parentId === undefined ? undefined : boxes.get(parentId); // parents come first
    const [x, y] = [position.x + (parent?.x ?? 0), position.y + (parent?.y ?? 0)];
    boxes.set(id, { x, y, width, height });
  }
  return boxes;
}

/** Returns where edges begin and end at a node, by the ids of its handles. */
function handlesOf(box: Box | undefined, node: FlowNode["data"]["node"]): Map<string, Place> {
  const found = new Map<string, Place>();
  if (!box) return found;
  const across = (place: number, count: number) => box.x + (box.width * (place + 0.5)) / count;
  node.inputs.forEach(({ name }, place) => {
    const x = across(place, node.inputs.length);
    found.set(HANDLES.input(name), [x, box.y]);
    found.set(HANDLES.fromInside(name), [x, box.y + HEAD]);
  });
  node.outputs.forEach(({ name }, place) => {
    const x = across(place, node.outputs.length);
    found.set(HANDLES.output(name), [x, box.y + box.height]);
    found.set(HANDLES.toInside(name), [x, box.y + box.height - Math.min(FOOT, INSIDE.bottom)]);
  });
  return found;
}
