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
import { ValueCard } from "./EdgeValue";
import { useLive } from "./useLive";

export const Wire = memo((props: EdgeProps<FlowEdge>) => {
  const { id, data, selected = false } = props;
  const { send } = useTools();
  const back = props.targetY < props.sourceY; // to the top of the next column
  const [path, x, y] = back
    ? getSmoothStepPath({ ...props, borderRadius: 12, offset: 18 })
    : getBezierPath(props);
  const edge = data?.edge;
  const label = data?.label ?? "";
  const fault = edge?.fault ? "wbe-wire-fault" : "";
  const value = useLive(({ example, edges }) => (example ? (edges[id] ?? null) : null));
  const place = value
    ? `translate(${x + 7}px, ${y}px) translateY(-50%)`
    : `translate(-50%, -50%) translate(${x}px, ${y}px)`;
  return (
    <>
      <BaseEdge id={id} path={path} className={fault} interactionWidth={18} />
      <EdgeLabelRenderer>
        <div
          className={`wbe-shape ${fault} ${selected ? "wbe-selected" : ""} ${data?.inside ? "wbe-inside" : ""} ${value ? "wbe-valued" : ""} nodrag nopan`}
          data-testid={`shape-${id}`}
          style={{ transform: place }}
        >
          {value ? <ValueCard value={value} /> : label}
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
