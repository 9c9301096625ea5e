// Receipts in little space: long values and paths are shortened, and the end of the
// text, which names the iteration, is on a line of its own if it does not fit beside the rest.

import { make } from "../dom";

const MOST = 20; // characters of a word
const HALF = 9; // characters that are kept at each end of a longer word

/** Returns a text with the file names of long paths, and with both ends of other long words. */
export function shortened(text: string): string {
  return text.replaceAll(/\S+/g, (word) => {
    const name = word.slice(word.lastIndexOf("/"));
    if (word.length <= MOST) return word;
    if (word.includes("/") && name.length < MOST) return `…${name}`;
    return `${word.slice(0, HALF)}…${word.slice(-HALF)}`;
  });
}

/** Writes a receipt into an element, so that its iteration is seen in any width. */
export function writeReceipt(element: HTMLElement, text: string): void {
  const [, command, outcome] = /^(.*): ((?:applied|started) .*iteration .*)$/s.exec(text) ?? [];
  element.title = text;
  const shown = command === undefined ? text : `${shortened(command)}: ${outcome}`;
  if (element.textContent === shown) return;
  element.textContent = command === undefined ? text : "";
  if (command === undefined) return;
  make("span", "wb-asked", element, `${shortened(command)}:`);
  element.append(" ");
  make("span", "wb-outcome", element, outcome);
}
