// A node on the canvas: its name, its type with the most important settings, its ports, and its
// fault with the offered fix.

import { Handle, NodeToolbar, Position, useStore, type NodeProps } from "@xyflow/react";
import { memo, type KeyboardEvent } from "react";

import type { BoardNode, InputExample } from "../shown";
import { detailOf } from "../details";
import { exampleLine, inputLine, shownPorts, type FlowNode } from "../flow";
import { HANDLES } from "../handles";
import { Sign, Tile } from "../images";
import { counted, flopLabel, portWords, short, typeWords, words } from "../labels";
import { useTools } from "./context";
import { LiveLine } from "./LiveLine";

function percent(place: number, count: number): string {
  return `${((place + 0.5) * 100) / count}%`;
}

interface PortsProps {
  readonly node: BoardNode;
  readonly side: "input" | "output";
  readonly named: boolean;
}

/** The handles of one side of a node, each with its name if there are several. */
function Ports({ node, side, named }: PortsProps) {
  const { connect } = useTools();
  const ports = side === "input" ? node.inputs : node.outputs;
  const pressed = (port: string) => (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    connect(node.id, side, port);
  };
  return ports.map((port, place) => {
    const left = percent(place, ports.length);
    const constant = "constant" in port ? port.constant : null;
    const optional = "optional" in port && port.optional;
    const shape = "shape" in port ? port.shape : null;
    const name = side === "input" ? portWords(port.name, node.inputs) : words(port.name);
    const label = [
      `${side} ${name} of ${node.title}`,
      name === words(port.name) ? "" : port.name,
      optional ? "optional" : "",
      shape ?? "",
      constant === null ? "" : `has ${constant}`,
    ];
    const text = label.filter(Boolean).join(", ");
    return (
      <span key={port.name}>
        <Handle
          id={HANDLES[side](port.name)}
          type={side === "input" ? "target" : "source"}
          position={side === "input" ? Position.Top : Position.Bottom}
          style={{ left }}
          className={optional ? "wbe-optional" : ""}
          isConnectable={node.editable}
          role="button"
          tabIndex={node.editable ? 0 : -1}
          aria-label={text}
          title={text}
          data-testid={`${side}-${node.id}-${port.name}`}
          onKeyDown={pressed(port.name)}
        />
        {node.open === true && (
          <Handle
            id={HANDLES[side === "input" ? "fromInside" : "toInside"](port.name)}
            type={side === "input" ? "source" : "target"}
            position={side === "input" ? Position.Bottom : Position.Top}
            className={`wbe-inner wbe-inner-${side}`}
            style={{ left }}
            isConnectable={node.editable}
          />
        )}
        {named && (
          <span className={`wbe-port wbe-port-${side}`} style={{ left }} aria-hidden="true">
            {constant === null ? name : `${name} = ${constant}`}
          </span>
        )}
      </span>
    );
  });
}

/** The whole text that Python raises, which one opens below its first words. */
function Details({ text }: { text: string }) {
  return (
    <details className="wbe-details" key={text}>
      <summary title={text} data-testid="fault-details">
        details
      </summary>
      <p data-testid="fault-text">{text}</p>
    </details>
  );
}

/** What is missing at an unfinished node, with the button that leads there. */
function Needs({ node, needs }: { node: BoardNode; needs: string }) {
  const { connect } = useTools();
  return (
    <div className="wbe-fault wbe-needs" data-testid={`needs-${node.id}`}>
      <p>Not finished yet: {needs}.</p>
      <Details text={node.fault?.text ?? ""} />
      {node.editable && needs.startsWith("connect") && (
        <button
          type="button"
          className="wbe-button wbe-small"
          data-testid={`connect-${node.id}`}
          title="choose a connection (I), or drag from the dot below another node"
          onClick={() => connect(node.id, "input")}
        >
          connect…
        </button>
      )}
    </div>
  );
}

/** The fault of a node in a sentence, with the button that applies the offered fix. */
export function Fault({ node }: { node: BoardNode }) {
  const { send } = useTools();
  const { fault } = node;
  if (!fault) return null;
  if (fault.needs) return <Needs node={node} needs={fault.needs} />;
  return (
    <div className="wbe-fault nodrag nopan nowheel" data-testid={`fault-${node.id}`}>
      <p>{fault.short}</p>
      <Details text={fault.text} />
      {fault.fix && (
        <button
          type="button"
          className="wbe-button wbe-primary"
          data-testid={`fix-${node.id}`}
          title="apply this fix (X)"
          onClick={() => send("apply_fix", { node: node.id })}
        >
          {fault.fix.label}
        </button>
      )}
    </div>
  );
}

const CARD = { width: 300, line: 17, letters: 44 }; // in pixels, and letters in a line

