// Sending what a person asks for, so that it acts at once. The kernel's control channel is heard
// whatever a cell does; where the page or the kernel has none, a message of the widget waits for
// the running cell, unless that waits for training and listens.

import type { CommandMessage, ControlReply, ControlRequest, LiveState } from "./messages";
import type { Kernel, Model } from "./model";
import { post } from "./post";

const ANSWER_TIME = 1500; // ms until the second way is tried, too

/** Returns 32 random hexadecimal digits. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the connection to the kernel, or null where the front end hands out none. */
function connection(model: Model<LiveState>): Kernel | null {
  try {
    return model.widget_manager?.kernel ?? null;
  } catch {
    return null;
  }
}

/** Asks on the control channel; resolves to whether the widget in the kernel took the message. */
async function ask(kernel: Kernel, content: ControlRequest): Promise<boolean> {
  const request = {
    channel: "control",
    header: {
      msg_id: randomId(),
      msg_type: "workbench_request",
      session: kernel.clientId,
      username: kernel.username,
      version: "5.3",
      date: new Date().toISOString(),
    },
    content,
    metadata: {},
    parent_header: {},
    buffers: [],
  };
  const late = new Promise<null>((resolve) => setTimeout(resolve, ANSWER_TIME, null));
  try {
    const answer = kernel.sendControlMessage?.(request, true, true).done;
    const reply = (await Promise.race([answer, late])) as { content?: ControlReply } | null;
    return reply?.content?.status === "ok";
  } catch {
    return false; // the kernel is gone; the other way says so
  }
}

/**
 * Sends a command that acts once, though it is sent by two ways where the first does not answer:
 * Python knows it by its id. `heard` says whether the kernel answers on the control channel;
 * `waiting` is called as soon as it is clear that the message has to wait for a cell.
 */
export async function command(
  model: Model<LiveState>,
  box: HTMLElement,
  name: CommandMessage["name"],
  heard: boolean,
  waiting: () => void,
): Promise<void> {
  const message: CommandMessage = { kind: "command", name, id: randomId() };
  const kernel = connection(model);
  if (heard && kernel?.sendControlMessage && kernel.connectionStatus === "connected") {
    if (await ask(kernel, { receiver: model.get("ident"), message })) return;
  }
  if (kernel?.status !== "idle") waiting();
  post(model, box, message);
}
