import type { RecordingItem, RecordingPage } from "@plenum/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Manifest, ManifestFile } from "../src/lib/recording.js";
import { formatLength } from "../src/lib/recording.js";
import { keepFresh, playedUrl, RecordingLinks } from "../src/lib/recordingLinks.js";
import { lanesOf, neededFiles, sceneAt } from "../src/lib/scene.js";

const S = 1e6;
const video = { codec: "vp8" };
const file = (name: string, participant: number, from: number, to: number, more: Partial<ManifestFile> = {}): ManifestFile => ({ file: name, participant, pair: "camera", start_us: from * S, duration_us: (to - from) * S, bytes: 1, video, ...more });
const there = (from: number, to: number, breakout = 0) => ({ from_us: from * S, to_us: to * S, breakout });

const manifest: Manifest = {
  duration_us: 100 * S,
  participants: [
    { id: 1, name: "Ada", present: [there(0, 100)], muted: [{ source: "camera", from_us: 20 * S, to_us: 30 * S }] },
    { id: 2, name: "Bob", present: [there(10, 40), there(40, 50, 1), there(50, 60)], muted: [{ source: "microphone", from_us: 10 * S, to_us: 15 * S }] },
    { id: 3, name: "Cyd", present: [there(70, 100)], muted: [] },
  ],
  files: [
    file("p1-camera-1.webm", 1, 0, 80),
    file("p1-camera-2.webm", 1, 82, 99.8),
    file("p2-camera-1.mp4", 2, 10, 40, { video: undefined }),
    file("p2-screen-1.mp4", 2, 12, 35, { pair: "screen" }),
    file("p2-screen-2.mp4", 2, 36, 37, { pair: "screen", video: undefined }),
  ],
  gaps: [{ from_us: 80 * S, to_us: 82 * S }],
  speakers: [{ t_us: 5 * S, participants: [1] }, { t_us: 11 * S, participants: [2, 1] }, { t_us: 25 * S, participants: [] }],
  chat: [],
};

describe("the scene of a recording", () => {
  const brief = (at: number) => sceneAt(manifest, at * S).tiles.map(({ key, file: played }) => `${key}: ${played?.file ?? "-"}`);

  it.each([
    [0, ["1 camera: p1-camera-1.webm"]],
    [11, ["1 camera: p1-camera-1.webm", "2 camera: p2-camera-1.mp4"]],
    [13, ["2 screen: p2-screen-1.mp4", "1 camera: p1-camera-1.webm", "2 camera: p2-camera-1.mp4"]],
    [36.5, ["1 camera: p1-camera-1.webm", "2 camera: p2-camera-1.mp4"]],
    [45, ["1 camera: p1-camera-1.webm"]],
    [55, ["1 camera: p1-camera-1.webm", "2 camera: -"]],
    [81, ["1 camera: -", "3 camera: -"]],
    [80.3, ["1 camera: p1-camera-1.webm", "3 camera: -"]],
    [82.1, ["1 camera: p1-camera-2.webm", "3 camera: -"]],
    [100, ["1 camera: p1-camera-2.webm", "3 camera: -"]],
  ])("at %d s", (at, tiles) => expect(brief(at)).toEqual(tiles));

  it("knows who is seen, muted and speaking", () => {
    const of = (at: number) => sceneAt(manifest, at * S).tiles.filter(({ source }) => source === "camera").map(({ hasPicture, isMuted, isSpeaking }) => [hasPicture, isMuted, isSpeaking]);
    expect(of(12)).toEqual([[true, false, true], [false, true, true]]);
    expect(of(25)).toEqual([[false, false, false], [false, false, false]]);
    expect(of(55)).toEqual([[true, false, false], [false, true, false]]);
  });

  it("knows where nothing was recorded", () => {
    expect([sceneAt(manifest, 79 * S).gap, sceneAt(manifest, 81 * S).gap, sceneAt(manifest, 82 * S).gap]).toEqual([undefined, manifest.gaps[0], undefined]);
  });

  it("loads what plays now and soon, no more", () => {
    expect(neededFiles(manifest, 3 * S).map((f) => f.file)).toEqual(["p1-camera-1.webm", "p2-camera-1.mp4"]);
    expect(neededFiles(manifest, 50 * S).map((f) => f.file)).toEqual(["p1-camera-1.webm"]);
    expect(neededFiles(manifest, 81 * S).map((f) => f.file)).toEqual(["p1-camera-2.webm"]);
  });

  it("has a lane for everybody, of the main room", () => {
    expect(lanesOf(manifest).map(({ person, present, screens }) => [person.name, present.map(({ from_us }) => from_us / S), screens.map(({ to_us }) => to_us / S)])).toEqual([
      ["Ada", [0], []],
      ["Bob", [10, 50], [35]],
      ["Cyd", [70], []],
    ]);
  });
});

