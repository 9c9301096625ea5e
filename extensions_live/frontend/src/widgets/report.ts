// The script that draws the figures of a report written by `extensions_live.to_html`. The page is
// one file that contains BokehJS and all data.

import { embed, type DocumentJson } from "../bokeh";
import { followTitles } from "../titles";
import { followTheme } from "../theme";

/** Draws the figures of a report in the elements with the class `figure`. */
export async function drawReport(page: Document): Promise<void> {
  const text = page.getElementById("figures")?.textContent;
  const holders = [...page.querySelectorAll<HTMLElement>(".figure")];
  if (!text || !holders.length) return;
  const problem = page.getElementById("problem");
  try {
    const json = JSON.parse(text) as DocumentJson & { version: string };
    const bokeh = window.Bokeh?.[json.version];
    if (!bokeh) throw new Error("the file has no BokehJS");
    const views = await embed(bokeh, json, holders);
    const figures = views.document.roots();
    followTheme(figures, page.body);
    followTitles(figures, page.body);
    page.body.dataset.drawn = String(figures.length);
  } catch (error) {
    if (problem) {
      problem.hidden = false;
      problem.textContent = `The curves cannot be drawn: ${String(error)}`;
    }
  }
}

void drawReport(document);
