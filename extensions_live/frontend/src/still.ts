// Writing the still picture into the notebook. The kernel's own way to replace an output reaches only
// the page that saw the cell run; after a reload nothing else keeps the picture up to date.

import type { LiveState, MimeBundle, OutputBundles } from "./messages";
import type { Cells, Model } from "./model";

const MARK = "workbench"; // in an output's metadata: what Python knows it by

/** Writes the picture now and whenever it changes, into all cells that show it. */
export function writeStill(model: Model<LiveState>): void {
  const write = () => {
    replaceOutputs(model.widget_manager?.context?.model?.cells ?? [], model.get("still"));
  };
  model.on("change:still", write);
  write();
}

/** Gives every output in `cells` that is known by a mark in `still` the data that stand there. */
export function replaceOutputs(cells: Cells | [], still: OutputBundles): void {
  for (const cell of cells) {
    const outputs = cell.type === "code" ? cell.outputs : undefined;
    if (!outputs) continue;
    for (let i = 0; i < outputs.length; i += 1) {
      const output = outputs.get(i).toJSON();
      const mark = output.metadata?.[MARK];
      const bundles = typeof mark === "string" ? still[mark] : undefined;
      if (bundles && !same(output.data ?? {}, bundles[0])) {
        outputs.set(i, { ...output, data: bundles[0], metadata: bundles[1] });
      }
    }
  }
}

/** Tells whether an output shows `now` already. */
function same(old: MimeBundle, now: MimeBundle): boolean {
  return Object.keys(now).every((type) => plain(old[type]) === now[type]);
}

/** Returns text in one piece; in the file it may be a list of lines. */
function plain(value: unknown): unknown {
  return Array.isArray(value) ? value.join("") : value;
}
