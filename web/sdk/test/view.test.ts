import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ViewItem } from "../src/protocol.js";
import { ViewReporter, type ShownItem } from "../src/view.js";

const ada: ShownItem = { participant: 1, source: "camera", width: 320, height: 180 };
const bob: ShownItem = { participant: 2, source: "camera", width: 320, height: 180 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function reporter(ratio = 1) {
  const send = vi.fn<(items: ViewItem[]) => Promise<unknown>>(() => Promise.resolve());
  return { send, view: new ViewReporter({ send, delay: 100, pixelRatio: () => ratio }) };
}

describe("ViewReporter", () => {
  it("tells the last of several changes, once", async () => {
    const { send, view } = reporter();
    view.set([ada]);
    await vi.advanceTimersByTimeAsync(50);
    view.set([ada, bob]);
    await vi.advanceTimersByTimeAsync(49);
    expect(send).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(send).toHaveBeenCalledOnce();
    expect(send.mock.calls[0]?.[0].map((i) => i.participant)).toEqual([1, 2]);
  });

  it("counts device pixels in steps, so that a pixel more is no news", async () => {
    const { send, view } = reporter(2);
    view.set([{ ...ada, width: 321, height: 180.4 }]);
    await vi.advanceTimersByTimeAsync(100);
    view.set([{ ...ada, width: 322, height: 180 }]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(send).toHaveBeenCalledOnce();
    expect(send.mock.calls[0]?.[0]).toEqual([{ participant: 1, source: "camera", width: 640, height: 360, priority: 0 }]);
  });

  it("says nothing when a change was taken back", async () => {
    const { send, view } = reporter();
    view.set([ada]);
    await vi.advanceTimersByTimeAsync(100);
    view.set([bob]);
    view.set([ada]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(send).toHaveBeenCalledOnce();
  });

  it("repeats at once for a server that may have forgotten", async () => {
    const { send, view } = reporter();
    void view.repeat();
    expect(send).not.toHaveBeenCalled();
    view.set([ada]);
    await vi.advanceTimersByTimeAsync(100);
    void view.repeat();
    expect(send).toHaveBeenCalledTimes(2);
  });

  it("tells again what was lost", async () => {
    const { send, view } = reporter();
    send.mockRejectedValueOnce(new Error("lost"));
    view.set([ada]);
    await vi.advanceTimersByTimeAsync(100);
    view.set([ada]);
    await vi.advanceTimersByTimeAsync(100);
    expect(send).toHaveBeenCalledTimes(2);
  });

  it("keeps to the protocol's greatest count", async () => {
    const { send, view } = reporter();
    view.set(Array.from({ length: 100 }, (_, i) => ({ ...ada, participant: i })));
    await vi.advanceTimersByTimeAsync(100);
    expect(send.mock.calls[0]?.[0]).toHaveLength(64);
  });
});
