// Sends the outbox. The trait is enough while the kernel is idle; while a cell runs, the kernel still
// answers on its control channel. Python executes each intent once. What has no answer is also kept
// in the browser's tab, and sent again after a reload.

import { deliver, randomId } from "../command";
import type { Intent } from "../messages";
import { kernelOf } from "../kernel";
import { post } from "../post";
import { boardOf, type EditorModel } from "./model";
import { Outbox } from "./outbox";
import { keep, kept } from "./unsent";

const outboxes = new WeakMap<object, Outbox>();

/** Returns the outbox of a widget; all renderings of a page share it. */
export function outboxOf(model: EditorModel, box: HTMLElement): Outbox {
  const known = outboxes.get(model);
  if (known) return known;
  const origin = model.get("origin");
  const outbox = new Outbox(
    randomId(),
    (intents) => {
      sendIntents(model, box, intents);
    },
    (intents) => {
      keep(origin, intents);
    },
    kept(origin),
  );
  outboxes.set(model, outbox);
  return outbox;
}

function sendIntents(model: EditorModel, box: HTMLElement, intents: Intent[]): void {
  if (!model.set || !model.save_changes) {
    post(model, box, { kind: "intents", intents });
    return;
  }
  try {
    model.set("outbox", intents);
    model.save_changes();
  } catch {
    // the kernel has ended; the line about the kernel says so
  }
  const { control_channel } = boardOf(model);
  if (control_channel && kernelOf(model.widget_manager)?.status !== "idle") {
    void deliver(model, box, { kind: "intents", intents });
  }
}
