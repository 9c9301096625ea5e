// The button that trains the model on a stream of the notebook, with its small form.

import { useState } from "react";

import type { PalettePayload } from "../../messages";
import type { BoardPayload } from "../shown";
import { Sign } from "../images";
import { useTools } from "./context";

interface TrainProps {
  readonly board: BoardPayload;
  readonly palette: PalettePayload;
}

const MOST_REASONS = 3;

export function Train({ board, palette }: TrainProps) {
  const { send } = useTools();
  const [open, setOpen] = useState(false);
  const [stream, setStream] = useState("");
  const [rule, setRule] = useState("");
  const { streams, step_rules } = palette;
  const fitting = streams.filter(({ name }) => !(name in board.misfits));
  const others = streams.filter(({ name }) => name in board.misfits);
  const chosen = fitting.find(({ name }) => name === stream) ?? fitting[0];
  const missing = whyNot(board, chosen === undefined);
  const start = () => {
    if (!chosen) return;
    setOpen(false);
    const step_rule = rule || step_rules[0];
    send("train", { stream: chosen.name, ...(step_rule ? { step_rule } : {}) });
  };
  return (
    <span
      className="wbe-menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        setOpen(false);
        event.stopPropagation();
        event.currentTarget.querySelector("button")?.focus();
      }}
    >
      <button
        type="button"
        className="wbe-tool wbe-texted wbe-primary"
        data-testid="train"
        title="train the model on data of the notebook"
        aria-expanded={open}
        disabled={board.nodes.length === 0}
        onClick={() => setOpen(!open)}
      >
        <Sign name="train" />
        train
      </button>
      {open && (
        <div className="wbe-form" role="dialog" aria-label="train" data-testid="train-form">
          {missing && <p className="wbe-hint">{missing}</p>}
          <div className="wbe-row">
            <label htmlFor="wbe-stream">data</label>
            <select
              id="wbe-stream"
              className="wbe-field"
              data-testid="stream"
              value={chosen?.name ?? ""}
              onChange={({ target }) => setStream(target.value)}
            >
              {fitting.map(({ name, note }) => (
                <option key={name} value={name}>
                  {note ? `${name} (${note})` : name}
                </option>
              ))}
              {others.length > 0 && (
                <optgroup label="not for this model">
                  {others.map(({ name }) => (
                    <option key={name} value={name} disabled>
                      {name}
                    </option>
                  ))}
                </optgroup>
              )}
            </select>
          </div>
          {others.slice(0, MOST_REASONS).map(({ name }) => (
            <p className="wbe-hint wbe-misfit" key={name} data-testid={`misfit-${name}`}>
              <b>{name}</b> does not fit: {board.misfits[name]}.
            </p>
          ))}
          <div className="wbe-row">
            <label htmlFor="wbe-step-rule">step rule</label>
            <select
              id="wbe-step-rule"
              className="wbe-field"
              data-testid="step-rule"
              value={rule || (step_rules[0] ?? "")}
              onChange={({ target }) => setRule(target.value)}
            >
              {step_rules.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </div>
          <button
            type="button"
            className="wbe-button wbe-primary"
            data-testid="start-training"
            disabled={missing !== null}
            onClick={start}
          >
            start training
          </button>
        </div>
      )}
    </span>
  );
}

/** Returns why the model cannot be trained yet, or null. */
export function whyNot({ summary, nodes }: BoardPayload, noData: boolean): string | null {
  if (summary.fault) {
    const { node, text } = summary.fault;
    const title = nodes.find(({ id }) => id === node)?.title ?? node;
    return `First fix the fault of ${title}: ${text}`;
  }
  if (nodes.every(({ cost }) => cost === null)) {
    return "First choose what to minimise: select a cost and press “cost” beside its output.";
  }
  return noData
    ? "There is no data that fits: make a DataStream in a cell of the notebook, with a source of " +
        "the name of each input."
    : null;
}
