import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { NumberRow, Receipt, SteerPayload } from "../src/messages";
import { Actions } from "../src/steer/actions";
import { ReceiptLine, wholeNumber, type Send } from "../src/steer/fields";
import { Journal } from "../src/steer/journal";
import { NumberControl } from "../src/steer/number_row";
import { Numbers } from "../src/steer/numbers";
import { inText, scaleFor, suits } from "../src/steer/scale";
import { shortened, writeReceipt } from "../src/steer/shorten";

const RATE: NumberRow = {
  path: "learning_rate",
  name: "learning_rate",
  owner: "Momentum",
  value: 0.1,
  low: 0,
  high: null,
  scale: "log",
  driven_by: "",
  held: false,
  receipt: null,
};
const STEER: SteerPayload = {
  able: true,
  session: "session-1",
  default_path: "session-1-{iterations_done}.tar",
  last_path: "",
  numbers: [RATE],
  end: { epochs: 4, batches: 40, epochs_done: 0, batches_done: 5 },
  branches: [{ name: "main", start: 0, end: null, difference: "" }],
  more_branches: 0,
  snapshots: [{ iteration: 0, pin: "start", branch: "main" }],
  interventions: [],
  more_interventions: 0,
};

let el: HTMLElement;
const send = vi.fn<Send>();

beforeEach(() => {
  vi.useFakeTimers();
  el = document.createElement("div");
  document.body.replaceChildren(el);
  let count = 0;
  send.mockImplementation(() => `id-${(count += 1)}`);
});
afterEach(() => {
  vi.useRealTimers();
  vi.resetAllMocks();
});

