// Limits how often a view is drawn, so that drawing leaves the processor to training.

export const SHARE = 20; // the time between two drawings, in multiples of the time that one takes

/** Resolves at the end of the current animation frame, to its duration in ms. */
const frame = () =>
  new Promise<number>((resolve) => {
    requestAnimationFrame((start) => {
      const { port1, port2 } = new MessageChannel(); // its message arrives after the frame is painted
      port1.onmessage = () => {
        port1.close();
        resolve(performance.now() - start);
      };
      port2.postMessage(null);
    });
  });

/**
 * Returns a function that calls `draw` at once, or, if the last drawing took long, some time later,
 * once for all calls until then. The time of a drawing includes the next two frames, in which
 * drawing libraries paint. `end` cancels a drawing that waits.
 */
export function paced(draw: () => void): { draw: () => void; end: () => void } {
  let next = 0; // the earliest time of the next drawing
  let timer: ReturnType<typeof setTimeout> | undefined;
  const go = () => {
    timer = undefined;
    const start = performance.now();
    next = Infinity; // until the time of this drawing is known
    draw();
    const own = performance.now() - start;
    const known = (frames: number) => {
      next = start + SHARE * (own + frames);
      if (waiting) later();
    };
    // A hidden page has no frames.
    if (document.hidden) known(0);
    else
      void frame().then(async (first) => {
        known(first + (await frame()));
      });
  };
  let waiting = false;
  const later = () => {
    waiting = false;
    timer ??= setTimeout(go, Math.max(0, next - performance.now()));
  };
  return {
    draw: () => {
      if (timer !== undefined) return;
      if (next === Infinity) waiting = true;
      else if (performance.now() >= next) go();
      else later();
    },
    end: () => {
      clearTimeout(timer);
      next = Infinity;
      waiting = false;
    },
  };
}
