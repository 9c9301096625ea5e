import { afterEach, beforeEach, expect, it } from "vitest";

import { make } from "../src/dom";
import { keepFocus } from "../src/focus";

let box: HTMLElement;
let button: HTMLButtonElement;
let other: HTMLButtonElement;
let end: () => void;

beforeEach(() => {
  document.body.replaceChildren();
  box = make("div", "", document.body);
  button = make("button", "", box, "Pause");
  other = make("button", "", box, "Resume");
  end = keepFocus(box, (lost) => (lost === button ? other : undefined));
  button.focus();
});
afterEach(() => {
  end();
});

const changes: [string, () => void][] = [
  ["hidden", () => (button.hidden = true)],
  ["disabled", () => (button.disabled = true)],
  [
    "removed",
    () => {
      button.remove();
    },
  ],
];

it.each(changes)("moves the focus to the replacement of an element that is %s", async (_, act) => {
  act();
  await Promise.resolve();
  expect(document.activeElement).toBe(other);
});

it("moves the focus to the box if there is no replacement", async () => {
  other.disabled = true;
  button.hidden = true;
  await Promise.resolve();
  expect(document.activeElement).toBe(box);
});

it("leaves the focus alone after the user has left the view", async () => {
  button.blur();
  await Promise.resolve();
  button.hidden = true;
  await Promise.resolve();
  expect(document.activeElement).toBe(document.body);
});
