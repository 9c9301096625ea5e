// The part "Steer" of the control bar: everything that changes training.

import { Actions } from "./actions";
import { make, named } from "../dom";
import { makePlainButton, type Send } from "./fields";
import { Journal } from "./journal";
import type { ControlsPayload } from "../messages";
import { Numbers } from "./numbers";
import { inText } from "./scale";

const FEW = 4; // numbers; with more of them, the part is closed at first
const IN_SUMMARY = 3;

const WAYS = [
  { name: "rewind", label: "Rewind…", title: "choose an iteration to go back to" },
  { name: "fork", label: "Fork…", title: "start a second session from this one (key f)" },
] as const;

export class Steer {
  readonly box: HTMLDetailsElement;
  readonly #hint: HTMLElement;
  readonly #numbers: Numbers;
  readonly #more: HTMLDetailsElement;
  readonly #actions: Actions;
  readonly #journal: Journal;
  #decided: boolean;

  /** With `folded`, the part is closed at first; otherwise, this depends on its contents. */
  constructor(parent: HTMLElement, send: Send, title = "", folded = false) {
    this.#decided = folded;
    const frame = make("div", "wb-steer-frame", parent);
    this.box = named("steer", make("details", "wb-steer", frame));
    const summary = make("summary", "", this.box, "Steer");
    this.#hint = named("steer-hint", make("span", "wb-hint", summary));
    const body = make("div", "wb-steer-body", this.box);
    this.#numbers = new Numbers(body, send);
    this.#more = named("more", make("details", "wb-actions", body));
    make("summary", "", this.#more, "end, rewind, fork, file");
    this.#actions = new Actions(make("div", "wb-numbers", this.#more), send);
    this.#journal = new Journal(body, send, title);
    const ways = make("span", "wb-ways", frame); // visible even if the part is closed
    for (const { name, label, title: text } of WAYS) {
      makePlainButton(`ask-for-${name}`, label, text, ways, () => {
        this.askFor(name);
      });
    }
  }

  update({ steer, receipts, state }: ControlsPayload): void {
    if (!this.#decided) {
      this.#decided = true;
      this.box.open = steer.numbers.length > 0 && steer.numbers.length <= FEW;
    }
    const shown = steer.numbers.slice(0, IN_SUMMARY);
    this.#hint.textContent = shown.map((one) => `${one.name} ${inText(one.value)}`).join("   ");
    this.#numbers.update(steer.numbers, steer.able, receipts);
    this.#actions.update(steer, receipts, state);
    this.#journal.update(steer, receipts);
  }

  /** Opens the part and puts the cursor in the first field of a rewind or fork. */
  askFor(name: "rewind" | "fork"): void {
    this.box.open = this.#more.open = true;
    this.#actions[name].focus();
  }
}
