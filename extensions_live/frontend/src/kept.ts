// A note below a plot on the part of the run that the last rewind left behind, which the figures show faintly.

import { make, named } from "./dom";
import type { KeptData } from "./messages";

export interface Kept {
  /** Shows the note, or hides it if there is no such part. */
  show: (kept: KeptData | null) => void;
}

/** Adds the note to `parent`; its buttons compare the two branches, or hide the faint curves. */
export function makeKept(
  parent: HTMLElement,
  compare: (start: number) => void,
  hide: () => void,
): Kept {
  const box = named("kept", make("div", "wb-kept", parent));
  box.hidden = true;
  const text = make("span", "", box);
  let start = 0;
  const button = (name: string, title: string, act: () => void) => {
    const element = named(`kept-${name}`, make("button", "wb-tool", box, name));
    element.type = "button";
    element.title = title;
    element.addEventListener("click", act);
  };
  button("compare", "compare this branch with the present one, side by side", () => {
    compare(start);
  });
  button("hide", "hide it; the menu of marks shows it again", hide);
  return {
    show(kept) {
      box.hidden = !kept;
      if (!kept) return;
      start = kept.start;
      text.textContent = kept.text;
    },
  };
}
