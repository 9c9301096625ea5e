import { expect, it } from "vitest";

import type { Figure } from "../src/bokeh";
import { makeCard } from "../src/card";
import { styleCurves } from "../src/curve_style";
import type { LineInfo, PlotSettings } from "../src/messages";

it("names the run of a comparison only at the first of its curves", () => {
  const info = (run: string, label: string) =>
    ({ key: run + label, run, label, channel: label, colour: "red", dash: [] }) as unknown;
  const infos = ["a", "b"].flatMap((run) => [info(run, "cost"), info(run, "test_cost")]);
  const card = makeCard(infos as LineInfo[], document.createElement("div"));
  const now = { names: {}, run_colours: {}, hidden: [], hidden_runs: [] } as unknown;
  styleCurves({ renderers: [] } as unknown as Figure, card, new Map(), now as PlotSettings, []);
  expect(card.keys.map(({ name }) => name.textContent)).toEqual([
    "cost · a",
    "test_cost",
    "cost · b",
    "test_cost",
  ]);
  expect(card.keys[1]?.button.title).toBe("show or hide test_cost · a");
});
