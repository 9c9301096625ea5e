// Sends the command of a button so that it acts immediately. The kernel handles its control channel
// even while a cell runs. If the page or the kernel has no such channel, the command is a message of
// the widget, which waits for the running cell unless that cell waits for training.

import { kernelOf } from "./kernel";
import type { CommandMessage, ControlReply, ControlRequest, LiveState } from "./messages";
import type { Kernel, Model } from "./model";
import { post } from "./post";
import { actsAtOnce, whenSent } from "./waits";

const ANSWER_TIME = 1500; // ms until the message of the widget is sent as well

/** Returns 32 random hexadecimal digits. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends a request on the control channel; resolves to true if the widget accepted it. */
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
    return false; // the kernel has ended; the other way reports it
  }
}

/**
 * Sends a command, as `deliver` does. If it arrives twice, Python recognises it by its id, which is
 * also in its receipt. `waiting` is called with the time as text if the message waits for a cell.
 */
export async function command(
  model: Model<LiveState>,
  box: HTMLElement,
  request: Pick<CommandMessage, "name" | "arguments" | "id">,
  waiting?: (when: string) => void,
): Promise<void> {
  const message: CommandMessage = { kind: "command", ...request, id: request.id ?? randomId() };
  await deliver(model, box, message, waiting);
}

/**
 * Sends a message, which may arrive twice: if there is no answer on the control channel, it is also
 * sent as a message of the widget. `waiting` is called with the time as text if it then waits for a
 * cell.
 */
export async function deliver(
  model: Model<LiveState>,
  box: HTMLElement,
  message: ControlRequest["message"],
  waiting: (when: string) => void = () => undefined,
): Promise<void> {
  const kernel = kernelOf(model.widget_manager);
  if (kernel?.sendControlMessage && actsAtOnce(model) && kernel.connectionStatus === "connected") {
    if (await ask(kernel, { receiver: model.get("ident"), message })) return;
  }
  const when = whenSent(model);
  if (when) waiting(when);
  post(model, box, message);
}
