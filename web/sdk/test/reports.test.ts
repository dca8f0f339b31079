import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PlenumError } from "../src/errors.js";
import type { SlotReport } from "../src/protocol.js";
import { ReportSender, type Report, type Reported } from "../src/reports.js";
import type { Showing } from "../src/slots.js";

const camera: Showing = { mid: "1", participant: 7, source: "camera", state: "forwarding", reason: "none", width: 640, height: 360, firstTs: 1 };
const microphone: Showing = { ...camera, mid: "0", source: "microphone" };

/* A receiver whose counters a test moves. */
class FakeConnection implements Reported {
  state: Reported["state"] = "connected";
  tracks: Showing[] = [camera, microphone];
  video = { framesDecoded: 100, framesDropped: 0, totalDecodeTime: 1, freezeCount: 0, totalFreezesDuration: 0, jitterBufferDelay: 5, jitterBufferEmittedCount: 100 };
  audio = { totalSamplesReceived: 48000, concealedSamples: 0, silentConcealedSamples: 0 };
  getStats() {
    const entries = [
      { id: "v", type: "inbound-rtp", kind: "video", mid: "1", ...this.video },
      { id: "a", type: "inbound-rtp", kind: "audio", mid: "0", ...this.audio },
    ];
    return Promise.resolve(new Map(entries.map((entry) => [entry.id, entry])) as unknown as RTCStatsReport);
  }
}

let connection: FakeConnection;
let sender: ReportSender;
const send = vi.fn<(report: Report) => Promise<unknown>>();

beforeEach(() => {
  vi.useFakeTimers();
  send.mockReset().mockResolvedValue(undefined);
  connection = new FakeConnection();
  sender = new ReportSender(connection, send, () => Date.now());
  sender.start();
});
afterEach(() => {
  sender.stop();
  vi.useRealTimers();
});

interface Grown {
  frames?: number;
  freezes?: number;
  frozenMs?: number;
  dropped?: number;
  concealed?: number;
}

async function second({ frames = 30, freezes = 0, frozenMs = 0, dropped = 0, concealed = 0 }: Grown = {}) {
  connection.video.framesDecoded += frames;
  connection.video.totalDecodeTime += frames * 0.004;
  connection.video.jitterBufferDelay += frames * 0.05;
  connection.video.jitterBufferEmittedCount += frames;
  connection.video.freezeCount += freezes;
  connection.video.totalFreezesDuration += frozenMs / 1000;
  connection.video.framesDropped += dropped;
  connection.audio.totalSamplesReceived += 48000;
  connection.audio.concealedSamples += concealed;
  await vi.advanceTimersByTimeAsync(1000);
}

async function seconds(n: number, grown: Grown = {}) {
  for (let i = 0; i < n; i++) await second(grown);
}

const reported = (nth: number): Report | undefined => send.mock.calls.at(nth)?.[0];
const slot = (nth: number, mid = "1"): SlotReport | undefined => reported(nth)?.slots.find((s) => s.mid === mid);

describe("reports of what is received", () => {
  it("come every five seconds and hold what happened since", async () => {
    await seconds(4);
    expect(send).not.toHaveBeenCalled();
    await second({ dropped: 2, concealed: 9600 });
    expect(send).toHaveBeenCalledOnce();
    expect(reported(0)?.ms).toBe(5000);
    /* The first second is what the others are measured from. */
    expect(slot(0)).toEqual({ mid: "1", participant: 7, source: "camera", frames: 120, dropped: 2, decode_us: 4000, jitter_ms: 50 });
    expect(slot(0, "0")).toEqual({ mid: "0", participant: 7, source: "microphone", concealed: 50 });
    await seconds(5);
    expect(slot(1)).toMatchObject({ frames: 150, dropped: 0 });
  });

  it("come at once when a picture stood still", async () => {
    await seconds(7);
    await second({ frames: 20, freezes: 1, frozenMs: 400 });
    expect(send).toHaveBeenCalledTimes(2);
    expect(slot(1)).toMatchObject({ freezes: 1, frozen_ms: 400 });
  });

  it("tell a freeze while it lasts, once, and its length as it grows", async () => {
    await seconds(2);
    await seconds(3, { frames: 0 });
    expect(send.mock.calls.map(([report]) => report.slots[0])).toMatchObject([{ freezes: 1, frozen_ms: 1000 }, { frozen_ms: 1000 }, { frozen_ms: 1000 }]);
    expect(slot(1)).not.toHaveProperty("freezes");
    /* Now the browser counts it, too: only what is new of it is told. */
    await second({ frames: 10, freezes: 1, frozenMs: 3600 });
    expect(slot(3)).toMatchObject({ frozen_ms: 600 });
    expect(slot(3)).not.toHaveProperty("freezes");
    await second({ freezes: 1, frozenMs: 300 });
    expect(slot(4)).toMatchObject({ freezes: 1, frozen_ms: 300 });
  });

  it.each<[string, Partial<Showing>]>([
    ["a screen on which nothing moves", { source: "screen" }],
    ["a picture that is paused", { state: "paused" }],
    ["one that is awaited", { state: "waiting" }],
  ])("do not call %s a freeze", async (_, showing) => {
    connection.tracks = [{ ...camera, ...showing }];
    await seconds(6, { frames: 0 });
    expect(send).toHaveBeenCalledOnce();
    expect(slot(0)).not.toHaveProperty("frozen_ms");
  });

  it("keep people apart who follow each other in a slot", async () => {
    await seconds(2);
    connection.tracks = [{ ...camera, participant: 8 }];
    await seconds(3);
    expect(reported(0)?.slots.map((s) => [s.participant, s.frames])).toEqual([
      [7, 30],
      [7, undefined],
      [8, 60],
    ]);
  });

  it("know nothing of the time in which the page was held up or the connection was away", async () => {
    await seconds(2);
    vi.setSystemTime(Date.now() + 60000);
    await second({ frames: 0 });
    expect(send).not.toHaveBeenCalled();
    connection.state = "connecting";
    await seconds(10, { frames: 0 });
    expect(send).not.toHaveBeenCalled();
  });

  it("end where the server does not know them, and go on after any other refusal", async () => {
    send.mockRejectedValueOnce(new PlenumError("too_fast", "too many of these"));
    await seconds(10);
    expect(send).toHaveBeenCalledTimes(2);
    send.mockRejectedValueOnce(new PlenumError("bad_message", "no such type"));
    await seconds(15);
    expect(send).toHaveBeenCalledTimes(3);
  });
});
