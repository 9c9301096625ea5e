// BokehJS on the page: loads it once, and embeds figures that can be removed completely. The types
// declare only the parts of BokehJS that are used here.

import type { BokehState, PlotState } from "./messages";
import type { Model } from "./model";

/** A Bokeh model; `setv` sets its properties. */
export interface BokehModel {
  readonly id: string;
  readonly type: string;
  setv: (properties: Record<string, unknown>) => void;
}

export interface Range {
  readonly start: number;
  readonly end: number;
  have_updated_interactively: boolean;
  setv: (properties: { start: number; end: number }) => void;
}

/** One drawn form of a curve or of marks, with the tags that `extensions_live.figures` sets. */
export interface Renderer extends BokehModel {
  readonly tags: [key: string, kind: string];
  visible: boolean;
  readonly glyph: { setv: (properties: Record<string, unknown>) => void };
}

export interface PointEvent {
  readonly x: number;
  readonly sx?: number;
  readonly sy?: number;
}

export interface Figure extends BokehModel {
  readonly document: BokehDocument;
  readonly x_range: Range;
  readonly y_range: Range;
  readonly renderers: Renderer[];
  readonly center: BokehModel[];
  readonly below: BokehModel[];
  readonly left: BokehModel[];
  readonly toolbar: { tools: (BokehModel & { overlay: BokehModel })[] };
  on_event: (name: string, callback: (event: PointEvent) => void) => void;
}

export interface Source extends BokehModel {
  data: Record<string, Float64Array>;
}

export interface BokehDocument {
  readonly views_manager?: unknown;
  roots: () => Figure[];
  clear: () => void;
  get_model_by_name: (name: string) => Source;
  readonly on_event?: (name: string, callback: () => void) => void;
}

/** The part of a figure in which curves are drawn, in pixels of the canvas. */
export interface Frame {
  readonly bbox: { left: number; right: number; top: number; bottom: number };
  readonly x_scale: { compute: (x: number) => number; invert: (sx: number) => number };
}

export interface FigureView {
  readonly model: Figure;
  readonly canvas_view: { events_el: HTMLElement };
  readonly frame: Frame;
  reset: () => void;
  /** Draws the figure again, on a new layer. */
  export: (type: "svg") => { to_blob: () => Promise<Blob> };
}

interface ViewManager extends Iterable<FigureView> {
  get_by_id: (id: string) => FigureView;
  get: (model: Figure) => FigureView;
  delete: (view: FigureView) => void;
}

export interface Bokeh {
  readonly Models: { get: (type: string) => new (properties?: object) => BokehModel };
  readonly documents: BokehDocument[];
  readonly embed: {
    embed_items: (
      documents: Record<string, DocumentJson>,
      items: { docid: string; root_ids: string[]; roots: Record<string, HTMLElement> }[],
    ) => Promise<[ViewManager]>;
  };
}

export interface DocumentJson {
  readonly roots: { id: string }[];
}

declare global {
  interface Window {
    Bokeh?: Record<string, Bokeh>;
    __workbenchBokeh?: Record<string, Promise<void>>;
  }
}

/** Returns BokehJS in the version of the installed package; loads it once per page. */
export async function loadBokeh(model: Model<PlotState>): Promise<Bokeh> {
  const found = await model.widget_manager?.get_model?.(model.get("bokehjs"));
  if (!found) throw new Error("the page did not receive BokehJS");
  const carrier = found as Model<BokehState>;
  const version = carrier.get("version");
  // Another library can have loaded the same or another version; versions do not conflict.
  const present = window.Bokeh?.[version];
  if (present) return present;
  const loading = (window.__workbenchBokeh ??= {});
  try {
    await (loading[version] ??= runScript(carrier.get("source")));
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the next view tries again
    delete loading[version];
    throw error;
  }
  const loaded = window.Bokeh?.[version];
  if (!loaded) throw new Error(`BokehJS ${version} was loaded, but is missing on the page`);
  return loaded;
}

/** Runs a script that is compressed with gzip. */
async function runScript(compressed: DataView): Promise<void> {
  const packed = new Blob([compressed as DataView<ArrayBuffer>]);
  const stream = packed.stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).arrayBuffer();
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  await new Promise<void>((resolve, reject) => {
    script.onload = () => {
      resolve();
    };
    script.onerror = () => {
      reject(new Error("the page refused to load BokehJS"));
    };
    document.head.append(script);
  });
  URL.revokeObjectURL(script.src);
}

/** Figures on the page. */
export interface Embedded {
  readonly document: BokehDocument;
  readonly view: (figure: Figure) => FigureView;
  /** Creates a Bokeh model, such as a scale. */
  readonly create: (type: string, properties?: object) => BokehModel;
  /** Removes the figures from the page and from Bokeh's memory. */
  readonly remove: () => void;
}

/** Embeds each root of a document in one of `holders`; on failure, removes all roots. */
export async function embed(
  bokeh: Bokeh,
  json: DocumentJson,
  holders: HTMLElement[],
): Promise<Embedded> {
  const ids = json.roots.map((root) => root.id);
  const first = ids[0] ?? "";
  // BokehJS keeps every document in a list, which would keep closed views in memory.
  const list = bokeh.documents;
  const clear = (document: BokehDocument) => {
    document.clear();
    if (list.includes(document)) list.splice(list.indexOf(document), 1);
    for (const holder of holders) holder.replaceChildren();
  };
  try {
    const pairs = ids.flatMap((id, i) => (holders[i] ? [[id, holders[i]] as const] : []));
    const item = { docid: "plot", root_ids: ids, roots: Object.fromEntries(pairs) };
    const [views] = await bokeh.embed.embed_items({ plot: json }, [item]);
    const { document } = views.get_by_id(first).model;
    return {
      document,
      view: (figure) => views.get(figure),
      create: (type, properties) => new (bokeh.Models.get(type))(properties),
      remove: () => {
        clear(document);
        for (const view of [...views]) views.delete(view); // also from the index of all views
      },
    };
  } catch (error) {
    // If the element is no longer on the page, its document is in the list without views.
    list.filter((one) => !one.views_manager && one.roots()[0]?.id === first).forEach(clear);
    throw error;
  }
}
