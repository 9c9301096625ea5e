import { afterEach, expect, it, vi } from "vitest";

import { steadily } from "../src/steady";

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

/** Returns a bar, the page around it, and a plot below it that the bar's growth moves by 48 pixels. */
function page() {
  document.body.innerHTML =
    '<div id="page" style="overflow-y: auto"><div id="bar"></div><div class="wb-plot"></div></div>';
  const [scroller, bar] = ["page", "bar"].map((id) => document.getElementById(id));
  const plot = document.querySelector(".wb-plot");
  if (!scroller || !bar || !plot) throw new Error("the page lacks a part");
  Object.defineProperty(scroller, "scrollHeight", { value: 1000 });
  let top = 300;
  plot.getBoundingClientRect = () => ({ top }) as DOMRect;
  return { scroller, bar, plot, grow: () => (top += 48) };
}

it("scrolls by what a plot under the pointer would move", () => {
  const { scroller, bar, plot, grow } = page();
  vi.spyOn(document, "querySelector").mockReturnValue(plot);
  steadily(bar, grow);
  expect(scroller.scrollTop).toBe(48);
});

it("does not scroll if the pointer is elsewhere, or on a plot above", () => {
  const { scroller, bar, plot, grow } = page();
  steadily(bar, grow);
  expect(scroller.scrollTop).toBe(0);
  scroller.append(bar);
  vi.spyOn(document, "querySelector").mockReturnValue(plot);
  steadily(bar, grow);
  expect(scroller.scrollTop).toBe(0);
});
