// Drawing only where something can be drawn. A notebook makes the element of an output before it
// puts it into the page, takes it out and puts it back while a person scrolls, and hides it where a
// second view of the same output is shown; drawing libraries want an element with a place and a size.

const TRIES = 6; // of drawing in an element that stays where it is

/** Tells whether an element is in the page and has a size. */
export function shown(el: HTMLElement): boolean {
  return el.isConnected && el.clientWidth > 0 && el.getClientRects().length > 0;
}

/** Undoes what was drawn. */
export type Undo = () => void;

/**
 * Calls `draw` as soon as `el` is in the page and has a size. `draw` resolves to a function that
 * undoes it, or to null where the element left meanwhile: it is called again when the element is
 * back. It is called once more, a little later each time, where it failed in an element that stayed;
 * `report` is told of the last error, and null when all is well. Returns a function that ends
 * everything.
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
  const over = () => ended; // asked again after a wait

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
      report(failure ?? new Error("the page gave no place to draw in"));
    }
  };

  // Speaks when the element enters or leaves the page, and when it gets or loses its size.
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

/** Hides the still picture of the cell, once what was drawn is on the screen. */
export function announce(box: HTMLElement): void {
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      box.classList.add("wb-drawn");
    });
  });
}
