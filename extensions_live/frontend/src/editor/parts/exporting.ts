// Saves the canvas as an image, with the colours of the page.

import type { ReactFlowInstance } from "@xyflow/react";

import { download } from "../../save";
import { drawSvg, pngOf, withDocument, type DrawnEdge } from "../drawing";
import type { FlowEdge, FlowNode } from "../flow";
import type { Tools } from "./context";

/** Returns a colour of the style sheet as hexadecimal digits, which every program reads. */
function colour(css: string, box: HTMLElement): string {
  const probe = document.createElement("span");
  probe.style.color = css;
  box.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d");
  if (!pen) return found;
  pen.fillStyle = found;
  pen.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** Returns the edges as they are drawn on the page. */
function drawnEdges(flow: ReactFlowInstance<FlowNode, FlowEdge>, box: HTMLElement): DrawnEdge[] {
  return flow.getEdges().flatMap(({ id, data }) => {
    const found = box.querySelector<SVGPathElement>(
      `.react-flow__edge[data-id="${CSS.escape(id)}"] .react-flow__edge-path`,
    );
    const path = found?.getAttribute("d");
    if (!found || !path) return [];
    const { x, y } = found.getPointAtLength(found.getTotalLength() / 2);
    const label = data?.at === null ? "" : (data?.label ?? "");
    return [{ path, label, at: data?.at ?? ([x, y] as const) }];
  });
}

/** Lets the browser save the canvas as an image that contains the document of the board. */
export async function saveImage(
  format: "svg" | "png",
  flow: ReactFlowInstance<FlowNode, FlowEdge>,
  box: HTMLElement,
  document: string,
  familyOf: Tools["familyOf"],
): Promise<void> {
  const nodes = flow.getNodes().flatMap(({ id, data, width = 0, height = 0 }) => {
    const at = flow.getInternalNode(id)?.internals.positionAbsolute;
    return at ? [{ node: data.node, box: { x: at.x, y: at.y, width, height } }] : [];
  });
  const svg = drawSvg(
    nodes,
    drawnEdges(flow, box),
    {
      paper: colour("var(--wbe-paper)", box),
      fill: colour("var(--wbe-card)", box),
      line: colour("var(--wbe-strong-line)", box),
      text: colour("var(--wbe-text)", box),
      soft: colour("var(--wbe-soft)", box),
      font: "system-ui, sans-serif",
      accent: (node) => colour(`var(--wbe-${familyOf(node)})`, box),
    },
    document,
  );
  if (format === "svg") {
    download(new Blob([svg], { type: "image/svg+xml" }), "model.svg");
    return;
  }
  const png = withDocument(await pngOf(svg), document);
  download(new Blob([png], { type: "image/png" }), "model.png");
}
