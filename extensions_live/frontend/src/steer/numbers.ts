// All numbers that can be changed, grouped by the step rule that has them.

import { make, named } from "../dom";
import type { Send } from "./fields";
import type { NumberRow, Receipt } from "../messages";
import { NumberControl } from "./number_row";

const MANY = 8; // numbers; with more of them, only the first group is open

export class Numbers {
  readonly #box: HTMLElement;
  readonly #send: Send;
  #controls = new Map<string, NumberControl>();

  constructor(parent: HTMLElement, send: Send) {
    this.#box = named("numbers", make("div", "wb-numbers", parent));
    this.#send = send;
  }

  update(rows: readonly NumberRow[], able: boolean, receipts: readonly Receipt[]): void {
    const paths = [...this.#controls.keys()].join("\n");
    if (rows.map((row) => row.path).join("\n") !== paths) this.#build(rows);
    for (const row of rows) this.#controls.get(row.path)?.update(row, able, receipts);
  }

  /** Makes all rows. This happens once, unless an extension with a number is added. */
  #build(rows: readonly NumberRow[]): void {
    this.#box.replaceChildren();
    const kept = this.#controls;
    this.#controls = new Map();
    const groups = new Map<string, NumberRow[]>();
    for (const row of rows) groups.set(row.owner, [...(groups.get(row.owner) ?? []), row]);
    let open = true;
    for (const [owner, members] of groups) {
      const parent = groups.size > 1 ? this.#group(owner, members.length, open) : this.#box;
      if (rows.length > MANY) open = false;
      for (const row of members) {
        const control = kept.get(row.path) ?? new NumberControl(row, parent, this.#send);
        parent.append(control.element);
        this.#controls.set(row.path, control);
      }
    }
  }

  #group(owner: string, count: number, open: boolean): HTMLElement {
    const group = named("group", make("details", "wb-group", this.#box));
    group.open = open;
    const summary = make("summary", "", group, owner || "further variables");
    make("span", "wb-count", summary, String(count));
    return group;
  }
}
