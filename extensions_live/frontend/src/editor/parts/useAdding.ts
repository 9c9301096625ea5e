// Adds and connects nodes: at the pointer, below the selected node, or as chosen from a list.

import { useReactFlow } from "@xyflow/react";
import { useCallback, useMemo, useState, type RefObject } from "react";

import type { BoardNode, BoardPayload } from "../shown";
import { addition } from "../adding";
import {
  betweenChoices,
  connectChoices,
  fittingChoices,
  groupChoices,
  itemChoices,
  nodeChoices,
  type Acts,
} from "../choices";
import { typeOf, type Item } from "../entries";
import type { End } from "../fitting";
import type { FlowEdge, FlowNode } from "../flow";
import { canStandOnEdge, onEdge, openEdge } from "../inserting";
import { freePlace, nearestPlace, type Box, type Place } from "../layout";
import type { Point } from "./Canvas";
import type { ChooserRequest } from "./Chooser";
import type { Tools } from "./context";
import { NEW as SIZE, type Flow } from "./useFlow";

/** The group of the palette with the costs. */
const COSTS = "Costs";

const NEW = { ...SIZE, gap: 60 };

/** What the parts of the editor know at present. */
export interface Present {
  readonly board: BoardPayload;
  readonly items: readonly Item[];
  readonly selected: readonly string[];
}

interface Needs {
  readonly now: { readonly current: Present };
  readonly room: Flow["room"];
  readonly expect: Flow["expect"];
  readonly stage: RefObject<HTMLDivElement | null>;
  readonly tools: Pick<Tools, "send" | "say" | "select" | "familyOf">;
  readonly selectNew: (number: number) => void;
  readonly focusBox: () => void;
}

export interface Adding {
  readonly chooser: ChooserRequest | null;
  readonly closeChooser: () => void;
  readonly add: (item: Item) => void;
  readonly begin: (at: Point | null) => void;
  readonly dropEdge: (end: End, at: Point) => void;
  readonly dropItem: (text: string, at: Point, edge: string | null) => void;
  /** Opens the list of what can be put on an edge. */
  readonly between: Tools["between"];
  /** Opens the list of groups into which nodes can be moved. */
  readonly regroup: (nodes: readonly string[]) => void;
  readonly connect: Tools["connect"];
  /** Opens the list of costs for the last output. */
  readonly minimise: Tools["minimise"];
  readonly find: () => void;
}

export function useAdding(needs: Needs): Adding {
  const { now, room, expect, stage, tools, selectNew, focusBox } = needs;
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const [chooser, setChooser] = useState<ChooserRequest | null>(null);
  const { send, say, select, familyOf } = tools;

  const addAt = useCallback(
    (item: Item, end: End | null, at: Point | null) => {
      const { board, selected } = now.current;
      const place = at ? near(instance, instance.screenToFlowPosition(at), end) : null;
      const after = end ?? (at ? null : lastOutput(board.nodes, selected));
      const position = place ?? below(instance, stage.current, after?.node ?? null);
      if (item.kind === "block" && at) expect([position[0] + NEW.width / 2, position[1]]);
      const [name, given] = addition(item, position, after, board);
      selectNew(send(name, given));
      say(`added ${item.type}${after ? `, connected to ${after.node}` : ""}`);
      focusBox();
    },
    [expect, focusBox, instance, now, say, selectNew, send, stage],
  );

  const actsAt = useCallback(
    (at: Point | null): Acts => ({
      add: (item, end) => {
        addAt(item, end, at);
      },
      connect: (from, to) => {
        const [source, target] = from.side === "output" ? [from, to] : [to, from];
        const [output, input] = [source.port, target.port];
        send("connect", { source: source.node, output, target: target.node, input });
        say(`connected ${source.node} to ${target.node}`);
        focusBox();
      },
      select: (ids, show) => {
        select(ids, show);
        focusBox();
      },
      familyOf,
    }),
    [addAt, familyOf, focusBox, say, select, send],
  );

  return {
    chooser,
    ...useMemo(() => {
      const choose = (request: Omit<ChooserRequest, "at">, at: Point | null) => {
        const room = stage.current?.getBoundingClientRect();
        const place = at && room ? ([at.x - room.left, at.y - room.top] as const) : null;
        setChooser({ ...request, at: place, left: focusBox });
      };
      return {
        closeChooser: () => {
          setChooser(null);
        },
        add: (item: Item) => {
          addAt(item, null, null);
        },
        begin: (at: Point | null) => {
          const { board, items, selected } = now.current;
          const end = at ? null : lastOutput(board.nodes, selected);
          const title = board.nodes.find(({ id }) => id === end?.node)?.title;
          const acts = actsAt(at);
          const rest = items.filter(({ kind }) => kind === "block" || kind === "input");
          const choices = end
            ? [...fittingChoices(items, board, end, acts), ...itemChoices(rest, null, acts)]
            : itemChoices(items, null, acts);
          const hint = "Search bricks, operations and blocks";
          choose({ title: title ? `Add after ${title}` : "Add", hint, choices }, at);
        },
        dropEdge: (end: End, at: Point) => {
          const { board, items } = now.current;
          const title = end.side === "output" ? "What follows?" : "Where does it come from?";
          const choices = fittingChoices(items, board, end, actsAt(at));
          choose({ title, hint: "Search what fits", choices }, at);
        },
        between: (id: string) => {
          const { board, items } = now.current;
          const edge = openEdge(board, id);
          if (!edge) {
            say("the edge is inside of a brick; unpack the brick first");
            return;
          }
          const title = board.nodes.find((one) => one.id === edge.target)?.title ?? "";
          const put = (name: "insert" | "insert_node", given: Record<string, unknown>) => {
            selectNew(send(name, given));
            say(`put on the edge to ${title}`);
            focusBox();
          };
          const choices = betweenChoices(items, board, edge, actsAt(null), put, room);
          choose({ title: `Put on the edge to ${title}`, hint: "Search what fits", choices }, null);
        },
        regroup: (nodes: readonly string[]) => {
          const { board } = now.current;
          const choices = groupChoices(board, nodes, (group, title) => {
            send("put", { nodes, group });
            say(group === null ? "taken out of the group" : `moved into ${title}`);
            focusBox();
          });
          if (!nodes.length) say("select a node first");
          else if (!choices.length) say("there is no group to move it into; Ctrl+G makes one");
          else choose({ title: "Move into a group", hint: "Search groups", choices }, null);
        },
        dropItem: (text: string, at: Point, edge: string | null) => {
          const wanted = JSON.parse(text) as Pick<Item, "kind" | "type">;
          const item = now.current.items.find(
            ({ kind, type }) => kind === wanted.kind && type === wanted.type,
          );
          const on = item && canStandOnEdge(item) && openEdge(now.current.board, edge);
          if (on) {
            selectNew(send("insert", { type: typeOf(item), ...onEdge(on, room(on)) }));
            say(`added ${item.type} on the edge to ${on.target}`);
          } else if (item) addAt(item, null, at);
        },
        connect: (id: string, side: End["side"], port?: string) => {
          const { board, items } = now.current;
          const node = board.nodes.find((one) => one.id === id);
          if (!node) return;
          const ports = side === "output" ? node.outputs : node.inputs;
          const names = port === undefined ? ports.map(({ name }) => name) : [port];
          const ends = names.map((name): End => ({ node: id, port: name, side }));
          const title = `Connect ${node.title} ${side === "output" ? "to" : "from"}`;
          const choices = connectChoices(items, board, ends, actsAt(null));
          choose({ title, hint: "Search nodes, or something new", choices }, null);
        },
        minimise: () => {
          const { board, items } = now.current;
          const end = finalOutput(board);
          const costs = items.filter(({ group }) => group === COSTS);
          const acts = actsAt(null);
          const choices = end
            ? fittingChoices(costs, board, end, acts)
            : itemChoices(costs, null, acts);
          choose({ title: "What is to be minimised?", hint: "Search costs", choices }, null);
        },
        find: () => {
          const choices = nodeChoices(now.current.board, actsAt(null));
          choose({ title: "Find a node", hint: "Name or type", choices }, null);
        },
      };
    }, [actsAt, addAt, focusBox, now, room, say, selectNew, send, stage]),
  };
}

