// The intent that adds something to the board, connected if that is wanted: one step to undo.

import type { IntentName } from "../messages";
import { typeOf, type Item } from "./entries";
import type { End } from "./fitting";
import type { Place } from "./layout";
import type { Arguments } from "./outbox";
import type { BoardPayload } from "./shown";

type Step = readonly [name: IntentName, given: Arguments];

/** Returns a name that no node of the board has. */
export function freeName(wish: string, { nodes }: Pick<BoardPayload, "nodes">): string {
  const taken = new Set(nodes.flatMap(({ id, title }) => [id, title]));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wish : `${wish}_${number}`;
    if (!taken.has(name)) return name;
  }
}

/**
 * Returns the intent that adds an item at a position, connected to `end` if there is one. The page
 * itself finds the places for the nodes of a block.
 */
export function addition(item: Item, position: Place, end: End | null, board: BoardPayload): Step {
  if (item.kind === "block") return ["add_block", { block: item.type }];
  const before = end?.side === "input" ? { before: [end.node, end.port] } : {};
  if (item.kind === "input") {
    const wish = end ? { name: freeName(end.port.replace(/_+$/, "") || "input", board) } : {};
    return ["add_input", { position, ...wish, ...before }];
  }
  const given: Arguments = { type: typeOf(item), position, ...before };
  if (item.group === "Costs") given.name = freeName("cost", board);
  if (end?.side === "output") {
    given.after = [end.node, end.port];
    const input = inputFor(item, end, board);
    if (input !== null) given.input = input;
  }
  return ["add", given];
}

/** Returns the input of a new node for a variable, or null for the first input. */
function inputFor({ entry }: Item, end: End, { nodes }: BoardPayload): string | null {
  const inputs = entry?.methods[0]?.inputs ?? [];
  const node = nodes.find(({ id }) => id === end.node);
  const dtype = node?.outputs.find(({ name }) => name === end.port)?.dtype ?? "float32";
  const predicted = inputs.find(({ name }) => name === "y_hat");
  return predicted && dtype.startsWith("float") ? predicted.name : null;
}
