// Draws the board as an SVG image of its own, with texts as texts, and keeps the document in it so
// that the image can be dropped on a canvas later. A PNG keeps it in a text chunk.

import type { BoardNode } from "./shown";
import { detailOf } from "./details";
import { exampleLine } from "./flow";
import { bounds, type Box } from "./layout";
import { widthOf } from "./shape_places";

export interface Colours {
  readonly paper: string;
  readonly fill: string;
  readonly line: string;
  readonly text: string;
  readonly soft: string;
  readonly font: string;
  /** The colour of each kind of node. */
  readonly accent: (node: BoardNode) => string;
}

/** A node with its box on the whole canvas. */
export interface DrawnNode {
  readonly node: BoardNode;
  readonly box: Box;
}

/** An edge with the path of its curve, and its label. */
export interface DrawnEdge {
  readonly path: string;
  readonly label: string;
  readonly at: readonly [x: number, y: number];
}

const MARGIN = 24;
const KEY = "workbench";

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? "");
}

/** Returns an SVG image of nodes and edges that contains the document of the board. */
export function drawSvg(
  nodes: readonly DrawnNode[],
  edges: readonly DrawnEdge[],
  colours: Colours,
  document: string,
): string {
  const whole = nodes.length
    ? bounds(nodes.map(({ box }) => box))
    : { x: 0, y: 0, width: 1, height: 1 };
  const [x, y] = [whole.x - MARGIN, whole.y - MARGIN];
  const [width, height] = [whole.width + 2 * MARGIN, whole.height + 2 * MARGIN];
  const view = [x, y, width, height].map(Math.round).join(" ");
  const lines = edges.map(({ path, label, at }) => drawEdge(path, label, at, colours));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.round(width)}" ` +
    `height="${Math.round(height)}" viewBox="${view}" font-family="${escaped(colours.font)}">` +
    `<metadata id="${KEY}">${escaped(document)}</metadata>` +
    `<rect x="${x}" y="${y}" width="100%" height="100%" fill="${colours.paper}"/>` +
    nodes
      .filter(({ node }) => node.open)
      .map((one) => drawNode(one, colours))
      .join("") +
    lines.join("") +
    nodes
      .filter(({ node }) => !node.open)
      .map((one) => drawNode(one, colours))
      .join("") +
    "</svg>"
  );
}

function drawEdge(path: string, label: string, [x, y]: readonly [number, number], c: Colours) {
  const curve = `<path d="${path}" fill="none" stroke="${c.soft}" stroke-width="1.5"/>`;
  if (!label) return curve;
  const width = widthOf(label);
  return (
    `${curve}<rect x="${x - width / 2}" y="${y - 8}" width="${width}" height="16" rx="4" ` +
    `fill="${c.paper}"/><text x="${x}" y="${y + 4}" font-size="11" text-anchor="middle" ` +
    `fill="${c.text}">${escaped(label)}</text>`
  );
}

function drawNode({ node, box: { x, y, width, height } }: DrawnNode, c: Colours): string {
  const detail = [node.title === node.type ? "" : node.type, detailOf(node)].filter(Boolean);
  const accent = c.accent(node);
  const dashed = node.open ? ' stroke-dasharray="5 4" fill-opacity="0.5"' : "";
  const middle = node.open ? y + 22 : y + height / 2;
  const image = node.example?.image ?? "";
  const left = x + (image ? 72 : 20);
  const lines = [detail.join("  "), exampleLine(node)].filter(Boolean);
  const top = middle + 5.5 - 7.5 * lines.length;
  return (
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="9" fill="${c.fill}" ` +
    `stroke="${c.line}"${dashed}/>` +
    `<rect x="${x + 8}" y="${middle - 11}" width="4" height="22" rx="2" fill="${accent}"/>` +
    (image
      ? `<image x="${x + 16}" y="${middle - 24}" width="48" height="48" href="${image}" ` +
        `style="image-rendering: pixelated"/>`
      : "") +
    `<text x="${left}" y="${top}" font-size="13" ` +
    `font-weight="600" fill="${c.text}">${escaped(node.title)}</text>` +
    lines
      .map(
        (line, place) =>
          `<text x="${left}" y="${top + 15 * (place + 1)}" font-size="11" fill="${c.soft}">` +
          `${escaped(line)}</text>`,
      )
      .join("")
  );
}

/** Returns the document in the text of an SVG image, or null. */
export function documentInSvg(text: string): string | null {
  const found = new RegExp(`<metadata id="${KEY}">([^<]*)</metadata>`).exec(text);
  if (!found?.[1]) return null;
  const names: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return found[1].replace(/&(amp|lt|gt|quot);/g, (_, name: string) => names[name] ?? "");
}

/** Returns a PNG of an SVG image. */
export async function pngOf(svg: string, scale = 2): Promise<Uint8Array> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth * scale;
    canvas.height = image.naturalHeight * scale;
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("the page cannot draw an image");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve);
    });
    if (!blob) throw new Error("the page cannot write a PNG");
    return new Uint8Array(await blob.arrayBuffer());
  } finally {
    URL.revokeObjectURL(url);
  }
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Returns a PNG with the document in an international text chunk before its end. */
export function withDocument(png: Uint8Array, document: string): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder();
  // keyword, no compression, no language, no translated keyword, text
  const content = [...utf8.encode(KEY), 0, 0, 0, 0, 0];
  const text = utf8.encode(document);
  const chunk = new Uint8Array(12 + content.length + text.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, content.length + text.length);
  chunk.set(utf8.encode("iTXt"), 4);
  chunk.set(content, 8);
  chunk.set(text, 8 + content.length);
  view.setUint32(chunk.length - 4, checksum(chunk.subarray(4, chunk.length - 4)));
  const end = png.length - 12; // the last chunk is empty
  const whole = new Uint8Array(png.length + chunk.length);
  whole.set(png.subarray(0, end));
  whole.set(chunk, end);
  whole.set(png.subarray(end), end + chunk.length);
  return whole;
}

/** Returns the document in a PNG, or null. */
export function documentInPng(png: Uint8Array): string | null {
  if (SIGNATURE.some((byte, place) => png[place] !== byte)) return null;
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const ascii = new TextDecoder("latin1");
  for (let at = 8; at + 12 <= png.length;) {
    const length = view.getUint32(at);
    const content = png.subarray(at + 8, at + 8 + length);
    const isOurs =
      ascii.decode(png.subarray(at + 4, at + 8)) === "iTXt" &&
      ascii.decode(content.subarray(0, KEY.length)) === KEY;
    if (isOurs) return new TextDecoder().decode(content.subarray(KEY.length + 5));
    at += 12 + length;
  }
  return null;
}

/** Returns the cyclic redundancy check of PNG. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}
