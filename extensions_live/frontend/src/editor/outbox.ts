// The intents of this page that Python has not acknowledged. The whole list is sent each time: the
// page merges changes of a trait while a message is under way, and would lose single intents.

import type { BoardPayload, Intent, IntentName, Refusal } from "../messages";

export type Arguments = Record<string, unknown>;

export class Outbox {
  #waiting: readonly Intent[];
  #next = 1;
  #since: number | null = null;
  readonly #clients: ReadonlySet<string>;
  readonly #seen = new Set<string>();

  /**
   * `deliver` sends a list of intents, and `keep` keeps it for a page that is loaded again; `client`
   * identifies this page. `kept` are intents that an earlier page, another client, has kept.
   */
  constructor(
    readonly client: string,
    readonly deliver: (intents: Intent[]) => void,
    readonly keep: (intents: readonly Intent[]) => void = () => undefined,
    kept: readonly Intent[] = [],
    readonly clock: () => number = () => performance.now(),
  ) {
    this.#waiting = kept;
    this.#clients = new Set([client, ...kept.map((one) => one.client)]);
    if (kept.length) this.#since = clock();
  }

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
    this.keep(this.#waiting);
    this.deliver([...this.#waiting]);
    return number;
  }

  /** Sends the intents without an answer again. */
  repeat(): void {
    if (this.#waiting.length) this.deliver([...this.#waiting]);
  }

  /** Removes the intents that Python executed or refused; returns new refusals. */
  hear({ acked, refused }: Pick<BoardPayload, "acked" | "refused">): Refusal[] {
    const left = this.#waiting.filter(({ client, number }) => number > (acked[client] ?? 0));
    if (left.length < this.#waiting.length) {
      this.#since = left.length ? this.clock() : null;
      this.#waiting = left;
      this.keep(left);
    }
    const fresh = refused.filter((one) => {
      return this.#clients.has(one.client) && !this.#seen.has(keyOf(one));
    });
    for (const one of fresh) this.#seen.add(keyOf(one));
    return fresh;
  }
}

function keyOf({ client, number }: Refusal): string {
  return `${client} ${number}`;
}
