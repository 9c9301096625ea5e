// The line below the canvas: totals, the first fault, what was said last, and the session.

import { useEffect, useState } from "react";

import type { BoardPayload } from "../shown";
import { Sign } from "../images";
import { countLabel, counted } from "../labels";
import { useTools } from "./context";
import type { useStatus } from "./useStatus";

const CHECKING = "checking the model…";
const WAITING = "waiting for Python…";
const LATE = 400; // ms after which an edit without an answer is mentioned

interface StatusBarProps {
  readonly board: BoardPayload;
  readonly selected: readonly string[];
  readonly said: string;
  /** The session that trains the model. */
  readonly session: ReturnType<typeof useStatus>;
  readonly waiting: boolean;
}

export function StatusBar({ board, selected, said, session, waiting }: StatusBarProps) {
  const { select, send } = useTools();
  const { parameters, flops, checking } = board.summary;
  const late = useLate(waiting, LATE);
  const fault = checking ? null : board.summary.fault;
  const node = fault && board.nodes.find(({ id }) => id === fault.node);
  const counts = countLabel(parameters, flops);
  const text = fault?.needs ? `${node?.title ?? fault.node}: ${fault.needs}` : fault?.short;
  const fine = checking ? CHECKING : late ? WAITING : board.nodes.length ? "no faults" : "";
  return (
    <footer className="wbe-status">
      {fault ? (
        <>
          <button
            type="button"
            className={`wbe-link wbe-bad ${fault.needs ? "wbe-waits" : ""}`}
            data-testid="show-fault"
            title={fault.text}
            onClick={() => select([fault.node], true)}
          >
            <Sign name="fault" />
            <span>{text}</span>
          </button>
          {node?.fault?.fix && (
            <button
              type="button"
              className="wbe-button wbe-small wbe-primary"
              data-testid="status-fix"
              onClick={() => send("apply_fix", { node: node.id })}
            >
              {node.fault.fix.label}
            </button>
          )}
        </>
      ) : (
        <span className="wbe-fine" data-testid="state">
          {fine}
        </span>
      )}
      {selected.length > 0 && (
        <span className="wbe-selection" data-testid="selection">
          {selectionText(board, selected)}
        </span>
      )}
      <span className="wbe-space" />
      <span
        className={`wbe-said ${/^(fault:|no faults)/.test(said) ? "wbe-unseen" : ""}`}
        role="status"
        aria-live="polite"
        data-testid="said"
        title={said}
      >
        {said}
      </span>
      {session.status.text && (
        <span
          className="wbe-session"
          data-testid="session-status"
          data-state={session.status.state}
          title={session.status.text}
        >
          {session.status.text}
        </span>
      )}
      <span className="wbe-said wbe-unseen" role="status">
        {session.announced}
      </span>
      {(waiting || checking) && (
        <span className="wbe-waiting" title={checking ? CHECKING : WAITING} />
      )}
      {counts && <span className="wbe-totals">{counts}</span>}
    </footer>
  );
}

/** Returns true if something has been true for some time, in ms. */
function useLate(on: boolean, after: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!on) return;
    const timer = setTimeout(() => setLate(true), after);
    return () => clearTimeout(timer);
  }, [on, after]);
  return late && on;
}

/** Returns a text that names the selected nodes, which the next key changes. */
export function selectionText(
  { nodes }: Pick<BoardPayload, "nodes">,
  selected: readonly string[],
): string {
  const [only] = selected;
  const title = nodes.find(({ id }) => id === only)?.title ?? only ?? "";
  return selected.length === 1
    ? `${title} is selected`
    : `${counted(selected.length, "node")} selected`;
}
