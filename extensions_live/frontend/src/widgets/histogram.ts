// The widget `Histogram`: distributions of values inside a network, over the course of the run.

import { careForCell } from "../cell";
import { makeFrame } from "../inside/frame";
import { makePanel } from "../inside/panel";
import type { DistributionsPayload, HistogramState } from "../messages";
import type { Rendering } from "../model";

function render({ model, el }: Rendering<HistogramState>) {
  const { content, choose, run } = makeFrame<DistributionsPayload>(model, el, "histogram-view");
  const panel = makePanel(content, choose);
  const end = run(panel.show);
  return () => {
    panel.end();
    end();
  };
}

export default { initialize: careForCell, render };
