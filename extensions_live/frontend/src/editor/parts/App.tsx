// The editor: its parts, and how they work together.

import { useReactFlow } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { SurgeryPayload } from "../../messages";
import { notebookOf } from "../cells";
import { itemsOf } from "../entries";
import { endOf, type FlowEdge, type FlowNode } from "../flow";
import { familyOfGroup } from "../images";
import { aligned, type Box, type Side } from "../layout";
import { boardOf, paletteOf, type EditorModel } from "../model";
import type { Part } from "../panels";
import { removalText, separate } from "../removing";
import { Shown } from "../shown";
import { outboxOf } from "../transport";
import { Banner } from "./Banner";
import { Canvas } from "./Canvas";
import { Chooser } from "./Chooser";
import { CodePane, useCodeRefusal } from "./CodePane";
import { PaletteProvider, ToolsProvider, useLatest, useTrait, type Tools } from "./context";
import { saveImage } from "./exporting";
import { ExampleBar, LiveTools } from "./LiveTools";
import { Empty, Help, Toasts } from "./Overlays";
import { Palette } from "./Palette";
import { Settings } from "./Settings";
import { StatusBar } from "./StatusBar";
import { Surgery } from "./Surgery";
import { Toolbar, type Command } from "./Toolbar";
import { Train } from "./Train";
import { Training } from "./Training";
import { useActions } from "./useActions";
import { useAdding } from "./useAdding";
import { useExchange } from "./useExchange";
import { useFlow } from "./useFlow";
import { useKernel } from "./useKernel";
import { useKeys } from "./useKeys";
import { useMessages } from "./useMessages";
import { useLiveActions, usePicks } from "./useLive";
import { useNewNodes, useSelect, useSelected } from "./useSelect";
import { usePanels } from "./usePanels";
import { useArranged } from "./useArranged";
import { useShow, useShownAgain } from "./useShow";
import { useStatus } from "./useStatus";
import { useUncovered } from "./useUncovered";

