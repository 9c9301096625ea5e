// The code of the model: it follows each edit, and can be edited itself.

import { memo, useCallback, useEffect, useRef, useState } from "react";

import type { CodeData, CodeFault } from "../../messages";
import { Sign } from "../images";
import { piecesOf } from "../python";
import { useTools } from "./context";

const PAUSE = 900; // ms without a key before edited code is sent

/** The reason why edited code was refused. */
export interface CodeRefusal {
  readonly number: number;
  readonly text: string;
}

/** Returns the last refusal of edited code, and the functions that find it among all refusals. */
export function useCodeRefusal() {
  const [refusal, setRefusal] = useState<CodeRefusal | null>(null);
  const numbers = useRef(new Set<number>());
  const sent = useCallback((number: number) => {
    numbers.current.add(number);
    setRefusal(null);
  }, []);
  const handled = useCallback((number: number, text: string) => {
    if (!numbers.current.has(number)) return false;
    setRefusal({ number, text });
    return true;
  }, []);
  return { refusal, sent, handled };
}

/** Returns the fault of code in the text of a refusal, which can begin with the line. */
export function faultIn({ text }: CodeRefusal): CodeFault {
  const [, line, rest] = /^line (\d+):\s*(.*)$/s.exec(text) ?? [];
  return { line: Number(line ?? 0), text: rest ?? text };
}

interface CodePaneProps {
  readonly code: CodeData;
  /** Why the last edit of the code was refused. */
  readonly refusal: CodeRefusal | null;
  /** Called with the number of each intent that sends code. */
  readonly sent: (number: number) => void;
  readonly copy: () => void;
  readonly insert: () => void;
  readonly canInsert: boolean;
  readonly close: () => void;
}

export const CodePane = memo((props: CodePaneProps) => {
  const { code, refusal, sent, copy, insert, canInsert, close } = props;
  const { send } = useTools();
  const given = code.text.trimEnd();
  const [text, setText] = useState(given);
  const [dirty, setDirty] = useState(false);
  const last = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const back = useRef<HTMLPreElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // What is being typed stays; the code of an edit that was accepted may be formatted otherwise.
    if (dirty && (last.current === null || refusal)) return;
    const root = field.current?.getRootNode() as Document | ShadowRoot | undefined;
    if (dirty && root?.activeElement === field.current) return;
    last.current = null;
    setDirty(false);
    setText(given);
  }, [code, dirty, given, refusal]);
  const flush = (next: string) => {
    clearTimeout(timer.current);
    if (next === last.current) return;
    last.current = next;
    sent(send("set_code", { text: next }));
  };
  const fault = dirty && refusal ? faultIn(refusal) : code.fault;
  const lines = text.split("\n");
  return (
    <section
      className={`wbe-code ${text.trim() ? "" : "wbe-short"}`}
      aria-label="code"
      data-testid="code-pane"
    >
      <header>
        <b>Code</b>
        {dirty && !fault && <span className="wbe-hint">edited; the canvas follows</span>}
        {fault && (
          <span
            className={`wbe-code-fault ${fault.line > 0 || dirty ? "" : "wbe-remark"}`}
            role="status"
            title={fault.text}
            data-testid="code-fault"
          >
            {(fault.line > 0 || dirty) && <Sign name="fault" />}
            <span>{fault.line > 0 ? `line ${fault.line}: ${fault.text}` : fault.text}</span>
          </span>
        )}
        <span className="wbe-space" />
        {dirty && (
          <button
            type="button"
            className="wbe-button wbe-small"
            title="forget what was typed here"
            data-testid="revert-code"
            onClick={() => {
              clearTimeout(timer.current);
              last.current = null;
              setDirty(false);
              setText(given);
            }}
          >
            revert
          </button>
        )}
        <button
          type="button"
          className="wbe-button wbe-small"
          data-testid="copy-code"
          title="copy the code, to paste it into a cell"
          disabled={!code.text.trim()}
          onClick={copy}
        >
          <Sign name="copy" /> copy
        </button>
        {canInsert && (
          <button
            type="button"
            className="wbe-button wbe-small"
            data-testid="insert"
            title="insert the code as a new cell below this one"
            disabled={!code.text.trim()}
            onClick={insert}
          >
            <Sign name="cell" /> insert as cell
          </button>
        )}
        <button
          type="button"
          className="wbe-icon"
          aria-label="hide the code"
          title="hide the code"
          onClick={close}
        >
          <Sign name="close" />
        </button>
      </header>
      <div className="wbe-code-body">
        <pre className="wbe-gutter" aria-hidden="true">
          {lines.map((_, place) => (
            <span key={place} className={fault?.line === place + 1 ? "wbe-line-fault" : ""}>
              {place + 1}
            </span>
          ))}
        </pre>
        <div className="wbe-sheet">
          <pre ref={back} aria-hidden="true">
            {piecesOf(text).map(({ kind, text: piece }, place) =>
              kind === "plain" ? (
                piece
              ) : (
                <span key={place} className={`wbe-${kind}`}>
                  {piece}
                </span>
              ),
            )}
            {"\n"}
          </pre>
          <textarea
            ref={field}
            data-testid="code"
            aria-label="code of the model"
            aria-invalid={fault !== null && fault.line > 0}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            wrap="off"
            value={text}
            onChange={({ target }) => {
              const next = target.value;
              setText(next);
              setDirty(true);
              last.current = null;
              clearTimeout(timer.current);
              timer.current = setTimeout(() => flush(next), PAUSE);
            }}
            onBlur={() => {
              if (dirty) flush(text);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                flush(text);
              }
            }}
          />
        </div>
      </div>
    </section>
  );
});
CodePane.displayName = "CodePane";
