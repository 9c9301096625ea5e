// The keys of the editor: one table, from which the list of keys is drawn as well.

export type Action =
  | "add"
  | "connect"
  | "feed"
  | "remove"
  | "undo"
  | "redo"
  | "duplicate"
  | "select all"
  | "search"
  | "fit"
  | "arrange"
  | "group"
  | "regroup"
  | "unpack"
  | "toggle"
  | "settings"
  | "rename"
  | "fix"
  | "code"
  | "palette"
  | "zoom in"
  | "zoom out"
  | "next"
  | "previous"
  | "cost"
  | "values"
  | "example"
  | "next example"
  | "previous example"
  | "help"
  | "escape";

/** A key with its modifiers, such as "mod+shift+z"; "mod" is Ctrl, or Command on a Mac. */
interface Shortcut {
  readonly action: Action;
  readonly keys: readonly string[];
  readonly shown: string;
  readonly text: string;
  readonly part: "Build" | "Edit" | "Look";
}

export const SHORTCUTS: readonly Shortcut[] = [
  {
    action: "add",
    keys: ["a", " "],
    shown: "A or Space",
    text: "add a brick, or put it on an edge",
    part: "Build",
  },
  { action: "connect", keys: ["c"], shown: "C", text: "connect an output", part: "Build" },
  { action: "feed", keys: ["i"], shown: "I", text: "connect an input", part: "Build" },
  { action: "settings", keys: ["Enter"], shown: "Enter", text: "edit settings", part: "Build" },
  { action: "rename", keys: ["F2"], shown: "F2", text: "rename", part: "Build" },
  { action: "fix", keys: ["x"], shown: "X", text: "apply the offered fix", part: "Build" },
  { action: "cost", keys: ["m"], shown: "M", text: "use as the cost", part: "Build" },
  { action: "group", keys: ["mod+g"], shown: "Ctrl+G", text: "group the selection", part: "Build" },
  { action: "regroup", keys: ["g"], shown: "G", text: "move into a group", part: "Build" },
  { action: "toggle", keys: ["o"], shown: "O", text: "open or close a group", part: "Build" },
  {
    action: "unpack",
    keys: ["mod+shift+g", "u"],
    shown: "U",
    text: "unpack a group",
    part: "Build",
  },
  {
    action: "remove",
    keys: ["Delete", "Backspace"],
    shown: "Delete",
    text: "remove the selection",
    part: "Edit",
  },
  { action: "undo", keys: ["mod+z"], shown: "Ctrl+Z", text: "undo", part: "Edit" },
  {
    action: "redo",
    keys: ["mod+shift+z", "mod+y"],
    shown: "Ctrl+Shift+Z",
    text: "redo",
    part: "Edit",
  },
  { action: "duplicate", keys: ["mod+d"], shown: "Ctrl+D", text: "duplicate", part: "Edit" },
  { action: "select all", keys: ["mod+a"], shown: "Ctrl+A", text: "select all", part: "Edit" },
  { action: "search", keys: ["mod+f", "/"], shown: "/", text: "find a node", part: "Look" },
  { action: "next", keys: ["]"], shown: "]", text: "next node", part: "Look" },
  { action: "previous", keys: ["["], shown: "[", text: "previous node", part: "Look" },
  { action: "fit", keys: ["f"], shown: "F", text: "show everything", part: "Look" },
  { action: "arrange", keys: ["l"], shown: "L", text: "arrange nodes", part: "Look" },
  { action: "zoom in", keys: ["+", "="], shown: "+", text: "zoom in", part: "Look" },
  { action: "zoom out", keys: ["-"], shown: "−", text: "zoom out", part: "Look" },
  { action: "palette", keys: ["p"], shown: "P", text: "go to the palette", part: "Look" },
  { action: "code", keys: ["e"], shown: "E", text: "go to the code", part: "Look" },
  { action: "values", keys: ["v"], shown: "V", text: "choose values on nodes", part: "Look" },
  { action: "example", keys: ["t"], shown: "T", text: "push an example, or stop", part: "Look" },
  { action: "next example", keys: ["."], shown: ".", text: "next example", part: "Look" },
  {
    action: "previous example",
    keys: [","],
    shown: ",",
    text: "previous example",
    part: "Look",
  },
  { action: "help", keys: ["?"], shown: "?", text: "show or hide this list", part: "Look" },
  {
    action: "escape",
    keys: ["Escape"],
    shown: "Esc",
    text: "close, or select nothing",
    part: "Look",
  },
];

/** Pairs of keys that the browser or React Flow handles, for the list of keys. */
export const OTHER_KEYS: readonly (readonly [keys: string, text: string])[] = [
  ["Tab", "go to the next node, edge or button"],
  ["Ctrl+Enter", "select one more node, or one fewer"],
  ["Arrows", "move the selected nodes"],
  ["Ctrl+C, X, V", "copy, cut, paste as text"],
  ["Ctrl+Shift+V", "paste, with the edges from other nodes"],
  ["Ctrl+wheel", "zoom at the pointer"],
];

type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** Returns the name of a pressed key with its modifiers. */
export function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Press): string {
  const letter = key.length === 1;
  const modifiers = ctrlKey || metaKey ? "mod+" : "";
  const shift = shiftKey && modifiers ? "shift+" : "";
  return `${modifiers}${altKey ? "alt+" : ""}${shift}${letter ? key.toLowerCase() : key}`;
}

const ACTIONS = new Map(SHORTCUTS.flatMap(({ keys, action }) => keys.map((key) => [key, action])));

/** Returns the action of a pressed key, or null. */
export function actionOf(press: Press): Action | null {
  return ACTIONS.get(nameOf(press)) ?? null;
}

/** Returns true for keys that belong to the notebook also within the editor: save, commands. */
export function isOfNotebook(press: Press): boolean {
  const name = nameOf(press);
  return name === "mod+s" || name === "mod+shift+c";
}

/** Returns true if an element itself uses the keys of text. */
export function takesText(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio|button)$/.test(target.type);
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLElement && target.contentEditable === "true";
}
