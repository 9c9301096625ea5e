// The parts that all views inside the network share: the box, its title, and its updates.

import { make, named } from "../dom";
import { announce } from "../draw";
import { watchKernel } from "../kernel";
import { ownKeys } from "../keys";
import type { Empty, LiveState } from "../messages";
import type { Model } from "../model";
import { pacedView, type Pace } from "../pace";
import { post } from "../post";
import { showProblem } from "../problem";
import { reportVisibility } from "../visibility";

interface State<Payload extends object> extends LiveState {
  payload: Payload | Empty;
  title: string;
}

export interface Frame {
  readonly box: HTMLElement;
  readonly content: HTMLElement;
  readonly choose: (what: string, value: string) => void;
}

/** Adds the box of a view to `el`, and returns the box with the element for its contents. */
export function makeFrame<Payload extends object>(
  model: Model<State<Payload>>,
  el: HTMLElement,
  name: string,
): Frame & { run: (apply: (payload: Payload) => void) => () => void } {
  const box = named(name, make("div", "wb wb-live wb-card", el));
  const plain = model as unknown as Model<LiveState>;
  showProblem(plain, box);
  const endWatch = watchKernel(plain, box);
  const endReports = reportVisibility(plain, box);
  const endKeys = ownKeys(box);
  const title = model.get("title");
  if (title) make("div", "wb-title", box, title);
  const waiting = make("div", "wb-soft wb-inside-waiting", box, "waiting for the first values");
  const content = make("div", "", box);
  let pace: Pace | undefined;
  return {
    box,
    content,
    choose: (what, value) => {
      pace?.hurry();
      post(plain, box, { kind: "choose", what, value });
    },
    run: (apply) => {
      const update = () => {
        const payload = model.get("payload");
        const present = Object.keys(payload).length > 0;
        waiting.hidden = present || model.get("problem") !== "";
        content.hidden = !present;
        if (present) apply(payload as Payload);
      };
      const own = (pace = pacedView(plain, box, update));
      model.on("change:payload", own.draw);
      model.on("change:problem", update);
      own.draw();
      announce(box);
      return () => {
        endReports();
        endWatch();
        endKeys();
        model.off("change:payload", own.draw);
        own.end();
        model.off("change:problem", update);
      };
    },
  };
}
