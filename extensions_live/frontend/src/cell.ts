// What each widget does for its cell, once, whether it is visible or not.

import { writeStill } from "./still";
import type { LiveState } from "./messages";
import type { Model } from "./model";
import { reviveViews } from "./revive";

/** Writes the still output of the cell, and shows the views that the page failed to show. */
export function careForCell({ model }: { model: Model<LiveState> }): void {
  writeStill(model);
  reviveViews(model);
}
