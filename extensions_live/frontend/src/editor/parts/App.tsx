// The editor: its parts, and what its keys and buttons do.

import { useReactFlow } from "@xyflow/react";
import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ClipboardEvent,
  type KeyboardEvent,
} from "react";

import { copyText } from "../../clipboard";
import { focusOf } from "../../dom";
import { keepFocus } from "../../focus";
import type { BoardNode } from "../../messages";
import { insertCell, notebookOf } from "../cells";
import { connectChoices, fittingChoices, itemChoices, nodeChoices, type Acts } from "../choices";
import { addition } from "../adding";
import { copiedText, isDocument, pastable } from "../copying";
import { documentInPng, documentInSvg } from "../drawing";
import { itemsOf, type Item } from "../entries";
import type { End } from "../fitting";
import { endOf, type FlowEdge, type FlowNode } from "../flow";
import { familyOfGroup } from "../images";
import { aligned, freePlace, type Box, type Place, type Side } from "../layout";
import { boardOf, paletteOf, type EditorModel } from "../model";
import { actionOf, isOfNotebook, takesText, type Action } from "../shortcuts";
import { outboxOf } from "../transport";
import { Canvas, type Point } from "./Canvas";
import { Chooser, type ChooserRequest } from "./Chooser";
import { CodePane, useCodeRefusal } from "./CodePane";
import { PaletteProvider, ToolsProvider, useLatest, useTrait, type Tools } from "./context";
import { saveImage } from "./exporting";
import { Empty, Help, Toasts } from "./Overlays";
import { Palette } from "./Palette";
import { Settings } from "./Settings";
import { StatusBar } from "./StatusBar";
import { Toolbar, type Command } from "./Toolbar";
import { Train } from "./Train";
import { Training } from "./Training";
import { useFlow } from "./useFlow";
import { useNewNodes, useSelect } from "./useSelect";
import { motion, useShow } from "./useShow";
import { useKernel } from "./useKernel";
import { useMessages } from "./useMessages";

/** The field of a form to begin with: that of the fault, else the first after the name. */
const FIRST_FIELD =
  ".wbe-settings:has(.wbe-row-fault) .wbe-row-fault .wbe-field, " +
  ".wbe-settings:not(:has(.wbe-row-fault)) .wbe-row + .wbe-row .wbe-field, " +
  '.wbe-settings:not(:has(.wbe-row + .wbe-row)) [data-testid="field-name"]';
const NEW = { width: 184, height: 50, gap: 60 };

