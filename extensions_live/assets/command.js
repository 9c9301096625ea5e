// Sends what a person asks for, so that it acts at once. The kernel's control channel is heard
// whatever a cell does; where the page or the kernel has none, a message of the widget waits for
// the running cell, unless that waits for training and listens.

const ANSWER_TIME = 1500; // ms until the second way is tried, too

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The connection to the kernel, or null where the front end hands out none.
function connection(model) {
  try { return model.widget_manager?.kernel ?? null; } catch { return null; }
}

// Asks on the control channel; resolves to whether the widget in the kernel took the message.
async function ask(kernel, receiver, message) {
  const header = {
    msg_id: randomId(), msg_type: "workbench_request", session: kernel.clientId,
    username: kernel.username, version: "5.3", date: new Date().toISOString(),
  };
  const request = {
    channel: "control", header, content: { receiver, message },
    metadata: {}, parent_header: {}, buffers: [],
  };
  const late = new Promise((resolve) => setTimeout(resolve, ANSWER_TIME, null));
  try {
    const reply = await Promise.race([kernel.sendControlMessage(request, true, true).done, late]);
    return reply?.content?.status === "ok";
  } catch {
    return false; // the kernel is gone; the other way says so
  }
}

// Sends a message once, though by two ways where the first does not answer: Python knows it by its
// id. `waiting` is called as soon as it is clear that the message has to wait for a cell.
async function command(model, box, message, heard, waiting) {
  const once = { ...message, id: randomId() };
  const kernel = connection(model);
  const direct = heard && kernel?.sendControlMessage && kernel.connectionStatus === "connected";
  if (direct && await ask(kernel, model.get("ident"), once)) return;
  if (kernel?.status !== "idle") waiting();
  post(model, box, once);
}
