// Updates embedded figures: a payload replaces all their data, and a setting takes effect at once.

import { fitRanges, iterationAt, positionOf, setAxes } from "./axes";
import type { Embedded, FigureView } from "./bokeh";
import { figureName, type Card } from "./card";
import { colourOf, isHidden, labelOf, makeComparison, ordered } from "./comparison";
import { command, deliver } from "./command";
import { orderKeys, styleCurves } from "./curve_style";
import { makeDashes } from "./dashes";
import { makeHandle } from "./handle";
import { makeKept } from "./kept";
import { pacedView } from "./pace";
import { onKey } from "./plot_keys";
import { drawMarks } from "./marks";
import type { AxisName, PlotPayload, PlotState } from "./messages";
import type { Model } from "./model";
import { unpack, type Points } from "./numbers";
import { placeAt, readout, showTip } from "./readout";
import { csv, download, png, svg } from "./save";
import { makeSettings, payloadOf, toggled } from "./settings";
import { makeTwin } from "./table";
import { followTheme } from "./theme";
import { makeToolbar, type FileKind } from "./toolbar";

const REQUESTS = 100; // ms between two requests for finer points while the range changes
const MARK_HEIGHT = 0.03; // height of the marks, as a fraction of the figure
const BRIEF = 120; // seconds up to which a time axis counts seconds

/**
 * Updates embedded figures with every payload. The table of a comparison is added to `below`.
 * Returns a function that stops the updates and removes the figures.
 */
