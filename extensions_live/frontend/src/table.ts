// The table twin of a figure: its values at a few positions, and the marks. Screen readers can
// always read it, and a button makes it visible.

import { placeText, type Span } from "./axes";
import { make, named } from "./dom";
import type { AxisData, MarkData } from "./messages";
import { format, nearest, spread, type Points } from "./numbers";

const ROWS = 12;
const MOST_MARKS = 20;
const PAUSE = 2000; // ms between two updates

export interface Twin {
  readonly element: HTMLElement;
  /** Shows values, at most every two seconds. */
  show: (facts: TableFacts) => void;
}

export interface TableFacts {
  readonly caption: string;
  readonly labels: string[];
  readonly curves: (Points | undefined)[];
  readonly axis: AxisData | undefined;
  readonly visible: Span;
  readonly marks: MarkData[];
}

/** Returns the rows of the table: a position on the axis, and the nearest value of each curve. */
export function tableRows({ curves, axis, visible }: TableFacts): string[][] {
  const known = curves.flatMap((curve) => {
    if (!curve) return [];
    const inside = curve.x.filter((x) => x >= visible.low && x <= visible.high);
    return inside.length ? [inside] : [];
  });
  if (!known.length) return [];
  // The positions of the curve with the most points, so that a row shows values that exist.
  const x = known.reduce((a, b) => (b.length > a.length ? b : a));
  return spread(x.length, ROWS).map((place) => {
    const at = x[place] ?? 0;
    const cells = curves.map((curve) => {
      const index = curve ? nearest(curve.x, curve.y, at) : -1;
      return format(curve?.y[index]);
    });
    return [placeText(axis, at), ...cells];
  });
}

/** Adds the table of a figure to `parent`. */
export function makeTwin(parent: HTMLElement): Twin {
  const element = named("plot-table", make("div", "wb-twin", parent));
  element.tabIndex = -1;
  let last = 0;
  let shownFor = "";
  return {
    element,
    show(facts) {
      const key = JSON.stringify([facts.labels, facts.visible, facts.axis?.kind]);
      if (key === shownFor && Date.now() - last < PAUSE) return;
      last = Date.now();
      shownFor = key;
      element.replaceChildren();
      const table = make("table", "", element);
      make("caption", "", table, facts.caption);
      const head = make("tr", "", make("thead", "", table));
      for (const label of ["at", ...facts.labels]) make("th", "", head, label).scope = "col";
      const body = make("tbody", "", table);
      for (const [at = "", ...cells] of tableRows(facts)) {
        const row = make("tr", "", body);
        make("th", "", row, at).scope = "row";
        for (const cell of cells) make("td", "", row, cell);
      }
      const texts = facts.marks.filter(({ kind }) => kind !== "epoch").flatMap(({ text }) => text);
      if (!texts.length) return;
      const list = make("ul", "", element);
      list.setAttribute("aria-label", "marks");
      for (const text of texts.slice(0, MOST_MARKS)) make("li", "", list, text);
      const rest = texts.length - MOST_MARKS;
      if (rest > 0) make("li", "", list, `and ${rest} more`);
    },
  };
}
