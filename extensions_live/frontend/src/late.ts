// Keeps a widget alive on a page that was very busy while it loaded. If a widget takes more than two
// seconds to start, anywidget drops every message that the kernel sends to it from then on.

import type { LiveState } from "./messages";
import type { Model } from "./model";

const HANDLER = "_handle_comm_msg";

type Handle = (message: unknown) => unknown;

/** The parts of a full widget that receive messages. */
interface Receiver {
  comm?: { on_msg?: (handle: Handle) => void };
}

/** Lets a started widget receive messages directly, without the check whether it has started. */
export function hearMessages(model: Model<LiveState>): void {
  model.widget_manager?.get_model?.(model.get("ident")).then(
    (found) => {
      const handle = inheritedHandler(found as object);
      if (handle) (found as Receiver).comm?.on_msg?.((message) => handle.call(found, message));
    },
    () => undefined,
  );
}

/** Returns the handler that anywidget's own one replaces, or undefined if there is none. */
function inheritedHandler(widget: object): Handle | undefined {
  let owner = Object.getPrototypeOf(widget) as object | null;
  while (owner && !Object.hasOwn(owner, HANDLER)) {
    owner = Object.getPrototypeOf(owner) as object | null;
  }
  const base = owner && (Object.getPrototypeOf(owner) as Record<string, Handle | undefined>);
  return base?.[HANDLER];
}