describe("links of a recording", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const item = (token?: string): RecordingItem => ({ id: "a", state: "ready", started_at: 50, seconds: 1, size_kb: 1, files: 1, ...(token ? { token } : {}) });
  function links(...answers: (RecordingItem[] | Error)[]) {
    const list = vi.fn((): Promise<RecordingPage> => {
      const answer = answers.shift();
      return answer === undefined || answer instanceof Error ? Promise.reject(answer ?? new Error("asked too often")) : Promise.resolve({ recordings: answer, more: false, tokensEndAt: 0 });
    });
    const fileUrl = ({ token }: RecordingItem, name: string) => (token === undefined ? undefined : `${name}?${token}`);
    return { links: new RecordingLinks({ list, fileUrl }, item("1")), list };
  }

  it("get a new token when the old one has ended, once for all files", async () => {
    const { links: l, list } = links([{ ...item("x"), id: "b" }, item("2")]);
    expect(l.url("f")).toBe("f?1");
    expect(await Promise.all([l.renewed("f", "f?1"), l.renewed("g", "g?1")])).toEqual(["f?2", "g?2"]);
    expect(list).toHaveBeenCalledExactlyOnceWith(51);
    /* Who finds out later asks nobody. */
    expect(await l.renewed("h", "h?1")).toBe("h?2");
    expect(list).toHaveBeenCalledOnce();
  });

  it("are not asked for again and again for a file that is broken", async () => {
    const { links: l, list } = links([item("2")], [item("3")]);
    await l.renewed("f", "f?1");
    await expect(l.renewed("f", "f?2")).rejects.toThrow();
    expect(list).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(600_000);
    expect(await l.renewed("f", "f?2")).toBe("f?3");
  });

  it("are fetched anew long before they end, also after a failure, until nobody needs them", async () => {
    const lives = [600_000, NaN, 15_000, 20_000];
    const fetch = vi.fn(() => {
      const life = lives.shift() ?? NaN;
      return life > 0 ? Promise.resolve(Date.now() + life) : Promise.reject(new Error("lost"));
    });
    const end = keepFresh(fetch);
    const asked = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms);
      return fetch.mock.calls.length;
    };
    expect([await asked(239_000), await asked(2000), await asked(8000), await asked(2000), await asked(8000)]).toEqual([1, 2, 2, 3, 3]);
    expect(await asked(2000)).toBe(4);
    end();
    expect(await asked(600_000)).toBe(4);
  });

  it("are played in pieces where an element would keep its connection", () => {
    expect([playedUrl("f?token=1", "chromium"), playedUrl("f?token=1", "firefox")]).toEqual(["f?token=1&piece=4000000", "f?token=1"]);
  });

  it("end with the recording", async () => {
    const { links: l } = links([], [item()], new Error("lost"), [item("2")]);
    for (let i = 0; i < 3; i++) await expect(l.renewed("f", "f?1")).rejects.toThrow();
    expect(await l.renewed("f", "f?1")).toBe("f?2");
  });
});

describe("a length", () => {
  it.each([
    [0, "0:00"],
    [-5, "0:00"],
    [245.9, "4:05"],
    [3845, "1:04:05"],
  ])("%d s is %s", (seconds, text) => expect(formatLength(seconds)).toBe(text));
});