export function App({ model, host }: { model: EditorModel; host: HTMLElement }) {
  useTrait(model, "board");
  useTrait(model, "palette");
  const training = useTrait(model, "training");
  const problem = useTrait(model, "problem");
  const board = boardOf(model);
  const palette = paletteOf(model);
  const outbox = outboxOf(model, host);
  const notice = useKernel(model, outbox);
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const items = useMemo(() => itemsOf(palette), [palette]);
  const box = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const [selected, setSelected] = useState<readonly string[]>([]);
  const [shown, setShown] = useState({ palette: true, settings: true, code: true });
  const [help, setHelp] = useState(false);
  const [full, setFull] = useState(false);
  const [chooser, setChooser] = useState<ChooserRequest | null>(null);
  const { refusal, sent, handled } = useCodeRefusal();
  const { toasts, toast, close, said, say, waiting, setWaiting } = useMessages(
    board,
    outbox,
    handled,
  );

  const send = useCallback<Tools["send"]>(
    (name, given) => {
      setWaiting(true);
      return outbox.send(name, given);
    },
    [outbox, setWaiting],
  );
  const flow = useFlow(board, send);
  const select = useSelect();
  const show = useShow();
  const selectNew = useNewNodes(board, outbox, select);
  const now = useLatest({ board, items, selected, palette, chooser });

  const focusBox = useCallback(() => {
    box.current?.focus({ preventScroll: true });
  }, []);

  const familyOf = useCallback<Tools["familyOf"]>(
    ({ kind, type }) => {
      if (kind === "input") return "data";
      if (kind === "operation" || kind === "cost") return kind;
      if (kind === "group") return "container";
      const item = now.current.items.find((one) => one.type === type && one.entry !== null);
      return item ? familyOfGroup(item.group) : "own";
    },
    [now],
  );

  /** Adds an item, at a place of the canvas or below the selected node. */
  const add = useCallback(
    (item: Item, end: End | null, at: Point | null = null) => {
      const place = at ? near(instance.screenToFlowPosition(at), end) : null;
      const [only] = now.current.selected;
      const after = end ?? (at ? null : lastOutput(now.current.board.nodes, only));
      const position = place ?? below(instance, stage.current, after?.node ?? null);
      for (const [name, given] of addition(item, position, after, now.current.board)) {
        selectNew(send(name, given));
      }
      say(`added ${item.type}${after ? `, connected to ${after.node}` : ""}`);
    },
    [instance, now, say, selectNew, send],
  );

  const choose = useCallback((request: ChooserRequest) => {
    setHelp(false);
    setChooser({ ...request, left: () => box.current?.focus({ preventScroll: true }) });
  }, []);
  const inStage = (at: Point | null): [number, number] | null => {
    const room = stage.current?.getBoundingClientRect();
    return at && room ? [at.x - room.left, at.y - room.top] : null;
  };
  const actsAt = useCallback(
    (at: Point | null): Acts => ({
      add: (item, end) => {
        add(item, end, at);
        box.current?.focus({ preventScroll: true });
      },
      connect: (from, to) => {
        const [source, target] = from.side === "output" ? [from, to] : [to, from];
        const [output, input] = [source.port, target.port];
        send("connect", { source: source.node, output, target: target.node, input });
        say(`connected ${source.node} to ${target.node}`);
        box.current?.focus({ preventScroll: true });
      },
      select: (ids, show) => {
        select(ids, show);
        box.current?.focus({ preventScroll: true });
      },
      familyOf,
    }),
    [add, familyOf, say, select, send],
  );

  const begin = useCallback(
    (at: Point | null) => {
      const { items: all, board: current, selected: ids } = now.current;
      const [only] = ids;
      const end = at || ids.length > 1 ? null : lastOutput(current.nodes, only);
      const title = current.nodes.find(({ id }) => id === end?.node)?.title;
      const acts = actsAt(at);
      const rest = all.filter(({ kind }) => kind === "block" || kind === "input");
      choose({
        title: title ? `Add after ${title}` : "Add",
        hint: "Search bricks, operations and blocks",
        choices: end
          ? [...fittingChoices(all, current, end, acts), ...itemChoices(rest, null, acts)]
          : itemChoices(all, null, acts),
        at: inStage(at),
      });
    },
    [actsAt, choose, now],
  );
  const dropEdge = useCallback(
    (end: End, at: Point) => {
      const { items: all, board: current } = now.current;
      choose({
        title: end.side === "output" ? "What follows?" : "Where does it come from?",
        hint: "Search what fits",
        choices: fittingChoices(all, current, end, actsAt(at)),
        at: inStage(at),
      });
    },
    [actsAt, choose, now],
  );
  const connect = useCallback<Tools["connect"]>(
    (id, side, port) => {
      const { items: all, board: current } = now.current;
      const node = current.nodes.find((one) => one.id === id);
      if (!node) return;
      const ports = side === "output" ? node.outputs : node.inputs;
      const names = port === undefined ? ports.map(({ name }) => name) : [port];
      const ends = names.map((name): End => ({ node: id, port: name, side }));
      choose({
        title: side === "output" ? `Connect ${node.title} to` : `Connect ${node.title} from`,
        hint: "Search nodes, or something new",
        choices: connectChoices(all, current, ends, actsAt(null)),
        at: null,
      });
    },
    [actsAt, choose, now],
  );

  const tools = useMemo<Tools>(
    () => ({ send, say, toast, familyOf, select, connect }),
    [send, say, toast, familyOf, select, connect],
  );

  const dropItem = useCallback(
    (text: string, at: Point) => {
      const wanted = JSON.parse(text) as Pick<Item, "kind" | "type">;
      const item = now.current.items.find(
        ({ kind, type }) => kind === wanted.kind && type === wanted.type,
      );
      if (item) add(item, null, at);
      focusBox();
    },
    [add, focusBox, now],
  );
  const dropFile = useCallback(
    (file: File) => {
      const read = async () => {
        const bytes = new Uint8Array(await file.arrayBuffer());
        const text = new TextDecoder().decode(bytes);
        const found =
          documentInPng(bytes) ?? documentInSvg(text) ?? (isDocument(text) ? text : null);
        if (found === null)
          toast(`There is no model in ${file.name}: drop an image that an editor saved.`);
        else {
          send("load", { text: found });
          toast(`Opened ${file.name}. Undo brings back what was here.`, "done");
        }
      };
      void read();
    },
    [send, toast],
  );

  const copyCode = useCallback(async () => {
    const copied = await copyText(now.current.board.code.text, box.current ?? document.body);
    toast(
      copied ? "The code is copied." : "The page refuses to copy: select the code.",
      copied ? "done" : "refused",
    );
  }, [now, toast]);
  const insert = useCallback(() => {
    if (insertCell(model, now.current.board.code.text)) {
      toast("The code is in a new cell below this one.", "done");
    } else void copyCode();
  }, [copyCode, model, now, toast]);

  const align = (side: Side) => {
    const chosen = flow.nodes.filter(({ id }) => selected.includes(id));
    const boxes = new Map(
      chosen.map(({ id, position, width = 0, height = 0 }): [string, Box] => [
        id,
        { ...position, width, height },
      ]),
    );
    if (boxes.size > 1) flow.move(aligned(boxes, side));
  };
  const toggleFull = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void box.current?.requestFullscreen().catch(() => toast("The page refuses full screen."));
  };
  useEffect(() => {
    const changed = () => {
      const root = box.current?.getRootNode() as Document | ShadowRoot | undefined;
      setFull(root?.fullscreenElement === box.current && box.current !== null);
    };
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);

  const act = (command: Command) => {
    const toggles = { palette: "palette", settings: "settings", code: "code" } as const;
    if (command in toggles) {
      const part = toggles[command as keyof typeof toggles];
      setShown((old) => ({ ...old, [part]: !old[part] }));
    } else if (command.startsWith("align ")) align(command.slice(6) as Side);
    else if (command === "save svg" || command === "save png") {
      const format = command === "save svg" ? "svg" : "png";
      const area = box.current;
      if (area) {
        saveImage(format, instance, area, board.document, familyOf).catch((error: unknown) =>
          toast(`The image cannot be saved: ${String(error)}`),
        );
      }
    } else if (command === "undo" || command === "redo") send(command);
    else if (command === "arrange") perform("arrange");
    else if (command === "group") perform("group");
    else if (command === "search") perform("search");
    else if (command === "fit") perform("fit");
    else if (command === "help") setHelp((old) => !old);
    else if (command === "insert") insert();
    else if (command === "full") toggleFull();
  };

  const perform = (action: Action): void => {
    // Asked of React Flow, since a key can follow a click before this part is drawn again.
    const chosen = instance.getNodes().flatMap((one) => (one.selected ? [one.id] : []));
    const [only] = chosen;
    const node = board.nodes.find(({ id }) => id === only);
    const toField = (testid: string, part: "palette" | "settings" | "code") => {
      setShown((old) => ({ ...old, [part]: true }));
      setTimeout(() => box.current?.querySelector<HTMLElement>(testid)?.focus());
    };
    const edges = instance.getEdges().filter((edge) => edge.selected);
    const done: Record<Action, () => void> = {
      add: () => begin(null),
      connect: () => (node ? connect(node.id, "output") : say("select a node first")),
      feed: () => (node ? connect(node.id, "input") : say("select a node first")),
      remove: () => {
        for (const { data } of edges) {
          if (data) send("disconnect", endOf(data.edge));
        }
        if (chosen.length) send("remove", { nodes: chosen });
      },
      undo: () => send("undo"),
      redo: () => send("redo"),
      duplicate: () => chosen.length && selectNew(send("duplicate", { nodes: chosen })),
      "select all": () =>
        select(board.nodes.filter((one) => one.parent === null).map((one) => one.id)),
      search: () =>
        choose({
          title: "Find a node",
          hint: "Name or type",
          choices: nodeChoices(board, actsAt(null)),
          at: null,
        }),
      fit: () => show(),
      arrange: () => {
        flow.arrange();
        setTimeout(show, 350);
      },
      group: () =>
        chosen.length > 1
          ? selectNew(send("group", { nodes: chosen }))
          : say("select several nodes to group them"),
      unpack: () => node?.open != null && send("unpack", { node: node.id }),
      toggle: () => node?.open != null && send(node.open ? "close" : "open", { node: node.id }),
      settings: () => node && toField(FIRST_FIELD, "settings"),
      rename: () => node && toField('[data-testid="field-name"]', "settings"),
      fix: () => {
        const faulty = node?.fault?.fix ? node.id : board.summary.fault?.node;
        if (faulty) send("apply_fix", { node: faulty });
      },
      cost: () => {
        const [output] = node?.outputs ?? [];
        if (node && output) send("set_cost", { node: node.id, output: output.name });
      },
      code: () => toField('[data-testid="code"]', "code"),
      palette: () => toField('[data-testid="palette-search"]', "palette"),
      "zoom in": () => void instance.zoomIn({ duration: motion() }),
      "zoom out": () => void instance.zoomOut({ duration: motion() }),
      next: () => step(1),
      previous: () => step(-1),
      help: () => setHelp(!help),
      escape: () => {
        if (help) setHelp(false);
        else select([]);
      },
    };
    done[action]();
  };
  const step = (by: number) => {
    const ids = board.nodes.map(({ id }) => id);
    if (!ids.length) return;
    const at = ids.indexOf(selected[0] ?? "");
    const next = ids[(at + by + ids.length) % ids.length];
    if (next === undefined) return;
    select([next], true);
    const title = board.nodes.find(({ id }) => id === next)?.title ?? "";
    say(title);
  };

  // JupyterLab listens on the document while the event bubbles: what is pressed here ends here.
  const pressed = (event: KeyboardEvent) => {
    if (isOfNotebook(event)) return;
    event.stopPropagation();
    if (event.defaultPrevented || event.nativeEvent.isComposing) return;
    const action = actionOf(event);
    if (takesText(event.target) && !(action === "escape" && !help)) {
      if (event.key !== "Escape") return;
    }
    if (takesText(event.target)) {
      focusBox(); // Escape leaves a field
      return;
    }
    const own = event.target instanceof Element && event.target.closest("button, summary, a");
    if (!action || (own && (event.key === "Enter" || event.key === " "))) return;
    event.preventDefault();
    perform(action);
    // React Flow takes the focus from a node on Escape, and a removed node loses it.
    setTimeout(() => keepInside());
  };
  const keepInside = () => {
    const area = box.current;
    const focused = area && focusOf(area);
    if (area && (!focused || !area.contains(focused))) focusBox();
  };
  useEffect(() => (box.current ? keepFocus(box.current) : undefined), []);

  const copied = (event: ClipboardEvent, cut: boolean) => {
    if (takesText(event.target)) return;
    const text = copiedText(board.document, selected);
    if (text === null) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    event.stopPropagation();
    say(`copied ${selected.length}`);
    if (cut) send("remove", { nodes: selected });
  };
  const pasted = (event: ClipboardEvent) => {
    if (takesText(event.target)) return;
    const given = pastable(event.clipboardData.getData("text/plain"));
    if (!given) return;
    selectNew(send("paste", given));
    event.preventDefault();
    event.stopPropagation();
  };

  const room = stage.current?.getBoundingClientRect();
  const addItem = useCallback((item: Item) => add(item, null), [add]);
  const pickNodes = useCallback((ids: string[]) => setSelected(ids), []);
  const closeCode = useCallback(() => setShown((old) => ({ ...old, code: false })), []);
  const copyNow = useCallback(() => void copyCode(), [copyCode]);
  const canInsert = notebookOf(model) !== null;
  return (
    <ToolsProvider value={tools}>
      <PaletteProvider value={palette}>
        <div
          ref={box}
          className={`wbe ${full ? "wbe-full" : ""} ${notice?.gone ? "wbe-gone" : ""}`}
          data-testid="editor"
          data-version={board.version}
          data-waiting={waiting}
          tabIndex={-1}
          role="application"
          aria-label="editor of models; press ? for the list of keys"
          onKeyDown={pressed}
          onClick={() => setTimeout(keepInside)}
          onCopy={(event) => copied(event, false)}
          onCut={(event) => copied(event, true)}
          onPaste={pasted}
        >
          <Toolbar
            board={board}
            selected={selected.length}
            canInsert={canInsert}
            shown={shown}
            act={act}
            train={<Train board={board} palette={palette} />}
          />
          {(notice ?? problem) && (
            <div className="wbe-notice" role="alert" data-testid="notice">
              {notice?.text ?? problem}
            </div>
          )}
          <div className="wbe-body">
            {shown.palette && <Palette items={items} add={addItem} />}
            <div className="wbe-middle">
              <div className="wbe-stage" ref={stage}>
                <Canvas
                  board={board}
                  flow={flow}
                  full={full}
                  select={pickNodes}
                  dropEdge={dropEdge}
                  dropItem={dropItem}
                  dropFile={dropFile}
                  begin={begin}
                >
                  {board.nodes.length === 0 && (
                    <Empty palette={palette} begin={() => begin(null)} />
                  )}
                </Canvas>
                {chooser && room && (
                  <Chooser
                    request={chooser}
                    room={room}
                    close={() => setChooser((old) => (old === chooser ? null : old))}
                  />
                )}
                {help && (
                  <Help
                    close={() => {
                      setHelp(false);
                      focusBox();
                    }}
                  />
                )}
                <Toasts toasts={toasts} close={close} />
              </div>
              {shown.code && (
                <CodePane
                  code={board.code}
                  refusal={refusal}
                  sent={sent}
                  copy={copyNow}
                  insert={insert}
                  canInsert={canInsert}
                  close={closeCode}
                />
              )}
            </div>
            {shown.settings && <Settings board={board} selected={selected} />}
          </div>
          <StatusBar board={board} said={said} waiting={waiting} />
        </div>
        <Training model={model} widgets={training} />
      </PaletteProvider>
    </ToolsProvider>
  );
}

