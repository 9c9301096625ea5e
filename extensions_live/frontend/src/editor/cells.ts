// Inserts code as a new cell below the one that shows the editor, where the page allows it.

import type { EditorModel } from "./model";

interface SharedCell {
  readonly cell_type: string;
  readonly outputs?: readonly { readonly data?: Record<string, unknown> }[];
}

/** The part of JupyterLab's shared notebook that inserts cells. */
interface SharedNotebook {
  readonly cells: readonly SharedCell[];
  insertCell: (index: number, cell: object) => unknown;
}

const DRAWN = 100; // ms until JupyterLab has a new cell
const VIEW = "application/vnd.jupyter.widget-view+json";

/** Returns the notebook of a widget if a cell can be inserted into it, else null. */
export function notebookOf(model: EditorModel): SharedNotebook | null {
  const found = model.widget_manager?.context?.model as
    { sharedModel?: Partial<SharedNotebook> } | undefined;
  const shared = found?.sharedModel;
  return typeof shared?.insertCell === "function" && Array.isArray(shared.cells)
    ? (shared as SharedNotebook)
    : null;
}

/** Selects the cell below the one that contains an element, and brings it into sight. */
export function goBelow(element: Element): void {
  const cell = element.closest(".jp-Cell");
  setTimeout(() => {
    const next = cell?.nextElementSibling;
    if (!(next instanceof HTMLElement && next.matches(".jp-Cell"))) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }, DRAWN);
}

/** Inserts a cell with `source` below the cell that shows the model; returns true on success. */
export function insertCell(model: EditorModel, source: string): boolean {
  const notebook = notebookOf(model);
  if (!notebook) return false;
  const ident = model.get("ident");
  const at = notebook.cells.findIndex(({ cell_type, outputs = [] }) => {
    if (cell_type !== "code") return false;
    return outputs.some(({ data }) => {
      const view = data?.[VIEW] as { model_id?: unknown } | undefined;
      return view?.model_id === ident;
    });
  });
  const index = at < 0 ? notebook.cells.length : at + 1;
  notebook.insertCell(index, {
    cell_type: "code",
    source: source.trimEnd(),
    metadata: { trusted: true },
  });
  return true;
}
