// The order of ports: edges do not cross at a node if its ports are in the order of the nodes to
// which they are connected, from left to right.

import type { BoardEdge } from "../messages";
import type { Box } from "./layout";
import type { BoardNode } from "./shown";

/** Operations whose inputs can change places; the order of others says what is computed. */
const COMMUTATIVE = new Set(["add", "multiply"]);

/** Returns the nodes with their ports in order; a node whose ports need not move stays itself. */
export function withOrderedPorts(
  nodes: readonly BoardNode[],
  edges: readonly BoardEdge[],
  boxes: ReadonlyMap<string, Box>,
): BoardNode[] {
  const outer = edges.filter(({ from_inside, to_inside }) => !from_inside && !to_inside);
  const middles = middlesOf(nodes, boxes);
  const first = nodes.map((node) => {
    const ends = (name: string) =>
      outer.flatMap(({ source, output, target }) =>
        source === node.id && output === name ? (middles.get(target) ?? []) : [],
      );
    const outputs = node.outputs.length > 1 ? inOrder(node.outputs, ends) : node.outputs;
    return outputs === node.outputs ? node : { ...node, outputs };
  });
  const starts = new Map(
    first.flatMap(({ id, outputs }) =>
      outputs.map(({ name }, place): [string, number] => [
        `${id}\n${name}`,
        (middles.get(id) ?? 0) +
          ((place + 0.5) / outputs.length - 0.5) * (boxes.get(id)?.width ?? 0),
      ]),
    ),
  );
  return first.map((node) => {
    const isFixed = node.kind === "operation" && !COMMUTATIVE.has(node.type);
    if (isFixed || node.inputs.length < 2) return node;
    if (node.kind === "cost") return predictionsFirst(node);
    const ends = (name: string) =>
      outer.flatMap(({ source, output, target, input }) =>
        target === node.id && input === name ? (starts.get(`${source}\n${output}`) ?? []) : [],
      );
    const inputs = inOrder(node.inputs, ends);
    return inputs === node.inputs ? node : { ...node, inputs };
  });
}

/** Returns a cost with its predictions to the left: its ports stay while one connects them. */
function predictionsFirst(node: BoardNode): BoardNode {
  const at = node.inputs.findIndex(({ name }) => name === "y_hat");
  const [found] = at > 0 ? node.inputs.slice(at) : [];
  return found ? { ...node, inputs: [found, ...node.inputs.filter((one) => one !== found)] } : node;
}

/** Returns ports of which those that are connected are sorted; the others keep their places. */
function inOrder<Port extends { readonly name: string }>(
  ports: Port[],
  ends: (name: string) => readonly number[],
): Port[] {
  const connected = ports.flatMap((port) => {
    const found = ends(port.name);
    const mean = found.reduce((sum, x) => sum + x, 0) / found.length;
    return found.length ? [{ port, mean }] : [];
  });
  const sorted = [...connected].sort((a, b) => a.mean - b.mean);
  if (sorted.every(({ port }, place) => port === connected[place]?.port)) return ports;
  const next = sorted.map(({ port }) => port).values();
  const moved = new Set(sorted.map(({ port }) => port));
  return ports.map((port) => (moved.has(port) ? (next.next().value ?? port) : port));
}

/** Returns the horizontal middle of each node on the whole canvas. */
function middlesOf(
  nodes: readonly BoardNode[],
  boxes: ReadonlyMap<string, Box>,
): Map<string, number> {
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const left = (id: string | null | undefined): number =>
    id === null || id === undefined ? 0 : (boxes.get(id)?.x ?? 0) + left(parents.get(id));
  return new Map(
    nodes.map(({ id, parent }) => {
      const { x = 0, width = 0 } = boxes.get(id) ?? {};
      return [id, left(parent) + x + width / 2];
    }),
  );
}
