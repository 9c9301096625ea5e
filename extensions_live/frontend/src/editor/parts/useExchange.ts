// What leaves the editor and comes into it: the clipboard, files, and cells of the notebook.

import {
  useCallback,
  useRef,
  type ClipboardEvent,
  type KeyboardEvent,
  type RefObject,
} from "react";

import { copyText } from "../../clipboard";
import { goBelow, insertCell } from "../cells";
import { copiedText, isDocument, pastable } from "../copying";
import { counted } from "../labels";
import { documentInPng, documentInSvg } from "../drawing";
import type { EditorModel } from "../model";
import { nameOf, takesText } from "../shortcuts";
import type { Tools } from "./context";
import type { Present } from "./useAdding";

interface Needs {
  readonly model: EditorModel;
  readonly box: RefObject<HTMLDivElement | null>;
  readonly now: { readonly current: Present };
  readonly tools: Pick<Tools, "send" | "say" | "toast" | "remove">;
  readonly selectNew: (number: number) => void;
}

export function useExchange({ model, box, now, tools, selectNew }: Needs) {
  const { send, say, toast, remove } = tools;
  const copyCode = useCallback(() => {
    void copyText(now.current.board.code.text, box.current ?? document.body).then((copied) => {
      if (copied) toast("The code is copied.", "done");
      else toast("The page refuses to copy: select the code.");
    });
  }, [box, now, toast]);

  /** Inserts the code as a cell; where that is not possible, copies it. */
  const insert = useCallback(() => {
    const inserted = insertCell(model, now.current.board.code.text);
    if (!inserted) {
      copyCode();
      return;
    }
    toast("The code is in a new cell below this one.", "done");
    if (box.current) goBelow(box.current);
  }, [box, copyCode, model, now, toast]);

  /** Opens the board that is in an image, or in a file of its own. */
  const openFile = useCallback(
    (file: File) => {
      void file.arrayBuffer().then((buffer) => {
        const bytes = new Uint8Array(buffer);
        const text = new TextDecoder().decode(bytes);
        const own = isDocument(text) ? text : null;
        const found = documentInPng(bytes) ?? documentInSvg(text) ?? own;
        if (found === null) {
          toast(`There is no model in ${file.name}: open an image that an editor saved.`);
          return;
        }
        send("load", { text: found });
        toast(`Opened ${file.name}. Undo brings back what was here.`, "done");
      });
    },
    [send, toast],
  );

  const copied = (event: ClipboardEvent, cut = false) => {
    const { board, selected } = now.current;
    const text = takesText(event.target) ? null : copiedText(board.document, selected);
    if (text === null) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    event.stopPropagation();
    if (cut) remove(selected);
    say(`${cut ? "cut" : "copied"} ${counted(selected.length, "node")}`);
  };

  const joined = useRef(false);
  /** Notes that the keys of the next paste ask for the edges from other nodes, too. */
  const pressed = (event: KeyboardEvent) => {
    if (/^(Control|Meta|Shift|Alt)$/.test(event.key)) return;
    joined.current = nameOf(event) === "mod+shift+v";
  };

  const pasted = (event: ClipboardEvent) => {
    const text = event.clipboardData.getData("text/plain");
    const given = takesText(event.target) ? null : pastable(text);
    if (!given) return;
    const connected = joined.current;
    joined.current = false;
    selectNew(send("paste", { ...given, ...(connected ? { connected } : {}) }));
    event.preventDefault();
    event.stopPropagation();
  };

  return { copyCode, insert, openFile, copied, pasted, pressed };
}