/** Returns the output to which a cost belongs: that of the last brick that nothing follows. */
function finalOutput({ nodes, edges }: BoardPayload): End | null {
  const ends = nodes.filter(({ id, kind, parent, outputs }) => {
    const isOuter = parent === null && kind !== "input";
    return isOuter && outputs.length > 0 && !edges.some(({ source }) => source === id);
  });
  const last = ends.at(-1);
  const [output] = last?.outputs ?? [];
  return last && output ? { node: last.id, port: output.name, side: "output" } : null;
}

type Instance = ReturnType<typeof useReactFlow<FlowNode, FlowEdge>>;

/** Returns the boxes of the nodes that are in no group. */
function outerBoxes(instance: Instance): Box[] {
  return instance
    .getNodes()
    .filter(({ parentId }) => parentId === undefined)
    .map(({ position, width = NEW.width, height = NEW.height }) => ({
      ...position,
      width,
      height,
    }));
}

/** Returns the place of a new node for a place at which it was dropped, where there is room. */
function near(instance: Instance, { x, y }: Point, end: End | null): Place {
  const up = end?.side === "input" ? NEW.height : end ? 0 : NEW.height / 2;
  return nearestPlace(NEW, [x - NEW.width / 2, y - up], outerBoxes(instance));
}

/** Returns the end to which a new node is connected: the only output of the selected node. */
function lastOutput(nodes: readonly BoardNode[], selected: readonly string[]): End | null {
  const [id] = selected;
  const node = selected.length === 1 ? nodes.find((one) => one.id === id) : undefined;
  const [output] = node?.outputs ?? [];
  if (!node || !output || node.outputs.length > 1 || node.parent !== null) return null;
  return { node: node.id, port: output.name, side: "output" };
}

/** Returns a free place below a node, or else below everything, or in the middle of the canvas. */
function below(instance: Instance, stage: HTMLElement | null, id: string | null): Place {
  const boxes = outerBoxes(instance);
  const node = id === null ? undefined : instance.getNode(id);
  if (node) {
    const { position, width = NEW.width, height = NEW.height } = node;
    const start = [position.x + (width - NEW.width) / 2, position.y + height + NEW.gap] as const;
    return freePlace(NEW, start, boxes);
  }
  const room = stage?.getBoundingClientRect();
  if (!room) return [0, 0];
  const middle = { x: room.left + room.width / 2, y: room.top + room.height / 2 };
  const { x, y } = instance.screenToFlowPosition(middle);
  const ends = boxes.map((one) => one.y + one.height + NEW.gap);
  const top = ends.length ? Math.max(...ends) : y - NEW.height;
  return [Math.round(x - NEW.width / 2), Math.round(top)];
}
