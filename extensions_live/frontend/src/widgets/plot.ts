// The widget `PlotView`, which shows Bokeh figures that Python has built.

import { reportVisibility } from "../visibility";
import { embed, loadBokeh, type DocumentJson } from "../bokeh";
import { makeCard } from "../card";
import { careForCell } from "../cell";
import { fill } from "../figures";
import { make, named } from "../dom";
import { announce, shown, whileShown } from "../draw";
import { watchKernel } from "../kernel";
import type { PlotState } from "../messages";
import type { Rendering } from "../model";
import { showProblem } from "../problem";

const MOST_COLUMNS = 2;

function render({ model, el }: Rendering<PlotState>) {
  const box = named("plot", make("div", "wb wb-live wb-plot", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const title = model.get("title");
  if (title) make("div", "wb-title", box, title);
  const channels = model.get("channels");
  const colours = model.get("colours");
  const grid = make("div", "wb-grid", box);
  grid.style.setProperty("--wb-columns", String(Math.min(channels.length, MOST_COLUMNS)));
  const cards = channels.map((names) => makeCard(names, colours, grid));
  const problem = make("div", "wb-problem", box);
  problem.hidden = true;

  const draw = async () => {
    const bokeh = await loadBokeh(model);
    if (!shown(box)) return null;
    const json = JSON.parse(model.get("figures")) as DocumentJson;
    const holders = cards.map((card) => card.holder);
    const views = await embed(bokeh, json, holders);
    try {
      const end = fill(model, box, cards, views);
      announce(box);
      return end;
    } catch (error) {
      views.remove();
      throw error;
    }
  };
  const end = whileShown(box, draw, (error) => {
    problem.hidden = !error;
    problem.textContent = error ? `The plot cannot be drawn here: ${error.message}` : "";
  });
  return () => {
    end();
    endReports();
    endWatch();
  };
}

export default { initialize: careForCell, render };
