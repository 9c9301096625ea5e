// The button that switches between the light and the dark theme. Until the user chooses one, the
// theme is that of the system. The choice is kept in the browser.

import { make, named } from "../dom";

const KEY = "workbench-dashboard-theme";
const MOON = "M11.5 10.5A5.5 5.5 0 0 1 5.5 2.6a5.6 5.6 0 1 0 7.3 7.3 5.5 5.5 0 0 1-1.3.6z";
const SUN =
  "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.4 1h1.2v2H7.4zM7.4 13h1.2v2H7.4zM1 7.4h2v1.2H1z" +
  "M13 7.4h2v1.2h-2zM2.6 3.5l.9-.9 1.4 1.4-.9.9zM11.1 12l.9-.9 1.4 1.4-.9.9z" +
  "M11.1 4l1.4-1.4.9.9L12 4.9zM2.6 12.5L4 11.1l.9.9-1.4 1.4z";

type Theme = "light" | "dark";

/** Returns the theme of the page: the stored choice, or that of the system. */
export function currentTheme(): Theme {
  const chosen = stored();
  if (chosen) return chosen;
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null; // the browser refuses to store anything
  }
}

/** Adds the button to `parent`; returns a function that stops following the system's theme. */
export function addThemeSwitch(parent: HTMLElement): () => void {
  const button = named("theme", make("button", "wbd-theme", parent));
  button.type = "button";
  const apply = () => {
    const theme = currentTheme();
    const other = theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.wbTheme = theme;
    document.body.dataset.wbTheme = theme; // figures watch the body
    button.title = `use the ${other} theme`;
    button.setAttribute("aria-label", button.title);
    const path = theme === "dark" ? SUN : MOON;
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
  };
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(KEY, currentTheme() === "dark" ? "light" : "dark");
    } catch {
      return;
    }
    apply();
  });
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", apply);
  apply();
  return () => {
    media.removeEventListener("change", apply);
  };
}
