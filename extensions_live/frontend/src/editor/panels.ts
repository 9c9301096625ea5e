// Which parts of the editor are shown beside the canvas. A wide editor has them in columns; in a
// narrow one they lie over the canvas, so that it keeps the whole width. What the user chose is kept
// by the browser, for both apart.

/** A part of the editor that can be hidden. */
export type Part = "palette" | "settings" | "code";

export type Panels = Readonly<Record<Part, boolean>>;

export type Room = "wide" | "narrow";

/** The width from which the canvas has most of the room beside both columns. */
export const WIDE = 1200;

const KEY = "workbench-editor-parts";
const PARTS: readonly Part[] = ["palette", "settings", "code"];

const USUAL: Readonly<Record<Room, Panels>> = {
  wide: { palette: true, settings: true, code: true },
  narrow: { palette: false, settings: true, code: true },
};

type Store = Pick<Storage, "getItem" | "setItem">;

/** Returns the store of the browser, or null where the page may not use it. */
export function storeOf(page: { readonly localStorage: Store }): Store | null {
  try {
    return page.localStorage;
  } catch {
    return null;
  }
}

function read(store: Store | null): Partial<Record<Room, unknown>> {
  try {
    const found: unknown = JSON.parse(store?.getItem(KEY) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

/** Returns the parts that are shown in a room: those that the user chose last, else the usual ones. */
export function keptPanels(store: Store | null, room: Room): Panels {
  const found = read(store)[room];
  const known = (typeof found === "object" ? found : null) as Record<string, unknown> | null;
  const chosen = (part: Part) => {
    const value = known?.[part];
    return typeof value === "boolean" ? value : USUAL[room][part];
  };
  return Object.fromEntries(PARTS.map((part) => [part, chosen(part)])) as Panels;
}

/** Keeps the parts that the user chose for a room. */
export function keepPanels(store: Store | null, room: Room, panels: Panels): void {
  try {
    store?.setItem(KEY, JSON.stringify({ ...read(store), [room]: panels }));
  } catch {
    // A full or closed store only means that the choice is not remembered.
  }
}
