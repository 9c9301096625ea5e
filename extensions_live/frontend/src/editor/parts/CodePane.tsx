// The code of the model: it follows each edit, and can be edited itself.

import { memo, useEffect, useRef, useState } from "react";

import type { CodeData } from "../../messages";
import { Sign } from "../images";
import { piecesOf } from "../python";
import { useTools } from "./context";

const PAUSE = 900; // ms without a key before edited code is sent

interface CodePaneProps {
  readonly code: CodeData;
  readonly copy: () => void;
  readonly insert: () => void;
  readonly canInsert: boolean;
  readonly close: () => void;
}

export const CodePane = memo(({ code, copy, insert, canInsert, close }: CodePaneProps) => {
  const { send } = useTools();
  const given = code.text.trimEnd();
  const [text, setText] = useState(given);
  const [dirty, setDirty] = useState(false);
  const sent = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const back = useRef<HTMLPreElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // What is being typed stays; the code of an edit that was accepted may be formatted otherwise.
    const waiting = sent.current !== null && code.fault !== null;
    if (dirty && (sent.current === null || waiting)) return;
    const root = field.current?.getRootNode() as Document | ShadowRoot | undefined;
    if (dirty && root?.activeElement === field.current) return;
    sent.current = null;
    setDirty(false);
    setText(given);
  }, [code, dirty, given]);
  const flush = (next: string) => {
    clearTimeout(timer.current);
    if (next === sent.current) return;
    sent.current = next;
    send("set_code", { text: next });
  };
  const { fault } = code;
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
            className={`wbe-code-fault ${fault.line > 0 ? "" : "wbe-remark"}`}
            role="status"
            title={fault.text}
            data-testid="code-fault"
          >
            {fault.line > 0 && <Sign name="fault" />}
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
              sent.current = null;
              setDirty(false);
              setText(given);
            }}
          >
            revert
          </button>
        )}
        <button type="button" className="wbe-button wbe-small" data-testid="copy-code" onClick={copy}>
          <Sign name="copy" /> copy
        </button>
        {canInsert && (
          <button
            type="button"
            className="wbe-button wbe-small"
            title="insert the code as a new cell below this one"
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
              sent.current = null;
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
