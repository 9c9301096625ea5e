// The form of `Mistakes` that relabels or drops the flagged examples, with the receipt of its last
// command.

import { command, randomId } from "../command";
import { make, named } from "../dom";
import type { CommandName, EditBar, LiveState } from "../messages";
import type { Model } from "../model";
import { makePlainButton, ReceiptLine } from "../steer/fields";

const LISTED = 6; // flagged examples that the form names
const HINT = "flag examples (⚐) to relabel or drop them";

/** Returns the flagged examples as text. */
export function flagged(chosen: readonly number[]): string {
  const some = chosen.slice(0, LISTED).map((index) => index.toLocaleString("en"));
  const more = chosen.length > LISTED ? ", …" : "";
  return chosen.length ? `${String(chosen.length)} flagged: ${some.join(", ")}${more}` : HINT;
}

/** Adds the form to `parent`; returns a function that shows its present contents. */
export function makeEditBar(
  model: Model<LiveState>,
  box: HTMLElement,
  parent: HTMLElement,
  choose: (what: string, value: string) => void,
): (now: EditBar | null) => void {
  const bar = named("edit-bar", make("div", "wb-edit", parent));
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "flagged examples");
  const text = named("edit-text", make("span", "wb-edit-text", bar));
  const form = make("span", "wb-edit-form", bar);
  const label = named("edit-label", make("select", "wb-select", form));
  label.setAttribute("aria-label", "new class of the flagged examples");
  let latest: EditBar | null = null;
  const send = (name: CommandName, given: Record<string, unknown>) => {
    const id = randomId();
    receipt.sent(id);
    const request = { name, arguments: { examples: latest?.chosen ?? [], ...given }, id };
    void command(model, box, request);
  };
  const relabel = makePlainButton(
    "relabel",
    "Relabel",
    "train on the flagged examples with this class from the next batch on; undo takes it back",
    form,
    () => {
      send("relabel", { value: Number(label.value), source: latest?.source });
      label.value = "";
      enable();
    },
  );
  const drop = makePlainButton(
    "drop",
    "Drop",
    "train without the flagged examples from the next batch on; undo takes it back",
    form,
    () => {
      send("drop", {});
    },
  );
  const clear = makePlainButton("unflag-all", "Clear flags", "remove all flags", form, () => {
    choose("unflag all", "");
  });
  const note = named("edit-note", make("span", "wb-edit-text", bar));
  const receipt = new ReceiptLine("edit-receipt", bar);
  receipt.element.setAttribute("aria-live", "polite");
  const enable = () => {
    const none = !latest?.chosen.length;
    label.disabled = none;
    relabel.disabled = none || label.value === "";
    drop.disabled = none;
    clear.disabled = none;
  };
  label.addEventListener("change", enable);
  let classes = "";
  const list = (names: readonly string[]) => {
    if (classes === names.join("\n") && label.options.length) return;
    classes = names.join("\n");
    label.replaceChildren();
    make("option", "", label, "new class …").value = "";
    names.forEach((name, place) => {
      make("option", "", label, name).value = String(place);
    });
  };
  return (now) => {
    bar.hidden = !now;
    latest = now;
    if (!now) return;
    form.hidden = now.reason !== "";
    text.textContent = now.reason || flagged(now.chosen);
    text.title = now.reason ? "" : now.chosen.join(", ");
    label.hidden = relabel.hidden = now.no_label !== "";
    note.textContent = now.reason ? "" : now.no_label;
    list(now.classes);
    enable();
    receipt.show(now.receipts, now.receipts.at(-1) ?? null);
  };
}
