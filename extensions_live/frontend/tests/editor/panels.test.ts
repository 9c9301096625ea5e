import { describe, expect, it } from "vitest";

import { keepPanels, keptPanels, storeOf } from "../../src/editor/panels";

function store(text: string | null = null) {
  let kept = text;
  return {
    getItem: () => kept,
    setItem: (_: string, value: string) => {
      kept = value;
    },
  };
}

describe("parts beside the canvas", () => {
  it("are all shown in a wide editor, and leave the width to the canvas in a narrow one", () => {
    expect(keptPanels(null, "wide")).toEqual({ palette: true, settings: true, code: true });
    expect(keptPanels(null, "narrow").palette).toBe(false);
  });

  it("are those that the user chose, for each width apart", () => {
    const kept = store();
    keepPanels(kept, "narrow", { palette: true, settings: false, code: false });
    expect(keptPanels(kept, "narrow")).toEqual({ palette: true, settings: false, code: false });
    expect(keptPanels(kept, "wide").settings).toBe(true);
    keepPanels(kept, "wide", { palette: false, settings: true, code: true });
    expect(keptPanels(kept, "narrow").palette).toBe(true);
  });

  it("are the usual ones if the browser keeps nothing, or something else", () => {
    const usual = keptPanels(null, "wide");
    for (const text of ["nonsense", "3", "null", '{"wide":{"code":"no"}}', '{"wide":null}']) {
      expect(keptPanels(store(text), "wide")).toEqual(usual);
    }
  });

  it("are not remembered where the page may not keep anything", () => {
    const closed = {
      get localStorage(): Storage {
        throw new Error("denied");
      },
    };
    expect(storeOf(closed)).toBeNull();
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new Error("full");
      },
    };
    keepPanels(full, "wide", keptPanels(null, "wide"));
    expect(keptPanels(full, "wide")).toEqual(keptPanels(null, "wide"));
  });
});
