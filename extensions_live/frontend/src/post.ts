// Sends a message of the widget to Python.

import type { Message } from "./messages";
import type { Model } from "./model";

/** The event that reports to a view whether a message could be sent. */
export const POSTED = "wb-post";

/** Sends a message, and reports to the view whether sending succeeded. */
export function post(model: Pick<Model<never>, "send">, box: HTMLElement, message: Message): void {
  let sent = true;
  try {
    model.send(message);
  } catch {
    sent = false;
  }
  box.dispatchEvent(new CustomEvent(POSTED, { detail: sent }));
}
