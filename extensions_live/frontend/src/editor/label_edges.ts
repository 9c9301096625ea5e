// The edges of the canvas with their ways around nodes and the places of their labels, for the nodes
// where they are now.

import type { FlowEdge, FlowNode } from "./flow";
import { HANDLES } from "./handles";
import { INSIDE, type Box, type Place } from "./layout";
import { wayAround } from "./routes";
import { labelPlaces, widthOf, type Labelled } from "./shape_places";

const HEAD = 44; // the height of the head of an open group
const FOOT = 14; // where edges end within it, above its lower border

/** Gives the edges that are drawn one after another the places of their labels. */
export class LabelEdges {
  #known = new Map<string, { readonly from: FlowEdge; readonly to: FlowEdge }>();

  /** Returns the edges with places; one that did not change keeps its object. */
  of(edges: readonly FlowEdge[], nodes: readonly FlowNode[]): FlowEdge[] {
    const { places, ways } = drawn(edges, nodes);
    const known = new Map<string, { from: FlowEdge; to: FlowEdge }>();
    for (const from of edges) {
      const at = places.get(from.id);
      const old = this.#known.get(from.id);
      const via = ways.get(from.id) ?? null;
      const same =
        old?.from === from && isSame(old.to.data?.at, at) && (old.to.data?.via ?? null) === via;
      const to =
        same || !from.data ? (old?.to ?? from) : { ...from, data: { ...from.data, at, via } };
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

function drawn(edges: readonly FlowEdge[], nodes: readonly FlowNode[]) {
  const boxes = absolute(nodes);
  const ends = new Map(nodes.map(({ id, data }) => [id, endsOf(boxes.get(id), data.node)]));
  const parents = new Map(nodes.map(({ id, parentId }) => [id, parentId]));
  const isAround = (id: string, inner: string) => {
    for (let at: string | undefined = inner; at !== undefined; at = parents.get(at)) {
      if (at === id) return true;
    }
    return false;
  };
  const resting = nodes.filter(({ dragging }) => !dragging);
  const ways = new Map<string, number>();
  const labelled = edges.flatMap((edge): Labelled[] => {
    const source = ends.get(edge.source)?.get(edge.sourceHandle ?? "");
    const target = ends.get(edge.target)?.get(edge.targetHandle ?? "");
    if (!source || !target) return [];
    const others = resting.flatMap(({ id }) => {
      const box = boxes.get(id);
      if (!box || isAround(id, edge.source) || isAround(id, edge.target)) return [];
      return box.y < target[1] && box.y + box.height > source[1] ? [box] : [];
    });
    const via = others.length ? wayAround({ source, target }, others) : null;
    if (via !== null) ways.set(edge.id, via);
    const label = edge.data?.label ?? "";
    const width = widthOf(label);
    return label ? [{ id: edge.id, source, target, width, via, obstacles: others }] : [];
  });
  // A node that is dragged does not push labels away, or it could not be dropped on their edges.
  const solid = resting.flatMap(({ id, data }): Box[] => {
    const box = boxes.get(id);
    if (!box) return [];
    return [data.node.open === true ? { ...box, height: HEAD } : box];
  });
  return { places: labelPlaces(labelled, solid), ways };
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

/** Returns the points at which edges begin and end at a node, by the ids of its handles. */
function endsOf(box: Box | undefined, node: FlowNode["data"]["node"]): Map<string, Place> {
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
