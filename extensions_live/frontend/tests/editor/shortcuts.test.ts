import { describe, expect, it } from "vitest";

import { actionOf, isOfNotebook, nameOf, SHORTCUTS, takesText } from "../../src/editor/shortcuts";
import { suppress } from "../../src/editor/parts/useKeys";

function press(key: string, modifiers: Partial<KeyboardEvent> = {}) {
  return { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...modifiers };
}

describe("keys", () => {
  it("have actions, also with modifiers", () => {
    expect(actionOf(press("a"))).toBe("add");
    expect(actionOf(press("a", { ctrlKey: true }))).toBe("select all");
    expect(actionOf(press("z", { metaKey: true }))).toBe("undo");
    expect(actionOf(press("Z", { ctrlKey: true, shiftKey: true }))).toBe("redo");
    expect(actionOf(press("?", { shiftKey: true }))).toBe("help");
    expect(actionOf(press("j"))).toBeNull();
    expect(actionOf(press("a", { altKey: true }))).toBeNull();
  });

  it("are different for all actions", () => {
    const keys = SHORTCUTS.flatMap((one) => one.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("leave saving and the list of commands to the notebook", () => {
    expect(isOfNotebook(press("s", { ctrlKey: true }))).toBe(true);
    expect(isOfNotebook(press("C", { ctrlKey: true, shiftKey: true }))).toBe(true);
    expect(isOfNotebook(press("d"))).toBe(false);
  });

  it("have names in which the case of letters does not count", () => {
    expect(nameOf(press("A"))).toBe("a");
    expect(nameOf(press("Enter"))).toBe("Enter");
  });

  it("belong to fields while one types in them", () => {
    const field = document.createElement("input");
    const box = Object.assign(document.createElement("input"), { type: "checkbox" });
    expect(takesText(field)).toBe(true);
    expect(takesText(document.createElement("textarea"))).toBe(true);
    expect(takesText(box)).toBe(false);
    expect(takesText(document.createElement("button"))).toBe(false);
  });
});

describe("keys of a notebook that listens first", () => {
  it("are kept from it, except those that it has to get", () => {
    const box = document.createElement("div");
    const [node, other] = [document.createElement("div"), document.createElement("div")];
    box.append(node);
    document.body.append(box, other);
    const end = suppress(box);
    const seen: boolean[] = [];
    const listen = ({ target }: Event) => {
      seen.push((target as Element).hasAttribute("data-lm-suppress-shortcuts"));
    };
    document.addEventListener("keydown", listen, true);
    const press = (target: Element, key: string, ctrlKey = false) =>
      target.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, bubbles: true }));
    press(box, "a");
    press(node, "d");
    press(node, "s", true);
    press(other, "a");
    expect(seen).toEqual([true, true, false, false]);
    expect(document.querySelector("[data-lm-suppress-shortcuts]")).toBeNull();
    end();
    press(node, "a");
    expect(seen.at(-1)).toBe(false);
    document.removeEventListener("keydown", listen, true);
    box.remove();
    other.remove();
  });
});
