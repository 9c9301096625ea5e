// Live values of a session on nodes and edges, and how they are drawn as bars and images.

import type { EdgeImage, LivePayload } from "../messages";
import type { EditorModel } from "./model";

/** What the nodes show if they show no values. */
export const NOTHING = "nothing";

const EMPTY: LivePayload = {
  session: "",
  metric: NOTHING,
  metrics: [],
  iteration: null,
  nodes: {},
  edges: {},
  example: null,
  picked: null,
  problem: "",
};

/** Returns the live values that Python sent last. */
export function liveOf(model: Pick<EditorModel, "get">): LivePayload {
  const live = model.get("live");
  return "nodes" in live ? live : EMPTY;
}

/** Returns the name of what the nodes show, such as "gradient norm". */
export function nameOf({ metric, metrics }: Pick<LivePayload, "metric" | "metrics">): string {
  return metrics.find(([name]) => name === metric)?.[1] ?? metric;
}

/** The layout of the maps of an image: how many stand in a row, and in how many rows. */
export function gridOf(count: number): { columns: number; rows: number } {
  const rows = count > 6 ? 2 : 1;
  return { columns: Math.ceil(count / rows), rows };
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity of each pixel. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

const GAP = 1; // pixels between two maps

/** Returns the pixels of an image, with its maps side by side. */
export function pixelsOf({ count, width, height, channels, pixels }: EdgeImage): Pixels {
  const { columns, rows } = gridOf(count);
  const [wide, tall] = [columns * (width + GAP) - GAP, rows * (height + GAP) - GAP];
  const data = new Uint8ClampedArray(4 * wide * tall);
  for (let map = 0; map < count; map += 1) {
    const left = (map % columns) * (width + GAP);
    const top = Math.floor(map / columns) * (height + GAP);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const from = ((map * height + y) * width + x) * channels;
        const to = 4 * ((top + y) * wide + left + x);
        for (let colour = 0; colour < 3; colour += 1) {
          data[to + colour] = pixels.getUint8(from + (channels === 3 ? colour : 0));
        }
        data[to + 3] = 255;
      }
    }
  }
  return { width: wide, height: tall, data };
}

export interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Returns the bars of numbers in a box; they begin at zero. */
export function barsOf(values: readonly number[], width: number, height: number): Bar[] {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const span = high - low || 1;
  const step = width / values.length;
  return values.map((value, place) => {
    const [top, bottom] = [Math.max(value, 0), Math.min(value, 0)];
    return {
      x: place * step,
      y: ((high - top) / span) * height,
      width: Math.max(step - 1, 1),
      height: Math.max(((top - bottom) / span) * height, 0.75),
    };
  });
}
