// The order in which the Tab key visits the canvas: nodes as they are read, from top to bottom along
// the edges, each followed by its contents and by the edges that leave it. React Flow itself visits all
// edges before the first node.

export interface TabNode {
  readonly id: string;
  readonly parent: string | null;
  readonly x: number;
  readonly y: number;
}

export interface TabEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly from_inside: boolean;
}

export interface TabStop {
  readonly kind: "node" | "edge";
  readonly id: string;
}

/** Returns all nodes and edges in order; places of nodes are relative to their parents. */
export function tabOrder(nodes: readonly TabNode[], edges: readonly TabEdge[]): TabStop[] {
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const children = new Map<string | null, TabNode[]>();
  for (const node of nodes) {
    children.set(node.parent, [...(children.get(node.parent) ?? []), node]);
  }
  const leaving = (id: string, inwards: boolean): TabStop[] =>
    edges
      .filter(({ source, from_inside }) => source === id && from_inside === inwards)
      .map((edge) => ({ kind: "edge", id: edge.id }));
  const within = (parent: string | null): TabStop[] => {
    const siblings = children.get(parent) ?? [];
    const between = edges.filter(
      ({ source, target }) => parents.get(source) === parent && parents.get(target) === parent,
    );
    return alongEdges(siblings, between).flatMap(({ id }) => [
      { kind: "node", id },
      ...leaving(id, true),
      ...within(id),
      ...leaving(id, false),
    ]);
  };
  return within(null);
}

/** Returns nodes after those from which edges lead to them, and else from top to bottom. */
function alongEdges(nodes: readonly TabNode[], edges: readonly TabEdge[]): TabNode[] {
  const waiting = [...nodes].sort((a, b) => a.y - b.y || a.x - b.x);
  const found: TabNode[] = [];
  const done = new Set<string>();
  while (waiting.length) {
    const ready = waiting.findIndex(({ id }) =>
      edges.every(({ source, target }) => target !== id || source === id || done.has(source)),
    );
    const [next] = waiting.splice(Math.max(ready, 0), 1);
    if (!next) break;
    done.add(next.id);
    found.push(next);
  }
  return found;
}
