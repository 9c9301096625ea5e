// Short messages: toasts that disappear after some seconds, and what screen readers announce.

import { useCallback, useEffect, useRef, useState } from "react";

import type { BoardPayload } from "../shown";
import type { Outbox } from "../outbox";
import type { Toast } from "./Overlays";
import { saysThatTrainingBegins } from "./Train";

const SHOWN = 7000; // ms
const MOST = 3;

/** `handled` returns true for a refusal that is shown elsewhere. */
export function useMessages(
  board: BoardPayload,
  outbox: Outbox,
  handled: (number: number, text: string) => boolean,
) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [said, setSaid] = useState<Said>({ text: "", own: false });
  /** Says what the user has done, until the next edit. */
  const say = useCallback((text: string) => {
    setSaid({ text, own: text !== "" });
  }, []);
  const [waiting, setWaiting] = useState(false);
  const next = useRef(1);
  const close = useCallback((number: number) => {
    setToasts((old) => old.filter((one) => one.number !== number));
  }, []);
  const toast = useCallback(
    (text: string, kind: Toast["kind"] = "refused") => {
      const number = next.current;
      next.current += 1;
      setToasts((old) =>
        [...old.filter((one) => one.text !== text), { number, text, kind }].slice(-MOST),
      );
      setTimeout(() => {
        close(number);
      }, SHOWN);
    },
    [close],
  );
  /** Takes back that training begins, once it has begun or was refused. */
  const begun = useCallback(() => {
    setSaid((old) => (saysThatTrainingBegins(old.text) ? { text: "", own: false } : old));
  }, []);
  const promised = useRef(new Map<number, string>());
  /** Shows a text as soon as Python has executed an intent; not if it refuses it. */
  const confirm = useCallback((number: number, text: string) => {
    promised.current.set(number, text);
  }, []);
  useEffect(() => {
    const refused = outbox.hear(board);
    for (const { number, text } of refused) if (!handled(number, text)) toast(text);
    if (refused.length) begun();
    for (const [number, text] of promised.current) {
      if (number > (board.acked[outbox.client] ?? 0)) continue;
      promised.current.delete(number);
      const mine = (one: (typeof refused)[number]) =>
        one.client === outbox.client && one.number === number;
      if (!refused.some(mine)) toast(text, "done");
    }
    setWaiting(outbox.waiting.length > 0);
  }, [board, outbox, toast, handled, begun]);

  const last = useRef(board);
  useEffect(() => {
    const text = editText(last.current, board);
    last.current = board;
    if (text) setSaid((old) => (old.own ? old : { text, own: false }));
  }, [board]);

  const { fault, checking } = board.summary;
  const text = fault && !fault.needs ? `fault: ${fault.short}` : "";
  const before = useRef("");
  useEffect(() => {
    if (checking) return;
    if (text && text !== before.current) say(text);
    // What was said about the edit that removed the fault is not said again by itself.
    if (!text && before.current) {
      setSaid(({ text: old, own }) => {
        const rest = old && !old.startsWith("fault:") ? `${old}; ` : "";
        return { text: `${rest}no faults`, own };
      });
    }
    before.current = text;
  }, [checking, say, text]);
  const { text: shown } = said;
  return { toasts, toast, confirm, close, said: shown, say, begun, waiting, setWaiting };
}

/** What was said last; `own` if not only the board says it. */
interface Said {
  readonly text: string;
  readonly own: boolean;
}

type Edits = Pick<BoardPayload, "version" | "structure" | "undo" | "redo">;

/** Returns what has happened between two boards; empty if nothing has, or if there is no first board. */
export function editText(before: Edits, now: Edits): string {
  if (before.structure === 0 || before.version === now.version) return "";
  if (now.redo !== null && now.redo === before.undo) return `undone: ${now.redo}`;
  if (now.undo !== null && now.undo === before.redo) return `done again: ${now.undo}`;
  return now.undo === null ? "" : `done: ${now.undo}`;
}
