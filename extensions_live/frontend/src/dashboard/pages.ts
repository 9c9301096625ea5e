// The pages of a dashboard: tabs above the sections, if there is more than one page. The address of
// the browser's tab names the chosen page, which therefore survives a reload.

import { make, named } from "../dom";

export interface Pages {
  /** Returns the element with the sections of a page. */
  readonly pageOf: (name: string) => HTMLElement;
  readonly remove: () => void;
}

/** Adds the pages of some sections to `parent`. */
export function addPages(
  sections: readonly { readonly page: string }[],
  parent: HTMLElement,
): Pages {
  const names = [...new Set(sections.map(({ page }) => page))];
  if (names.length < 2) return { pageOf: () => parent, remove: () => undefined };
  const list = named("pages", make("div", "wbd-tabs", parent));
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "pages");
  const tabs = new Map<string, HTMLButtonElement>();
  const panels = new Map<string, HTMLElement>();
  const choose = (name: string) => {
    for (const [one, tab] of tabs) {
      const chosen = one === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      const panel = panels.get(one);
      if (panel) panel.hidden = !chosen;
    }
  };
  for (const name of names) {
    const tab = named(`page-${name}`, make("button", "wbd-tab", list, name));
    tab.type = "button";
    tab.id = `tab-${name}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `panel-${name}`);
    tab.addEventListener("click", () => {
      history.replaceState(null, "", `#${encodeURIComponent(name)}`);
      choose(name);
    });
    const panel = make("div", "wbd-panel", parent);
    panel.id = `panel-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tabs.set(name, tab);
    panels.set(name, panel);
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = names.findIndex((name) => tabs.get(name) === event.target);
    if (step === undefined || at < 0) return;
    const next = tabs.get(names[(at + step + names.length) % names.length] ?? "");
    next?.click();
    next?.focus();
    event.preventDefault();
  });
  const follow = () => {
    const wanted = chosenInAddress();
    choose(names.includes(wanted) ? wanted : (names[0] ?? ""));
  };
  window.addEventListener("hashchange", follow);
  follow();
  return {
    pageOf: (name) => panels.get(name) ?? parent,
    remove: () => {
      window.removeEventListener("hashchange", follow);
    },
  };
}

function chosenInAddress(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}
