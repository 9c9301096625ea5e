// Says that the kernel of a view is gone, from facts alone and never because it was silent for long:
// a busy kernel, a lost connection and a status that nobody knows are no reason.

const GONE = "The kernel of this run was stopped or restarted, and the run ended with it. The last "
  + "picture stays; run the cells again for a new run.";
const STALE = "The notebook was closed and opened again, and this view no longer hears from its kernel. "
  + "Training is not concerned: reload the page to see it go on.";

function watchKernel(model, box) {
  const line = document.createElement("div");
  line.className = "wb-fate";
  line.dataset.testid = "fate";
  line.setAttribute("role", "status");
  line.hidden = true;
  box.append(line);
  const manager = model.widget_manager;
  const session = manager?.context?.sessionContext;
  // What anywidget hands out does not tell whether its comm is open; the model itself does.
  let own = null;
  let sent = true;

  // The kernel where the front end names one, null where it says that there is none any more, and
  // undefined where it says nothing: then only a message that cannot be sent tells.
  const kernel = () => {
    try { return manager.kernel; } catch { return null; }
  };
  const fate = () => {
    // A notebook that is opened again gets views that belong to its closed document.
    if (manager?.isDisposed || manager?.context?.isDisposed) return STALE;
    const now = kernel();
    if (own?.comm_live === false || now === null || now?.status === "dead") return GONE;
    return !sent && now === undefined ? GONE : "";
  };
  const look = () => {
    const text = fate();
    box.classList.toggle("wb-gone", Boolean(text));
    if (line.textContent !== text) line.textContent = text;
    line.hidden = !text;
  };
  const told = ({ detail }) => { sent = detail; look(); };

  box.addEventListener("wb-post", told);
  model.on("comm_live_update", look);
  session?.kernelChanged?.connect(look);
  session?.statusChanged?.connect(look);
  manager?.get_model?.(model.get("ident")).then((found) => { own = found; look(); }, () => {});
  return () => {
    box.removeEventListener("wb-post", told);
    model.off("comm_live_update", look);
    session?.kernelChanged?.disconnect(look);
    session?.statusChanged?.disconnect(look);
  };
}
