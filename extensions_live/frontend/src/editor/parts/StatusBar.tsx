// The line below the canvas: totals, the first fault, and what was said last.

import type { BoardPayload } from "../shown";
import { Sign } from "../images";
import { countLabel } from "../labels";
import { useTools } from "./context";

interface StatusBarProps {
  readonly board: BoardPayload;
  readonly said: string;
  readonly waiting: boolean;
}

export function StatusBar({ board, said, waiting }: StatusBarProps) {
  const { select, send } = useTools();
  const { fault, parameters, flops } = board.summary;
  const node = fault && board.nodes.find(({ id }) => id === fault.node);
  const counts = countLabel(parameters, flops);
  return (
    <footer className="wbe-status">
      {fault ? (
        <>
          <button
            type="button"
            className="wbe-link wbe-bad"
            data-testid="show-fault"
            title={fault.text}
            onClick={() => select([fault.node], true)}
          >
            <Sign name="fault" />
            <span>{fault.text}</span>
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
        <span className="wbe-fine">{board.nodes.length ? "no faults" : ""}</span>
      )}
      <span className="wbe-space" />
      <span
        className={`wbe-said ${/^(fault in|no faults)/.test(said) ? "wbe-unseen" : ""}`}
        role="status"
        aria-live="polite"
        data-testid="said"
        title={said}
      >
        {said}
      </span>
      {waiting && <span className="wbe-waiting" title="waiting for Python" />}
      {counts && <span className="wbe-totals">{counts}</span>}
    </footer>
  );
}
