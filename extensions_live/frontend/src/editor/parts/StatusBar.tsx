// The line below the canvas: totals, the first fault, and what was said last.

import type { BoardPayload } from "../shown";
import { Sign } from "../images";
import { countLabel, counted } from "../labels";
import { useTools } from "./context";

interface StatusBarProps {
  readonly board: BoardPayload;
  readonly selected: readonly string[];
  readonly said: string;
  readonly waiting: boolean;
}

export function StatusBar({ board, selected, said, waiting }: StatusBarProps) {
  const { select, send } = useTools();
  const { fault, parameters, flops } = board.summary;
  const node = fault && board.nodes.find(({ id }) => id === fault.node);
  const counts = countLabel(parameters, flops);
  const text = fault?.needs ? `${node?.title ?? fault.node}: ${fault.needs}` : fault?.text;
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
        <span className="wbe-fine">{board.nodes.length ? "no faults" : ""}</span>
      )}
      {selected.length > 0 && (
        <span className="wbe-selection" data-testid="selection">
          {selectionText(board, selected)}
        </span>
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
