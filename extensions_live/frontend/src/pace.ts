// Limits how often a view is drawn, so that drawing leaves the processor to training.

import type { Model } from "./model";
import { post } from "./post";

// The time between two drawings, in multiples of the time that one takes: in a notebook, new values
// must soon be seen; a dashboard is a second view of the same run, often on the same machine.
export const SHARE = 8;
export const SHARE_OF_DASHBOARD = 60;
export const SLOW = 300; // ms between two drawings from which on Python need not send more
const CHANGE = 1.3; // factor by which this time changes before it is reported again

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

const SECTION = ".wbd-section"; // of a dashboard

export interface Pace {
  /** Draws now, or later if the last drawing took long; all calls until then are one. */
  draw: () => void;
  /** Lets the next call of `draw` draw at once, because the user waits for it. */
  hurry: () => void;
  /** Cancels a drawing that waits. */
  end: () => void;
}

/** Returns a `Pace` for the drawing of a view in `box`, which reports a slow pace to Python. */
export function pacedView(
  model: Pick<Model<never>, "send">,
  box: HTMLElement,
  draw: () => void,
): Pace {
  const report = (ms: number) => {
    post(model, box, { kind: "pace", seconds: ms / 1000 });
  };
  return paced(draw, report, box);
}

/**
 * Returns a `Pace` for `draw`. The time of a drawing includes the next two frames, in which drawing
 * libraries paint. `report` receives the ms between two drawings if they are many, or 0. `box` is the
 * element in which is drawn.
 */
export function paced(draw: () => void, report: (ms: number) => void, box: Element): Pace {
  let next = 0; // the earliest time of the next drawing; infinite while it is not known
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = false; // a drawing is due as soon as the time is known
  let urgent = false;
  let count = 0; // of drawings
  let reported = 0;
  const tell = (ms: number) => {
    const now = ms < SLOW ? 0 : ms;
    const alike = now && reported && Math.max(now / reported, reported / now) < CHANGE;
    if (now === reported || alike) return;
    reported = now;
    report(now);
  };
  const later = () => {
    timer = setTimeout(go, Math.max(0, next - performance.now()));
  };
  const go = () => {
    clearTimeout(timer);
    timer = undefined;
    urgent = waiting = false;
    const number = (count += 1);
    const start = performance.now();
    next = Infinity;
    draw();
    const own = performance.now() - start;
    const known = (frames: number) => {
      if (number !== count) return; // drawn again in the meantime
      const pause = (box.closest(SECTION) ? SHARE_OF_DASHBOARD : SHARE) * (own + frames);
      next = start + pause;
      tell(pause);
      if (waiting) later();
      waiting = false;
    };
    if (document.hidden)
      known(0); // a hidden page has no frames
    else
      void frame().then(async (first) => {
        known(first + (await frame()));
      });
  };
  return {
    draw: () => {
      if (urgent || performance.now() >= next) go();
      else if (next === Infinity) waiting = true;
      else if (timer === undefined) later();
    },
    hurry: () => {
      urgent = true;
    },
    end: () => {
      clearTimeout(timer);
      count += 1;
      next = Infinity;
    },
  };
}
