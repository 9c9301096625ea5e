// The card of a figure: a legend with one key for each curve, the toolbar, the figure, and notes.

import { make, named } from "./dom";
import type { LineInfo } from "./messages";
import { shapeAt } from "./shapes";

const SWATCH = `<svg class="wb-swatch" viewBox="0 0 22 12" aria-hidden="true"><line x1="1" x2="21" y1="6" y2="6"/></svg>`;

/** Legend key of a curve: a button that shows or hides the curve, with its value. */
export interface Key {
  readonly info: LineInfo;
  readonly button: HTMLButtonElement;
  readonly name: HTMLElement;
  readonly value: HTMLOutputElement;
}

export interface Card {
  readonly section: HTMLElement;
  readonly header: HTMLElement;
  readonly tools: HTMLElement;
  readonly legend: HTMLElement;
  readonly holder: HTMLElement;
  readonly keys: Key[];
  readonly waiting: HTMLElement;
  readonly note: HTMLElement;
  readonly broken: HTMLElement;
  readonly at: HTMLElement;
  readonly tip: HTMLElement;
  readonly reset: HTMLButtonElement;
}

/** Returns the name of a figure, which lists its channels. */
export function figureName(lines: LineInfo[]): string {
  return [...new Set(lines.map(({ channel }) => channel))].join(", ");
}

/** Appends a card to `parent` for one figure with these curves. */
export function makeCard(lines: LineInfo[], parent: HTMLElement): Card {
  const section = make("section", "wb-card", parent);
  section.setAttribute("aria-label", `plot of ${figureName(lines)}`);
  const header = make("header", "wb-keys", section);
  const legend = make("div", "wb-legend", header);
  if (lines.every(({ run, label }) => run && !label)) {
    make("span", "wb-figure-name", legend, figureName(lines));
  }
  const keys = lines.map((info) => makeKey(info, legend));
  const broken = make("span", "wb-broken", legend, "✕ not finite");
  broken.title = "the values at the marked iterations are infinite or not a number";
  broken.hidden = true;
  const reset = make("button", "wb-reset", header, "show all");
  reset.type = "button";
  reset.title = "show the whole run (or double-click the plot)";
  reset.hidden = true;
  const note = make("div", "wb-note", section);
  const tools = make("div", "wb-tools-place", section);
  const holder = make("div", "wb-figure", section);
  const waiting = make("div", "wb-waiting", section, "waiting for the first values");
  const at = make("span", "wb-at", section);
  const tip = named("mark-text", make("div", "wb-tip", section));
  tip.hidden = true;
  return { section, header, tools, legend, holder, keys, waiting, note, broken, at, tip, reset };
}

function makeKey(info: LineInfo, parent: HTMLElement): Key {
  const button = make("button", "wb-key", parent);
  button.type = "button";
  button.dataset.channel = info.channel;
  button.innerHTML = SWATCH;
  const swatch = button.querySelector("svg");
  swatch?.querySelector("line")?.setAttribute("stroke-dasharray", info.dash.join(" "));
  swatch?.insertAdjacentHTML("beforeend", shapeAt(info.shape, 11, 6));
  const name = make("span", "", button);
  const key = { info, button, name, value: make("output", "", button) };
  showKey(key, info.label || info.channel, info.colour);
  return key;
}

/** Sets the name and colour of a key; its full label is in its title. */
export function showKey(
  { button, name }: Key,
  label: string,
  colour: string,
  shown: string = label,
): void {
  name.textContent = shown;
  button.title = `show or hide ${label}`;
  button.style.setProperty("--wb-colour", colour);
}
