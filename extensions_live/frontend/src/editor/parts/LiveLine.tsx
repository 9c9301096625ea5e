// The line of a node with its live value, in place of its details, and the bar below it.

import type { ReactNode } from "react";

import { nameOf } from "../live";
import { isShown, useLive } from "./useLive";

const WAITING = { text: "…", title: "waiting for the first values", share: null };

interface LiveLineProps {
  readonly node: string;
  /** What is shown if there are no live values. */
  readonly children: ReactNode;
}

export function LiveLine({ node, children }: LiveLineProps) {
  const found = useLive((live) =>
    isShown(live)
      ? { name: nameOf(live), problem: live.problem, ...(live.nodes[node] ?? WAITING) }
      : null,
  );
  if (!found) return children;
  const { name, text, share, problem } = found;
  const title = problem || found.title;
  const length = share === null ? 0 : Math.min(Math.max(share, 0), 1);
  return (
    <>
      <span className="wbe-detail wbe-live" title={title} data-testid={`live-${node}`}>
        <span>{name}</span> <span>{text}</span>
      </span>
      {share !== null && (
        <span className="wbe-heat" aria-hidden="true" data-testid={`heat-${node}`}>
          <span style={{ "--wbe-share": `${(100 * length).toFixed(1)}%` } as object} />
        </span>
      )}
    </>
  );
}
