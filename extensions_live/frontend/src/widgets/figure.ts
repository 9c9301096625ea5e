// The widget `FigureView`: shows a finished Bokeh figure.

import { embed, loadBokeh, type DocumentJson } from "../bokeh";
import { careForCell } from "../cell";
import { make, named } from "../dom";
import { announce, shown, whileShown } from "../draw";
import { ownKeys } from "../keys";
import { followTitles } from "../titles";
import type { FigureState, PlotState } from "../messages";
import type { Model, Rendering } from "../model";
import { followTheme } from "../theme";

function render({ model, el }: Rendering<FigureState>) {
  const box = named("figure", make("div", "wb wb-live wb-static", el));
  const holder = make("div", "wb-figure", box);
  const problem = make("div", "wb-problem", box);
  problem.hidden = true;

  const draw = async () => {
    const bokeh = await loadBokeh(model as unknown as Model<PlotState>);
    if (!shown(box)) return null;
    const json = JSON.parse(model.get("figures")) as DocumentJson;
    const views = await embed(bokeh, json, [holder]);
    const figures = views.document.roots();
    const ends = [followTheme(figures, box), followTitles(figures, box)];
    announce(box);
    return () => {
      for (const end of ends) end();
      views.remove();
    };
  };
  const endKeys = ownKeys(box);
  const endDrawing = whileShown(box, draw, (error) => {
    problem.hidden = !error;
    problem.textContent = error ? `The figure cannot be drawn here: ${error.message}` : "";
  });
  return () => {
    endKeys();
    endDrawing();
  };
}

export default { initialize: careForCell, render };