/** The fault beside its node, if there is room: it must not hide other nodes. */
function FaultCard({ node, visible }: { node: BoardNode; visible: boolean }) {
  const { fault } = node;
  const lines = Math.ceil((fault?.short.length ?? 0) / CARD.letters) + 1; // one of the details
  const tall = CARD.line * lines + (fault?.fix ? 57 : 27);
  const align = useStore(({ nodeLookup, transform: [, y, zoom], height }) => {
    const top = nodeLookup.get(node.id)?.internals.positionAbsolute.y ?? 0;
    return top * zoom + y + tall > height ? "end" : "start"; // upwards at the lower border
  });
  const side = useStore(
    ({ nodeLookup, transform: [x, , zoom], width }): "right" | "left" | null => {
      if (!visible) return null;
      const found = nodeLookup.get(node.id);
      if (!found) return null;
      const { x: left, y: top } = found.internals.positionAbsolute;
      const [right, room] = [left + (found.width ?? 0), CARD.width / zoom];
      const free = (from: number) =>
        [...nodeLookup.values()].every(({ id, width: wide = 0, height = 0, internals }) => {
          const { x: other, y } = internals.positionAbsolute;
          const clear = other > from + room || other + wide < from;
          return (
            id === node.id ||
            id === node.parent ||
            clear ||
            y > top + tall / zoom ||
            y + height < top
          );
        });
      if (right * zoom + x + CARD.width < width && free(right)) return "right";
      return left * zoom + x > CARD.width && free(left - room) ? "left" : null;
    },
  );
  return (
    <NodeToolbar
      isVisible={side !== null}
      position={side === "left" ? Position.Left : Position.Right}
      align={align}
      offset={14}
    >
      <Fault node={node} />
    </NodeToolbar>
  );
}

/** Signs for what is special about a node. */
function Badges({ node }: { node: BoardNode }) {
  return (
    <>
      {node.fault && !node.fault.needs && (
        <span className="wbe-badge wbe-wrong" title={node.fault.short}>
          fault
        </span>
      )}
      {node.cost !== null && (
        <span className="wbe-badge wbe-cost" title={`the cost to minimise: ${node.cost}`}>
          cost
        </span>
      )}
      {node.monitored.length > 0 && (
        <span className="wbe-badge" title={`monitored: ${node.monitored.join(", ")}`}>
          <Sign name="watch" />
        </span>
      )}
      {node.frozen && (
        <span className="wbe-badge" title="frozen: training does not change its parameters">
          <Sign name="freeze" />
        </span>
      )}
    </>
  );
}

/** The example of an input, if it is an image. */
export function ExampleImage({ example }: { example: InputExample }) {
  const title = exampleTitle(example);
  return <img className="wbe-image" src={example.image ?? ""} alt={title} title={title} />;
}

export const BrickNode = memo(({ data, selected }: NodeProps<FlowNode>) => {
  const { send, familyOf } = useTools();
  const { node, first } = data;
  const { above, below } = shownPorts(node);
  const detail = detailOf(node);
  const plain = node.title.toLowerCase().startsWith(node.type.toLowerCase());
  const kind =
    node.kind === "input" ? inputLine(node) : plain && detail ? "" : typeWords(node.type);
  const needs = node.fault?.needs;
  const classes = [
    "wbe-node",
    node.open === true ? "wbe-opened" : "",
    needs ? "wbe-unfinished" : node.fault ? "wbe-faulty" : "",
    node.editable ? "" : "wbe-fixed",
    above ? "wbe-above" : "",
    below ? "wbe-below" : "",
    node.example ? "wbe-taller" : "",
  ];
  return (
    <div
      className={classes.filter(Boolean).join(" ")}
      data-testid={`node-${node.id}`}
      data-family={familyOf(node)}
    >
      <div className="wbe-head">
        {node.example?.image ? (
          <ExampleImage example={node.example} />
        ) : (
          <Tile type={node.kind === "input" ? "Input" : node.type} family={familyOf(node)} />
        )}
        <span className="wbe-names" title={node.text}>
          <b>{node.title}</b>
          <LiveLine node={node.id}>
            {needs ? (
              <span className="wbe-detail wbe-needed">{needs}</span>
            ) : (
              <span className="wbe-detail">
                {kind} {detail && node.kind !== "input" && <span>{detail}</span>}
                {Boolean(node.parameters) && (
                  <span className="wbe-count wbe-parameters" title={parametersTitle(node)}>
                    {short(node.parameters ?? 0)}
                  </span>
                )}
                {Boolean(node.flops) && (
                  <span className="wbe-count" data-testid="flops" title={flopsTitle(node)}>
                    {flopLabel(node.flops ?? 0)}
                  </span>
                )}
              </span>
            )}
          </LiveLine>
          {node.example && (
            <span
              className="wbe-detail"
              title={exampleTitle(node.example)}
              data-testid={`example-${node.id}`}
            >
              {exampleLine(node)}
            </span>
          )}
        </span>
        <Badges node={node} />
        {node.open !== null && (
          <button
            type="button"
            className="wbe-icon nodrag"
            data-testid={`toggle-${node.id}`}
            aria-expanded={node.open}
            aria-label={`${node.open ? "close" : "open"} ${node.title}`}
            title={node.open ? "close (O)" : "open to see and change its parts (O)"}
            onClick={() => send(node.open ? "close" : "open", { node: node.id })}
          >
            <Sign name={node.open ? "minus" : "plus"} />
          </button>
        )}
      </div>
      {node.fault && !needs && <FaultCard node={node} visible={first && !selected} />}
      <Ports node={node} side="input" named={above} />
      <Ports node={node} side="output" named={below} />
    </div>
  );
});
BrickNode.displayName = "BrickNode";

/** Returns what an example is, and where it comes from. */
export function exampleTitle({ text, stream }: InputExample): string {
  return `for example ${text}, the first example of ${stream}`;
}

function parametersTitle({ parameters }: BoardNode): string {
  return counted(parameters ?? 0, "parameter");
}

function flopsTitle({ flops }: BoardNode): string {
  return `${counted(flops ?? 0, "floating-point operation")} for each example`;
}
