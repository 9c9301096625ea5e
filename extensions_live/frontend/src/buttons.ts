// The buttons of the control bar.

import { make, named } from "./dom";
import type { CommandName } from "./messages";

export interface Button {
  readonly name: CommandName;
  readonly label: string;
  readonly title: string;
  /** The path of the icon in a view box of 16 by 16. */
  readonly icon: string;
}

export const BUTTONS: readonly Button[] = [
  {
    name: "pause",
    label: "Pause",
    title: "pause after this batch",
    icon: "M4 3h3v10H4zM9 3h3v10H9z",
  },
  { name: "resume", label: "Resume", title: "continue training", icon: "M4 2.5v11l9-5.5z" },
  {
    name: "step",
    label: "Step",
    title: "train on one batch and pause",
    icon: "M3 2.5v11l7-5.5zM11 3h2v10h-2z",
  },
  {
    name: "stop",
    label: "Stop",
    title: "end training after this batch",
    icon: "M3.5 3.5h9v9h-9z",
  },
  {
    name: "train",
    label: "more epochs",
    title: "train for this many more epochs, even after training has ended",
    icon: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
  },
];

/** Adds a button to `parent` that calls `send` when it is clicked. */
export function makeButton(
  button: Button,
  parent: HTMLElement,
  send: () => void,
): HTMLButtonElement {
  const element = named(button.name, make("button", "wb-button", parent));
  element.type = "button";
  element.title = button.title;
  element.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${button.icon}"/></svg>`;
  element.append(button.label);
  element.addEventListener("click", send);
  return element;
}
