// The form of the selected node: its name, settings, outputs, and what can be done with it.

import { memo, useEffect, useRef, useState } from "react";

import type { BoardNode, BoardPayload, InputExample, SettingData } from "../shown";
import { Sign, Tile } from "../images";
import { counted, long, words } from "../labels";
import { brief, filledIn } from "../details";
import { written } from "../values";
import { Address } from "./Address";
import { ExampleImage, Fault } from "./BrickNode";
import { Close } from "./Close";
import { useTools } from "./context";
import { Row } from "./fields";
import { Deepen, Widen } from "./Surgery";

interface SettingsProps {
  readonly board: BoardPayload;
  readonly selected: readonly string[];
  /** Hides the settings, if they have a button for that. */
  readonly close: (() => void) | null;
}

export const Settings = memo(({ board, selected, close }: SettingsProps) => {
  const chosen = board.nodes.filter(({ id }) => selected.includes(id));
  const [node] = chosen;
  return (
    <div className="wbe-settings" role="region" aria-label="settings" data-testid="settings">
      {close && <Close what="the settings" act={close} />}
      {node && chosen.length === 1 ? (
        <NodeForm key={node.id} node={node} nodes={board.nodes} />
      ) : (
        <Overview board={board} count={chosen.length} />
      )}
    </div>
  );
});
Settings.displayName = "Settings";

/** What is shown while no single node is selected. */
function Overview({ board, count }: { board: BoardPayload; count: number }) {
  const { select } = useTools();
  const { parameters, flops } = board.summary;
  const costs = board.nodes.filter(({ cost }) => cost !== null);
  const parts = board.nodes.filter(({ parent }) => parent === null);
  return (
    <>
      <h3>{count ? counted(count, "node") : "Model"}</h3>
      {count > 1 && <p className="wbe-hint">Select one node to see its settings.</p>}
      {!count && (
        <div className="wbe-facts">
          <span>nodes</span>
          <span>{long(parts.length)}</span>
          <span>parameters</span>
          <span data-testid="total-parameters">{parameters === null ? "–" : long(parameters)}</span>
          <span>FLOPs</span>
          <span title="for each example">{flops === null ? "–" : long(flops)}</span>
          <span>cost</span>
          <span>
            {costs.length
              ? costs.map(({ id, title }) => (
                  <button
                    type="button"
                    className="wbe-link"
                    key={id}
                    onClick={() => select([id], true)}
                  >
                    {title}
                  </button>
                ))
              : "none yet"}
          </span>
        </div>
      )}
      {!count && board.nodes.length > 0 && (
        <p className="wbe-hint">
          Select a node to change its settings. Press <kbd>?</kbd> for all keys.
        </p>
      )}
    </>
  );
}

interface NodeProps {
  readonly node: BoardNode;
  /** All nodes of the board. */
  readonly nodes: readonly BoardNode[];
}

function NodeForm({ node, nodes }: NodeProps) {
  const { familyOf } = useTools();
  const [more, setMore] = useState(false);
  const main = node.settings.filter(isMain);
  const rest = node.settings.filter((one) => !isMain(one));
  return (
    <>
      <header>
        <Tile type={node.kind === "input" ? "Input" : node.type} family={familyOf(node)} />
        <div className="wbe-names">
          <b>{node.kind === "input" ? "Input" : node.type}</b>
          <span className="wbe-text">{node.text}</span>
        </div>
      </header>
      <Fault node={node} />
      <NameRow node={node} />
      {node.methods.length > 1 && <MethodRow node={node} />}
      {main.map((setting) => (
        <SettingRow key={setting.name} node={node} setting={setting} />
      ))}
      {rest.length > 0 && (
        <>
          <button
            type="button"
            className="wbe-group"
            aria-expanded={more}
            data-testid="more-settings"
            onClick={() => setMore(!more)}
          >
            <Sign name={more ? "down" : "open"} />
            {more ? "fewer settings" : counted(rest.length, "more setting")}
          </button>
          {more &&
            rest.map((setting) => <SettingRow key={setting.name} node={node} setting={setting} />)}
        </>
      )}
      <Outputs node={node} />
      {node.example && <Example example={node.example} />}
      <Address node={node.id} />
      <Actions node={node} nodes={nodes} />
    </>
  );
}

/** The example of an input. */
function Example({ example }: { example: InputExample }) {
  return (
    <section className="wbe-shown" aria-label="example" data-testid="source-example">
      <h4>example of {example.stream}</h4>
      {example.image === null ? <p>{example.text}</p> : <ExampleImage example={example} />}
    </section>
  );
}

/** Returns true for settings that are shown at once: set ones, and those that matter most. */
function isMain({ given, required, lazy, kind, name }: SettingData): boolean {
  if (given || required) return true;
  if (kind === "scheme") return name === "weights_init" || name === "biases_init";
  return lazy || kind === null || /^(num_|.*size$|step$|dim$|.*prob$|activation|.*dim$)/.test(name);
}

function NameRow({ node }: { node: BoardNode }) {
  const { send } = useTools();
  const [name, setName] = useState(node.title);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => setName(node.title), [node.title]);
  const rename = () => {
    const next = name.trim();
    if (next && next !== node.title) send("rename", { node: node.id, name: next });
    else setName(node.title);
  };
  return (
    <div className="wbe-row">
      <label htmlFor="wbe-name">name</label>
      <div className="wbe-control">
        <input
          ref={field}
          id="wbe-name"
          className="wbe-field"
          data-testid="field-name"
          autoComplete="off"
          spellCheck={false}
          value={name}
          onChange={({ target }) => setName(target.value)}
          onBlur={rename}
          onKeyDown={(event) => {
            if (event.key === "Enter") rename();
          }}
        />
      </div>
      <span />
    </div>
  );
}

