// Keys of a plot, which are pressed while it has the focus, or which another part of the same
// output sends with the event `KEY`.

import { KEY } from "./keys";

const AREA = ".jp-OutputArea";
const FIELDS = "input, select, textarea";

/** Calls `act` with every key for this plot; `act` returns true if it has used the key. */
export function onKey(
  box: HTMLElement,
  act: (key: string, target: Element | null) => boolean,
): () => void {
  const pressed = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Otherwise the notebook uses the arrow keys of a slider and the Enter key of a button itself.
    event.stopPropagation();
    if (!target.matches(FIELDS) && act(event.key, target)) event.preventDefault();
  };
  const sent = (event: Event) => {
    const { target } = event;
    const area = target instanceof Element ? target.closest(AREA) : null;
    if (area && area !== box.closest(AREA)) return;
    const { detail } = event as CustomEvent<unknown>;
    if (typeof detail === "string") act(detail, null);
  };
  box.addEventListener("keydown", pressed);
  document.addEventListener(KEY, sent, { capture: true });
  return () => {
    box.removeEventListener("keydown", pressed);
    document.removeEventListener(KEY, sent, { capture: true });
  };
}
