// Draws in an element only while it is on the page and has a size, as drawing libraries require. A
// notebook creates the element of an output before it attaches it to the page, detaches and attaches
// it during scrolling, and hides it if a second view of the same output is shown.

const TRIES = 6; // number of attempts while the element stays on the page

/** Returns true if an element is on the page and has a size. */
export function shown(el: HTMLElement): boolean {
  return el.isConnected && el.clientWidth > 0 && el.getClientRects().length > 0;
}

/** Function that removes a drawing. */
export type Undo = () => void;

/**
 * Calls `draw` as soon as `el` is on the page and has a size. `draw` resolves to a function that
 * removes the drawing, or to null if the element was detached in the meantime. In that case, `draw`
 * is called again when the element is attached. If `draw` fails although the element is attached,
 * it is called again after increasing delays. `report` receives the last error, or null on success.
 * Returns a function that stops this and removes the drawing.
 */
export function whileShown(
  el: HTMLElement,
  draw: () => Promise<Undo | null>,
  report: (error: Error | null) => void,
): () => void {
  let undo: Undo | null = null;
  let drawing = false;
  let tries = 0;
  let ended = false;
  const over = () => ended; // a function, since `ended` may change during an await

  const look = async () => {
    if (over() || undo || drawing || !shown(el)) return;
    drawing = true;
    let failure: Error | null = null;
    try {
      undo = await draw();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    drawing = false;
    if (over()) {
      undo?.();
    } else if (undo) {
      report(null);
    } else if (!shown(el)) {
      tries = 0;
    } else if ((tries += 1) < TRIES) {
      setTimeout(() => void look(), 100 * 2 ** tries);
    } else {
      report(failure ?? new Error("the output has no size on the page"));
    }
  };

  // Fires when the element is attached or detached, and when its size changes from or to zero.
  const observer = new ResizeObserver(() => {
    if (!shown(el)) tries = 0;
    void look();
  });
  observer.observe(el);
  void look();
  return () => {
    ended = true;
    observer.disconnect();
    undo?.();
  };
}

/** Hides the still output of the cell once the drawing is on the screen. */
export function announce(box: HTMLElement): void {
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      box.classList.add("wb-drawn");
    });
  });
}
