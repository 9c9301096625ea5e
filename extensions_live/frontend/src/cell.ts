// Work of a widget for its cell, done once for each widget, visible or not.

import { writeStill } from "./still";
import type { LiveState } from "./messages";
import type { Model } from "./model";
import { reviveViews } from "./revive";

/** Writes the still output of the cell, and shows views again that the page failed to show. */
export function careForCell({ model }: { model: Model<LiveState> }): void {
  writeStill(model);
  reviveViews(model);
}
