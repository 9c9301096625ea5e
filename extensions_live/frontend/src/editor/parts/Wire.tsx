// An edge with the shape of its variable.

import {
  BaseEdge,
  EdgeLabelRenderer,
  getBezierPath,
  getSmoothStepPath,
  useStore,
  useStoreApi,
  type EdgeProps,
} from "@xyflow/react";
import { memo } from "react";

import type { EdgeValue } from "../../messages";
import type { FlowEdge } from "../flow";
import { Sign } from "../images";
import { pathAround } from "../routes";
import { useTools } from "./context";
import { ValueCard } from "./EdgeValue";
import { useLive } from "./useLive";

const BELOW = 28; // pixels from an output to the middle of its value
const NEAR = 30; // pixels across an edge in which it is hit

export const Wire = memo((props: EdgeProps<FlowEdge>) => {
  const { id, data, selected = false } = props;
  const { remove, between } = useTools();
  const store = useStoreApi();
  const back = props.targetY < props.sourceY; // to the top of the next column
  const [direct, middle, height] = back
    ? getSmoothStepPath({ ...props, borderRadius: 12, offset: 18 })
    : getBezierPath(props);
  const { sourceX, sourceY, targetX, targetY } = props;
  const via = data?.via ?? null;
  const ends = { source: [sourceX, sourceY], target: [targetX, targetY] } as const;
  const path = via === null ? direct : pathAround(ends, via);
  const [x, y] = data?.at ?? [middle, height];
  const crowded = data?.at === null && !selected;
  const edge = data?.edge;
  const label = data?.label ?? "";
  const fault = edge?.fault ? "wbe-wire-fault" : "";
  const value = useLive(({ example, edges }) => (example ? (edges[id] ?? null) : null));
  const card = value?.main ? value : null; // once for each output
  const place = card
    ? `translate(${sourceX}px, ${sourceY + BELOW}px)`
    : `translate(-50%, -50%) translate(${x}px, ${y}px)`;
  return (
    <>
      <BaseEdge id={id} path={path} className={fault} interactionWidth={NEAR} />
      <EdgeLabelRenderer>
        <div
          className={`wbe-shape ${fault} ${selected ? "wbe-selected" : ""} ${data?.inside ? "wbe-inside" : ""} ${card ? "wbe-valued" : ""} ${crowded ? "wbe-crowded" : ""} nodrag nopan`}
          data-testid={`shape-${id}`}
          data-edge={id}
          style={{ transform: place }}
          onClick={(event) => {
            if (event.target === event.currentTarget) store.getState().addSelectedEdges([id]);
          }}
        >
          {card ? <Valued value={card} source={props.source} at={sourceX} /> : !value && label}
          {selected && edge && (
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
              onClick={() => remove([], [edge])}
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

interface ValuedProps {
  readonly value: EdgeValue;
  readonly source: string;
  /** Where the edge begins. */
  readonly at: number;
}

/** The value of an edge, at the side where the next output of its node is not. */
function Valued({ value, source, at }: ValuedProps) {
  const left = useStore(({ nodeLookup }) => {
    const node = nodeLookup.get(source);
    return node !== undefined && at < node.internals.positionAbsolute.x + (node.width ?? 0) / 2 - 4;
  });
  return <ValueCard value={value} left={left} />;
}
