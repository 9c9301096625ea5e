// The widget `Editor`: a canvas of bricks, drawn by React. Python owns the model that it shows.

import { ReactFlowProvider } from "@xyflow/react";
import { createRoot } from "react-dom/client";

import { careForCell } from "../cell";
import { make } from "../dom";
import { announce } from "../draw";
import type { EditorModel } from "./model";
import { App } from "./parts/App";
import { LiveProvider } from "./parts/useLive";
import { outboxOf } from "./transport";
import { reportVisibility } from "../visibility";

interface Rendering {
  readonly model: EditorModel;
  readonly el: HTMLElement;
}

function render({ model, el }: Rendering): () => void {
  const host = make("div", "wbe-host wb-live", el);
  const root = createRoot(host);
  root.render(
    <ReactFlowProvider>
      <LiveProvider value={model}>
        <App model={model} host={host} />
      </LiveProvider>
    </ReactFlowProvider>,
  );
  const endReports = reportVisibility(model, host);
  outboxOf(model, host).repeat(); // of a page that lost its kernel for a while
  announce(host);
  return () => {
    endReports();
    root.unmount();
    host.remove();
  };
}

export default { initialize: careForCell, render };
