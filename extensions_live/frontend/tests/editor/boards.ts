// Boards and palettes for tests of the editor.

import type { BoardEdge, PaletteEntry } from "../../src/messages";
import type { BoardNode, BoardPayload, SettingData } from "../../src/editor/shown";
import { EMPTY_BOARD } from "../../src/editor/model";
import type { Item } from "../../src/editor/entries";

export function node(id: string, changes: Partial<BoardNode> = {}): BoardNode {
  return {
    id,
    kind: "brick",
    type: "Linear",
    title: id,
    text: "",
    inputs: [{ name: "input_", many: false, optional: false, constant: null }],
    outputs: [{ name: "output", shape: "batch × 10", dtype: "float32", wire: id }],
    parent: null,
    position: null,
    methods: ["apply"],
    method: "apply",
    settings: [],
    parameters: null,
    flops: null,
    fault: null,
    open: null,
    editable: true,
    cost: null,
    monitored: [],
    frozen: false,
    ...changes,
  } as BoardNode;
}

export function edge(source: string, target: string, changes: Partial<BoardEdge> = {}): BoardEdge {
  return {
    id: `${source}-${target}`,
    source,
    output: "output",
    target,
    input: "input_",
    index: null,
    shape: "batch × 10",
    dtype: "float32",
    fault: false,
    from_inside: false,
    to_inside: false,
    ...changes,
  };
}

export function board(nodes: BoardNode[], edges: BoardEdge[] = []): BoardPayload {
  return { ...EMPTY_BOARD, nodes, edges };
}

export function setting(name: string, changes: Partial<SettingData> = {}): SettingData {
  return {
    name,
    kind: "whole",
    many: false,
    optional: false,
    required: false,
    lazy: false,
    default: null,
    least: null,
    below: null,
    choices: [],
    accepts: [],
    text: "",
    given: false,
    value: null,
    inferred: null,
    ...changes,
  };
}

export function entry(type: string, changes: Partial<PaletteEntry> = {}): PaletteEntry {
  const port = (name: string) => ({ name, many: false, optional: false });
  const methods = [
    { name: "apply", text: "", inputs: [port("input_")], outputs: [port("output")] },
  ];
  return { kind: "brick", type, text: "", fields: [], methods, ...changes } as PaletteEntry;
}

export function item(type: string, group = "Layers", changes: Partial<Item> = {}): Item {
  return { kind: "brick", type, text: "", group, entry: entry(type), ...changes };
}
