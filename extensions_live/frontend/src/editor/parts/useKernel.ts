// Notices that the kernel of the editor has ended, or does not answer.

import { useEffect, useState } from "react";

import { kernelNotice, kernelOf, REOPENED } from "../../kernel";
import type { EditorModel } from "../model";
import type { Outbox } from "../outbox";

const PATIENCE = 8000; // ms without an answer, while the kernel has nothing else to do
const LOOK = 1000;

export const GONE =
  "The kernel of this editor was stopped or restarted, so edits have no effect. Run its cell again.";
/** What follows either if there is a drawing, which only this page still has. */
export const KEEP =
  "Before you do, keep the code of this drawing: an Editor() without a model starts empty, and you " +
  "can paste the code below its canvas.";
export const LOST =
  "The notebook was closed and opened again, so this editor has lost its connection. Reload the " +
  "page to go on.";
export const SILENT =
  "Python does not answer, so the last edits may be missing. If the kernel was restarted, run the " +
  "cell of this editor again.";
export const BUSY = "The kernel is busy; your edits will take effect when it is free.";

export interface Notice {
  readonly text: string;
  /** True if edits have no effect. */
  readonly gone: boolean;
  /** True if Python no longer has the drawing, or may have lost it. */
  readonly loses: boolean;
}

/** Returns what to say about the kernel, or null. */
export function noticeOf(
  facts: Parameters<typeof kernelNotice>[0],
  silence: number,
): Notice | null {
  const text = kernelNotice(facts);
  if (text === REOPENED) return { text: LOST, gone: true, loses: false };
  if (text) return { text: GONE, gone: true, loses: true };
  if (silence < PATIENCE / 4) return null;
  if (facts.kernel?.status === "busy") return { text: BUSY, gone: false, loses: false };
  return silence < PATIENCE ? null : { text: SILENT, gone: false, loses: true };
}

export function useKernel(model: EditorModel, outbox: Outbox): Notice | null {
  const [notice, setNotice] = useState<Notice | null>(null);
  useEffect(() => {
    const manager = model.widget_manager;
    const session = manager?.context?.sessionContext;
    let own: { comm_live?: boolean } | null = null;
    const look = () => {
      const now = noticeOf(
        {
          closed: [manager, manager?.context].some((part) => part?.isDisposed),
          live: own?.comm_live,
          kernel: kernelOf(manager),
          sent: true,
        },
        outbox.silence,
      );
      setNotice((old) => (old?.text === now?.text ? old : now));
    };
    manager?.get_model?.(model.get("ident")).then(
      (found) => {
        own = found as { comm_live?: boolean };
        look();
      },
      () => undefined,
    );
    model.on("comm_live_update", look);
    session?.kernelChanged?.connect(look);
    session?.statusChanged?.connect(look);
    const timer = setInterval(look, LOOK);
    look();
    return () => {
      clearInterval(timer);
      model.off("comm_live_update", look);
      session?.kernelChanged?.disconnect(look);
      session?.statusChanged?.disconnect(look);
    };
  }, [model, outbox]);
  return notice;
}
