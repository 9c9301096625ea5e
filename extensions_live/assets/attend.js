// What both widgets share; prepended to the module of each.

const HEARTBEAT = 10000; // ms between two signs of life

// Sends a message to Python, and tells the view whether that was possible.
function post(model, box, message) {
  let sent = true;
  try { model.send(message); } catch { sent = false; }
  box.dispatchEvent(new CustomEvent("wb-post", { detail: sent }));
}

// Tells Python whether this rendering is in sight: when that changes, every few seconds, and when
// it is closed. Nothing is sent to a view that nobody sees.
function attend(model, box) {
  const rendering = Math.random().toString(36).slice(2);
  let near = true;
  let told = null;
  const visible = () => near && document.visibilityState === "visible";
  const tell = () => {
    told = visible();
    post(model, box, { kind: "look", rendering, visible: told });
  };
  const check = () => { if (visible() !== told) tell(); };
  const observer = new IntersectionObserver((entries) => {
    near = entries[entries.length - 1].isIntersecting;
    check();
  }, { rootMargin: "300px", scrollMargin: "300px" }); // the second is for notebooks, which scroll inside
  observer.observe(box);
  document.addEventListener("visibilitychange", check);
  model.on("comm_live_update", tell);
  const beat = setInterval(() => { if (visible()) tell(); }, HEARTBEAT);
  tell();
  return () => {
    clearInterval(beat);
    observer.disconnect();
    document.removeEventListener("visibilitychange", check);
    model.off("comm_live_update", tell);
    post(model, box, { kind: "look", rendering, visible: false });
  };
}

// Shows an error of the view itself.
function showProblem(model, box) {
  const line = document.createElement("div");
  line.className = "wb-problem";
  line.dataset.testid = "view-problem";
  box.append(line);
  const update = () => {
    const text = model.get("problem");
    line.hidden = !text;
    line.textContent = `This view cannot be drawn; training is not concerned. ${text}`;
  };
  model.on("change:problem", update);
  update();
}
