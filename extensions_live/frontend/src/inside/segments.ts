// A row of buttons, one of which is chosen, in a view that looks inside the network.

import { make } from "../dom";

/**
 * Shows a button for each value and its text, with the chosen one pressed. Buttons that stay keep
 * the focus.
 */
export function fillSegments(
  parent: HTMLElement,
  options: string[][],
  chosen: string,
  choose: (value: string) => void,
): void {
  const present = [...parent.querySelectorAll("button")];
  if (present.map((one) => one.dataset.value).join() !== options.map(([value]) => value).join()) {
    parent.replaceChildren();
    for (const [value = "", text = ""] of options) {
      const button = make("button", "wb-segment", parent, text);
      button.type = "button";
      button.dataset.value = value;
      button.addEventListener("click", () => {
        choose(value);
      });
    }
  }
  for (const button of parent.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
  }
}
