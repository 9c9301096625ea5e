// Telling Python whether a rendering is in sight, since nothing is sent to a view that is not.

import type { Model } from "./model";
import { post } from "./post";

const HEARTBEAT = 10_000; // ms between two signs of life

/**
 * Tells whether `box` is in sight: when that changes, every few seconds, and when it is closed.
 * Returns a function that closes it.
 */
export function reportVisibility(
  model: Pick<Model<never>, "send" | "on" | "off">,
  box: HTMLElement,
) {
  const rendering = Math.random().toString(36).slice(2);
  let near = true;
  let told: boolean | null = null;
  const visible = () => near && document.visibilityState === "visible";
  const tell = () => {
    told = visible();
    post(model, box, { kind: "visibility", rendering, visible: told });
  };
  const check = () => {
    if (visible() !== told) tell();
  };
  // A notebook scrolls inside of the page, where only the second margin counts.
  const margins = { rootMargin: "300px", scrollMargin: "300px" };
  const observer = new IntersectionObserver((entries) => {
    near = entries.at(-1)?.isIntersecting ?? near;
    check();
  }, margins);
  observer.observe(box);
  document.addEventListener("visibilitychange", check);
  model.on("comm_live_update", tell);
  const beat = setInterval(() => {
    if (visible()) tell();
  }, HEARTBEAT);
  tell();
  return () => {
    clearInterval(beat);
    observer.disconnect();
    document.removeEventListener("visibilitychange", check);
    model.off("comm_live_update", tell);
    post(model, box, { kind: "visibility", rendering, visible: false });
  };
}
