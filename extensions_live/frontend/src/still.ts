// Writes the still output of a cell into the notebook. The kernel's display messages reach only the
// page in which the cell was run; after a reload, this code updates the image and the table.

import type { LiveState, MimeBundle, OutputBundles } from "./messages";
import type { Cells, Model } from "./model";

const MARK = "workbench"; // key in an output's metadata, set by Python

/** Writes the still output now and whenever it changes, into all cells that show it. */
export function writeStill(model: Model<LiveState>): void {
  const write = () => {
    replaceOutputs(model.widget_manager?.context?.model?.cells ?? [], model.get("still"));
  };
  model.on("change:still", write);
  write();
}

/** Replaces the data of every output in `cells` whose mark is in `still`. */
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

/** Returns true if an output already shows `now`. */
function same(old: MimeBundle, now: MimeBundle): boolean {
  return Object.keys(now).every((type) => plain(old[type]) === now[type]);
}

/** Returns text as one string; a notebook file can store it as a list of lines. */
function plain(value: unknown): unknown {
  return Array.isArray(value) ? value.join("") : value;
}
