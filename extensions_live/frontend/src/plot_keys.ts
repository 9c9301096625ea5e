// Keys of a plot, pressed while it has the focus or sent by another part of the same output as the
// event `KEY`.

import { KEY } from "./keys";

const AREA = ".jp-OutputArea";
const FIELDS = "input, select, textarea";

/** Calls `act` with every key for this plot; it returns true if it used the key. */
export function onKey(
  box: HTMLElement,
  act: (key: string, target: Element | null) => boolean,
): () => void {
  const pressed = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook would take the arrow keys of a slider and the Enter of a button for its cells.
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
