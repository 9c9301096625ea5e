// Saying that the kernel of a view is gone, from facts alone and never because it was silent for long:
// a busy kernel, a lost connection and an unknown status are no reason.

import { make, named } from "./dom";
import type { LiveState } from "./messages";
import type { Kernel, Manager, Model } from "./model";
import { POSTED } from "./post";

export const GONE =
  "The kernel of this run was stopped or restarted, and the run ended with it. The last " +
  "picture stays; run the cells again for a new run.";
export const STALE =
  "The notebook was closed and opened again, and this view no longer hears from its kernel. " +
  "Training is not concerned: reload the page to see it go on.";

/** What is known of the way to the kernel. */
export interface Facts {
  /** Whether the view belongs to a document that was closed; the one opened again is another. */
  closed: boolean;
  /** Whether the widget's own comm is open; undefined while that is not known. */
  live: boolean | undefined;
  /**
   * The kernel where the front end names one, null where it says that there is none any more, and
   * undefined where it says nothing: then only a message that cannot be sent tells.
   */
  kernel: Pick<Kernel, "status"> | null | undefined;
  /** Whether the last message could be sent. */
  sent: boolean;
}

/** Returns what to say about the kernel; nothing where all is well, or may be. */
export function fate({ closed, live, kernel, sent }: Facts): string {
  if (closed) return STALE;
  if (live === false || kernel === null || kernel?.status === "dead") return GONE;
  return !sent && kernel === undefined ? GONE : "";
}

/** Returns the kernel that a manager names; see `Facts.kernel`. */
export function kernelOf(manager: Manager | undefined): Kernel | null | undefined {
  try {
    return manager?.kernel;
  } catch {
    return null;
  }
}

/** Adds a line to `box` that tells when the kernel is gone; returns a function that ends that. */
export function watchKernel(model: Model<LiveState>, box: HTMLElement): () => void {
  const line = named("fate", make("div", "wb-fate", box));
  line.setAttribute("role", "status");
  line.hidden = true;
  const manager = model.widget_manager;
  const session = manager?.context?.sessionContext;
  // What anywidget hands out does not tell whether its comm is open; the model itself does.
  let own: { comm_live?: boolean } | null = null;
  let sent = true;

  const look = () => {
    const text = fate({
      closed: [manager, manager?.context].some((part) => part?.isDisposed),
      live: own?.comm_live,
      kernel: kernelOf(manager),
      sent,
    });
    box.classList.toggle("wb-gone", Boolean(text));
    if (line.textContent !== text) line.textContent = text;
    line.hidden = !text;
  };
  const told = (event: Event) => {
    sent = (event as CustomEvent<boolean>).detail;
    look();
  };

  box.addEventListener(POSTED, told);
  model.on("comm_live_update", look);
  session?.kernelChanged?.connect(look);
  session?.statusChanged?.connect(look);
  manager?.get_model?.(model.get("ident")).then(
    (found) => {
      own = found as { comm_live?: boolean };
      look();
    },
    () => undefined,
  );
  return () => {
    box.removeEventListener(POSTED, told);
    model.off("comm_live_update", look);
    session?.kernelChanged?.disconnect(look);
    session?.statusChanged?.disconnect(look);
  };
}
