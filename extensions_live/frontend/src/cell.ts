// What a widget does for its cell, whether or not it is in sight: called once for each.

import { writeStill } from "./still";
import type { LiveState } from "./messages";
import type { Model } from "./model";
import { reviveViews } from "./revive";

/** Keeps the still picture of the cell, and shows its views again that the page gave up. */
export function careForCell({ model }: { model: Model<LiveState> }): void {
  writeStill(model);
  reviveViews(model);
}
