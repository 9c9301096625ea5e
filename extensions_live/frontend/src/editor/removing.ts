// What is said about nodes and edges that were removed.

import type { BoardEdge } from "../messages";
import { counted } from "./labels";
import type { BoardPayload } from "./shown";

const HOW = "undo with Ctrl+Z";

/** Returns the edges that do not go away together with nodes that are removed. */
export function separate(
  board: Pick<BoardPayload, "nodes">,
  nodes: readonly string[],
  edges: readonly BoardEdge[],
): BoardEdge[] {
  const gone = within(board, nodes);
  return edges.filter(({ source, target }) => !gone.has(source) && !gone.has(target));
}

/** Returns what is said, such as "removed linear_2 and 2 edges: undo with Ctrl+Z". */
export function removalText(
  board: Pick<BoardPayload, "nodes" | "edges">,
  nodes: readonly string[],
  edges: readonly BoardEdge[],
): string {
  const titles = new Map(board.nodes.map(({ id, title }) => [id, title]));
  const titleOf = (id: string) => titles.get(id) ?? id;
  const gone = within(board, nodes);
  const with_ = board.edges.filter(({ source, target, from_inside, to_inside }) => {
    if (from_inside || to_inside) return false; // it belongs to an edge that is counted
    const inner = [source, target].every((id) => gone.has(id) && !nodes.includes(id));
    return (gone.has(source) || gone.has(target)) && !inner;
  });
  const rest = separate(board, nodes, edges);
  const [first] = nodes;
  const [edge] = rest;
  if (first === undefined) {
    if (edge && rest.length === 1) {
      return `removed the edge from ${titleOf(edge.source)} to ${titleOf(edge.target)}: ${HOW}`;
    }
    return `removed ${counted(rest.length, "edge")}: ${HOW}`;
  }
  const what = nodes.length === 1 ? titleOf(first) : counted(nodes.length, "node");
  const count = with_.length + rest.length;
  return `removed ${what}${count ? ` and ${counted(count, "edge")}` : ""}: ${HOW}`;
}

/** Returns nodes, and those that are in them. */
function within({ nodes }: Pick<BoardPayload, "nodes">, ids: readonly string[]): Set<string> {
  const gone = new Set(ids);
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  for (const { id } of nodes) {
    for (let at: string | null = id; at !== null; at = parents.get(at) ?? null) {
      if (gone.has(at)) {
        gone.add(id);
        break;
      }
    }
  }
  return gone;
}
