// The bar that compares the canvas with the model that a session trains, and applies the edits.

import { useEffect, useRef, useState } from "react";

import type { SurgeryPayload } from "../../messages";
import type { EditorModel } from "../model";
import type { BoardNode, SettingData } from "../shown";
import { useTools, useTrait } from "./context";

const MOST = 2; // changes that are shown beside each other

/** Returns the comparison that Python sent last, or null. */
export function surgeryOf(found: SurgeryPayload | object): SurgeryPayload | null {
  return "receipt" in found ? found : null;
}

/** Returns what the bar says. */
export function surgeryText({ paused, problem, session, text }: SurgeryPayload): string {
  if (problem) return `Not in ${session} yet: ${problem}`;
  if (!paused) return `${session} trains the earlier model. Pause to apply your edits.`;
  return text ? `Ready for ${session}: ${text}` : `Ready for ${session}`;
}

export function Surgery({ model }: { model: EditorModel }) {
  const found = surgeryOf(useTrait(model, "surgery"));
  const { say, toast } = useTools();
  const number = found?.receipt.number ?? 0;
  const before = useRef(number);
  const text = found?.receipt.text ?? "";
  useEffect(() => {
    if (number > before.current) {
      say(text);
      toast(text, "done");
    }
    before.current = number;
  }, [number, text, say, toast]);
  return found?.differs ? <Bar {...found} /> : null;
}

function Bar(surgery: SurgeryPayload) {
  const { send } = useTools();
  const [copies, setCopies] = useState(true);
  const { paused, problem, changes, widened, reason } = surgery;
  const more = changes.length - MOST;
  return (
    <section className="wbe-surgery" aria-label="changes of the model in training">
      <div className="wbe-names">
        <span role="status" data-testid="surgery-text">
          {surgeryText(surgery)}
        </span>
        {changes.length > 0 && (
          <span className="wbe-hint" data-testid="surgery-changes" title={changes.join("\n")}>
            {changes.slice(0, MOST).join(" · ")}
            {more > 0 && ` · ${more} more`}
          </span>
        )}
        {paused && !problem && widened.length > 0 && (
          <label className="wbe-hint wbe-copies">
            <input
              type="checkbox"
              data-testid="copy-units"
              checked={copies}
              onChange={({ target }) => setCopies(target.checked)}
            />
            <span>
              {copies && !reason && "new units are copies, so the model computes the same at first"}
              {copies && reason && `new units are copies, but the function changes: ${reason}`}
              {!copies &&
                `new units are copies (off: ${widened.join(", ")} starts from its initialisation)`}
            </span>
          </label>
        )}
      </div>
      <button
        type="button"
        className="wbe-button"
        data-testid="return-to-session"
        title="show the model that is trained; undo brings your edits back"
        onClick={() => send("return_to_session")}
      >
        return to the trained model
      </button>
      {paused ? (
        <button
          type="button"
          className="wbe-button wbe-primary"
          data-testid="apply"
          disabled={problem !== ""}
          title="train on with this model; what still fits is kept"
          onClick={() => send("apply", { copy_units: copies })}
        >
          apply to the session
        </button>
      ) : (
        <button
          type="button"
          className="wbe-button wbe-primary"
          data-testid="pause-to-apply"
          onClick={() => send("pause_session")}
        >
          pause to apply
        </button>
      )}
    </section>
  );
}

/** Returns the number of units of a layer that can be widened, or null. */
export function unitsOf({ type, settings }: Pick<BoardNode, "type" | "settings">): number | null {
  const name = { Linear: "output_dim", Convolutional: "num_filters" }[type];
  const setting: SettingData | undefined = settings.find((one) => one.name === name);
  const value: unknown = setting?.given ? setting.value : setting?.inferred;
  return typeof value === "number" ? value : null;
}

/** Returns true for a layer of an MLP that is followed by another one. */
export function canDeepen(
  { id, type, parent }: Pick<BoardNode, "id" | "type" | "parent">,
  nodes: readonly Pick<BoardNode, "id" | "type" | "parent">[],
): boolean {
  const around = nodes.find((one) => one.id === parent);
  if (around?.type !== "MLP" || type !== "Linear") return false;
  const layers = nodes.filter((one) => one.parent === parent && one.type === "Linear");
  return layers.at(-1)?.id !== id;
}

/** The button that inserts a layer which changes nothing at first. */
export function Deepen({ node, nodes }: { node: BoardNode; nodes: readonly BoardNode[] }) {
  const { send } = useTools();
  if (!canDeepen(node, nodes)) return null;
  return (
    <button
      type="button"
      className="wbe-button wbe-small"
      data-testid="deepen"
      title="with as many units and the same activation; its weights are the identity at first"
      onClick={() => send("deepen", { node: node.id })}
    >
      insert a layer after it
    </button>
  );
}

/** The field that widens a layer together with the layers that read its units. */
export function Widen({ node }: { node: BoardNode }) {
  const { send } = useTools();
  const units = unitsOf(node);
  const [wanted, setWanted] = useState("");
  if (units === null) return null;
  const number = Number(wanted || 2 * units);
  return (
    <form
      className="wbe-widen"
      onSubmit={(event) => {
        event.preventDefault();
        setWanted("");
        send("widen", { node: node.id, units: number });
      }}
    >
      <label htmlFor="wbe-widen">widen from {units.toLocaleString("en")} to</label>
      <input
        id="wbe-widen"
        className="wbe-field"
        data-testid="widen-units"
        type="number"
        min={units + 1}
        step={1}
        value={wanted || 2 * units}
        onChange={({ target }) => setWanted(target.value)}
      />
      <button
        type="submit"
        className="wbe-button wbe-small"
        data-testid="widen"
        title="the layers after it follow; a session in training gets copies of its units"
        disabled={!Number.isInteger(number) || number <= units}
      >
        widen
      </button>
    </form>
  );
}
