import { createElement, type ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { flushSync } from "react-dom";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { EdgeValue, LivePayload, NodeValue } from "../../src/messages";
import { barsOf, gridOf, liveOf, nameOf, pixelsOf } from "../../src/editor/live";
import type { EditorModel } from "../../src/editor/model";
import { Address } from "../../src/editor/parts/Address";
import { ToolsProvider, type Tools } from "../../src/editor/parts/context";
import { ValueCard } from "../../src/editor/parts/EdgeValue";
import { LiveLine } from "../../src/editor/parts/LiveLine";
import { ExampleBar, LiveTools } from "../../src/editor/parts/LiveTools";
import { LiveProvider } from "../../src/editor/parts/useLive";

const LIVE: LivePayload = {
  session: "run 1",
  metric: "activation",
  metrics: [
    ["activation", "activation norm"],
    ["dead", "dead units"],
  ],
  iteration: 1200,
  nodes: {},
  edges: {},
  example: null,
  picked: null,
  problem: "",
};

function value(text: string, share: number | null = 0.5): NodeValue {
  return { text, title: `the value ${text}`, share };
}

/** A model with the trait `live`, which a test can set. */
class Fake {
  readonly sent: unknown[] = [];
  #heard: (() => void)[] = [];
  constructor(public live: LivePayload | Record<string, never>) {}
  get = () => this.live;
  on = (_: string, callback: () => void) => {
    this.#heard.push(callback);
  };
  off = (_: string, callback: () => void) => {
    this.#heard = this.#heard.filter((one) => one !== callback);
  };
  set(live: LivePayload) {
    this.live = live;
    flushSync(() => {
      for (const callback of this.#heard) callback();
    });
  }
}

let root: Root | null = null;
let box: HTMLElement;

function draw(model: Fake, part: ReactElement): Fake & { tools: Tools } {
  box = document.createElement("div");
  document.body.append(box);
  const tools = {
    send: vi.fn(() => 1),
    say: vi.fn(),
    toast: vi.fn(),
    familyOf: () => "layer",
    select: vi.fn(),
    connect: vi.fn(),
  } as unknown as Tools;
  const whole = createElement(
    LiveProvider,
    { value: model as unknown as EditorModel },
    createElement(ToolsProvider, { value: tools }, part),
  );
  const own = (root = createRoot(box));
  flushSync(() => {
    own.render(whole);
  });
  return Object.assign(model, { tools });
}

afterEach(() => {
  root?.unmount();
  root = null;
  document.body.replaceChildren();
});

function find(testid: string): HTMLElement {
  const found = box.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  if (!found) throw new Error(`there is no ${testid}`);
  return found;
}

describe("a node", () => {
  const line = () => createElement(LiveLine, { node: "mlp", children: "784 → 10" });

  it("shows its details while no values are shown", () => {
    draw(new Fake({}), line());
    expect(box.textContent).toBe("784 → 10");
  });

  it("shows its value in words, with a bar of its own length", () => {
    draw(new Fake({ ...LIVE, nodes: { mlp: value("12.3", 0.25) } }), line());
    expect(find("live-mlp").textContent).toBe("activation norm 12.3");
    expect(find("live-mlp").title).toBe("the value 12.3");
    const [bar] = find("heat-mlp").children;
    expect((bar as HTMLElement).style.getPropertyValue("--wbe-share")).toBe("25.0%");
  });

  it("shows a dash and the reason without a bar if the value is not known", () => {
    draw(new Fake({ ...LIVE, nodes: { mlp: { text: "–", title: "why", share: null } } }), line());
    expect(find("live-mlp").textContent).toBe("activation norm –");
    expect(find("live-mlp").title).toBe("why");
    expect(box.querySelector(".wbe-heat")).toBeNull();
  });

  it("waits for the first values, and shows a problem", () => {
    const model = draw(new Fake(LIVE), line());
    expect(find("live-mlp").textContent).toBe("activation norm …");
    model.set({ ...LIVE, problem: "no batch" });
    expect(find("live-mlp").title).toBe("no batch");
  });

  it("follows new values, and shows its details again afterwards", () => {
    const model = draw(new Fake({ ...LIVE, nodes: { mlp: value("1") } }), line());
    model.set({ ...LIVE, nodes: { mlp: value("2") } });
    expect(find("live-mlp").textContent).toBe("activation norm 2");
    model.set({ ...LIVE, metric: "nothing" });
    expect(box.textContent).toBe("784 → 10");
  });
});

describe("an edge", () => {
  const card = (changes: Partial<EdgeValue>) =>
    createElement(ValueCard, {
      value: {
        text: "0 … 1",
        note: "mean 0.5",
        title: "long",
        shape: "1 × 3",
        main: true,
        image: null,
        bars: [],
        ...changes,
      },
    });

  it("shows numbers and the shape", () => {
    draw(new Fake(LIVE), card({}));
    expect(box.textContent).toBe("0 … 1mean 0.5 · 1 × 3");
  });

  it("shows bars for a short vector", () => {
    draw(new Fake(LIVE), card({ bars: [0.1, -0.5, 0.2] }));
    expect(box.querySelectorAll("rect")).toHaveLength(3);
  });

  it("shows some of many maps, and says so", () => {
    const pixels = new DataView(new ArrayBuffer(12 * 4));
    const image = { count: 12, of: 20, width: 2, height: 2, channels: 1, pixels };
    draw(new Fake(LIVE), card({ image }));
    expect(box.textContent).toContain("12 of 20");
    expect(box.querySelector("canvas")).toMatchObject({ width: 17, height: 5 });
  });
});

describe("pixels", () => {
  it("of maps stand side by side with a gap", () => {
    const pixels = new DataView(new Uint8Array([10, 20]).buffer);
    const found = pixelsOf({ count: 2, of: 2, width: 1, height: 1, channels: 1, pixels });
    expect([found.width, found.height]).toEqual([3, 1]);
    expect([...found.data]).toEqual([10, 10, 10, 255, 0, 0, 0, 0, 20, 20, 20, 255]);
  });

  it("of a colour image keep their colours", () => {
    const pixels = new DataView(new Uint8Array([1, 2, 3]).buffer);
    const found = pixelsOf({ count: 1, of: 1, width: 1, height: 1, channels: 3, pixels });
    expect([...found.data]).toEqual([1, 2, 3, 255]);
  });

  it("stand in two rows if there are many maps", () => {
    expect(gridOf(6)).toEqual({ columns: 6, rows: 1 });
    expect(gridOf(12)).toEqual({ columns: 6, rows: 2 });
  });
});

describe("bars", () => {
  it("begin at zero and go both ways", () => {
    const [first, second] = barsOf([1, -1], 10, 20);
    expect(first).toMatchObject({ x: 0, y: 0, height: 10 });
    expect(second).toMatchObject({ x: 5, y: 10, height: 10 });
  });
});

describe("the tools", () => {
  it("are absent until a session is watched", () => {
    draw(new Fake({}), createElement(LiveTools));
    expect(box.textContent).toBe("");
    expect(liveOf({ get: () => ({}) } as never).metric).toBe("nothing");
  });

  it("choose what nodes show, and push an example", () => {
    const { tools } = draw(new Fake(LIVE), createElement(LiveTools));
    const choice = find("show-on-nodes") as HTMLSelectElement;
    expect(choice.value).toBe("activation");
    choice.value = "dead";
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    expect(tools.send).toHaveBeenCalledWith("show_on_nodes", { what: "dead" });
    find("push-example").click();
    expect(tools.send).toHaveBeenCalledWith("push");
    expect(nameOf(LIVE)).toBe("activation norm");
  });

  it("step through examples, and stop", () => {
    const example = { text: "training example", index: 4, can_step: true };
    const { tools } = draw(new Fake({ ...LIVE, example }), createElement(ExampleBar));
    expect((find("example-index") as HTMLInputElement).value).toBe("4");
    find("next-example").click();
    expect(tools.send).toHaveBeenCalledWith("step_example", { by: 1 });
    find("previous-example").click();
    expect(tools.send).toHaveBeenCalledWith("step_example", { by: -1 });
    find("clear-example").click();
    expect(tools.send).toHaveBeenCalledWith("clear_example");
  });

  it("say when the values are of, and what went wrong", () => {
    const example = { text: "the given example", index: null, can_step: false };
    const edges = {
      a: { text: "1", note: "", title: "", shape: "", main: true, image: null, bars: [] },
    };
    const model = draw(new Fake({ ...LIVE, example, edges }), createElement(ExampleBar));
    expect(find("example-when").textContent).toBe("at iteration 1,200");
    expect(box.querySelector('[data-testid="next-example"]')).toBeNull();
    model.set({ ...LIVE, problem: "no batch" });
    expect(find("live-problem").textContent).toBe("no batch");
  });
});

describe("the address", () => {
  const picked = {
    node: "mlp/linear_0",
    path: "/mlp/linear_0",
    expression: 'model.select("/mlp/linear_0")',
    number: 1,
    followed: false,
  };

  it("is shown for the picked node only", () => {
    draw(new Fake({ ...LIVE, picked }), createElement(Address, { node: "mlp/linear_0" }));
    expect(find("address-path").textContent).toBe("/mlp/linear_0");
    expect(find("address-select").textContent).toBe('model.select("/mlp/linear_0")');
    root?.unmount();
    draw(new Fake({ ...LIVE, picked }), createElement(Address, { node: "other" }));
    expect(box.textContent).toBe("");
  });

  it("is copied", async () => {
    const written = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", { clipboard: { writeText: written } });
    const { tools } = draw(
      new Fake({ ...LIVE, picked }),
      createElement(Address, { node: picked.node }),
    );
    find("copy-select").click();
    await vi.waitFor(() => {
      expect(tools.say).toHaveBeenCalledWith(`copied ${picked.expression}`);
    });
    expect(written).toHaveBeenCalledWith(picked.expression);
    vi.unstubAllGlobals();
  });
});
