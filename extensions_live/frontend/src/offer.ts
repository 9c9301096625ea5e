// Code that a receipt offers, such as that which shows a new session, with a button that inserts it as
// a cell of the notebook or, where the page has none, copies it.

import { copyText } from "./clipboard";
import { make, named } from "./dom";
import { goBelow, insertCell } from "./editor/cells";
import type { LiveState } from "./messages";
import type { Model } from "./model";

const CODE = "wb-code"; // the event of the button; its detail is the code

/** Appends the last line of code, which says what it does, and its button to `parent`. */
export function appendCode(parent: HTMLElement, code: string): void {
  make("code", "wb-code", parent, code.split("\n").at(-1)).title = code;
  const button = named("insert-code", make("button", "wb-button wb-plain", parent, "Add a cell"));
  button.type = "button";
  button.title = "add a cell with this code below, or copy the code where there are no cells";
  button.addEventListener("click", () => {
    button.dispatchEvent(new CustomEvent(CODE, { bubbles: true, detail: code }));
  });
}

/** Inserts or copies the code of all buttons in `box`. */
export function offerCode<State extends LiveState>(model: Model<State>, box: HTMLElement): void {
  box.addEventListener(CODE, (event) => {
    const { detail: code, target } = event as CustomEvent<string>;
    if (!(target instanceof HTMLElement)) return;
    if (insertCell(model, code)) {
      target.textContent = "Added below";
      goBelow(box);
      return;
    }
    void copyText(code, box).then((copied) => {
      target.textContent = copied ? "Copied" : "Not copied";
    });
  });
}
