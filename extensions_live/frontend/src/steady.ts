// Keeps a plot under the pointer in its place when something above it grows or shrinks.

const SCROLLS = /auto|scroll/;

/** Returns the nearest element around `el` that scrolls, or the page. */
function scrollerOf(el: Element): Element {
  for (let part = el.parentElement; part; part = part.parentElement) {
    if (SCROLLS.test(getComputedStyle(part).overflowY) && part.scrollHeight > part.clientHeight) {
      return part;
    }
  }
  return document.documentElement;
}

/** Calls `change`, which changes `box`; scrolls if this would move a plot away from the pointer. */
export function steadily(box: Element, change: () => void): void {
  const plot = document.querySelector(".wb-plot:hover");
  const below = plot && box.compareDocumentPosition(plot) & Node.DOCUMENT_POSITION_FOLLOWING;
  const before = below ? plot.getBoundingClientRect().top : 0;
  change();
  const moved = below ? plot.getBoundingClientRect().top - before : 0;
  if (plot && moved) scrollerOf(plot).scrollTop += moved;
}
