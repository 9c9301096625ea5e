// Reports to Python whether a rendering is visible, since an invisible view gets no updates.

import { deliver } from "./command";
import { kernelOf } from "./kernel";
import type { LiveState } from "./messages";
import type { Model } from "./model";
import { post } from "./post";

const HEARTBEAT = 10_000; // ms between two reports while a rendering is visible

/**
 * Reports the visibility of `box` when it changes, every few seconds while it is visible, and at
 * the end. While a cell runs, a report is sent on the control channel, since the view would otherwise
 * get no updates until the cell ends. Returns a function that ends the reports.
 */
export function reportVisibility(model: Model<LiveState>, box: HTMLElement) {
  const rendering = Math.random().toString(36).slice(2);
  let near = true;
  let reported: boolean | null = null;
  let number = 0;
  const tell = (visible: boolean) => {
    const message = { kind: "visibility" as const, rendering, visible, number: (number += 1) };
    if (kernelOf(model.widget_manager)?.status === "idle") post(model, box, message);
    else void deliver(model, box, message);
  };
  const visible = () => near && document.visibilityState === "visible";
  const report = () => {
    reported = visible();
    tell(reported);
  };
  const check = () => {
    if (visible() !== reported) report();
  };
  // A notebook scrolls inside the page, where only the second margin applies.
  const margins = { rootMargin: "300px", scrollMargin: "300px" };
  const observer = new IntersectionObserver((entries) => {
    near = entries.at(-1)?.isIntersecting ?? near;
    check();
  }, margins);
  observer.observe(box);
  document.addEventListener("visibilitychange", check);
  model.on("comm_live_update", report);
  const beat = setInterval(() => {
    if (visible()) report();
  }, HEARTBEAT);
  report();
  return () => {
    clearInterval(beat);
    observer.disconnect();
    document.removeEventListener("visibilitychange", check);
    model.off("comm_live_update", report);
    tell(false);
  };
}
