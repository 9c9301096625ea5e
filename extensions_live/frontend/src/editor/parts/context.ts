// What all parts of the editor share. Its functions never change, so that nodes are not drawn again.

import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from "react";

import type { BoardEdge, EditorState, IntentName, PalettePayload } from "../../messages";
import type { BoardNode } from "../shown";
import type { Family } from "../images";
import type { EditorModel } from "../model";
import type { Arguments } from "../outbox";

export interface Tools {
  /** Sends an intent; returns its number. */
  readonly send: (name: IntentName, given?: Arguments) => number;
  /** Announces a text to screen readers, and shows it in the status line. */
  readonly say: (text: string) => void;
  /** Shows a text for some seconds. */
  readonly toast: (text: string, kind?: "refused" | "done") => void;
  /** Removes nodes and edges, and then says what was removed. */
  readonly remove: (nodes: readonly string[], edges?: readonly BoardEdge[]) => void;
  readonly familyOf: (node: Pick<BoardNode, "kind" | "type">) => Family;
  /** Selects nodes; brings the first into sight with `show`. */
  readonly select: (ids: readonly string[], show?: boolean) => void;
  /** Opens the list of ends to which an end of a node can be connected. */
  readonly connect: (node: string, side: "output" | "input", port?: string) => void;
  /** Opens the list of costs. */
  readonly minimise: () => void;
  /** Opens the list of what can be put on an edge. */
  readonly between: (edge: string) => void;
}

const ToolsContext = createContext<Tools | null>(null);
export const ToolsProvider = ToolsContext.Provider;

export function useTools(): Tools {
  const tools = useContext(ToolsContext);
  if (!tools) throw new Error("a part of the editor is outside of it");
  return tools;
}

const PaletteContext = createContext<PalettePayload | null>(null);
export const PaletteProvider = PaletteContext.Provider;

export function usePalette(): PalettePayload {
  const palette = useContext(PaletteContext);
  if (!palette) throw new Error("a part of the editor is outside of it");
  return palette;
}

/** Returns a trait of the widget, and draws again when Python sets it. */
export function useTrait<K extends keyof EditorState>(model: EditorModel, name: K): EditorState[K] {
  const subscribe = useRef((changed: () => void) => {
    model.on(`change:${name}`, changed);
    return () => {
      model.off(`change:${name}`, changed);
    };
  });
  return useSyncExternalStore(subscribe.current, () => model.get(name));
}

/** Returns a reference to the latest value, for functions that never change. */
export function useLatest<Value>(value: Value): { readonly current: Value } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}
