// The intents that add something to the board and connect it.

import type { BoardPayload, IntentName } from "../messages";
import type { Item } from "./entries";
import type { End } from "./fitting";
import type { Place } from "./layout";
import type { Arguments } from "./outbox";

type Steps = readonly (readonly [name: IntentName, given: Arguments])[];

/** Returns a name that no node of the board has. */
export function freeName(wish: string, { nodes }: Pick<BoardPayload, "nodes">): string {
  const taken = new Set(nodes.flatMap(({ id, title }) => [id, title]));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wish : `${wish}_${number}`;
    if (!taken.has(name)) return name;
  }
}

/** Returns the intents that add an item at a position, connected to `end` if there is one. */
export function addition(item: Item, position: Place, end: End | null, board: BoardPayload): Steps {
  if (item.kind === "block") return [["add_block", { block: item.type, position }]];
  if (end?.side === "input") return addedBefore(item, position, end, board);
  if (item.kind === "input") return [["add_input", { position }]];
  const first: Arguments = { type: item.type, position };
  if (item.group === "Costs") first.name = freeName("cost", board);
  if (!end) return [["add", first]];
  const input = inputFor(item, end, board);
  if (input === null) return [["add", { ...first, after: [end.node, end.port] }]];
  const name = freeName(item.type.toLowerCase(), board);
  const given = { name, ...first };
  const to = { target: given.name, input };
  return [
    ["add", given],
    ["connect", { source: end.node, output: end.port, ...to }],
  ];
}

/** Returns the input of a new node for a variable, or null for the first input. */
function inputFor({ entry }: Item, end: End, { nodes }: BoardPayload): string | null {
  const inputs = entry?.methods[0]?.inputs ?? [];
  const node = nodes.find(({ id }) => id === end.node);
  const dtype = node?.outputs.find(({ name }) => name === end.port)?.dtype ?? "float32";
  const predicted = inputs.find(({ name }) => name === "y_hat");
  return predicted && dtype.startsWith("float") ? predicted.name : null;
}

/** Returns the intents that add the source of an input; it has a name so that it can be connected. */
function addedBefore(item: Item, position: Place, end: End, board: BoardPayload): Steps {
  const connect = (source: string, output: string): Steps[number] => [
    "connect",
    { source, output, target: end.node, input: end.port },
  ];
  if (item.kind === "input") {
    const name = freeName(end.port.replace(/_+$/, "") || "input", board);
    return [["add_input", { name, position }], connect(name, name)];
  }
  const name = freeName(item.type.toLowerCase().replace(/\W/g, "_"), board);
  const output = item.entry?.methods[0]?.outputs?.[0]?.name ?? "output";
  return [["add", { type: item.type, name, position }], connect(name, output)];
}
