// The widget `PlotView`, which shows Bokeh figures that Python has built.

import { reportVisibility } from "../visibility";
import { embed, loadBokeh, type DocumentJson } from "../bokeh";
import { makeCard } from "../card";
import { careForCell } from "../cell";
import { fill } from "../figures";
import { make, named } from "../dom";
import { announce, shown, whileShown } from "../draw";
import { watchKernel } from "../kernel";
import { ownKeys } from "../keys";
import type { PlotState } from "../messages";
import type { Rendering } from "../model";
import { offerCode } from "../offer";
import { showProblem } from "../problem";

const MOST_COLUMNS = 2;

function render({ model, el }: Rendering<PlotState>) {
  const box = named("plot", make("div", "wb wb-live wb-plot", el));
  const endKeys = ownKeys(box);
  showProblem(model, box);
  offerCode(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const heading = make("div", "wb-title", box);
  const content = make("div", "", box);
  const problem = make("div", "wb-problem", box);
  problem.hidden = true;

  // Draws everything that depends on the curves, which a comparison changes.
  const show = () => {
    content.replaceChildren();
    heading.textContent = model.get("title");
    heading.hidden = !heading.textContent;
    const lines = model.get("lines");
    const grid = make("div", "wb-grid", content);
    grid.style.setProperty("--wb-columns", String(Math.min(lines.length, MOST_COLUMNS)));
    const cards = lines.map((infos) => makeCard(infos, grid));
    const draw = async () => {
      const bokeh = await loadBokeh(model);
      if (!shown(box)) return null;
      const json = JSON.parse(model.get("figures")) as DocumentJson;
      const holders = cards.map((card) => card.holder);
      const views = await embed(bokeh, json, holders);
      try {
        const end = fill(model, box, cards, views, content);
        announce(box);
        return end;
      } catch (error) {
        views.remove();
        throw error;
      }
    };
    return whileShown(box, draw, (error) => {
      problem.hidden = !error;
      problem.textContent = error ? `The plot cannot be drawn here: ${error.message}` : "";
    });
  };
  let end = show();
  const again = () => {
    end();
    end = show();
  };
  model.on("change:figures", again);
  return () => {
    model.off("change:figures", again);
    end();
    endReports();
    endWatch();
    endKeys();
  };
}

export default { initialize: careForCell, render };
