// What the keys and buttons do.

import { useReactFlow } from "@xyflow/react";

import type { BoardPayload } from "../shown";
import type { FlowEdge, FlowNode } from "../flow";
import type { Part } from "../panels";
import type { Action } from "../shortcuts";
import type { Tools } from "./context";
import type { Adding } from "./useAdding";
import type { Flow } from "./useFlow";
import type { LiveActions } from "./useLive";
import { motion, type Show } from "./useShow";

interface Needs {
  readonly board: BoardPayload;
  readonly flow: Flow;
  readonly adding: Adding;
  readonly tools: Pick<Tools, "send" | "say" | "select" | "remove">;
  readonly selectNew: (number: number) => void;
  readonly show: Show;
  /** Shows all nodes when an intent is done. */
  readonly showAfter: (number: number) => void;
  /** Shows a part, and puts the focus on an element in it. */
  readonly goTo: (part: Part, selector: string) => void;
  readonly help: boolean;
  readonly setHelp: (on: boolean) => void;
  readonly live: LiveActions;
}

/** The field of a form to begin with: that of the fault, else the first after the name. */
const FIRST_FIELD =
  ".wbe-settings:has(.wbe-row-fault) .wbe-row-fault .wbe-field, " +
  ".wbe-settings:not(:has(.wbe-row-fault)) .wbe-row + .wbe-row .wbe-field, " +
  '.wbe-settings:not(:has(.wbe-row + .wbe-row)) [data-testid="field-name"]';

/** Returns the function that performs an action. */
export function useActions(needs: Needs): (action: Action) => void {
  const { board, flow, adding, tools, selectNew, show, showAfter } = needs;
  const { goTo, help, setHelp, live } = needs;
  const { send, say, select, remove } = tools;
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const step = (by: number, from: string | undefined) => {
    const { nodes } = board;
    const at = nodes.findIndex(({ id }) => id === from);
    const next = nodes.at((at + by + nodes.length) % nodes.length);
    if (!next) return;
    select([next.id], true);
    say(next.title);
  };
  return (action) => {
    // Asked of React Flow, since a key can follow a click before the editor is drawn again.
    const nodes = instance.getNodes().flatMap((one) => (one.selected ? [one.id] : []));
    const edges = instance
      .getEdges()
      .flatMap(({ selected, data }) => (selected && data ? [data.edge] : []));
    const [only] = nodes;
    const node = board.nodes.find(({ id }) => id === only);
    const opens = node !== undefined && node.open !== null;
    const connect = (side: "output" | "input") => {
      if (node) adding.connect(node.id, side);
      else say("select a node first");
    };
    const done: Record<Action, () => unknown> = {
      add: () => {
        const [edge] = edges;
        if (edge && !nodes.length) adding.between(edge.id);
        else adding.begin(null);
      },
      regroup: () => {
        adding.regroup(nodes);
      },
      connect: () => {
        connect("output");
      },
      feed: () => {
        connect("input");
      },
      remove: () => {
        if (nodes.length || edges.length) remove(nodes, edges);
        else say("nothing is selected; click a node or an edge first");
      },
      undo: () => send("undo"),
      redo: () => send("redo"),
      duplicate: () => nodes.length && selectNew(send("duplicate", { nodes })),
      "select all": () => {
        select(board.nodes.flatMap(({ id, parent }) => (parent === null ? [id] : [])));
      },
      search: () => {
        adding.find();
      },
      fit: () => {
        show();
      },
      arrange: () => {
        showAfter(flow.arrange());
      },
      group: () => {
        if (nodes.length > 1) selectNew(send("group", { nodes }));
        else say("select several nodes to group them");
      },
      unpack: () => opens && selectNew(send("unpack", { node: node.id })),
      toggle: () => opens && send(node.open ? "close" : "open", { node: node.id }),
      settings: () => node && goTo("settings", FIRST_FIELD),
      rename: () => node && goTo("settings", '[data-testid="field-name"]'),
      fix: () => {
        const faulty = node?.fault?.fix ? node.id : board.summary.fault?.node;
        if (faulty) send("apply_fix", { node: faulty });
      },
      cost: () => {
        const [output] = node?.outputs ?? [];
        if (node && output) send("set_cost", { node: node.id, output: output.name });
      },
      code: () => {
        goTo("code", '[data-testid="code"]');
      },
      palette: () => {
        goTo("palette", '[data-testid="palette-search"]');
      },
      "zoom in": () => instance.zoomIn({ duration: motion() }),
      "zoom out": () => instance.zoomOut({ duration: motion() }),
      next: () => {
        step(1, only);
      },
      previous: () => {
        step(-1, only);
      },
      values: live.choose,
      example: live.example,
      "next example": () => {
        live.step(1);
      },
      "previous example": () => {
        live.step(-1);
      },
      help: () => {
        setHelp(!help);
      },
      escape: () => {
        if (help) setHelp(false);
        else select([]);
      },
    };
    done[action]();
  };
}
