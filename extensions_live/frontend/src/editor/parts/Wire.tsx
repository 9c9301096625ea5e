// An edge with the shape of its variable.

import {
  BaseEdge,
  EdgeLabelRenderer,
  getBezierPath,
  getSmoothStepPath,
  type EdgeProps,
} from "@xyflow/react";
import { memo } from "react";

import { endOf, type FlowEdge } from "../flow";
import { Sign } from "../images";
import { useTools } from "./context";

export const Wire = memo((props: EdgeProps<FlowEdge>) => {
  const { id, data, selected = false } = props;
  const { send, between } = useTools();
  const back = props.targetY < props.sourceY; // to the top of the next column
  const [path, x, y] = back
    ? getSmoothStepPath({ ...props, borderRadius: 12, offset: 18 })
    : getBezierPath(props);
  const edge = data?.edge;
  const label = data?.label ?? "";
  const fault = edge?.fault ? "wbe-wire-fault" : "";
  return (
    <>
      <BaseEdge id={id} path={path} className={fault} interactionWidth={18} />
      <EdgeLabelRenderer>
        <div
          className={`wbe-shape ${fault} ${selected ? "wbe-selected" : ""} ${data?.inside ? "wbe-inside" : ""} nodrag nopan`}
          data-testid={`shape-${id}`}
          data-edge={id}
          style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
        >
          {label}
          {selected && edge && !data.inside && (
            <button
              type="button"
              className="wbe-icon"
              aria-label="put a brick on this edge"
              title="put a brick on this edge (A)"
              data-testid={`between-${id}`}
              onClick={() => between(id)}
            >
              <Sign name="plus" />
            </button>
          )}
          {selected && edge && (
            <button
              type="button"
              className="wbe-icon"
              aria-label="remove this edge"
              title="remove this edge (Delete)"
              onClick={() => send("disconnect", endOf(edge))}
            >
              <Sign name="close" />
            </button>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
});
Wire.displayName = "Wire";
