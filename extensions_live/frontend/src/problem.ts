// Shows in the view an error that Python reports.

import { make, named } from "./dom";
import type { LiveState } from "./messages";
import type { Model } from "./model";

/** Adds a line to `box` that shows an error, if there is one. */
export function showProblem(model: Pick<Model<LiveState>, "get" | "on">, box: HTMLElement): void {
  const line = named("view-problem", make("div", "wb-problem", box));
  const update = () => {
    const text = model.get("problem");
    line.hidden = !text;
    line.textContent = `This view cannot be drawn; training is not affected. ${text}`;
  };
  model.on("change:problem", update);
  update();
}
