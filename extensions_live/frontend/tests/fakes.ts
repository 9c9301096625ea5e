// Fakes of parts of a page that jsdom lacks: a widget, a notebook, and observers of elements.

import { vi } from "vitest";

import type { Message } from "../src/messages";
import type { Cell, Manager, Model, Output } from "../src/model";

/** A widget whose traits a test sets, and that records the messages sent. */
export class FakeModel<State extends object> implements Model<State> {
  readonly sent: Message[] = [];
  /** True if messages can be sent. */
  open = true;
  readonly #callbacks: [string, () => void][] = [];

  constructor(
    readonly state: State,
    readonly widget_manager: Manager = {},
  ) {}

  get = <K extends keyof State & string>(name: K): State[K] => this.state[name];

  send = (message: Message) => {
    if (!this.open) throw new Error("the comm is closed");
    this.sent.push(message);
  };

  on = (event: string, callback: () => void) => {
    this.#callbacks.push([event, callback]);
  };

  off = (event: string, callback: () => void) => {
    const place = this.#callbacks.findIndex(([name, one]) => name === event && one === callback);
    if (place >= 0) this.#callbacks.splice(place, 1);
  };

  /** The number of registered callbacks. */
  get listeners() {
    return this.#callbacks.length;
  }

  emit(event: string) {
    for (const [name, callback] of [...this.#callbacks]) if (name === event) callback();
  }

  /** Sets a trait, as an update from Python does. */
  update<K extends keyof State & string>(name: K, value: State[K]) {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }
}

/** The traits of every live widget. */
export const LIVE = { problem: "", ident: "abc", has_control_channel: false, still: {} };

/** Adds a new element to the page, with a size that a test can change. */
export function place(width = 100) {
  const el = document.createElement("div");
  document.body.append(el);
  const size = { width };
  Object.defineProperty(el, "clientWidth", { get: () => size.width });
  el.getClientRects = () => ({ length: size.width > 0 ? 1 : 0 }) as DOMRectList;
  return { el, size };
}

/** Replaces a class of observers by a fake whose reports a test triggers. */
export function fakeObserver(name: "ResizeObserver" | "IntersectionObserver") {
  const active = new Set<(entries: unknown[]) => void>();
  class Observer {
    readonly #callback: (entries: unknown[]) => void;

    constructor(callback: (entries: unknown[]) => void) {
      this.#callback = callback;
    }

    observe() {
      active.add(this.#callback);
    }

    disconnect() {
      active.delete(this.#callback);
    }
  }
  vi.stubGlobal(name, Observer);
  return {
    active,
    report: (...entries: unknown[]) => {
      for (const callback of active) callback(entries);
    },
  };
}

/** Returns a cell, and the list of the indices of outputs that were replaced. */
export function fakeCell(outputs: Output[], type = "code") {
  const replaced: number[] = [];
  const cell: Cell = {
    type,
    outputs: {
      length: outputs.length,
      get: (index) => ({ toJSON: () => outputs[index] ?? {} }),
      set: (index, output) => {
        replaced.push(index);
        outputs[index] = output;
      },
    },
  };
  return { cell, outputs, replaced };
}

/** Returns the cells of a notebook. */
export function fakeCells(...cells: Cell[]) {
  return Object.assign(cells, { get: (index: number) => cells[index] });
}