export function fill(
  model: Model<PlotState>,
  box: HTMLElement,
  cards: Card[],
  views: Embedded,
  below: HTMLElement = box,
): () => void {
  const lines = model.get("lines");
  const figures = views.document.roots();
  const parts = figures.flatMap((figure, i) => (cards[i] ? [{ figure, card: cards[i] }] : []));
  const points = new Map<string, Points>();
  const settings = makeSettings(model, box);
  const count = (key: string) => points.get(key)?.x.length ?? 0;
  const payload = (): Partial<PlotPayload> => payloadOf(model) ?? {};
  let pointer: number | null = null;
  let axes = "";
  let kind: AxisName = "iteration"; // of the numbers on the x axis of what is drawn
  let whole = false; // true once the user has asked to see all of a comparison

  const shownKeys = (index: number) =>
    (lines[index] ?? []).filter((info) => !isHidden(info, settings.now)).map(({ key }) => key);
  const shownPoints = (index: number) => shownKeys(index).flatMap((key) => points.get(key) ?? []);
  const end = () => Math.max(0, ...[...points.values()].map(({ x }) => x.at(-1) ?? 0));
  // A comparison begins at the iteration from which the runs are compared.
  const start = () => {
    const [iteration] = payload().focus ?? [];
    return whole || iteration === undefined ? undefined : positionOf(payload().axis, iteration);
  };
  const visible = () => {
    const range = figures[0]?.x_range;
    return { low: range?.start ?? 0, high: range?.end ?? 1 };
  };
  const labels = (index: number) =>
    (lines[index] ?? []).map((info) => labelOf(info, payload().runs ?? [], settings.now));

  const showValues = () => {
    const { latest = {}, axis } = payload();
    const all = lines.flat().map(({ key }) => key);
    const place = placeAt(all, points, pointer, axis); // of all figures, which share the pointer
    for (const { keys, at } of cards) {
      const texts = readout(
        keys.map(({ info }) => info.key),
        points,
        latest,
        pointer,
      );
      keys.forEach(({ value }, i) => (value.textContent = texts[i] ?? ""));
      at.textContent = place;
    }
  };

  // Shows how each curve looks, and the notes on missing channels.
  const arrange = () => {
    const { notes = {}, runs = [], axis } = payload();
    const { now } = settings;
    const missing = axis?.missing[now.x];
    parts.forEach(({ figure, card }, index) => {
      styleCurves(figure, card, points, now, runs);
      orderKeys(card, ordered(runs, now.order));
      const keys = card.keys.map(({ info }) => info.key);
      const texts = [...new Set(keys.flatMap((name) => notes[name] ?? []))];
      if (missing) texts.unshift(missing);
      const below = now.log_y.includes(index)
        ? shownPoints(index).some(({ y }) => y.some((value) => value <= 0))
        : false;
      if (below) texts.push("values of 0 or less cannot be shown on a logarithmic axis");
      card.note.textContent = texts.join("; ");
      card.waiting.hidden = texts.length > 0 || keys.some(count);
      card.broken.hidden = !keys.some((name) => points.get(name)?.marks.length);
    });
  };

  const refit = () => {
    const { now } = settings;
    const brief = end() < BRIEF;
    const chosen = JSON.stringify([now.log_x, now.log_y, kind, kind === "time" && brief]);
    if (axes !== chosen && (axes || chosen !== PLAIN)) setAxes(views, figures, now, kind, brief);
    axes = chosen;
    fitRanges(figures, shownPoints, now, start());
    dashes.forEach((set, index) => {
      set({ x: now.log_x, y: now.log_y.includes(index) });
    });
    requestAnimationFrame(moveHandles);
  };

  const showMarks = () => {
    const { marks = [] } = payload();
    const { now } = settings;
    const hidden = new Set(
      lines
        .flat()
        .filter((info) => isHidden(info, now))
        .map(({ key }) => key),
    );
    const shown = marks.filter(({ kind }) => now.marks.includes(kind));
    drawMarks(views, lines, shown, hidden);
  };

  const showRest = () => {
    const { marks = [], axis, runs = [], differences = [], kept: tail = null } = payload();
    const { now } = settings;
    box.classList.toggle("wb-tables", now.table);
    for (const bar of toolbars) bar.show(now, axis?.missing ?? {});
    twins.forEach((twin, index) => {
      const infos = lines[index] ?? [];
      twin.show({
        caption: figureName(infos),
        labels: labels(index),
        curves: infos.map(({ key }) => points.get(key)),
        axis,
        visible: visible(),
        marks,
      });
    });
    kept.show(now.marks.includes("branch") ? tail : null);
    const temporary = Boolean(payload().focus?.length);
    comparison?.show({ runs, differences, now, temporary });
  };

  const setData = (kind: string, name: string, values: Record<string, Float64Array>) => {
    views.document.get_model_by_name(`${kind}:${name}`).data = values;
  };
  const apply = () => {
    const { curves = {}, axis } = payload();
    kind = axis?.kind ?? kind;
    for (const name of [...points.keys()]) if (!(name in curves)) points.delete(name);
    for (const { key } of new Set(lines.flat())) {
      const data = curves[key];
      const now = data ? unpack(data) : NO_POINTS;
      if (data) points.set(key, now);
      const { x, y, marks, dotsX, dotsY, smoothX, smoothY, keptX, keptY } = now;
      const heights = new Float64Array(marks.length).fill(MARK_HEIGHT);
      setData("curve", key, { x, y });
      setData("smooth", key, { x: smoothX, y: smoothY });
      setData("kept", key, { x: keptX, y: keptY });
      setData("dots", key, { x: dotsX, y: dotsY });
      setData("marks", key, { x: marks, y: heights });
    }
    settings.heard();
    publishFacts(box, [...points.values()]);
  };
  const dashes = parts.map(({ figure, card }, index) =>
    makeDashes(figure, card, points, setData, index),
  );
  const pace = pacedView(model, box, apply);
  const update = () => {
    arrange();
    refit();
    showMarks();
    showValues();
    showRest();
  };

  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = -REQUESTS; // the time of the last request
  const zoomed = () => {
    const range = figures[0]?.x_range;
    return range?.have_updated_interactively ? range : null;
  };
  const ask = () => {
    asked = performance.now();
    const range = zoomed();
    const any = figures.some(({ y_range }) => y_range.have_updated_interactively);
    const first = start();
    for (const card of cards) card.reset.hidden = !range && !any && first === undefined;
    const [low, high] = range ? [range.start, range.end] : [first ?? null, null];
    pace.hurry();
    void deliver(model, box, { kind: "range", start: low, stop: high });
  };
  const askRange = () => {
    clearTimeout(timer);
    refit();
    // Start and end of a range change one after the other: wait for both.
    timer = setTimeout(ask, Math.max(0, asked + REQUESTS - performance.now()));
  };
  const resetAll = () => {
    whole = true;
    for (const figure of figures) {
      views.view(figure).reset();
      // A reset does not clear this for ranges without automatic bounds.
      for (const range of [figure.x_range, figure.y_range]) {
        range.have_updated_interactively = false;
      }
    }
    askRange();
  };
  const save = async (kind: FileKind, index: number) => {
    const figure = figures[index];
    const [infos, card] = [lines[index] ?? [], cards[index]];
    if (!figure || !card) return;
    const { now } = settings;
    const names = labels(index);
    const shaped = card.section.classList.contains("wb-shaped");
    const entries = infos.flatMap((info, i) => {
      const label = names[i] ?? info.channel;
      const { dash, shape } = info;
      const entry = { label, colour: colourOf(info, now), dash, shape: shaped ? shape : "" };
      return isHidden(info, now) ? [] : [entry];
    });
    const name = `${figureName(infos).replaceAll(/[^\w.-]+/g, "_")}.${kind.toLowerCase()}`;
    try {
      const view = views.view(figure);
      if (kind === "CSV") {
        const curves = infos.map(({ key }) => points.get(key));
        download(new Blob([csv(now.x, names, curves)], { type: "text/csv" }), name);
      } else {
        download(await (kind === "PNG" ? png : svg)(view, entries, card.section), name);
      }
      toolbars[index]?.say(`saved ${name}`);
    } catch (error) {
      toolbars[index]?.say(`${name} cannot be saved: ${String(error)}`);
    }
  };

  const toolbars = parts.map(({ card }, index) =>
    makeToolbar(index, settings, card.tools, (kind) => void save(kind, index)),
  );
  const twins = parts.map(({ card }) => makeTwin(card.section));
  const compare = (start: number | null) => {
    pace.hurry();
    void deliver(model, box, { kind: "compare", start });
  };
  const kept = makeKept(below, compare, () => {
    settings.change({ marks: toggled(settings.now.marks, "branch") });
  });
  const several = lines.flat().some(({ run }) => run);
  const comparison = several
    ? makeComparison(lines.flat(), settings, below, () => {
        compare(null);
      })
    : null;
  const handles = parts.map(({ figure, card }) =>
    makeHandle(
      card.holder,
      card.section,
      () => {
        const { axis, possible = [], command: last = null } = payload();
        const frame = frameOf(views.view(figure));
        return { frame, axis, last: Math.round(iterationAt(axis, end())), possible, command: last };
      },
      (name, args, waiting) => {
        void command(model, box, { name, arguments: args }, waiting);
      },
      compare,
    ),
  );
  let ended = false;
  const moveHandles = () => {
    if (ended) return;
    for (const { figure, card } of parts) {
      const frame = frameOf(views.view(figure));
      if (!frame) continue;
      const bottom = frame.bbox.bottom + card.holder.offsetTop;
      card.section.style.setProperty("--wb-bottom", `${bottom}px`);
    }
    for (const handle of handles) handle.update();
  };
  const sizes = new ResizeObserver(() => {
    requestAnimationFrame(moveHandles);
  });

  const point = (x: number | null) => {
    pointer = x;
    showValues();
  };
  parts.forEach(({ figure, card }, index) => {
    const view = views.view(figure);
    // Otherwise the browser draws an outline after every drag.
    view.canvas_view.events_el.style.outline = "none";
    sizes.observe(card.holder);
    figure.on_event("rangesupdate", askRange);
    figure.on_event("reset", askRange);
    figure.on_event("doubletap", resetAll);
    figure.on_event("mousemove", (event) => {
      const frame = frameOf(view);
      const { x, sx } = event;
      const inside =
        !frame || sx === undefined || (sx >= frame.bbox.left && sx <= frame.bbox.right);
      point(inside ? x : null); // beside the axis, there are no values
      const { marks = [] } = payload();
      const known = marks.filter(({ kind }) => settings.now.marks.includes(kind));
      showTip(card, frame, event, known, new Set(shownKeys(index)));
    });
    figure.on_event("mouseleave", () => {
      point(null);
      card.tip.hidden = true;
    });
    card.reset.addEventListener("click", resetAll);
    for (const { info, button } of card.keys) {
      button.addEventListener("click", () => {
        settings.change({ hidden: toggled(settings.now.hidden, info.key) });
      });
    }
  });
  const endKeys = onKey(box, (key, target) => {
    if (key !== "l") return false;
    const index = cards.findIndex(({ section }) => section.contains(target));
    const all = figures.map((_, i) => i);
    const { log_y } = settings.now;
    if (index >= 0) settings.change({ log_y: toggled(log_y, index) });
    else settings.change({ log_y: log_y.length === all.length ? [] : all });
    return true;
  });

  settings.listen(update);
  const leaveTheme = followTheme(figures, box);
  model.on("change:payload", pace.draw);
  pace.draw();
  askRange();
  return () => {
    ended = true;
    clearTimeout(timer);
    settings.end();
    endKeys();
    sizes.disconnect();
    leaveTheme();
    model.off("change:payload", pace.draw);
    pace.end();
    views.remove();
  };
}

const PLAIN = JSON.stringify([false, [], "iteration", false]); // the axes that Python builds
const NONE = new Float64Array(0);
const NO_POINTS: Points = {
  x: NONE,
  y: NONE,
  marks: NONE,
  dotsX: NONE,
  dotsY: NONE,
  smoothX: NONE,
  smoothY: NONE,
  keptX: NONE,
  keptY: NONE,
};

/** Returns the frame of a figure, or undefined before the figure is laid out. */
function frameOf(view: FigureView): FigureView["frame"] | undefined {
  const { frame } = view as Partial<FigureView>;
  return frame && frame.bbox.right > frame.bbox.left ? frame : undefined;
}

/** Sets attributes of `box` for tests: the last position, the numbers of points and of updates. */
function publishFacts(box: HTMLElement, points: Points[]): void {
  box.dataset.last = String(Math.max(0, ...points.map(({ x }) => x.at(-1) ?? 0)));
  box.dataset.points = String(points.reduce((sum, { x }) => sum + x.length, 0));
  box.dataset.updates = String(Number(box.dataset.updates ?? 0) + 1);
}
