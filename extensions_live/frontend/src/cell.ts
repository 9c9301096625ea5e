// What each widget does for its cell, once, whether it is visible or not.

import { hearMessages } from "./late";
import { writeStill } from "./still";
import type { LiveState } from "./messages";
import type { Model } from "./model";
import { reviveViews } from "./revive";

/**
 * Writes the still output of the cell, shows the views that the page failed to show, and keeps
 * those that started late up to date.
 */
export function careForCell({ model }: { model: Model<LiveState> }): void {
  writeStill(model);
  reviveViews(model);
  hearMessages(model);
}
