// The widgets of a dashboard, in their sections.

import { make, named } from "../dom";
import type { DashboardAnswer, DashboardContents } from "../messages";
import type { Manager, Rendering } from "../model";
import { Hosted } from "./hosted";

/** The script of a widget, as anywidget defines it. */
interface Script {
  default: { render: (rendering: Rendering<never>) => unknown };
}

/** Widgets on the page. */
export interface Shown {
  /** The widgets by their identifiers. */
  readonly parts: Map<string, Hosted>;
  /** Removes them from the page. */
  readonly remove: () => void;
}

// The server answers at once, even while a cell runs, so a widget must not say that it is waiting.
const FREE = { status: "idle", connectionStatus: "connected" };

/** Shows `contents` in `parent`; `send` sends messages to the server. */
export function show(
  contents: DashboardContents,
  parent: HTMLElement,
  send: (message: DashboardAnswer) => void,
): Shown {
  const parts = new Map<string, Hosted>();
  const manager: Manager = {
    kernel: FREE,
    get_model: (id) => {
      const found = id === bokehjs ? carrier : parts.get(id);
      return found ? Promise.resolve(found) : Promise.reject(new Error(`no widget ${id}`));
    },
  };
  const { ident: bokehjs, version } = contents.bokehjs;
  const nothing = () => undefined;
  const carrier = new Hosted({ version }, nothing, manager);
  for (const [ident, { state }] of Object.entries(contents.parts)) {
    const post = (content: Parameters<Hosted["send"]>[0]) => {
      send({ kind: "part", ident, content });
    };
    parts.set(ident, new Hosted(state, post, manager));
  }
  const styles = new Set(Object.values(contents.modules).map(({ css }) => css));
  for (const css of styles) make("style", "", parent, css);
  const scripts = loadAll(contents);
  const ends: (() => void)[] = [];
  let removed = false;
  for (const { title, subtitle, parts: idents } of contents.sections) {
    const section = named("section", make("section", "wbd-section", parent));
    if (title) make("h2", "wbd-heading", section, title);
    if (subtitle) make("p", "wbd-subtitle", section, subtitle);
    for (const ident of idents) {
      const model = parts.get(ident);
      const script = scripts.get(contents.parts[ident]?.module ?? "");
      if (!model || !script) continue;
      const el = make("div", "wbd-part", section);
      script.then(
        ({ default: { render } }) => {
          if (removed) return;
          const end = render({ model: model as never, el });
          if (typeof end === "function") ends.push(end as () => void);
        },
        (error: unknown) => {
          make("div", "wb-problem", el, `This part cannot be loaded: ${String(error)}`);
        },
      );
    }
  }
  return {
    parts,
    remove: () => {
      removed = true;
      for (const end of ends) end();
      parent.replaceChildren();
    },
  };
}

const loaded = new Map<string, Promise<Script>>();

/** Returns the scripts by the names of their modules; each is loaded once per page. */
function loadAll(contents: DashboardContents): Map<string, Promise<Script>> {
  const shown = new Set(contents.sections.flatMap((section) => section.parts));
  const needed = [...shown].flatMap((ident) => contents.parts[ident]?.module ?? []);
  const found = new Map<string, Promise<Script>>();
  for (const name of new Set(needed)) {
    const esm = contents.modules[name]?.esm;
    if (esm === undefined) continue;
    const script = loaded.get(esm) ?? load(esm);
    loaded.set(esm, script);
    found.set(name, script);
  }
  return found;
}

async function load(esm: string): Promise<Script> {
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ url)) as Script;
  } finally {
    URL.revokeObjectURL(url);
  }
}
