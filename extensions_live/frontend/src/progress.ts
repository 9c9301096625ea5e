// The progress line of a view: a bar, counts, the speed and the remaining time.

import { make, named } from "./dom";
import type { ProgressFacts } from "./messages";

/** Appends a progress line to `parent`; returns a function that updates it. */
export function makeProgress(parent: HTMLElement): (facts: ProgressFacts) => void {
  const bar = named("progress", make("div", "wb-bar", parent));
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", "progress of the run");
  const done = make("div", "wb-done", bar);
  const counts = make("div", "wb-counts", parent);
  const iteration = named("iteration", make("span", "", counts));
  const epoch = named("epoch", make("span", "", counts));
  const rate = named("rate", make("span", "", counts));
  const tier = named("tier", make("span", "wb-tier", counts));
  const left = named("time-left", make("span", "wb-left", counts));

  return (facts) => {
    iteration.textContent = facts.iteration;
    epoch.textContent = facts.epoch;
    rate.textContent = facts.rate;
    [tier.textContent = "", tier.title = ""] = facts.tier;
    left.textContent = facts.time_left;
    const { fraction } = facts;
    bar.classList.toggle("wb-unknown", fraction === null && facts.state === "running");
    const percent = 100 * (fraction ?? 0);
    done.style.width = `${percent}%`;
    if (fraction === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", String(Math.round(percent)));
    bar.setAttribute("aria-valuetext", [facts.state, facts.iteration, facts.epoch].join(", "));
  };
}
