// The keys of the editor, which the notebook does not get, and the focus, which stays inside.

import { useCallback, useEffect, type KeyboardEvent, type RefObject } from "react";

import { focusOf } from "../../dom";
import { keepFocus } from "../../focus";
import { actionOf, isOfNotebook, nameOf, takesText, type Action } from "../shortcuts";

/** Returns the handlers of pressed keys and of clicks. */
export function useKeys(box: RefObject<HTMLDivElement | null>, perform: (action: Action) => void) {
  const focusBox = useCallback(() => {
    box.current?.focus({ preventScroll: true });
  }, [box]);
  useEffect(() => (box.current ? keepFocus(box.current) : undefined), [box]);
  useEffect(() => (box.current ? suppress(box.current) : undefined), [box]);

  // A removed node loses the focus, and React Flow takes it, in the next frame, from a node that is
  // no longer selected. Then the page itself would have it, and the next click or key would be for
  // the notebook.
  const stayInside = (before?: EventTarget) => {
    requestAnimationFrame(() => {
      const area = box.current;
      const focused = area && focusOf(area);
      if (!area || (focused && area.contains(focused))) return;
      const back = before instanceof HTMLElement && area.contains(before) ? before : area;
      back.focus({ preventScroll: true });
    });
  };

  const pressed = (event: KeyboardEvent) => {
    // React Flow listens on the document for keys that are held: Ctrl selects several nodes.
    if (isOfNotebook(event) || MODIFIERS.has(event.key)) return;
    event.stopPropagation(); // JupyterLab listens on the document while the event bubbles
    if (event.defaultPrevented || event.nativeEvent.isComposing) return;
    if (takesText(event.target)) {
      if (event.key === "Escape") focusBox();
      return;
    }
    const action = actionOf(event);
    const onButton = event.target instanceof Element && event.target.closest("button, a, summary");
    const presses = event.key === "Enter" || event.key === " ";
    if (onTool(event.target) && /^[a-z]$/.test(nameOf(event))) return;
    if (!action || (onButton && presses)) {
      if (presses) stayInside(event.target);
      return;
    }
    event.preventDefault();
    perform(action);
    stayInside();
  };
  return { pressed, stayInside, focusBox };
}

/** Returns true on the toolbar, where letters do nothing: they may be meant for what it opens. */
function onTool(target: EventTarget): boolean {
  return target instanceof Element && target.closest('[role="toolbar"]') !== null;
}

const MODIFIERS = new Set(["Control", "Meta", "Shift", "Alt"]);

const SUPPRESS = "data-lm-suppress-shortcuts";

/**
 * Keeps keys from notebooks that listen before the event arrives at the editor, as Jupyter Notebook
 * does: they leave out an element with this attribute. Returns a function that ends this.
 */
export function suppress(box: HTMLElement): () => void {
  let last: Element | null = null;
  const first = (event: globalThis.KeyboardEvent) => {
    last?.removeAttribute(SUPPRESS);
    last = null;
    const { target } = event;
    if (!(target instanceof Element) || !box.contains(target) || isOfNotebook(event)) return;
    target.setAttribute(SUPPRESS, "");
    last = target;
  };
  window.addEventListener("keydown", first, true);
  return () => {
    window.removeEventListener("keydown", first, true);
    last?.removeAttribute(SUPPRESS);
  };
}