function MethodRow({ node }: { node: BoardNode }) {
  const { send } = useTools();
  return (
    <div className="wbe-row wbe-wide">
      <label htmlFor="wbe-method" title="which of its methods is applied">
        method
      </label>
      <div className="wbe-control">
        <select
          id="wbe-method"
          className="wbe-field"
          data-testid="field-method"
          value={node.method ?? ""}
          onChange={({ target }) => send("set_method", { node: node.id, method: target.value })}
        >
          {node.method === null && <option value="">not applied</option>}
          {node.methods.map((method) => (
            <option key={method}>{method}</option>
          ))}
        </select>
      </div>
      <span />
    </div>
  );
}

function SettingRow({ node, setting }: { node: BoardNode; setting: SettingData }) {
  const { send } = useTools();
  const { name } = setting;
  const concerned = node.fault?.setting === name;
  const fault = concerned ? (node.fault?.needs ? "waits" : "wrong") : undefined;
  return (
    <Row
      field={setting}
      value={setting.given ? setting.value : undefined}
      instead={written(setting.default)}
      inferred={setting.given || setting.inferred === null ? "" : brief(setting.inferred)}
      filled={filledIn(setting)}
      fault={fault}
      disabled={false}
      change={(value) => {
        if (value === undefined) send("unset", { node: node.id, setting: name });
        else send("set", { node: node.id, setting: name, value });
      }}
    />
  );
}

function Outputs({ node }: { node: BoardNode }) {
  const { send } = useTools();
  if (!node.outputs.length) return null;
  return (
    <section className="wbe-outputs" aria-label="outputs">
      <h4>{node.outputs.length > 1 ? "outputs" : "output"}</h4>
      {node.outputs.map(({ name, shape, dtype }) => {
        const watched = node.monitored.includes(name);
        const cost = node.cost === name;
        return (
          <div className="wbe-output" key={name}>
            <span className="wbe-names">
              {node.outputs.length > 1 && <b>{words(name)}</b>}
              <span className="wbe-shape-text">
                {shape === null ? "shape unknown" : shape || "scalar"} {dtype ?? ""}
              </span>
            </span>
            {node.kind !== "input" && (
              <>
                <button
                  type="button"
                  className="wbe-button wbe-small"
                  aria-pressed={cost}
                  title="training minimises this variable, a scalar (M)"
                  data-testid={`cost-${name}`}
                  onClick={() =>
                    send("set_cost", cost ? { node: null } : { node: node.id, output: name })
                  }
                >
                  cost
                </button>
                <button
                  type="button"
                  className="wbe-button wbe-small"
                  aria-pressed={watched}
                  title="show this variable during training"
                  data-testid={`monitor-${name}`}
                  onClick={() => send("monitor", { node: node.id, output: name, on: !watched })}
                >
                  monitor
                </button>
              </>
            )}
          </div>
        );
      })}
    </section>
  );
}

function Actions({ node, nodes: all }: NodeProps) {
  const { send, say, remove } = useTools();
  const facts = [
    node.parameters ? counted(node.parameters, "parameter") : "",
    node.flops ? `${long(node.flops)} FLOPs` : "",
  ].filter(Boolean);
  const nodes = [node.id];
  return (
    <section className="wbe-actions" aria-label="actions">
      {facts.length > 0 && <p className="wbe-hint">{facts.join(" · ")}</p>}
      <Widen key={node.id} node={node} />
      <Deepen node={node} nodes={all} />
      <div className="wbe-buttons">
        {node.open !== null && (
          <>
            <button
              type="button"
              className="wbe-button wbe-small"
              onClick={() => send(node.open ? "close" : "open", { node: node.id })}
            >
              {node.open ? "close" : "open"}
            </button>
            <button
              type="button"
              className="wbe-button wbe-small"
              title="replace it by its parts (U)"
              data-testid="unpack"
              onClick={() => send("unpack", { node: node.id })}
            >
              unpack
            </button>
          </>
        )}
        {node.kind === "group" && (
          <button
            type="button"
            className="wbe-button wbe-small"
            title="keep this group in the palette, for other notebooks, too"
            data-testid="save-block"
            onClick={() => {
              send("save_block", { nodes });
              say(`saving ${node.title} as a block of the palette`);
            }}
          >
            save as block
          </button>
        )}
        {Boolean(node.parameters) && (
          <button
            type="button"
            className="wbe-button wbe-small"
            aria-pressed={node.frozen}
            title="training leaves its parameters as they are"
            data-testid="freeze"
            onClick={() => send("freeze", { node: node.id, on: !node.frozen })}
          >
            freeze
          </button>
        )}
        {node.editable && (
          <>
            <button
              type="button"
              className="wbe-button wbe-small"
              title="Ctrl+D"
              onClick={() => send("duplicate", { nodes })}
            >
              duplicate
            </button>
            <button
              type="button"
              className="wbe-button wbe-small"
              title="Delete"
              data-testid="remove"
              onClick={() => remove(nodes)}
            >
              remove
            </button>
          </>
        )}
      </div>
    </section>
  );
}
