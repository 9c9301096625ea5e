// One number that can be changed: its name, a slider, a field, its schedule, and the receipt. While
// the user drags or types, and until the receipt arrives, the row shows what the user chose.

import { focusOf, make, named } from "../dom";
import { makeField, makePlainButton, onEnter, ReceiptLine, type Send } from "./fields";
import type { NumberRow, Receipt } from "../messages";
import { inText, POSITIONS, scaleFor, suits, type Scale } from "./scale";

const SETTLE = 200; // ms after the last step of a slider until its value is sent
const UNABLE = "values can be changed while training runs or is paused";
const HOLDS = "a value that you set here holds until you release it";

export class NumberControl {
  readonly element: HTMLElement;
  readonly #send: Send;
  readonly #slider: HTMLInputElement;
  readonly #field: HTMLInputElement;
  readonly #driver: HTMLElement;
  readonly #hold: HTMLButtonElement;
  readonly #receipt: ReceiptLine;
  #scale: Scale | null = null;
  #row: NumberRow;
  #editing = false;
  #chosen: number | null = null; // sent, until the receipt arrives
  #request = ""; // which sent it
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(row: NumberRow, parent: HTMLElement, send: Send) {
    this.#row = row;
    this.#send = send;
    const box = named("number", make("div", "wb-line wb-number", parent));
    box.dataset.path = row.path;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", row.name);
    this.element = box;
    make("span", "wb-name", box, row.name).title = row.path;

    const middle = make("span", "wb-middle", box);
    this.#slider = named("slider", make("input", "wb-slider", middle));
    this.#slider.type = "range";
    this.#slider.max = String(POSITIONS);
    this.#slider.step = "any";
    this.#slider.setAttribute("aria-label", `${row.name}, slider`);
    this.#slider.addEventListener("input", this.#slide);
    this.#slider.addEventListener("change", this.#slide);
    this.#slider.addEventListener("keydown", this.#step);
    this.#field = makeField("value", row.name, middle, { numeric: true });
    this.#field.addEventListener("input", () => {
      this.#editing = true;
      this.#field.removeAttribute("aria-invalid");
    });
    this.#field.addEventListener("change", this.#type);
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#revert();
    });
    this.#field.addEventListener("blur", () => {
      if (this.#field.getAttribute("aria-invalid")) this.#revert();
    });
    onEnter(this.#field, this.#type);
    this.#hold = makePlainButton("hold", "Hold", HOLDS, middle, this.#toggle);
    this.#driver = named("driver", make("span", "wb-driver", middle));
    this.#receipt = new ReceiptLine("number-receipt", box, true);
  }

  /** Shows the present value and receipt, except while the user edits. */
  update(row: NumberRow, able: boolean, receipts: readonly Receipt[]): void {
    this.#row = row;
    const settled = this.#receipt.show(receipts, row.receipt);
    const mine = receipts.find((one) => one.request === this.#request);
    if (mine && mine.state !== "waiting") this.#chosen = null;
    if (settled && settled.state !== "waiting") {
      if (settled.state === "refused" && this.#field.value) {
        this.#field.setAttribute("aria-invalid", "true");
        this.#editing = focusOf(this.#field) === this.#field; // what was typed is not lost
      }
    }
    for (const part of [this.#slider, this.#field, this.#hold]) part.disabled = !able;
    this.element.title = able ? "" : UNABLE;
    this.#hold.hidden = !row.driven_by;
    this.#hold.textContent = row.held ? "Release" : "Hold";
    this.#hold.title = row.held ? `let ${row.driven_by} set it again` : HOLDS;
    const driver = row.held ? `held; ${row.driven_by} waits` : `driven by ${row.driven_by}`;
    this.#driver.textContent = row.driven_by ? driver : "";
    this.#driver.title = row.driven_by ? HOLDS : "";
    if (!this.#editing && this.#chosen === null) this.#showValue(row.value, true);
  }

  /** Shows a value on the slider and, with `all`, in the field, too, once training has it. */
  #showValue(value: number | null, all: boolean): void {
    if (all) {
      this.#field.removeAttribute("aria-invalid");
      const text = inText(value);
      if (this.#field.value !== text) this.#field.value = text;
      if (!this.#scale || !suits(this.#scale, value ?? 0)) this.#scale = scaleFor(this.#row);
    }
    this.#slider.classList.toggle("wb-none", !this.#scale);
    if (this.#scale) this.#slider.value = String(this.#scale.position(value ?? 0));
    this.#slider.setAttribute("aria-valuetext", inText(value));
  }

  readonly #slide = (event: Event) => {
    if (!this.#scale) return;
    this.#editing = true;
    const value = this.#scale.value(Number(this.#slider.value));
    this.#field.value = inText(value);
    this.#field.removeAttribute("aria-invalid");
    this.#slider.setAttribute("aria-valuetext", inText(value));
    if (event.type !== "change") return;
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      this.#choose(value);
    }, SETTLE);
  };

  /** Moves by 1 %, or by 10 % with Page Up and Page Down, since `step="any"` sets no step. */
  readonly #step = (event: KeyboardEvent) => {
    const steps = {
      ArrowRight: 1,
      ArrowUp: 1,
      ArrowLeft: -1,
      ArrowDown: -1,
      PageUp: 10,
      PageDown: -10,
    };
    const step = steps[event.key as keyof typeof steps] as number | undefined;
    if (step === undefined) return;
    event.preventDefault();
    const before = this.#slider.value;
    this.#slider.value = String(Number(before) + (step * POSITIONS) / 100);
    if (this.#slider.value === before) return; // at the end
    this.#slider.dispatchEvent(new Event("change"));
  };

  readonly #type = () => {
    if (!this.#editing) return;
    const text = this.#field.value.trim();
    const value = Number(text);
    if (!text || !Number.isFinite(value)) {
      this.#field.setAttribute("aria-invalid", "true");
      this.#receipt.refuse(`"${text}" is not a number; nothing was sent`);
      return;
    }
    this.#choose(value);
  };

  #choose(value: number): void {
    this.#editing = false;
    this.#chosen = value;
    this.#showValue(value, false);
    const name = this.#row.driven_by ? "hold" : "set";
    this.#request = this.#send(name, { shared: this.#row.path, value });
    this.#receipt.sent(this.#request);
  }

  #revert(): void {
    this.#editing = false;
    this.#field.removeAttribute("aria-invalid");
    this.#receipt.dismiss();
    this.#showValue(this.#chosen ?? this.#row.value, true);
  }

  readonly #toggle = () => {
    const name = this.#row.held ? "release" : "hold";
    this.#receipt.sent(this.#send(name, { shared: this.#row.path }));
  };
}
