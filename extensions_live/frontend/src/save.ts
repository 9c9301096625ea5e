// Files of a figure: PNG and SVG with the legend, and CSV of the points on the screen.

import type { FigureView } from "./bokeh";
import type { Points } from "./numbers";

const BAND = 28; // height of the legend, in pixels
const SWATCH = 22;
const GAP = 16;
const FONT = "12px sans-serif";

/** A curve in the legend of a file. */
export interface Entry {
  readonly label: string;
  readonly colour: string;
  readonly dash: number[];
}

interface Paper {
  readonly background: string;
  readonly text: string;
}

function paper(el: HTMLElement): Paper {
  for (let part: HTMLElement | null = el; part; part = part.parentElement) {
    const background = getComputedStyle(part).backgroundColor;
    if (background && !/^(transparent|rgba\(.*, 0\))$/.test(background)) {
      return { background, text: getComputedStyle(el).color };
    }
  }
  return { background: "white", text: getComputedStyle(el).color };
}

/** Returns a PNG of a figure, on the background of the page. */
export async function png(view: FigureView, entries: Entry[], el: HTMLElement): Promise<Blob> {
  const layer = view.export("png");
  const { canvas, pixel_ratio: ratio } = layer;
  const whole = document.createElement("canvas");
  whole.width = canvas.width;
  whole.height = canvas.height + BAND * ratio;
  const pen = whole.getContext("2d");
  if (!pen) throw new Error("the page cannot draw an image");
  const { background, text } = paper(el);
  pen.fillStyle = background;
  pen.fillRect(0, 0, whole.width, whole.height);
  pen.drawImage(canvas, 0, BAND * ratio);
  pen.scale(ratio, ratio);
  pen.font = FONT;
  pen.textBaseline = "middle";
  let x = 12;
  for (const { label, colour, dash } of entries) {
    pen.strokeStyle = colour;
    pen.lineWidth = 2.5;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(x, BAND / 2);
    pen.lineTo(x + SWATCH, BAND / 2);
    pen.stroke();
    pen.fillStyle = text;
    pen.fillText(label, x + SWATCH + 6, BAND / 2);
    x += SWATCH + 6 + pen.measureText(label).width + GAP;
  }
  return new Promise((resolve, reject) => {
    whole.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error("the page cannot write a PNG"));
    });
  });
}

/** Returns an SVG of a figure, on the background of the page. */
export async function svg(view: FigureView, entries: Entry[], el: HTMLElement): Promise<Blob> {
  const inner = await (await view.export("svg").to_blob()).text();
  const size = (name: string) => Number(new RegExp(`\\b${name}="([0-9.]+)`).exec(inner)?.[1] ?? 0);
  const [width, height] = [size("width"), size("height")];
  const { background, text } = paper(el);
  let x = 12;
  const legend = entries.map(({ label, colour, dash }) => {
    const at = x;
    x += SWATCH + 6 + 7 * label.length + GAP;
    const line =
      `<line x1="${at}" x2="${at + SWATCH}" y1="${BAND / 2}" y2="${BAND / 2}" ` +
      `stroke="${escaped(colour)}" stroke-width="2.5" stroke-dasharray="${dash.join(" ")}"/>`;
    return `${line}<text x="${at + SWATCH + 6}" y="${BAND / 2 + 4}">${escaped(label)}</text>`;
  });
  const whole =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + BAND}">` +
    `<rect width="100%" height="100%" fill="${escaped(background)}"/>` +
    `<g font-family="sans-serif" font-size="12" fill="${escaped(text)}">${legend.join("")}</g>` +
    `<g transform="translate(0 ${BAND})">${inner.replace(/^<\?xml[^>]*>/, "")}</g></svg>`;
  return new Blob([whole], { type: "image/svg+xml" });
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? "");
}

/** Returns the points of curves as CSV, one row for each position; missing values are empty. */
export function csv(axis: string, labels: string[], curves: (Points | undefined)[]): string {
  const rows = new Map<number, string[]>();
  curves.forEach((curve, column) => {
    curve?.x.forEach((x, i) => {
      const y = curve.y[i];
      if (y === undefined || Number.isNaN(y)) return;
      let row = rows.get(x);
      if (!row) rows.set(x, (row = new Array<string>(curves.length).fill("")));
      row[column] = String(y);
    });
  });
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = [axis, ...labels].map(quoted).join(",");
  const lines = [...rows].sort(([a], [b]) => a - b).map(([x, row]) => [x, ...row].join(","));
  return `${[head, ...lines].join("\n")}\n`;
}

/** Lets the browser save a file. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}