/** Returns the place of a new node for a place at which it was dropped. */
function near({ x, y }: Point, end: End | null): Place {
  const up = end?.side === "input" ? NEW.height : end ? 0 : NEW.height / 2;
  return [Math.round(x - NEW.width / 2), Math.round(y - up)];
}

/** Returns the end to which a new node is connected: the only output of the selected node. */
function lastOutput(nodes: readonly BoardNode[], id: string | undefined): End | null {
  const node = nodes.find((one) => one.id === id);
  const [output] = node?.outputs ?? [];
  if (!node || !output || node.outputs.length > 1 || node.parent !== null) return null;
  return { node: node.id, port: output.name, side: "output" };
}

/** Returns a place below a node, or else in the middle of what is in sight. */
function below(
  instance: ReturnType<typeof useReactFlow<FlowNode, FlowEdge>>,
  stage: HTMLElement | null,
  id: string | null,
): Place {
  const node = id === null ? undefined : instance.getNode(id);
  if (node) {
    const { x, y } = node.position;
    const [width, height] = [node.width ?? NEW.width, node.height ?? NEW.height];
    const others = instance.getNodes().filter((one) => one.parentId === undefined);
    const boxes = others.map((one) => ({
      ...one.position,
      width: one.width ?? NEW.width,
      height: one.height ?? NEW.height,
    }));
    return freePlace(NEW, [x + (width - NEW.width) / 2, y + height + NEW.gap], boxes);
  }
  const room = stage?.getBoundingClientRect();
  if (!room) return [0, 0];
  const middle = { x: room.left + room.width / 2, y: room.top + room.height / 2 };
  const { x, y } = instance.screenToFlowPosition(middle);
  const lowest = instance
    .getNodes()
    .filter(({ parentId }) => parentId === undefined)
    .map(({ position, height = 0 }) => position.y + height);
  const free = lowest.length ? Math.max(...lowest) + NEW.gap : y - NEW.height;
  return [Math.round(x - NEW.width / 2), Math.round(free)];
}
