// The intents of this page that Python has not acknowledged. The whole list is sent each time: the
// page merges changes of a trait while a message is under way, and would lose single intents.

import type { BoardPayload, Intent, IntentName, Refusal } from "../messages";

export type Arguments = Record<string, unknown>;

export class Outbox {
  #waiting: Intent[] = [];
  #next = 1;
  #since: number | null = null;
  #seen = new Set<number>();

  /** `deliver` sends a list of intents; `client` identifies this page. */
  constructor(
    readonly client: string,
    readonly deliver: (intents: Intent[]) => void,
    readonly clock: () => number = () => performance.now(),
  ) {}

  /** The intents without an answer. */
  get waiting(): readonly Intent[] {
    return this.#waiting;
  }

  /** The time in ms since the oldest intent without an answer was sent, or the last answer. */
  get silence(): number {
    return this.#since === null ? 0 : this.clock() - this.#since;
  }

  /** Sends an intent, together with those without an answer; returns its number. */
  send(name: IntentName, given: Arguments = {}): number {
    const number = this.#next;
    this.#next += 1;
    this.#since ??= this.clock();
    this.#waiting = [...this.#waiting, { client: this.client, number, name, arguments: given }];
    this.deliver(this.#waiting);
    return number;
  }

  /** Sends the intents without an answer again. */
  repeat(): void {
    if (this.#waiting.length) this.deliver(this.#waiting);
  }

  /** Removes the intents that Python executed or refused; returns new refusals. */
  hear({ acked, refused }: Pick<BoardPayload, "acked" | "refused">): Refusal[] {
    const done = acked[this.client] ?? 0;
    const left = this.#waiting.filter(({ number }) => number > done);
    if (left.length < this.#waiting.length) this.#since = left.length ? this.clock() : null;
    this.#waiting = left;
    const fresh = refused.filter(
      ({ client, number }) => client === this.client && !this.#seen.has(number),
    );
    for (const { number } of fresh) this.#seen.add(number);
    return fresh;
  }
}
