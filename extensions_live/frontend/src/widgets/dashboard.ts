// The page of a dashboard: a bar, a list of runs if there is a choice, and the widgets. Panel shows
// it as a `JSComponent`. Everything arrives as messages from its server, and nothing is fetched.

import { show, type Shown } from "../dashboard/contents";
import { showRuns } from "../dashboard/run_list";
import { addThemeSwitch } from "../dashboard/theme_switch";
import { make, named } from "../dom";
import type { DashboardAnswer, DashboardMessage, DashboardStart } from "../messages";

/** The model that Panel gives to the page. */
interface PanelModel {
  readonly start: DashboardStart;
  send_msg: (message: DashboardAnswer) => void;
  on: (event: string, callback: (message: DashboardMessage) => void) => void;
}

const LOST =
  "The connection to this dashboard was lost: its program has ended, or the network is down. " +
  "This page shows the last state. Reload the page to connect again.";

function render({ model, el }: { model: PanelModel; el: HTMLElement }) {
  const { title, place, notice, style } = model.start;
  make("style", "", el, style);
  const page = named("dashboard", make("div", "wbd", el));
  const bar = make("header", "wbd-bar", page);
  const text = make("div", "wbd-titles", bar);
  make("h1", "wbd-title", text, title);
  if (place) make("div", "wbd-soft", text, place);
  const endTheme = addThemeSwitch(bar);
  const lost = named("lost", make("div", "wbd-notice wbd-lost", page, LOST));
  lost.setAttribute("role", "alert");
  lost.hidden = true;
  if (notice) named("exposed", make("div", "wbd-notice", page, notice));
  const problem = named("runs-problem", make("div", "wbd-notice", page));
  problem.setAttribute("role", "alert");
  problem.hidden = true;
  const body = make("div", "wbd-body", page);
  const side = make("nav", "wbd-side", body);
  side.hidden = true;
  const main = named("main", make("main", "wbd-main", body));
  const waiting = make("p", "wbd-soft", main, "loading");

  const send = (message: DashboardAnswer) => {
    model.send_msg(message);
  };
  let shown: Shown | null = null;
  model.on("msg:custom", (message) => {
    lost.hidden = true;
    if (message.kind === "change") {
      for (const [ident, traits] of Object.entries(message.parts)) {
        shown?.parts.get(ident)?.update(traits);
      }
    } else if (message.kind === "parts") {
      shown?.add(message.parts, message.modules);
    } else if (message.kind === "runs") {
      side.hidden = false;
      problem.hidden = !message.problem;
      problem.textContent = message.problem;
      if (message.problem) return; // the last list stays
      showRuns(side, message.rows, (runs) => {
        send({ kind: "select", runs });
      });
    } else {
      waiting.remove();
      shown?.remove();
      shown = show(message, main, send);
    }
  });
  model.on("lifecycle:remove", () => {
    endTheme();
    shown?.remove();
  });
  watchConnection(lost);
  send({ kind: "ready" });
}

/** Shows `lost` when the connection to the server ends. */
function watchConnection(lost: HTMLElement): void {
  // Among other entries, `window.Bokeh` has one for each version of Bokeh on the page.
  const versions = Object.entries(window.Bokeh ?? {}).filter(([name]) => /^\d/.test(name));
  for (const one of versions.flatMap(([, bokeh]) => bokeh.documents)) {
    one.on_event?.("connection_lost", () => {
      lost.hidden = false;
    });
  }
}

export default { render };
