import type { MediaReason, Source } from "@plenum/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LocalMedia, type Outlet } from "../src/lib/localMedia.js";

class FakeTrack extends EventTarget {
  readyState = "live";
  constructor(readonly kind: string) {
    super();
  }
  stop() {
    this.readyState = "ended";
  }
}

interface Asked {
  kind: string;
  track: FakeTrack;
  give: () => Promise<void>;
  refuse: (name: string) => Promise<void>;
}

/* What the page asked the browser for, the newest last: nothing opens by itself. */
let asked: Asked[] = [];
const told: [Source, unknown][] = [];

const failed: [string, MediaReason][] = [];
const outlet: Outlet = {
  send: (source, track) => void told.push([source, track]),
  fail: (what, reason) => void failed.push([what, reason]),
};

async function settle() {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function ask(kind: string) {
  const track = new FakeTrack(kind);
  const of = (wanted: string) => (wanted === kind ? [track] : []);
  const stream = { getTracks: () => [track], getVideoTracks: () => of("video"), getAudioTracks: () => of("audio") };
  return new Promise((resolve, reject) => {
    const give = () => (resolve(stream), settle());
    const refuse = (name: string) => (reject(Object.assign(new Error("no"), { name })), settle());
    asked.push({ kind, track, give, refuse });
  });
}

function last(): Asked {
  const request = asked.at(-1);
  if (!request) throw new Error("nothing was asked for");
  return request;
}

function makeMedia() {
  const media = new LocalMedia();
  const stopSending = media.sendTo(outlet);
  return { media, stopSending };
}

async function withCamera() {
  const made = makeMedia();
  void made.media.turn("camera", true);
  const { track, give } = last();
  await give();
  return { ...made, track };
}

beforeEach(() => {
  asked = [];
  told.length = failed.length = 0;
  vi.stubGlobal("navigator", {
    mediaDevices: {
      addEventListener: () => undefined,
      enumerateDevices: () => Promise.resolve([]),
      getUserMedia: (constraints: object) => ask("video" in constraints ? "video" : "audio"),
      getDisplayMedia: () => ask("video"),
    },
  });
});
afterEach(() => void vi.unstubAllGlobals());

describe("who listens", () => {
  it("is not cut off by one that came before and ends later", async () => {
    const { media, stopSending } = makeMedia();
    media.sendTo({ ...outlet });
    stopSending();
    media.shareCamera(new FakeTrack("video") as unknown as MediaStreamTrack);
    await settle();
    expect(told.map(([source]) => source)).toEqual(["screen"]);
  });
});

describe("what is stopped while it opens", () => {
  it.each(["microphone", "camera"] as const)("is not sent: %s", async (kind) => {
    const { media } = makeMedia();
    void media.turn(kind, true);
    media.stopped({ source: kind, reason: "muted" });
    await last().give();
    expect([told, media.get()[kind].on]).toEqual([[], false]);
  });
});

describe("a microphone that is stopped", () => {
  it.each([["muted", "live"], ["forbidden", "ended"]] as const)("as %s is %s", async (reason, readyState) => {
    const { media } = makeMedia();
    void media.turn("microphone", true);
    await last().give();
    media.stopped({ source: "microphone", reason });
    expect([last().track.readyState, media.get().microphone.on]).toEqual([readyState, false]);
  });
});

describe("a device that fails in a meeting", () => {
  it("is off for everybody, where another one was on before", async () => {
    const { media, track } = await withCamera();
    void media.choose("camera", "other");
    expect(track.readyState).toBe("ended");
    await last().refuse("NotReadableError");
    expect([told, failed]).toEqual([[["camera", track], ["camera", null]], [["camera", "busy"]]]);
    expect(media.get().camera).toMatchObject({ on: false, track: undefined, starting: false, problem: "busy" });
  });

  it("is off when it is unplugged", async () => {
    const { track } = await withCamera();
    track.dispatchEvent(new Event("ended"));
    expect([told, failed]).toEqual([[["camera", track], ["camera", null]], [["camera", "none"]]]);
  });

  it("does not touch what was chosen meanwhile", async () => {
    const { media } = makeMedia();
    void media.choose("microphone", "busy one");
    void media.turn("microphone", true);
    const first = last();
    void media.choose("microphone", "other");
    await last().give();
    await first.refuse("NotReadableError");
    expect([told.length, failed, media.get().microphone.on]).toEqual([1, [], true]);
  });

  it.each([["NotAllowedError", []], ["NotReadableError", [["screen", "busy"]]]])("a screen: %s", async (name, expected) => {
    const { media } = makeMedia();
    const shared = media.share();
    await last().refuse(name);
    await shared;
    expect([told, failed, media.get().screen]).toEqual([[], expected, undefined]);
  });
});

describe("after close()", () => {
  it("nothing stays open, nor opens later", async () => {
    const { media, track } = await withCamera();
    void media.turn("microphone", true);
    const { track: late, give } = last();
    media.close();
    await give();
    expect([track.readyState, late.readyState, media.get().microphone.on]).toEqual(["ended", "ended", false]);
  });

  it("a screen that is picked late is not captured, nor shown in the next meeting", async () => {
    const { media } = makeMedia();
    const shared = media.share();
    const { track, give } = last();
    media.close();
    media.sendTo({ ...outlet });
    await give();
    await shared;
    expect([track.readyState, media.get().screen, told]).toEqual(["ended", undefined, []]);
  });
});
