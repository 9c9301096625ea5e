// The widgets of a dashboard, in their sections.

import { make, named } from "../dom";
import type {
  DashboardAnswer,
  DashboardContents,
  DashboardModule,
  DashboardPart,
} from "../messages";
import type { Rendering } from "../model";
import { Hosted, type HostedManager } from "./hosted";
import { addPages } from "./pages";

/** The script of a widget, as anywidget defines it. */
interface Script {
  default: { render: (rendering: Rendering<never>) => unknown };
}

type Parts = Record<string, DashboardPart>;
type Modules = Record<string, DashboardModule>;

/** Widgets on the page. */
export interface Shown {
  /** The widgets by their identifiers. */
  readonly parts: Map<string, Hosted>;
  /** Adds widgets that other widgets show inside of themselves. */
  readonly add: (parts: Parts, modules: Modules) => void;
  /** Removes them from the page. */
  readonly remove: () => void;
}

// The server answers at once, even while a cell runs, so a widget must not say that it is waiting.
const FREE = { status: "idle", connectionStatus: "connected", isFree: true };

/** Shows `contents` in `parent`; `send` sends messages to the server. */
export function show(
  contents: DashboardContents,
  parent: HTMLElement,
  send: (message: DashboardAnswer) => void,
): Shown {
  const parts = new Map<string, Hosted>();
  const scripts = new Map<string, Promise<Script>>();
  const styles = new Set<string>();
  const ends: (() => void)[] = [];
  let removed = false;
  const { ident: bokehjs, version } = contents.bokehjs;

  /** Draws a widget in an element; returns a function that removes it. */
  const draw = async (model: Hosted, el: HTMLElement): Promise<() => void> => {
    const script = scripts.get(model.module);
    if (!script) throw new Error(`there is no script ${model.module}`);
    const { render } = (await script).default;
    const end = removed ? undefined : render({ model: model as never, el });
    return typeof end === "function" ? (end as () => void) : () => undefined;
  };
  const manager: HostedManager = {
    kernel: FREE,
    get_model: (id) => {
      const found = id === bokehjs ? carrier : parts.get(id);
      return found ? Promise.resolve(found) : Promise.reject(new Error(`no widget ${id}`));
    },
    create_view: async (model) => {
      const el = document.createElement("div");
      el.className = "wbd-part";
      const end = await draw(model as Hosted, el);
      const remove = () => {
        end();
        el.remove();
      };
      return { el, remove };
    },
  };
  const carrier = new Hosted({ version }, () => undefined, manager);
  const add = (more: Parts, modules: Modules) => {
    for (const [ident, { module, state }] of Object.entries(more)) {
      const post = (content: Parameters<Hosted["send"]>[0]) => {
        send({ kind: "part", ident, content });
      };
      parts.set(ident, new Hosted(state, post, manager, module));
    }
    for (const [name, { css, esm }] of Object.entries(modules)) {
      if (css && !styles.has(css)) make("style", "", parent, css);
      styles.add(css);
      const script = loaded.get(esm) ?? load(esm);
      loaded.set(esm, script);
      scripts.set(name, script);
    }
  };

  add(contents.parts, contents.modules);
  const { pageOf, remove: removePages } = addPages(contents.sections, parent);
  for (const { page, title, subtitle, parts: idents } of contents.sections) {
    const section = named("section", make("section", "wbd-section", pageOf(page)));
    if (title) make("h2", "wbd-heading", section, title);
    if (subtitle) make("p", "wbd-subtitle", section, subtitle);
    for (const ident of idents) {
      const model = parts.get(ident);
      if (!model) continue;
      const el = make("div", "wbd-part", section);
      draw(model, el).then(
        (end) => {
          if (removed) end();
          else ends.push(end);
        },
        (error: unknown) => {
          make("div", "wb-problem", el, `This part cannot be loaded: ${String(error)}`);
        },
      );
    }
  }
  return {
    parts,
    add,
    remove: () => {
      removed = true;
      for (const end of ends) end();
      removePages();
      parent.replaceChildren();
    },
  };
}

const loaded = new Map<string, Promise<Script>>();

async function load(esm: string): Promise<Script> {
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ url)) as Script;
  } finally {
    URL.revokeObjectURL(url);
  }
}
