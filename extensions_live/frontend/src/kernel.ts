// Shows that the kernel of a view has ended. Silence is not a sign of this, because a kernel can be
// busy, a connection can be lost, and a status can be unknown.

import { make, named } from "./dom";
import type { LiveState } from "./messages";
import type { Kernel, Manager, Model } from "./model";
import { POSTED } from "./post";

export const KERNEL_STOPPED =
  "The kernel of this run was stopped or restarted. The last state stays visible. To start a new " +
  "run, run the cells again. A log that was written to a file is still there: SQLiteLog(path) " +
  "opens it.";
export const REOPENED =
  "The notebook was closed and opened again, so this view gets no updates from its kernel. " +
  "Training is not affected: reload the page to see it continue.";

/** State of the connection to the kernel. */
export interface Facts {
  /** True if the view belongs to a closed document; reopening creates another document. */
  closed: boolean;
  /** True if the comm of the widget is open, or undefined if this is not known. */
  live: boolean | undefined;
  /**
   * The kernel that the front end reports, null if it no longer has a kernel, or undefined if it
   * provides no information. Then only a failure to send a message shows that the kernel has ended.
   */
  kernel: Pick<Kernel, "status"> | null | undefined;
  /** True if the last message could be sent. */
  sent: boolean;
}

/** Returns the text to show about the kernel; empty unless it has certainly ended. */
export function kernelNotice({ closed, live, kernel, sent }: Facts): string {
  if (closed) return REOPENED;
  if (live === false || kernel === null || kernel?.status === "dead") return KERNEL_STOPPED;
  return !sent && kernel === undefined ? KERNEL_STOPPED : "";
}

/** Returns the kernel of a widget manager; see `Facts.kernel`. */
export function kernelOf(manager: Manager | undefined): Kernel | null | undefined {
  try {
    return manager?.kernel;
  } catch {
    return null;
  }
}

/** Adds a line to `box` that is shown if the kernel has ended; returns a function that ends this. */
export function watchKernel(model: Model<LiveState>, box: HTMLElement): () => void {
  const line = named("kernel-notice", make("div", "wb-kernel-notice", box));
  line.setAttribute("role", "status");
  line.hidden = true;
  const manager = model.widget_manager;
  const session = manager?.context?.sessionContext;
  // Only the full model has the state of the comm; anywidget provides a part of the model.
  let own: { comm_live?: boolean } | null = null;
  let sent = true;

  const look = () => {
    const text = kernelNotice({
      closed: [manager, manager?.context].some((part) => part?.isDisposed),
      live: own?.comm_live,
      kernel: kernelOf(manager),
      sent,
    });
    box.classList.toggle("wb-disconnected", Boolean(text));
    if (line.textContent !== text) line.textContent = text;
    line.hidden = !text;
  };
  const posted = (event: Event) => {
    sent = (event as CustomEvent<boolean>).detail;
    look();
  };

  box.addEventListener(POSTED, posted);
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
    box.removeEventListener(POSTED, posted);
    model.off("comm_live_update", look);
    session?.kernelChanged?.disconnect(look);
    session?.statusChanged?.disconnect(look);
  };
}
