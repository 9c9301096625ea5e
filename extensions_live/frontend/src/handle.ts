// The handle on the x axis of a session's plot. The user drags it to an iteration, and can then
// rewind, fork or compare the run there.

import { iterationAt, placeText, positionOf } from "./axes";
import type { Frame } from "./bokeh";
import { focusOf, make, named } from "./dom";
import type { AxisData, CommandName, Outcome } from "./messages";
import { appendCode } from "./offer";

const GAP = 8; // pixels between the handle and its panel
const STEP = 0.01; // share of the axis by which an arrow key moves the handle

/** Current values that the handle needs. */
export interface HandleFacts {
  readonly frame: Frame | undefined;
  readonly axis: AxisData | undefined;
  readonly last: number;
  readonly possible: CommandName[];
  readonly command: Outcome | null;
}

export interface Handle {
  /** Moves the handle to its position, and shows the outcome of the last request. */
  update: () => void;
}

type Ask = (
  name: CommandName,
  args: Record<string, unknown>,
  waiting: (when: string) => void,
) => void;

interface Way {
  readonly name: CommandName;
  readonly label: string;
  readonly title: string;
  readonly arguments: (iteration: number) => Record<string, unknown>;
}

const WAYS: Way[] = [
  {
    name: "rewind",
    label: "rewind here",
    title: "go back to this iteration and pause; later iterations are kept as a branch",
    arguments: (iteration) => ({ iteration }),
  },
  {
    name: "fork",
    label: "fork here",
    title: "create a second session, which is paused at this iteration",
    arguments: (iteration) => ({ iteration }),
  },
];

/** Adds the handle to a card; `compare` compares the run with its branches from an iteration on. */
export function makeHandle(
  holder: HTMLElement,
  parent: HTMLElement,
  facts: () => HandleFacts,
  ask: Ask,
  compare: (iteration: number) => void,
): Handle {
  const layer = named("handle-layer", make("div", "wb-handle-layer", parent));
  layer.hidden = true;
  const line = make("div", "wb-handle-line", layer);
  const grip = named("handle", make("div", "wb-handle", layer));
  grip.tabIndex = 0;
  grip.setAttribute("role", "slider");
  grip.setAttribute("aria-label", "iteration to go back to");
  grip.setAttribute("aria-valuemin", "0");
  grip.title = "drag to an iteration, then rewind, fork or compare";
  const panel = named("handle-panel", make("div", "wb-handle-panel", layer));
  const where = make("span", "wb-handle-at", panel);
  let at: number | null = null; // the iteration; null at the end of the run
  let pending: { after: number } | null = null;
  let said = "";
  let code = ""; // which shows the session of a fork
  let told = 0; // the command that `said` is about

  const buttons = WAYS.map((way) => {
    const button = named(`${way.name}-here`, make("button", "wb-tool", panel, way.label));
    button.type = "button";
    button.title = way.title;
    button.addEventListener("click", () => {
      if (at === null) return;
      pending = { after: facts().command?.id ?? 0 };
      code = "";
      const text = `${way.name} at ${at.toLocaleString("en")}`;
      said = `${text} sent`;
      ask(way.name, way.arguments(at), (when) => {
        if (pending) said = `${text} sent; ${when}`;
        update();
      });
      update();
    });
    return { name: way.name, button };
  });
  const comparison = named("compare-here", make("button", "wb-tool", panel, "compare from here"));
  comparison.type = "button";
  comparison.title = "compare this run with its branches, from this iteration on";
  comparison.addEventListener("click", () => {
    if (at === null) return;
    pending = { after: facts().command?.id ?? 0 };
    said = code = "";
    compare(at);
  });
  const close = make("button", "wb-tool wb-handle-close", panel, "✕");
  close.type = "button";
  close.setAttribute("aria-label", "return the handle to the end");
  close.addEventListener("click", () => {
    move(null);
    grip.focus();
  });
  const answer = named("handle-answer", make("span", "wb-handle-answer", layer));
  answer.setAttribute("role", "status");

  const move = (to: number | null) => {
    const { last } = facts();
    at = to === null ? null : Math.min(last, Math.max(0, Math.round(to)));
    said = code = "";
    update();
  };
  const dragTo = (event: PointerEvent) => {
    const { frame, axis } = facts();
    if (!frame) return;
    const sx = event.clientX - holder.getBoundingClientRect().left;
    const { left, right } = frame.bbox;
    move(iterationAt(axis, frame.x_scale.invert(Math.min(right, Math.max(left, sx)))));
  };
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    grip.focus();
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", dragTo);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    grip.addEventListener(end, () => {
      grip.removeEventListener("pointermove", dragTo);
    });
  }
  grip.addEventListener("keydown", (event) => {
    const { last } = facts();
    const now = at ?? last;
    const step = Math.max(1, Math.round(last * STEP));
    const to: Partial<Record<string, number | null>> = {
      ArrowLeft: now - (event.shiftKey ? 1 : step),
      ArrowRight: now + (event.shiftKey ? 1 : step),
      Home: 0,
      End: last,
      Escape: null,
    };
    if (!(event.key in to)) return;
    event.preventDefault();
    event.stopPropagation();
    move(to[event.key] ?? null);
  });

  /** Closes the panel, since the run is now where the handle was. */
  function returnToEnd() {
    if (panel.contains(focusOf(panel))) grip.focus();
    at = null;
    update();
  }

  function update() {
    const { frame, axis, last, possible, command } = facts();
    layer.hidden = !frame || !possible.length || last < 1;
    if (layer.hidden || !frame) return;
    const { left, right, top } = frame.bbox;
    const x = frame.x_scale.compute(positionOf(axis, at ?? last));
    const inside = x >= left - 1 && x <= right + 1;
    const [dx, dy] = [holder.offsetLeft, holder.offsetTop];
    const place = Math.min(right, Math.max(left, Number.isFinite(x) ? x : left));
    layer.style.setProperty("--wb-x", `${place + dx}px`);
    layer.style.setProperty("--wb-top", `${top + dy}px`);
    line.hidden = at === null || !inside;
    panel.hidden = at === null;
    // Beside the handle, on the side with more room, and never beyond the edges of the card.
    const width = panel.offsetWidth;
    const leftward = place > (left + right) / 2;
    const beside = place + dx + (leftward ? -GAP - width : GAP);
    const room = Math.max(0, parent.clientWidth - width - GAP);
    panel.style.setProperty("--wb-panel-x", `${Math.min(room, Math.max(GAP, beside))}px`);
    grip.classList.toggle("wb-away", at === null);
    grip.setAttribute("aria-valuemax", String(last));
    grip.setAttribute("aria-valuenow", String(at ?? last));
    const text = placeText(axis, positionOf(axis, at ?? last));
    grip.setAttribute("aria-valuetext", text);
    where.textContent = text;
    for (const { name, button } of buttons) button.disabled = !possible.includes(name);
    if (pending && command && command.id !== pending.after && !command.text.includes("queued")) {
      pending = null;
      told = command.id;
      said = command.text;
      code = command.code ?? "";
      answer.classList.toggle("wb-refused", command.refused);
      if (/^rewind.*: applied/.test(said)) returnToEnd();
    } else if (pending) {
      answer.classList.remove("wb-refused");
    } else if (told && command && command.id !== told) {
      said = code = ""; // a command from elsewhere has followed
      told = 0;
    }
    const shown = said + (said && code);
    if (answer.dataset.shown === shown) return;
    answer.dataset.shown = shown;
    answer.textContent = said;
    if (said && code) appendCode(answer, code);
  }
  return { update };
}
