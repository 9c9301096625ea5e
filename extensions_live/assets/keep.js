// What a widget does for its cell, whether or not it is in sight: called once for each.

const SHOWS = "application/vnd.jupyter.widget-view+json";
const GIVEN_UP = ".jp-Cell .jp-OutputArea-output.jupyter-widgets";

function careForCell({ model }) {
  keepStill(model);
  reviveViews(model);
}

// Cells of the notebook, in JupyterLab; elsewhere there are none to be had.
const cellsOf = (model) => model.widget_manager?.context?.model?.cells;

// Writes the still picture into the notebook. The kernel's own way to replace an output reaches only
// the page that saw the cell run; after a reload nothing else keeps the picture up to date.
function keepStill(model) {
  const write = () => {
    const still = model.get("still");
    for (const cell of cellsOf(model) ?? []) {
      const outputs = cell.type === "code" ? cell.outputs : [];
      for (let i = 0; i < outputs.length; i += 1) {
        const output = outputs.get(i).toJSON();
        const [data, metadata] = still[output.metadata?.workbench] ?? [];
        if (data && !same(output.data, data)) outputs.set(i, { ...output, data, metadata });
      }
    }
  };
  // One of them may be text in lines and the other in one piece, as in the file.
  const plain = (value) => (Array.isArray(value) ? value.join("") : value);
  const same = (old, now) => Object.keys(now).every((type) => plain(old[type]) === now[type]);
  model.on("change:still", write);
  write();
}

// A page that was too busy while it loaded gives up a widget for ever, as "model not found", although
// it has the widget a moment later: shows such outputs once more.
function reviveViews(model) {
  const look = () => {
    for (const dead of document.querySelectorAll(GIVEN_UP)) {
      const cell = cellsOf(model)?.get(Number(dead.closest(".jp-Cell").dataset.windowedListIndex));
      const child = dead.closest(".jp-OutputArea-child");
      const place = [...child.parentElement.children].indexOf(child);
      const output = cell?.outputs?.length > place ? cell.outputs.get(place).toJSON() : null;
      if (output?.data?.[SHOWS]?.model_id !== model.get("ident")) continue;
      dead.classList.remove("jupyter-widgets"); // by which still.css knows an output given up
      cell.outputs.set(place, output);
    }
  };
  for (const seconds of [1, 3, 6, 12]) setTimeout(look, 1000 * seconds);
}
