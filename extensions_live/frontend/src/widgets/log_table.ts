// The widget `LogTable`: the rows of a log. It requests the visible rows and some rows around them
// from Python, and shows new rows at the top until the user scrolls down.

import { careForCell } from "../cell";
import { copyText } from "../clipboard";
import { focusOf, make, named } from "../dom";
import { announce } from "../draw";
import { watchKernel } from "../kernel";
import { ownKeys } from "../keys";
import type { LogTablePayload, LogTableState, Message, RowsMessage } from "../messages";
import type { Rendering } from "../model";
import { post } from "../post";
import { showProblem } from "../problem";
import { ROW, firstRow, tall } from "../scroller";
import { makeTableBar } from "../table_bar";
import { reportVisibility } from "../visibility";

const SETTLE = 40; // ms without scrolling before rows are requested
const ITERATION = "iteration";

function render({ model, el }: Rendering<LogTableState>) {
  const box = named("log-table", make("div", "wb wb-live wb-table", el));
  showProblem(model, box);
  const endWatch = watchKernel(model, box);
  const endReports = reportVisibility(model, box);
  const endKeys = ownKeys(box);

  const payload = (): LogTablePayload | null => {
    const now = model.get("payload");
    return "rows" in now ? now : null;
  };
  // What the user has requested; the first payload says what is shown.
  const asked: Omit<RowsMessage, "kind" | "start" | "count" | "hold"> = {
    sort: ITERATION,
    descending: true,
    condition: "",
    columns: null,
    copy: 0,
  };
  let known = false;
  let copying = 0;

  const bar = makeTableBar(box, {
    choose: (condition) => {
      asked.condition = condition;
      toTop();
    },
    columns: (names) => {
      asked.columns = names;
      ask();
    },
    copy: () => {
      copying = asked.copy = asked.copy + 1;
      bar.say("copying");
      ask();
    },
    newest: () => {
      toTop();
    },
  });
  const pane = named("rows", make("div", "wb-scroll", box));
  pane.tabIndex = 0;
  pane.setAttribute("role", "region");
  pane.setAttribute("aria-label", "rows of the log");
  const canvas = make("div", "wb-rows", pane);
  const table = make("table", "", canvas);
  const head = make("tr", "", make("thead", "", table));
  const body = make("tbody", "", table);

  const room = () => Math.max(1, Math.floor((pane.clientHeight - ROW) / ROW));
  const first = () => {
    const total = payload()?.total ?? 0;
    return firstRow(pane.scrollTop, tall(total, ROW), pane.clientHeight, total);
  };
  const ask = () => {
    const count = room();
    const start = Math.max(0, first() - count);
    const hold = pane.scrollTop > 0;
    const message: RowsMessage = { kind: "rows", start, count: 3 * count, hold, ...asked };
    post(model, box, message as unknown as Message);
  };
  const toTop = () => {
    pane.scrollTop = 0;
    ask();
  };
  const sortBy = (channel: string) => {
    asked.descending = asked.sort === channel ? !asked.descending : true;
    asked.sort = channel;
    toTop();
  };

  let heads = "";
  const showHeads = (now: LogTablePayload) => {
    const key = JSON.stringify([now.columns, now.sort, now.descending]);
    if (key === heads) return;
    heads = key;
    const focused = focusOf(head)?.dataset.sort;
    head.replaceChildren();
    for (const channel of [ITERATION, ...now.columns]) {
      const cell = make("th", "", head);
      cell.scope = "col";
      const sorted = channel === now.sort;
      cell.ariaSort = !sorted ? "none" : now.descending ? "descending" : "ascending";
      const button = make("button", "", cell, channel);
      button.type = "button";
      button.dataset.sort = channel;
      button.title = `sort by ${channel}`;
      if (sorted) make("span", "", button, now.descending ? " ↓" : " ↑").ariaHidden = "true";
      button.addEventListener("click", () => {
        sortBy(channel);
      });
      if (channel === focused) button.focus();
    }
  };

  const showRows = (now: LogTablePayload) => {
    canvas.style.height = `${tall(now.total, ROW)}px`;
    table.ariaRowCount = String(now.total + 1);
    const place = first();
    const end = Math.min(place + room(), now.total);
    const missing = place < now.start || end > now.start + now.rows.length;
    box.classList.toggle("wb-loading", missing);
    if (missing && body.childElementCount) return;
    body.replaceChildren();
    now.rows.slice(place - now.start, end - now.start).forEach((cells, i) => {
      const row = make("tr", "", body);
      row.ariaRowIndex = String(place + i + 2);
      cells.forEach((text) => {
        const cell = make("td", "", row, text);
        if (text.length > 24) cell.title = text;
      });
    });
    box.dataset.first = String(place);
    box.dataset.total = String(now.total);
  };

  const apply = () => {
    const now = payload();
    if (!now) return;
    if (!known) {
      known = true;
      asked.condition = now.condition;
      asked.columns = now.chosen;
      asked.sort = now.sort;
      asked.descending = now.descending;
    }
    bar.show(now, pane.scrollTop > 0);
    showHeads(now);
    showRows(now);
    if (copying && now.copied === copying && now.csv) {
      copying = 0;
      const rows = `${now.csv_rows.toLocaleString("en")} of ${now.total.toLocaleString("en")} rows`;
      void copyText(now.csv, box).then((done) => {
        bar.say(done ? `copied ${rows}` : "the browser refused to copy; use log.query().to_csv()");
      });
    }
  };

  let timer: ReturnType<typeof setTimeout> | undefined;
  const scrolled = () => {
    const now = payload();
    if (now) showRows(now);
    clearTimeout(timer);
    timer = setTimeout(ask, SETTLE);
  };
  pane.addEventListener("scroll", scrolled, { passive: true });
  let height = 0;
  const resized = new ResizeObserver(() => {
    if (pane.clientHeight === height) return;
    height = pane.clientHeight;
    if (known && height) ask();
  });
  resized.observe(pane);
  model.on("change:payload", apply);
  apply();
  announce(box);
  return () => {
    clearTimeout(timer);
    resized.disconnect();
    endReports();
    endWatch();
    endKeys();
    model.off("change:payload", apply);
  };
}

export default { initialize: careForCell, render };
