// Keys of the view, which act only while it has the focus, and the list of them.

import { make, named } from "./dom";
import { keepFocus } from "./focus";

/** The event that passes a key to the other parts of a view; its detail is the key. */
export const KEY = "wb-key";

export const KEYS: readonly (readonly [key: string, meaning: string])[] = [
  ["space", "pause or resume"],
  [".", "train on one batch and pause"],
  ["[", "go to the previous snapshot"],
  ["]", "go to the next snapshot"],
  ["f", "fork"],
  ["l", "logarithmic axis of the plots"],
  ["?", "show or hide this list"],
];

const OWN = new Set([" ", ".", "[", "]", "f", "l", "?"]);

const BARS = '[data-testid="controls"]';

/** Returns the output, or the section of a dashboard, that holds all parts of a view. */
export function areaOf(part: Element): Element | null {
  return part.closest(".jp-OutputArea, .wbd-section");
}

/** Sends a key to the other parts of the view. */
export function sendKey(from: Element, key: string): void {
  from.dispatchEvent(new CustomEvent(KEY, { bubbles: true, composed: true, detail: key }));
}

/** Calls `act` for keys of other parts of the view; returns a function that ends this. */
export function hearKeys(box: Element, act: (key: string) => void): () => void {
  const sent = (event: Event) => {
    const [from] = event.composedPath(); // the target, also within the shadow root of a dashboard
    const { detail } = event as CustomEvent<unknown>;
    if (typeof detail !== "string") return;
    const part = from instanceof Element ? from : null; // null if it was sent to the whole page
    if (part && (box.contains(part) || areaOf(part) !== areaOf(box))) return;
    act(detail);
  };
  document.addEventListener(KEY, sent, { capture: true });
  return () => {
    document.removeEventListener(KEY, sent, { capture: true });
  };
}

/** Returns true if the element itself uses keys, as text fields and lists do. */
function takesText(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== "range";
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}

/** Returns true if the space bar already has a meaning for the element. */
function isPressed(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("button, summary, a");
}

/** Returns the key if the view uses it and the element in focus does not, otherwise null. */
export function keyOf(event: KeyboardEvent): string | null {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (!OWN.has(key) || takesText(target)) return null;
  return key === " " && isPressed(target) ? null : key;
}

/** Places in which Escape closes or resets something, instead of leaving the view. */
const ESCAPABLE = "input, select, .wb-handle, .wb-menu[open], .wb-choice[open], .wb-keys-open";

/**
 * Keeps keys that are pressed in `box` from the shortcuts of the notebook: otherwise two presses of
 * D delete the cell, and arrow keys select another one. Keys with modifiers, such as Ctrl+S, and
 * Escape still go to the notebook. The focus stays in `box` when its element disappears; see
 * `keepFocus`. Returns a function that ends this.
 */
export function ownKeys(
  box: HTMLElement,
  instead?: (lost: HTMLElement) => HTMLElement | undefined,
): () => void {
  const endKeeping = keepFocus(box, instead);
  // JupyterLab listens on the document, and checks this attribute from the target upwards; most of
  // its shortcuts belong to the element in focus itself.
  const first = ({ target, key, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
    if (!(target instanceof Element) || !box.contains(target)) return;
    const plain = !(ctrlKey || metaKey || altKey);
    const leaves = key === "Escape" && !target.closest(ESCAPABLE);
    target.toggleAttribute("data-lm-suppress-shortcuts", plain && !leaves);
  };
  window.addEventListener("keydown", first, true);
  return () => {
    endKeeping();
    window.removeEventListener("keydown", first, true);
  };
}

/**
 * Calls `act` for keys that are pressed in `box`, or that other parts of the view send with the
 * event `KEY`. These keys do not trigger shortcuts of the notebook. `instead` chooses the element
 * that gets the focus of one that disappears. Returns a function that ends this.
 */
export function listenToKeys(
  box: HTMLElement,
  act: (key: string) => void,
  instead?: (lost: HTMLElement) => HTMLElement | undefined,
): () => void {
  box.tabIndex = 0;
  const endOwning = ownKeys(box, instead);
  const pressed = (event: KeyboardEvent) => {
    const key = keyOf(event);
    if (key === null) return;
    event.preventDefault();
    if (!event.repeat || key === ".") act(key);
    sendKey(box, key);
  };
  // With the bars of several sessions in one view, each bar has only its own keys.
  const endHearing = hearKeys(box, (key) => {
    const area = areaOf(box);
    if (area && area.querySelectorAll(BARS).length < 2) act(key);
  });
  box.addEventListener("keydown", pressed);
  return () => {
    endOwning();
    box.removeEventListener("keydown", pressed);
    endHearing();
  };
}

/** Adds the list of keys, with the button that shows it; returns a function that toggles it. */
export function makeKeyList(row: HTMLElement, parent: HTMLElement): () => void {
  const button = named("keys-button", make("button", "wb-button wb-plain wb-help", row, "?"));
  button.type = "button";
  button.title = "list of keys";
  button.setAttribute("aria-label", "list of keys");
  const list = named("keys", make("div", "wb-keylist", parent));
  list.setAttribute("role", "list");
  list.hidden = true;
  for (const [key, meaning] of KEYS) {
    const pair = make("div", "", list);
    pair.setAttribute("role", "listitem");
    make("kbd", "", pair, key);
    make("span", "wb-words", pair, meaning);
  }
  const toggle = () => {
    list.hidden = !list.hidden;
    parent.classList.toggle("wb-keys-open", !list.hidden);
    button.setAttribute("aria-expanded", String(!list.hidden));
  };
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", toggle);
  parent.addEventListener("keydown", ({ key, target }) => {
    if (key === "Escape" && !list.hidden && !takesText(target)) toggle();
  });
  return toggle;
}
