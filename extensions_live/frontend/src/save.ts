// Files of a figure: PNG and SVG with the legend, and CSV of the points on the screen.

import type { FigureView } from "./bokeh";
import type { Points } from "./numbers";
import { shapeAt } from "./shapes";

const BAND = 28; // height of the legend, in pixels
const SWATCH = 22;
const GAP = 16;
const PNG_WIDTH = 1600; // least width of a PNG, in pixels

/** A curve in the legend of a file. */
export interface Entry {
  readonly label: string;
  readonly colour: string;
  readonly dash: number[];
  /** The shape on the curve; empty if the figure has no shapes. */
  readonly shape: string;
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

/** Returns a PNG of a figure, on the background of the page, large enough for a slide or a paper. */
export async function png(view: FigureView, entries: Entry[], el: HTMLElement): Promise<Blob> {
  const image = new Image();
  image.src = URL.createObjectURL(await svg(view, entries, el));
  try {
    await image.decode();
    const scale = Math.max(1, PNG_WIDTH / image.naturalWidth);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(scale * image.naturalWidth);
    canvas.height = Math.round(scale * image.naturalHeight);
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("the page cannot draw an image");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => {
        if (blob) resolve(blob);
        else reject(new Error("the page cannot write a PNG"));
      });
    });
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Returns an SVG of a figure, on the background of the page. */
export async function svg(view: FigureView, entries: Entry[], el: HTMLElement): Promise<Blob> {
  const inner = await (await view.export("svg").to_blob()).text();
  const size = (name: string) => Number(new RegExp(`\\b${name}="([0-9.]+)`).exec(inner)?.[1] ?? 0);
  const [width, height] = [size("width"), size("height")];
  const { background, text } = paper(el);
  let x = 12;
  const legend = entries.map(({ label, colour, dash, shape }) => {
    const at = x;
    x += SWATCH + 6 + 7 * label.length + GAP;
    const line =
      `<line x1="${at}" x2="${at + SWATCH}" y1="${BAND / 2}" y2="${BAND / 2}" ` +
      `stroke="${escaped(colour)}" stroke-width="2.5" stroke-dasharray="${dash.join(" ")}"/>` +
      `<g fill="${escaped(colour)}">${shape && shapeAt(shape, at + SWATCH / 2, BAND / 2)}</g>`;
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
  const quoted = (text: string) =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
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
