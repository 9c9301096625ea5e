// The choice of what nodes show, the button that pushes an example, and the line about the example.

import { useEffect, useState } from "react";

import { Sign } from "../images";
import { NOTHING } from "../live";
import { useTools } from "./context";
import { useLive } from "./useLive";

/** In the bar above the canvas; absent until a session is watched. */
export function LiveTools() {
  const { send } = useTools();
  const live = useLive(({ session, metric, metrics, example }) => ({
    ...{ session, metric, metrics },
    pushed: example !== null,
  }));
  if (!live.session) return null;
  return (
    <>
      <label className="wbe-live-choice" title={`values of ${live.session} on each node (V)`}>
        on nodes
        <select
          className="wbe-field"
          data-testid="show-on-nodes"
          aria-label="show on nodes"
          value={live.metric}
          onChange={({ target }) => send("show_on_nodes", { what: target.value })}
        >
          <option value={NOTHING}>nothing</option>
          {live.metrics.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="wbe-tool wbe-texted"
        data-testid="push-example"
        aria-pressed={live.pushed}
        title={
          live.pushed
            ? "show shapes on the edges again (T)"
            : "push a training example through the model, and show its values on the edges (T)"
        }
        onClick={() => send(live.pushed ? "clear_example" : "push")}
      >
        <Sign name="push" />
        example
      </button>
      <span className="wbe-rule" />
    </>
  );
}

/** Over the canvas while an example is pushed, or if its values cannot be computed. */
export function ExampleBar() {
  const { send } = useTools();
  const live = useLive(({ example, iteration, problem, edges }) => ({
    ...{ example, iteration, problem },
    waiting: Object.keys(edges).length === 0,
  }));
  const { example, iteration, problem } = live;
  if (!example) return problem ? <Problem text={problem} /> : null;
  return (
    <div className="wbe-example" role="toolbar" aria-label="example" data-testid="example">
      <span>{example.text}</span>
      {example.can_step && (
        <>
          <button
            type="button"
            className="wbe-icon"
            data-testid="previous-example"
            title="previous example (,)"
            aria-label="previous example"
            onClick={() => send("step_example", { by: -1 })}
          >
            <Sign name="back" />
          </button>
          <Index key={example.index} index={example.index ?? 0} />
          <button
            type="button"
            className="wbe-icon"
            data-testid="next-example"
            title="next example (.)"
            aria-label="next example"
            onClick={() => send("step_example", { by: 1 })}
          >
            <Sign name="open" />
          </button>
        </>
      )}
      <span className="wbe-example-when" data-testid="example-when">
        {problem ||
          (live.waiting || iteration === null
            ? "…"
            : `at iteration ${iteration.toLocaleString("en")}`)}
      </span>
      <button
        type="button"
        className="wbe-icon"
        data-testid="clear-example"
        title="stop; edges show their shapes again (T)"
        aria-label="stop to show an example"
        onClick={() => send("clear_example")}
      >
        <Sign name="close" />
      </button>
    </div>
  );
}

function Problem({ text }: { text: string }) {
  return (
    <div className="wbe-example wbe-example-problem" role="alert" data-testid="live-problem">
      {text}
    </div>
  );
}

/** The number of the example, which can be typed. */
function Index({ index }: { index: number }) {
  const { send } = useTools();
  const [text, setText] = useState(String(index));
  useEffect(() => setText(String(index)), [index]);
  const go = () => {
    const wanted = Number(text);
    if (text.trim() && Number.isInteger(wanted)) {
      if (wanted !== index) send("push", { index: wanted });
    } else setText(String(index));
  };
  return (
    <input
      className="wbe-field"
      data-testid="example-index"
      inputMode="numeric"
      aria-label="index of the example"
      value={text}
      onChange={({ target }) => setText(target.value)}
      onBlur={go}
      onKeyDown={(event) => {
        if (event.key === "Enter") go();
      }}
    />
  );
}
