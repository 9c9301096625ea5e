import { expect, it, vi } from "vitest";

import { hearMessages } from "../src/late";
import type { LiveState } from "../src/messages";
import { FakeModel, LIVE } from "./fakes";

class Base {
  readonly heard: unknown[] = [];
  handler: ((message: unknown) => unknown) | null = null;
  comm = {
    on_msg: (handle: (message: unknown) => unknown) => {
      this.handler = handle;
    },
  };

  _handle_comm_msg(message: unknown) {
    this.heard.push(message);
  }
}

class Late extends Base {
  override _handle_comm_msg() {
    throw new Error("[anywidget] Failed to initialize model.");
  }
}

function fake(widget: object) {
  const manager = { get_model: () => Promise.resolve(widget) };
  return new FakeModel<LiveState>(LIVE, manager);
}

it("lets a widget that started late receive its messages", async () => {
  const widget = new Late();
  hearMessages(fake(widget));
  await vi.waitFor(() => {
    expect(widget.handler).not.toBeNull();
  });
  widget.handler?.("an update");
  expect(widget.heard).toEqual(["an update"]);
});

it("leaves the widgets of other front ends as they are", async () => {
  const widget = new Base();
  hearMessages(fake(widget));
  hearMessages(fake({}));
  hearMessages(new FakeModel<LiveState>(LIVE));
  await Promise.resolve();
  expect(widget.handler).toBeNull();
});