export function App({ model, host }: { model: EditorModel; host: HTMLElement }) {
  useTrait(model, "board");
  useTrait(model, "palette");
  const training = useTrait(model, "training");
  const { session: alive = "" } = useTrait(model, "surgery") as Partial<SurgeryPayload>;
  const problem = useTrait(model, "problem");
  const sent = boardOf(model);
  const palette = paletteOf(model);
  const [shownBoard] = useState(() => new Shown());
  const board = useMemo(() => shownBoard.of(sent, palette), [shownBoard, sent, palette]);
  const outbox = outboxOf(model, host);
  const notice = useKernel(model, outbox);
  const instance = useReactFlow<FlowNode, FlowEdge>();
  const items = useMemo(() => itemsOf(palette), [palette]);
  const box = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const file = useRef<HTMLInputElement>(null);
  const { shown, narrow, show: showPart } = usePanels(box);
  // In a narrow editor, the settings appear with a node; without one, only if they are asked for.
  const [asked, setAsked] = useState(false);
  const [help, setHelp] = useState(false);
  const full = useFull(box);
  const { refusal, sent: codeSent, handled } = useCodeRefusal();
  const messages = useMessages(board, outbox, handled);
  const { toast, say, waiting, setWaiting } = messages;
  const session = useStatus(model, messages.begun);

  const send = useCallback<Tools["send"]>(
    (name, given) => {
      setWaiting(true);
      say(""); // what was said of the edit before
      return outbox.send(name, given);
    },
    [outbox, say, setWaiting],
  );
  const flow = useFlow(board, send);
  const selected = useSelected(flow.nodes);
  useEffect(() => setAsked(false), [selected]);
  const withSettings = shown.settings && (!narrow || selected.length > 0 || asked);
  useUncovered(
    narrow ? (selected[0] ?? null) : null,
    `${String(withSettings)} ${String(shown.palette)}`,
  );
  useShownAgain(String(narrow && shown.palette));
  const select = useSelect(flow.choose);
  const show = useShow();
  const showAfter = useArranged(board, outbox.client, show);
  const selectNew = useNewNodes(board, outbox, select);
  const now = useLatest({ board, items, selected });
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
  const focus = useCallback(() => {
    box.current?.focus({ preventScroll: true });
  }, []);
  const { confirm } = messages;
  const remove = useCallback<Tools["remove"]>(
    (nodes, edges = []) => {
      const { board: old } = now.current;
      const text = removalText(old, nodes, edges);
      const rest = separate(old, nodes, edges).map(endOf);
      if (!nodes.length && !rest.length) return;
      confirm(send("remove", { nodes, edges: rest }), text); // one step to undo
    },
    [confirm, now, send],
  );
  const basic = useMemo(
    () => ({ send, say, toast, remove, familyOf, select }),
    [send, say, toast, remove, familyOf, select],
  );
  const adding = useAdding({
    ...{ now, stage, selectNew, room: flow.room, expect: flow.expect },
    ...{ tools: basic, focusBox: focus },
  });
  const { add, begin, between, connect, minimise, dropEdge, dropItem, chooser, closeChooser } =
    adding;
  const tools = useMemo<Tools>(
    () => ({ ...basic, between, connect, minimise }),
    [basic, between, connect, minimise],
  );
  const goTo = (part: Part, selector: string) => {
    showPart(part, true);
    setTimeout(() => box.current?.querySelector<HTMLElement>(selector)?.focus());
  };
  const perform = useActions({
    ...{ board, flow, adding, tools, selectNew, show, showAfter, goTo, help, setHelp },
    live: useLiveActions(model, box, tools),
  });
  const { pressed, stayInside, focusBox } = useKeys(box, perform);
  const exchange = useExchange({ model, box, now, tools, selectNew });

  const act = (command: Command) => {
    switch (command) {
      case "palette":
      case "code":
        if (shown[command]) showPart(command, false);
        else perform(command); // with the focus in it
        break;
      case "settings":
        showPart("settings", !withSettings);
        setAsked(!withSettings);
        break;
      case "save svg":
      case "save png":
        if (!box.current) break;
        saveImage(
          command === "save svg" ? "svg" : "png",
          instance,
          box.current,
          board.document,
          familyOf,
        ).catch((error: unknown) => toast(`The image cannot be saved: ${String(error)}`));
        break;
      case "open image":
        file.current?.click();
        break;
      case "full":
        if (document.fullscreenElement) void document.exitFullscreen();
        else box.current?.requestFullscreen().catch(() => toast("The page refuses full screen."));
        break;
      case "align left":
      case "align centre":
      case "align top":
      case "align middle": {
        const chosen = flow.nodes.filter(({ id }) => selected.includes(id));
        if (new Set(chosen.map(({ parentId }) => parentId)).size > 1) {
          toast("The nodes are in different groups: select nodes of one group to align them.");
          break;
        }
        flow.move(aligned(boxesOf(chosen), command.slice(6) as Side));
        break;
      }
      default:
        perform(command);
    }
  };

  usePicks(model, host, selected, select);
  const room = chooser && stage.current?.getBoundingClientRect();
  const closeCode = useCallback(() => showPart("code", false), [showPart]);
  const lists = shown.palette && (
    <Palette items={items} add={add} close={narrow ? () => showPart("palette", false) : null} />
  );
  const settings = withSettings && (
    <Settings
      board={board}
      selected={selected}
      close={
        narrow
          ? () => {
              showPart("settings", false);
              focusBox();
            }
          : null
      }
    />
  );
  const canInsert = notebookOf(model) !== null;
  return (
    <ToolsProvider value={tools}>
      <PaletteProvider value={palette}>
        <div
          ref={box}
          className={`wbe ${narrow ? "wbe-narrow" : ""} ${full ? "wbe-full" : ""} ${notice?.gone ? "wbe-gone" : ""}`}
          data-testid="editor"
          data-version={board.version}
          data-waiting={waiting}
          tabIndex={-1}
          role="application"
          aria-label="editor of models; press ? for the list of keys"
          onKeyDown={(event) => {
            exchange.pressed(event);
            pressed(event);
          }}
          onClick={() => stayInside()}
          onCopy={(event) => exchange.copied(event)}
          onCut={(event) => exchange.copied(event, true)}
          onPaste={exchange.pasted}
        >
          <Toolbar
            board={board}
            selected={selected.length}
            shown={{ ...shown, settings: withSettings }}
            act={act}
            train={
              <>
                <LiveTools />
                <Train board={board} palette={palette} session={alive} select={select} />
              </>
            }
          />
          <input
            ref={file}
            type="file"
            accept=".png,.svg,.json"
            hidden
            data-testid="image-file"
            onChange={({ target }) => {
              const [chosen] = target.files ?? [];
              if (chosen) exchange.openFile(chosen);
              target.value = ""; // the same file can be chosen again
            }}
          />
          {notice && (
            <Banner
              notice={notice}
              insert={canInsert ? exchange.insert : null}
              copy={board.code.text.trim() ? exchange.copyCode : null}
            />
          )}
          {!notice && problem && (
            <div className="wbe-notice" role="alert" data-testid="notice">
              {problem}
            </div>
          )}
          <Surgery model={model} />
          <ExampleBar />
          <div className="wbe-body">
            {!narrow && lists}
            <div className="wbe-middle">
              <div
                className="wbe-stage"
                ref={stage}
                onClick={({ target }) => {
                  // A narrow editor has no room for the palette beside the settings of a node.
                  const node = narrow && (target as Element).closest(".react-flow__node");
                  if (node) showPart("palette", false);
                }}
              >
                <Canvas
                  board={board}
                  flow={flow}
                  full={full}
                  dropEdge={dropEdge}
                  dropItem={dropItem}
                  dropFile={exchange.openFile}
                  begin={begin}
                >
                  {board.nodes.length === 0 && (
                    <Empty palette={palette} begin={() => begin(null)} />
                  )}
                </Canvas>
                {narrow && lists}
                {narrow && settings}
                {chooser && room && <Chooser request={chooser} room={room} close={closeChooser} />}
                {help && (
                  <Help
                    close={() => {
                      setHelp(false);
                      focusBox();
                    }}
                  />
                )}
                <Toasts toasts={messages.toasts} close={messages.close} />
              </div>
              {shown.code && (
                <CodePane
                  code={board.code}
                  refusal={refusal}
                  sent={codeSent}
                  copy={exchange.copyCode}
                  insert={exchange.insert}
                  canInsert={canInsert}
                  close={closeCode}
                />
              )}
            </div>
            {!narrow && settings}
          </div>
          <StatusBar
            board={board}
            selected={selected}
            said={messages.said}
            session={session}
            waiting={waiting}
          />
        </div>
        <Training model={model} widgets={training} />
      </PaletteProvider>
    </ToolsProvider>
  );
}

function boxesOf(nodes: readonly FlowNode[]): Map<string, Box> {
  return new Map(
    nodes.map(({ id, position, width = 0, height = 0 }) => [id, { ...position, width, height }]),
  );
}

/** Returns true while the editor fills the screen. */
function useFull(box: { readonly current: HTMLElement | null }): boolean {
  const [full, setFull] = useState(false);
  useEffect(() => {
    const changed = () => {
      const root = box.current?.getRootNode() as Document | ShadowRoot | undefined;
      setFull(box.current !== null && root?.fullscreenElement === box.current);
    };
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, [box]);
  return full;
}
