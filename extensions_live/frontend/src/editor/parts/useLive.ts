// The live values for the parts of the editor. A part is drawn again only if its own value changed.

import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useSyncExternalStore,
} from "react";

import type { LivePayload } from "../../messages";
import { post } from "../../post";
import { liveOf, NOTHING } from "../live";
import type { EditorModel } from "../model";
import type { Tools } from "./context";

const LiveContext = createContext<EditorModel | null>(null);
export const LiveProvider = LiveContext.Provider;

/** Returns a part of the live values; draws again only if the part has changed. */
export function useLive<Part>(choose: (live: LivePayload) => Part): Part {
  const model = useContext(LiveContext);
  if (!model) throw new Error("a part of the editor is outside of it");
  const last = useRef<{ from: LivePayload; part: Part; text: string } | null>(null);
  const subscribe = useCallback(
    (changed: () => void) => {
      model.on("change:live", changed);
      return () => {
        model.off("change:live", changed);
      };
    },
    [model],
  );
  return useSyncExternalStore(subscribe, () => {
    const from = liveOf(model);
    const part = choose(from);
    const text = textOf(part);
    if (last.current?.text !== text) last.current = { from, part, text };
    return last.current.part;
  });
}

/** Returns a text that differs if two parts differ; images by their bytes. */
function textOf(part: unknown): string {
  return JSON.stringify(part, (_, value: unknown) => {
    if (!(value instanceof DataView)) return value;
    let sum = 0;
    for (let at = 0; at < value.byteLength; at += 1) sum = (31 * sum + value.getUint8(at)) | 0;
    return `${value.byteLength} ${sum}`;
  });
}

/** Tells Python which node is selected, and selects the node that another view has picked. */
export function usePicks(
  model: EditorModel,
  host: HTMLElement,
  selected: readonly string[],
  select: Tools["select"],
): void {
  const picked = useLive(({ picked: found }) => found);
  const followed = useRef(picked?.number ?? 0);
  const [only] = selected;
  const node = selected.length === 1 ? only : undefined;
  useEffect(() => {
    if (node === undefined || liveOf(model).picked?.node === node) return;
    post(model, host, { kind: "choose", what: "node", value: node });
  }, [model, host, node]);
  useEffect(() => {
    if (!picked?.followed || picked.number <= followed.current) return;
    followed.current = picked.number;
    select([picked.node], true);
  }, [picked, select]);
}

export interface LiveActions {
  /** Pushes an example, or stops to show one. */
  readonly example: () => void;
  readonly step: (by: number) => void;
  /** Puts the focus on the choice of what nodes show. */
  readonly choose: () => void;
}

/** Returns what the keys for live values do. */
export function useLiveActions(
  model: EditorModel,
  box: { readonly current: HTMLElement | null },
  { send, say }: Pick<Tools, "send" | "say">,
): LiveActions {
  const watched = () => {
    if (liveOf(model).session) return true;
    say("train the model first, to see its values");
    return false;
  };
  return {
    example: () => {
      if (watched()) send(liveOf(model).example ? "clear_example" : "push");
    },
    step: (by) => {
      if (!watched()) return;
      if (liveOf(model).example) send("step_example", { by });
      else send("push");
    },
    choose: () => {
      if (watched())
        box.current?.querySelector<HTMLElement>('[data-testid="show-on-nodes"]')?.focus();
    },
  };
}

/** Returns true if nodes show values. */
export function isShown({ metric, session }: LivePayload): boolean {
  return session !== "" && metric !== NOTHING;
}
