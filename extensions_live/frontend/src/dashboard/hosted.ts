// A widget of a dashboard, whose traits arrive from the server of the dashboard instead of a kernel.
// It has the interface of the model that the scripts of all widgets expect.

import type { Message } from "../messages";
import type { Manager, Model } from "../model";

type Traits = Record<string, unknown>;

/** Returns `value` with a `DataView` for every buffer in it, as widgets get bytes in a notebook. */
export function withViews(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return new DataView(value);
  if (Array.isArray(value)) return value.map(withViews);
  if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withViews(one)]));
  }
  return value;
}

/** The manager of the widgets of a page; widgets can show others inside of themselves. */
export interface HostedManager extends Manager {
  create_view?: (model: unknown) => Promise<{ el: HTMLElement; remove: () => void }>;
}

/** A widget that sends its messages with `post`; `module` is the name of its script. */
export class Hosted implements Model<Traits> {
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #traits: Traits;

  constructor(
    traits: Traits,
    private readonly post: (message: Message) => void,
    readonly widget_manager: HostedManager,
    readonly module = "",
  ) {
    this.#traits = withViews(traits) as Traits;
  }

  get = (name: string): unknown => this.#traits[name];

  send = (message: Message): void => {
    this.post(message);
  };

  on = (event: string, callback: () => void): void => {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(callback));
  };

  off = (event: string, callback: () => void): void => {
    this.#listeners.get(event)?.delete(callback);
  };

  /** Sets traits that the server sent, and calls their listeners. */
  update(changes: Traits): void {
    const now = withViews(changes) as Traits;
    Object.assign(this.#traits, now);
    for (const name of Object.keys(now)) {
      for (const callback of [...(this.#listeners.get(`change:${name}`) ?? [])]) callback();
    }
  }
}
