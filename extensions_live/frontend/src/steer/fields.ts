// Small parts of forms: labelled fields, plain buttons, and the line that shows a receipt.

import { isAside, putAside } from "./aside";
import { make, named } from "../dom";
import type { CommandName, Receipt } from "../messages";
import { appendCode } from "../offer";
import { writeReceipt } from "./shorten";

/** Sends a command; returns the id of the request, by which its receipt is found. */
export type Send = (name: CommandName, given?: Record<string, unknown>) => string;

/** Adds a text field with an accessible name; `hint` is shown while the field is empty. */
export function makeField(
  name: string,
  label: string,
  parent: HTMLElement,
  { hint = "", numeric = false }: { hint?: string; numeric?: boolean } = {},
): HTMLInputElement {
  const field = named(name, make("input", "wb-field", parent));
  field.type = "text";
  field.autocomplete = "off";
  field.spellcheck = false;
  field.placeholder = hint;
  field.inputMode = numeric ? "decimal" : "text";
  field.setAttribute("aria-label", label);
  field.classList.toggle("wb-short", numeric);
  return field;
}

/** Adds a button with a text. */
export function makePlainButton(
  name: string,
  label: string,
  title: string,
  parent: HTMLElement,
  act: () => void,
): HTMLButtonElement {
  const button = named(name, make("button", "wb-button wb-plain", parent, label));
  button.type = "button";
  button.title = title;
  button.addEventListener("click", act);
  return button;
}

/** Calls `act` when the user presses Enter in a field. */
export function onEnter(field: HTMLInputElement, act: () => void): void {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") act();
  });
}

/** Returns the whole number of at least `least` in a field, or null. */
export function wholeNumber(field: HTMLInputElement, least: number): number | null {
  const text = field.value.replaceAll(/[,_\s]/g, "");
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least ? value : null;
}

/** Returns the part of a receipt's text that follows the name of the command. */
function outcomeIn(text: string): string {
  return /: ((?:queued|applied|started|refused|failed).*)$/s.exec(text)?.[1] ?? text;
}

/** Returns true for a refusal that was put aside before the page was loaded. */
function isLeft({ request, state }: Receipt): boolean {
  return state === "refused" && isAside(request);
}

/** Returns a text that differs between receipts. */
function keyOf(receipt: Receipt | null): string {
  return receipt ? JSON.stringify([receipt.request, receipt.state, receipt.text]) : "";
}

/** The line beside a control that shows the outcome of a request. */
export class ReceiptLine {
  readonly element: HTMLElement;
  /** The id of the last request of this page, until its outcome arrives. */
  pending = "";
  #own = ""; // why nothing was sent
  #other: Receipt | null = null; // the last one that was not waited for
  #gone = ""; // a refusal that the user has put aside

  /** With `brief`, the line leaves out what its control already says. */
  constructor(
    name: string,
    parent: HTMLElement,
    readonly brief = false,
  ) {
    this.element = named(name, make("span", "wb-receipt", parent));
  }

  /** Shows that a request was sent; `id` is empty if it was not. */
  sent(id: string): void {
    if (!id) return;
    this.pending = id;
    this.#own = "";
    this.element.removeAttribute("role");
    this.#write("sent", "waiting");
  }

  /** Puts a refusal aside; other receipts stay. */
  dismiss(): void {
    if (!this.#own && this.element.dataset.state === "refused") {
      this.#gone = keyOf(this.#other);
      if (this.#other?.request) putAside(this.#other.request);
    }
    this.#own = "";
    this.#showReceipt(this.#other);
  }

  /** Shows why nothing was sent; the next receipt replaces it. */
  refuse(text: string): void {
    this.#own = text;
    this.element.setAttribute("role", "alert"); // the bar announces answers of Python
    this.#write(text, "refused");
  }

  /** Shows the receipt of the request that was sent, or else `other`. */
  show(receipts: readonly Receipt[], other: Receipt | null): Receipt | null {
    const mine = this.pending ? receipts.find((one) => one.request === this.pending) : null;
    const same = keyOf(other) === keyOf(this.#other);
    this.#other = other;
    if (this.pending && !mine) return null; // it has not arrived
    if (mine && mine.state !== "waiting") this.pending = "";
    if (this.#own && same) return mine ?? null;
    this.#own = "";
    this.#showReceipt(mine ?? other);
    return mine ?? null;
  }

  #showReceipt(receipt: Receipt | null): void {
    const { text = "", state = "applied", code } = receipt ?? {};
    const isGone = receipt && (keyOf(receipt) === this.#gone || isLeft(receipt));
    if (isGone) this.#write("", "applied");
    else this.#write(text, state, code);
  }

  #write(text: string, state: Receipt["state"], code = ""): void {
    const { element } = this;
    if (element.dataset.text === text + code && element.dataset.state === state) return;
    element.dataset.text = text + code;
    element.dataset.state = state;
    writeReceipt(element, this.brief ? outcomeIn(text) : text);
    element.title = text;
    if (code) appendCode(element, code);
  }
}