/** Returns a part by its test id; most of them are fields. */
function part(name: string): HTMLInputElement {
  const found = el.querySelector<HTMLInputElement>(`[data-testid="${name}"]`);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

function type(field: HTMLInputElement, text: string, key = "Enter") {
  field.focus();
  field.value = text;
  field.dispatchEvent(new Event("input"));
  field.dispatchEvent(new KeyboardEvent("keydown", { key }));
}

function receipt(request: string, state: Receipt["state"], text = "", about = ""): Receipt {
  return { request, state, text, about, code: "" };
}

describe("a scale", () => {
  it("is logarithmic around the first value", () => {
    const scale = scaleFor(RATE);
    expect(scale).toMatchObject({ low: 1e-4, high: 1e2 });
    expect(scale?.value(500)).toBeCloseTo(0.1, 9);
    expect(scale?.position(0.1)).toBeCloseTo(500, 9);
    expect(scale?.position(0)).toBe(0);
  });

  it.each([
    [{ value: 0.9, low: 0, high: 1 }, 0, 1],
    [{ value: 0.9, low: 0, high: null }, 0, 1],
    [{ value: 5, low: 0, high: null }, 0, 10],
    [{ value: -3, low: -10, high: 10 }, -10, 10],
  ])("is linear between the bounds of %j", (row, low, high) => {
    expect(scaleFor({ ...row, scale: "linear" })).toMatchObject({ low, high });
  });

  it("does not exist for a number without a lower bound", () => {
    expect(scaleFor({ value: 1, low: null, high: null, scale: "linear" })).toBeNull();
  });

  it("suits the values that are not near its ends", () => {
    const scale = scaleFor(RATE);
    const values = [0.5, 0, 1e3, 100, 1e-4];
    expect(scale && values.map((value) => suits(scale, value))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it.each([
    [0.10000000149011612, "0.1"],
    [9.99999993922529e-9, "1e-8"],
    [100000, "100000"],
    [0, "0"],
    [null, "not finite"],
  ])("shows %s as %s", (value, text) => {
    expect(inText(value)).toBe(text);
  });
});

describe("a receipt in little space", () => {
  it("names a file without its folders, and has its iteration apart", () => {
    writeReceipt(el, "save /tmp/some/where/victim.json: applied at iteration 20,141");
    expect(el.textContent).toBe("save …/victim.json: applied at iteration 20,141");
    expect(el.querySelector(".wb-outcome")?.textContent).toBe("applied at iteration 20,141");
    expect(el.title).toContain("/tmp/some/where/victim.json");
  });

  it("has long values shortened in the middle", () => {
    expect(shortened("set rate = 0.12345678901234567890123")).toBe(
      "set rate = 0.1234567…567890123",
    );
  });

  it("is left as it is if it is refused", () => {
    const text = "save /tmp/some/where/far/away/victim.json: refused: it exists";
    writeReceipt(el, text);
    expect(el.textContent).toBe(text);
  });
});

describe("a number", () => {
  let control: NumberControl;
  const show = (row: Partial<NumberRow>, receipts: Receipt[] = [], able = true) => {
    control.update({ ...RATE, ...row }, able, receipts);
  };
  beforeEach(() => {
    control = new NumberControl(RATE, el, send);
    show({});
  });

  it("follows the value of training", () => {
    show({ value: 0.05 });
    expect(part("value").value).toBe("0.05");
    expect(Number(part("slider").value)).toBeCloseTo(449.83, 1);
    expect(part("slider").getAttribute("aria-valuetext")).toBe("0.05");
  });

  it("has a new scale once the value is near an end of the old one", () => {
    show({ value: 100 });
    show({ value: 0.1 });
    expect(Number(part("slider").value)).toBeCloseTo(500, 1);
  });

  it("sends nothing for a key at the end of its slider", () => {
    part("slider").value = "0";
    part("slider").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
    vi.runAllTimers();
    expect(send).not.toHaveBeenCalled();
  });

  it("stays as typed while the schedule moves the value", () => {
    part("value").focus();
    part("value").value = "0.0";
    part("value").dispatchEvent(new Event("input"));
    show({ value: 0.07 });
    expect(part("value").value).toBe("0.0");
    type(part("value"), "0.0", "Escape");
    expect(part("value").value).toBe("0.07");
    expect(send).not.toHaveBeenCalled();
  });

  it("sends what was typed once, and shows it until the receipt arrives", () => {
    type(part("value"), "0.02");
    part("value").dispatchEvent(new Event("change"));
    expect(send).toHaveBeenCalledExactlyOnceWith("set", { shared: "learning_rate", value: 0.02 });
    show({ value: 0.1 });
    expect(part("value").value).toBe("0.02");
    expect(part("number-receipt").textContent).toBe("sent");
    const applied = receipt("id-1", "applied", "set learning_rate = 0.02: applied at iteration 7");
    show({ value: 0.02, receipt: applied }, [applied]);
    expect(part("number-receipt").textContent).toBe("applied at iteration 7");
    show({ value: 0.03, receipt: applied }, [applied]);
    expect(part("value").value).toBe("0.03");
  });

  it("keeps a refused text, and says why, until Escape", () => {
    type(part("value"), "-1");
    const text = "set learning_rate = -1: refused: learning_rate must be 0 or more";
    const refused = receipt("id-1", "refused", text);
    show({ receipt: refused }, [refused]);
    expect(part("value").value).toBe("-1");
    expect(part("value").getAttribute("aria-invalid")).toBe("true");
    expect(part("number-receipt").textContent).toBe("refused: learning_rate must be 0 or more");
    expect(part("number-receipt").dataset.state).toBe("refused");
    part("value").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(part("value").value).toBe("0.1");
    expect(part("value").hasAttribute("aria-invalid")).toBe(false);
    show({ receipt: refused }, [refused]);
    expect(part("number-receipt").textContent).toBe("");
    expect(part("number-receipt").dataset.state).toBe("applied");
  });

  it("keeps a refusal aside when the page is loaded again", () => {
    const refused = receipt("id-aside", "refused", "refused: no");
    const line = () => new ReceiptLine("line", document.createElement("div"));
    const first = line();
    first.show([], refused);
    expect(first.element.textContent).toBe("refused: no");
    first.dismiss();
    const again = line();
    again.show([], refused);
    expect(again.element.textContent).toBe("");
    again.show([], receipt("id-new", "refused", "refused: still no"));
    expect(again.element.textContent).toBe("refused: still no");
  });

  it("forgets that a text was no number when something else happens to it, or on Escape", () => {
    type(part("value"), "abc");
    show({});
    expect(part("number-receipt").dataset.state).toBe("refused");
    show({ value: 0.02, receipt: receipt("", "applied", "set: applied at iteration 9, by code") });
    expect(part("number-receipt").textContent).toBe("applied at iteration 9, by code");
    type(part("value"), "abc");
    part("value").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(part("number-receipt").dataset.state).toBe("applied");
    expect(part("number-receipt").textContent).toBe("applied at iteration 9, by code");
  });

  it("keeps the scale of its slider until training has a value that is beyond it", () => {
    show({ value: 5 });
    const before = part("slider").value;
    type(part("value"), "1e9");
    const refused = receipt("id-1", "refused", "set learning_rate = 1e9: refused: too large");
    show({ value: 5, receipt: refused }, [refused]);
    part("value").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(part("slider").value).toBe(before);
    show({ value: 1e9 });
    expect(Number(part("slider").value)).toBeLessThan(1000);
  });

  it.each(["", "abc", "1e999", "0,1"])("refuses the text %j without sending it", (text) => {
    type(part("value"), text);
    expect(send).not.toHaveBeenCalled();
    expect(part("number-receipt").textContent).toContain("is not a number; nothing was sent");
    expect(part("number-receipt").getAttribute("role")).toBe("alert");
  });

  it("sends the last position of a slider only", () => {
    const slider = part("slider");
    for (const position of ["600", "700"]) {
      slider.value = position;
      slider.dispatchEvent(new Event("input"));
      show({ value: 0.1 });
      expect(slider.value).toBe(position);
      slider.dispatchEvent(new Event("change"));
    }
    expect(part("value").value).toBe("1.58");
    vi.advanceTimersByTime(500);
    expect(send).toHaveBeenCalledExactlyOnceWith("set", { shared: "learning_rate", value: 1.58 });
  });

  it("moves by keys", () => {
    part("slider").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    vi.advanceTimersByTime(500);
    expect(send).toHaveBeenCalledExactlyOnceWith("set", { shared: "learning_rate", value: 0.115 });
  });

  it("holds a value that a schedule drives, and releases it", () => {
    show({ driven_by: "cosine" });
    expect(part("driver").textContent).toBe("driven by cosine");
    expect(part("driver").title).toMatch(/holds until you release it/);
    type(part("value"), "0.5");
    expect(send).toHaveBeenLastCalledWith("hold", { shared: "learning_rate", value: 0.5 });
    show({ driven_by: "cosine", held: true });
    expect(part("hold").textContent).toBe("Release");
    part("hold").click();
    expect(send).toHaveBeenLastCalledWith("release", { shared: "learning_rate" });
  });

  it("follows the schedule again if it is released before the receipt of the hold arrives", () => {
    show({ driven_by: "cosine" });
    type(part("value"), "0.5");
    show({ driven_by: "cosine", held: true, value: 0.5 }, [receipt("id-1", "waiting")]);
    part("hold").click();
    const both = [receipt("id-1", "applied"), receipt("id-2", "applied")];
    show({ driven_by: "cosine", value: 0.1 }, both);
    expect(part("value").value).toBe("0.1");
  });

  it("cannot be changed after the end", () => {
    show({}, [], false);
    expect([part("value").disabled, part("slider").disabled]).toEqual([true, true]);
  });
});

describe("many numbers", () => {
  const rows = Array.from({ length: 24 }, (_, i): NumberRow => {
    return { ...RATE, path: `p${String(i)}`, name: `p${String(i)}`, owner: i < 12 ? "Adam" : "" };
  });

  it("are grouped by their rule, and only the first group is open", () => {
    new Numbers(el, send).update(rows, true, []);
    const groups = [...el.querySelectorAll("details")];
    expect(
      groups.map((group) => [group.querySelector("summary")?.textContent, group.open]),
    ).toEqual([
      ["Adam12", true],
      ["further variables12", false],
    ]);
  });

  it("keep their elements while they stay the same", () => {
    const numbers = new Numbers(el, send);
    numbers.update(rows, true, []);
    const before = part("slider");
    numbers.update(
      rows.map((row) => ({ ...row, value: 0.2 })),
      true,
      [],
    );
    expect(part("slider")).toBe(before);
    numbers.update([...rows, { ...RATE, path: "new" }], true, []);
    expect(part("slider")).toBe(before);
    expect(el.querySelectorAll('[data-testid="number"]').length).toBe(25);
  });
});

describe("the lines of actions", () => {
  let actions: Actions;
  const show = (now: Partial<SteerPayload>, receipts: Receipt[] = [], state = "running") => {
    actions.update({ ...STEER, ...now }, receipts, state);
  };
  beforeEach(() => {
    actions = new Actions(el, send);
    show({});
  });

  it("show the planned end", () => {
    expect([part("end-total").value, part("end-unit").value]).toEqual(["4", "epochs"]);
    expect(part("planned").textContent).toBe("40 batches");
    show({ end: { ...STEER.end, epochs: null } });
    expect([part("end-total").value, part("end-unit").value]).toEqual(["40", "batches"]);
  });

  it("set another end", () => {
    type(part("end-total"), "1,000");
    show({});
    expect(part("end-total").value).toBe("1,000");
    expect(send).toHaveBeenCalledExactlyOnceWith("set_end", { epochs: 1000 });
  });

  it("refuse an end that is no number", () => {
    type(part("end-total"), "soon");
    expect(send).not.toHaveBeenCalled();
    expect(part("end-receipt").textContent).toMatch(/"soon" must be a whole number/);
  });

  it("go back to an iteration, and offer those of the snapshots", () => {
    const option = el.querySelector("option[value='0']");
    expect(option?.textContent).toBe("main, start");
    type(part("rewind-to"), "7");
    expect(send).toHaveBeenCalledExactlyOnceWith("rewind", { iteration: 7 });
    part("undo").click();
    part("snapshot").click();
    expect(send.mock.calls.slice(1)).toEqual([
      ["undo", {}],
      ["snapshot", {}],
    ]);
  });

  it("fork here, or elsewhere under a name", () => {
    part("fork").click();
    expect(send).toHaveBeenLastCalledWith("fork", {});
    part("fork-from").value = "12";
    type(part("fork-name"), "second");
    expect(send).toHaveBeenLastCalledWith("fork", { iteration: 12, name: "second" });
  });

  it("show the code that shows a fork", () => {
    part("fork").click();
    const forked = { ...receipt("id-1", "applied", "it waits", "fork"), code: "view(it)" };
    show({}, [forked]);
    expect(part("fork-line-receipt").querySelector("code")?.textContent).toBe("view(it)");
  });

  it("save to the default path, and load what was saved", () => {
    expect(part("path").placeholder).toBe("session-1-{iterations_done}.tar");
    part("load").click();
    expect(part("file-receipt").textContent).toMatch(/nothing was saved yet/);
    part("save").click();
    expect(send).toHaveBeenLastCalledWith("save", {});
    show({ last_path: "/a.tar" });
    part("load").click();
    expect(send).toHaveBeenLastCalledWith("load", { path: "/a.tar" });
    part("path").value = "b.tar";
    part("save").click();
    expect(send).toHaveBeenLastCalledWith("save", { path: "b.tar" });
  });

  it("stay possible after the end, where there is nothing to plan any more", () => {
    show({ able: false }, [], "finished");
    expect(part("rewind").disabled).toBe(false);
    expect([part("end-total").disabled, part("snapshot").disabled]).toEqual([true, true]);
  });

  it("show the receipt of the last of their commands, also after the page was loaded again", () => {
    show({}, [receipt("x", "refused", "undo: refused: nothing is left", "undo")]);
    expect(part("back-receipt").textContent).toBe("undo: refused: nothing is left");
    expect(part("end-receipt").textContent).toBe("");
  });
});

describe("the journal", () => {
  const branches = [
    { name: "main", start: 0, end: 40, difference: "rate 1 → 2 at 3" },
    { name: "branch 1", start: 7, end: null, difference: "" },
  ];
  const change = {
    iteration: 1204,
    time: "2026-03-01 09:30:15",
    what: "rate",
    old: "1",
    new: "2",
    by: "button",
  };

  it("shows branches only if there are several, and goes to one", () => {
    const journal = new Journal(el, send);
    journal.update(STEER, []);
    expect(part("branches").hidden).toBe(true);
    journal.update({ ...STEER, branches }, []);
    expect(part("branches").hidden).toBe(false);
    expect([...el.querySelectorAll("li")].map((item) => item.textContent)).toEqual([
      "branch 17 to now",
      "main0 to 40rate 1 → 2 at 3",
    ]);
    part("go-to-branch").click();
    expect(send).toHaveBeenCalledExactlyOnceWith("rewind", { iteration: 40, branch: "main" });
  });

  it("shows the newest branches first, and all of them on request", () => {
    const journal = new Journal(el, send);
    const many = [...Array(8).keys()].map((i) => ({
      name: `branch ${i}`,
      start: i,
      end: i < 7 ? i + 9 : null,
      difference: "",
    }));
    const names = () => [...el.querySelectorAll("li > :first-child")].map((one) => one.textContent);
    const all = part("all-branches");
    journal.update({ ...STEER, branches }, []);
    expect(all.hidden).toBe(true);
    journal.update({ ...STEER, branches: many }, []);
    expect(names()).toEqual(["branch 7", "branch 6", "branch 5", "branch 4"]);
    expect([all.textContent, all.getAttribute("aria-expanded")]).toEqual(["show all 8", "false"]);
    all.click();
    expect(names()).toHaveLength(8);
    expect([all.textContent, all.getAttribute("aria-expanded")]).toEqual([
      "show the newest",
      "true",
    ]);
    journal.update({ ...STEER, branches: many, more_branches: 5 }, []);
    expect(names()).toHaveLength(8);
    expect(part("branches").textContent).toContain("and 5 earlier; session.branches");
    all.click();
    expect(all.textContent).toBe("show 8 of 13");
  });

  it("keeps the focus on a branch when another one is added", () => {
    const journal = new Journal(el, send);
    journal.update({ ...STEER, branches }, []);
    part("go-to-branch").focus();
    const third = { name: "branch 2", start: 9, end: null, difference: "" };
    const ended = branches.map((one) => ({ ...one, end: one.end ?? 50 }));
    journal.update({ ...STEER, branches: [...ended, third] }, []);
    expect((document.activeElement as HTMLElement).dataset.branch).toBe("main");
  });

  it("lists the changes, and says how many it left out", () => {
    const journal = new Journal(el, send);
    journal.update(STEER, []);
    expect(part("changes").hidden).toBe(true);
    journal.update({ ...STEER, interventions: [change], more_interventions: 9 }, []);
    const cells = [...el.querySelectorAll("td")].map((cell) => cell.textContent);
    expect(cells).toEqual(["1,204", "09:30:15", "rate", "1", "2", "button"]);
    expect(part("changes").querySelector("summary")?.textContent).toBe("changes10");
    expect(part("changes").textContent).toMatch(/and 9 earlier/);
  });

  it("keeps its elements while nothing changes, so that the focus stays", () => {
    const journal = new Journal(el, send);
    journal.update({ ...STEER, branches }, []);
    const before = part("go-to-branch");
    journal.update({ ...STEER, branches: [...branches] }, []);
    expect(part("go-to-branch")).toBe(before);
  });
});

it.each([
  ["5", 5],
  ["1,000", 1000],
  ["0", null],
  ["1.5", null],
  ["-2", null],
  ["9".repeat(20), null],
  ["", null],
])("reads %j as the count %s", (text, count) => {
  const field = document.createElement("input");
  field.value = text;
  expect(wholeNumber(field, 1)).toBe(count);
});
