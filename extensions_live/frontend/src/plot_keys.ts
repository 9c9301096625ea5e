// Keys of a plot, which are pressed while it has the focus, or which another part of the same view
// sends.

import { hearKeys, keyOf, sendKey } from "./keys";

const FIELDS = "input, select, textarea";

/**
 * Calls `act` with every key for this plot; `act` returns true if it has used the key. A key of the
 * view that the plot does not use is sent to the control bar.
 */
export function onKey(
  box: HTMLElement,
  act: (key: string, target: Element | null) => boolean,
): () => void {
  const pressed = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Otherwise the notebook uses the arrow keys of a slider and the Enter key of a button itself.
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
