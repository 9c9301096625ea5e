import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { paced, SHARE, SHARE_OF_DASHBOARD, SLOW } from "../src/pace";

const FRAME = 5; // ms that the page paints in each frame

let now = 0;

beforeEach(() => {
  now = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.stubGlobal("requestAnimationFrame", (call: (start: number) => void) => {
    frames.push(call);
    return frames.length;
  });
  vi.stubGlobal("MessageChannel", FakeChannel);
  frames.length = 0;
});

// All files share one page, so the others need its own timers and channels again.
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const frames: ((start: number) => void)[] = [];

class FakeChannel {
  port1 = { onmessage: () => undefined, close: () => undefined };
  port2 = {
    postMessage: () => {
      now += FRAME;
      this.port1.onmessage();
    },
  };
}

/** Paints the two frames after a drawing. */
async function paint() {
  for (let i = 0; i < 2; i += 1) {
    frames.shift()?.(now);
    await vi.advanceTimersByTimeAsync(0);
  }
}

function wait(ms: number) {
  now += ms;
  vi.advanceTimersByTime(ms);
}

/** Returns a drawing that takes `ms`, and a pace for it. */
function slow(ms: number, box = document.createElement("div")) {
  const drawn = vi.fn(() => {
    now += ms;
  });
  const reported = vi.fn();
  return { drawn, reported, pace: paced(drawn, reported, box) };
}

it("draws at once if nothing was drawn lately", () => {
  const { drawn, pace } = slow(10);
  pace.draw();
  expect(drawn).toHaveBeenCalledOnce();
});

it("draws once for all calls during the pause after a drawing", async () => {
  const { drawn, pace } = slow(10);
  pace.draw();
  await paint();
  pace.draw();
  pace.draw();
  const taken = 10 + 2 * FRAME;
  wait(SHARE * taken - taken - 1);
  expect(drawn).toHaveBeenCalledOnce();
  wait(1);
  expect(drawn).toHaveBeenCalledTimes(2);
});

it("draws the last call of those that arrive before the page has painted", async () => {
  const { drawn, pace } = slow(10);
  pace.draw();
  pace.draw();
  await paint();
  wait(SHARE * 100);
  expect(drawn).toHaveBeenCalledTimes(2);
});

it("draws at once again after the pause", async () => {
  const { drawn, pace } = slow(10);
  pace.draw();
  await paint();
  wait(SHARE * 100);
  pace.draw();
  expect(drawn).toHaveBeenCalledTimes(2);
});

it("draws nothing after the end", async () => {
  const { drawn, pace } = slow(10);
  pace.draw();
  await paint();
  pace.draw();
  pace.end();
  wait(SHARE * 100);
  expect(drawn).toHaveBeenCalledOnce();
});

it("draws at once what the user waits for, also before the page has painted", async () => {
  const { drawn, pace } = slow(10);
  pace.draw();
  pace.hurry();
  pace.draw();
  expect(drawn).toHaveBeenCalledTimes(2);
  await paint();
  await paint();
  pace.draw();
  pace.hurry();
  pace.draw();
  expect(drawn).toHaveBeenCalledTimes(3);
  wait(SHARE * 100);
  expect(drawn).toHaveBeenCalledTimes(3);
});

it("reports the time between slow drawings, and when it changes", async () => {
  const { reported, pace } = slow(100);
  const draw = async () => {
    pace.draw();
    await paint();
    wait(SHARE * 1000);
  };
  await draw();
  await draw();
  expect(reported.mock.calls).toEqual([[SHARE * (100 + 2 * FRAME)]]);
});

it("reports nothing of fast drawings", async () => {
  const { reported, pace } = slow(0);
  pace.draw();
  await paint();
  expect(SHARE * 2 * FRAME).toBeLessThan(SLOW);
  expect(reported).not.toHaveBeenCalled();
});

it("draws less often in a dashboard", async () => {
  const section = document.createElement("div");
  section.className = "wbd-section";
  const { reported, pace } = slow(100, section.appendChild(document.createElement("div")));
  pace.draw();
  await paint();
  expect(reported.mock.calls).toEqual([[SHARE_OF_DASHBOARD * (100 + 2 * FRAME)]]);
});
