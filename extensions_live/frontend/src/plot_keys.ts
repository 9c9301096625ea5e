// Keys of a plot, pressed while it has the focus or sent by another part of the same view.

import { hearKeys, keyOf, sendKey } from "./keys";

const FIELDS = "input, select, textarea";

/**
 * Calls `act` with every key for this plot; it returns true if it used the key. A key of the view
 * that it does not use goes to the control bar.
 */
export function onKey(
  box: HTMLElement,
  act: (key: string, target: Element | null) => boolean,
): () => void {
  const pressed = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook would take the arrow keys of a slider and the Enter of a button for its cells.
    event.stopPropagation();
    if (target.matches(FIELDS)) return;
    if (act(event.key, target)) event.preventDefault();
    else {
      const key = keyOf(event);
      if (key === null) return;
      event.preventDefault();
      if (!event.repeat || key === ".") sendKey(box, key);
    }
  };
  const endHearing = hearKeys(box, (key) => void act(key, null));
  box.addEventListener("keydown", pressed);
  return () => {
    box.removeEventListener("keydown", pressed);
    endHearing();
  };
}
