// Says that the buttons of a view wait for the running cell, where this is so: in front ends that give
// no access to the kernel, and with kernels that handle no messages while a cell runs.

import { make, named } from "./dom";
import { kernelOf } from "./kernel";
import type { LiveState } from "./messages";
import type { Model } from "./model";

export const BUTTONS_WAIT =
  "While a cell runs that does not wait for this run, buttons may act only when it ends.";
const WAITS = "it takes effect when the running cell ends";
const MAY_WAIT = "while a cell runs, it takes effect when the cell ends";

/** Returns true if commands reach the run at once, whatever the kernel does. */
export function actsAtOnce(model: Pick<Model<LiveState>, "get" | "widget_manager">): boolean {
  const kernel = kernelOf(model.widget_manager);
  if (kernel?.isFree) return true;
  return model.get("has_control_channel") && Boolean(kernel?.sendControlMessage);
}

/** Returns when a command takes effect that was sent as a message of the widget; "" if at once. */
export function whenSent(model: Pick<Model<LiveState>, "widget_manager">): string {
  const status = kernelOf(model.widget_manager)?.status;
  if (status === undefined) return MAY_WAIT;
  return status === "idle" ? "" : WAITS;
}

/** Adds a line to `parent` that is shown if buttons wait for the running cell. */
export function sayThatButtonsWait(model: Model<LiveState>, parent: HTMLElement): void {
  const line = named("buttons-wait", make("div", "wb-waits", parent, BUTTONS_WAIT));
  line.hidden = actsAtOnce(model);
}
