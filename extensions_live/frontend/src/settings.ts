// The settings of a plot on the page. A change takes effect at once and is sent to Python, which
// keeps all settings and returns them with the numbers. Until then, the page uses its own settings.

import { deliver } from "./command";
import type { PlotPayload, PlotSettings, PlotState } from "./messages";
import type { Model } from "./model";

const PAUSE = 120; // ms without a change before the settings are sent

const DEFAULTS: PlotSettings = {
  x: "iteration",
  log_x: false,
  log_y: [],
  robust: [],
  smoothing: 0,
  marks: ["epoch", "intervention", "tier", "checkpoint", "best", "branch"],
  hidden: [],
  hidden_runs: [],
  order: [],
  names: {},
  run_colours: {},
  table: false,
};

export interface Settings {
  readonly now: PlotSettings;
  /** Changes some settings. */
  change: (part: Partial<PlotSettings>) => void;
  /** Calls `listener` whenever a setting may have changed. */
  listen: (listener: () => void) => void;
  /** Takes the settings of a new payload, unless newer ones are on their way. */
  heard: () => void;
  end: () => void;
}

/** Returns the payload of a plot, or null if nothing has arrived. */
export function payloadOf(model: Model<PlotState>): PlotPayload | null {
  const now = model.get("payload");
  return "curves" in now ? now : null;
}

export function makeSettings(model: Model<PlotState>, box: HTMLElement): Settings {
  let own: PlotSettings | null = null;
  let stamp = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners: (() => void)[] = [];
  const now = () => ({ ...DEFAULTS, ...(own ?? payloadOf(model)?.settings) });
  const send = () => {
    const message = { kind: "settings" as const, settings: now(), stamp };
    void deliver(model, box, message);
  };
  return {
    get now() {
      return now();
    },
    change(part) {
      own = { ...now(), ...part };
      stamp = Math.max(Date.now(), stamp + 1);
      clearTimeout(timer);
      timer = setTimeout(send, PAUSE);
      for (const listener of listeners) listener();
    },
    listen(listener) {
      listeners.push(listener);
    },
    heard() {
      if ((payloadOf(model)?.stamp ?? -1) >= stamp) own = null;
      for (const listener of listeners) listener();
    },
    end() {
      clearTimeout(timer);
    },
  };
}

/** Returns the list without `item` if it contains it, and with `item` added otherwise. */
export function toggled<Item>(list: Item[], item: Item): Item[] {
  return list.includes(item) ? list.filter((one) => one !== item) : [...list, item];
}
