// Code that a receipt offers as a cell.

import { expect, it, vi } from "vitest";

import type { LiveState } from "../src/messages";
import { appendCode, offerCode } from "../src/offer";
import { FakeModel, LIVE } from "./fakes";

it("is inserted below the view, or copied where there are no cells", async () => {
  const box = document.createElement("div");
  const insertCell = vi.fn();
  const shared = { cells: [], insertCell };
  const manager = { context: { model: { sharedModel: shared } } };
  offerCode(new FakeModel<LiveState>(LIVE, manager as never), box);
  appendCode(box, "import view\nview(fork)");
  expect(box.querySelector("code")?.textContent).toBe("view(fork)");
  const button = box.querySelector("button");
  button?.click();
  expect(insertCell.mock.calls[0]?.[1]).toMatchObject({ source: "import view\nview(fork)" });
  expect(button?.textContent).toBe("Added below");

  const page = document.createElement("div");
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  offerCode(new FakeModel<LiveState>(LIVE), page);
  appendCode(page, "view(fork)");
  page.querySelector("button")?.click();
  await vi.waitFor(() => {
    expect(page.querySelector("button")?.textContent).toBe("Copied");
  });
  expect(writeText).toHaveBeenCalledWith("view(fork)");
  vi.unstubAllGlobals();
});
