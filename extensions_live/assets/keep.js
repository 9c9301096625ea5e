// Writes the still picture into the notebook. The kernel's own way to replace an output reaches only
// the page that saw the cell run; after a reload nothing else keeps the picture up to date. Called
// once for a widget, whether or not its cell is in sight.
function keepStill({ model }) {
  const write = () => {
    const still = model.get("still");
    for (const cell of model.widget_manager?.context?.model?.cells ?? []) {
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
