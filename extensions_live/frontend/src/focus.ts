// Keeps the keyboard focus in a view when the element that has it is hidden, disabled or removed.

import { focusOf } from "./dom";

/** Returns true if an element can no longer have the focus. */
function isLost(element: HTMLElement): boolean {
  return !element.isConnected || element.matches(":disabled") || !!element.closest("[hidden]");
}

/**
 * Moves the focus to the element that `instead` returns, or else to `box`, when the element in focus
 * disappears or is disabled, for example by its own click. Otherwise the page itself would have the
 * focus, and further keys would be shortcuts of the notebook. Returns a function that ends this.
 */
export function keepFocus(
  box: HTMLElement,
  instead: (lost: HTMLElement) => HTMLElement | undefined = () => undefined,
): () => void {
  let last: HTMLElement | null = null;
  const entered = ({ target }: Event) => {
    last = target instanceof HTMLElement ? target : null;
  };
  const left = ({ target }: Event) => {
    // Browsers also send this event for an element that is being removed.
    queueMicrotask(() => {
      if (last === target && last && !isLost(last)) last = null;
    });
  };
  const observer = new MutationObserver(() => {
    if (!last || last === box || !box.isConnected || !isLost(last)) return;
    const [lost, now] = [last, focusOf(box)];
    last = null;
    if (now && now !== lost && now !== document.body) return; // the user has moved on
    const name = lost.isConnected ? undefined : lost.dataset.testid; // perhaps it was drawn again
    const same = name && box.querySelector<HTMLElement>(`[data-testid="${CSS.escape(name)}"]`);
    const next = instead(lost) ?? same;
    if (box.tabIndex < 0) box.tabIndex = -1; // so that the box can have the focus
    (next && !isLost(next) ? next : box).focus({ preventScroll: true });
  });
  box.addEventListener("focusin", entered);
  box.addEventListener("focusout", left);
  const attributeFilter = ["hidden", "disabled"];
  observer.observe(box, { subtree: true, childList: true, attributes: true, attributeFilter });
  return () => {
    observer.disconnect();
    box.removeEventListener("focusin", entered);
    box.removeEventListener("focusout", left);
  };
}
