// The button that trains the model on a stream of the notebook, with its small form.

import { useState } from "react";

import type { PalettePayload } from "../../messages";
import type { BoardPayload } from "../shown";
import { Sign } from "../images";
import { useTools, type Tools } from "./context";

interface TrainProps {
  readonly board: BoardPayload;
  readonly palette: PalettePayload;
  /** The name of the session that trains the model, until it has ended; else empty. */
  readonly session: string;
  readonly select: Tools["select"];
}

const MOST_REASONS = 3;
const BEGINS = "training begins on ";

/** Returns what is said until Python knows the session. */
export function trainingBegins(stream: string): string {
  return `${BEGINS}${stream}; its curves appear below the canvas`;
}

/** Returns true for a text that `trainingBegins` has returned. */
export function saysThatTrainingBegins(text: string): boolean {
  return text.startsWith(BEGINS);
}

/** Why a model cannot be trained yet, and the node to look at, if there is one. */
export interface Missing {
  readonly text: string;
  readonly node: string | null;
  /** What only is missing: data, or a cost. */
  readonly what: "data" | "cost" | null;
}

export function Train({ board, palette, session, select }: TrainProps) {
  const { send, say, minimise } = useTools();
  const [open, setOpen] = useState(false);
  const [stream, setStream] = useState("");
  const [rule, setRule] = useState("");
  const { streams, step_rules } = palette;
  const fitting = streams.filter(({ name }) => !(name in board.misfits));
  const chosen = fitting.find(({ name }) => name === stream) ?? fitting[0];
  const missing = whyNot(board, chosen === undefined);
  const start = () => {
    if (!chosen) return;
    setOpen(false);
    const step_rule = rule || step_rules[0];
    const given = { stream: chosen.name, ...(step_rule ? { step_rule } : {}) };
    send("train", session ? { ...given, restart: true } : given);
    say(trainingBegins(chosen.name));
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
        className={`wbe-tool wbe-texted ${missing ? "" : "wbe-primary"}`}
        data-testid="train"
        title={missing ? `cannot be trained yet. ${missing.text}` : "train the model on data"}
        aria-expanded={open}
        aria-disabled={missing !== null}
        onClick={() => setOpen(!open)}
      >
        <Sign name="train" />
        train
      </button>
      {open && (
        <div className="wbe-form" role="dialog" aria-label="train" data-testid="train-form">
          {missing ? (
            <WhyNot
              missing={missing}
              fix={board.nodes.find(({ id }) => id === missing.node)?.fault?.fix?.label ?? ""}
              apply={(node) => {
                send("apply_fix", { node });
                setOpen(false);
              }}
              reasons={missing.what === "data" ? Object.entries(board.misfits) : []}
              minimise={() => {
                setOpen(false);
                minimise();
              }}
              show={(node) => {
                setOpen(false);
                select([node], true);
              }}
            />
          ) : (
            <>
              <div className="wbe-row">
                <label htmlFor="wbe-stream">data</label>
                <select
                  id="wbe-stream"
                  className="wbe-field"
                  data-testid="stream"
                  value={chosen?.name ?? ""}
                  onChange={({ target }) => setStream(target.value)}
                >
                  {streams.map(({ name }) => {
                    const reason = board.misfits[name];
                    return (
                      <option
                        key={name}
                        value={name}
                        disabled={reason !== undefined}
                        title={reason}
                      >
                        {reason === undefined ? name : `${name} (does not fit)`}
                      </option>
                    );
                  })}
                </select>
              </div>
              {chosen?.note && <p className="wbe-hint">{chosen.note}</p>}
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
              {session && (
                <p className="wbe-hint" data-testid="alive">
                  <b>{session}</b> still trains a model of this canvas. It is stopped first; its log
                  and its curves stay in Python.
                </p>
              )}
              <button
                type="button"
                className="wbe-button wbe-primary"
                data-testid="start-training"
                onClick={start}
              >
                {session ? `stop ${session}, and start again` : "start training"}
              </button>
            </>
          )}
        </div>
      )}
    </span>
  );
}

interface WhyNotProps {
  readonly missing: Missing;
  /** What is offered for the node; empty for nothing. */
  readonly fix: string;
  readonly apply: (node: string) => void;
  /** Streams, each with why it does not fit. */
  readonly reasons: readonly (readonly [name: string, reason: string])[];
  readonly show: (node: string) => void;
  readonly minimise: () => void;
}

/** Why the model cannot be trained, and where to go on. */
function WhyNot({ missing, fix, apply, reasons, show, minimise }: WhyNotProps) {
  const { text, node, what } = missing;
  return (
    <>
      <p data-testid="why-not">{text}</p>
      {node !== null && fix && (
        <button
          type="button"
          className="wbe-button wbe-primary"
          data-testid="fix-missing"
          onClick={() => apply(node)}
        >
          {fix}
        </button>
      )}
      {node !== null && (
        <button
          type="button"
          className="wbe-button"
          data-testid="show-missing"
          onClick={() => show(node)}
        >
          show it
        </button>
      )}
      {what === "cost" && (
        <button
          type="button"
          className="wbe-button wbe-primary"
          data-testid="choose-cost"
          onClick={minimise}
        >
          choose a cost…
        </button>
      )}
      {reasons.slice(0, MOST_REASONS).map(([name, reason]) => (
        <p className="wbe-hint wbe-misfit" key={name} data-testid={`misfit-${name}`}>
          <b>{name}</b> does not fit: {reason}.
        </p>
      ))}
    </>
  );
}

/** Returns why the model cannot be trained yet, or null. */
export function whyNot({ summary, nodes }: BoardPayload, noData: boolean): Missing | null {
  if (!nodes.length) return not("The canvas is empty: add some data and bricks.");
  if (summary.checking) {
    return not("The model is still being checked. It can be trained as soon as this is done.");
  }
  if (summary.fault) {
    const { node, short, needs } = summary.fault;
    const title = nodes.find(({ id }) => id === node)?.title ?? node;
    return not(needs ? `First finish ${title}: ${needs}.` : `${short}. Fix this first.`, node);
  }
  if (nodes.every(({ cost }) => cost === null)) {
    const how =
      "First choose what to minimise: add one of the Costs, or select a node and press “cost” " +
      "beside its output.";
    return { ...not(how), what: "cost" };
  }
  const stream =
    "There is no data that fits: make a DataStream in a cell of the notebook, with a source of " +
    "the name of each input.";
  return noData ? { ...not(stream), what: "data" } : null;
}

function not(text: string, node: string | null = null): Missing {
  return { text, node, what: null };
}
