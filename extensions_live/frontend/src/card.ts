// Card of a figure, with a legend that has one key for each curve, the figure, and notes.

import { make } from "./dom";

/** Legend key of a curve: a button that shows or hides it, with its value. */
export interface Key {
  readonly channel: string;
  readonly button: HTMLButtonElement;
  readonly value: HTMLOutputElement;
}

export interface Card {
  readonly section: HTMLElement;
  readonly holder: HTMLElement;
  readonly keys: Key[];
  readonly waiting: HTMLElement;
  readonly note: HTMLElement;
  readonly broken: HTMLElement;
  readonly at: HTMLElement;
  readonly reset: HTMLButtonElement;
}

/** Appends a card to `parent` for one figure with the curves of `channels`. */
export function makeCard(
  channels: string[],
  colours: Record<string, string>,
  parent: HTMLElement,
): Card {
  const section = make("section", "wb-card", parent);
  const header = make("header", "wb-keys", section);
  const keys = channels.map((channel) => makeKey(channel, colours[channel] ?? "", header));
  const broken = make("span", "wb-broken", header, "✕ not finite");
  broken.title = "the values at the marked iterations are infinite or not a number";
  broken.hidden = true;
  const note = make("div", "wb-note", section);
  const holder = make("div", "wb-figure", section);
  const waiting = make("div", "wb-waiting", section, "waiting for the first values");
  const at = make("span", "wb-at", section);
  const reset = make("button", "wb-reset", section, "show all");
  reset.title = "show the whole run (or double-click the plot)";
  reset.hidden = true;
  return { section, holder, keys, waiting, note, broken, at, reset };
}

function makeKey(channel: string, colour: string, header: HTMLElement): Key {
  const button = make("button", "wb-key", header);
  button.title = `show or hide ${channel}`;
  button.dataset.channel = channel;
  button.style.setProperty("--wb-colour", colour);
  make("span", "", button, channel);
  return { channel, button, value: make("output", "", button) };
}
