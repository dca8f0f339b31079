import type { Source } from "@plenum/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LocalMedia } from "../src/lib/localMedia.js";

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
  const stopSending = media.sendTo((source, track) => void told.push([source, track]));
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
  told.length = 0;
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
    media.sendTo((source, track) => void told.push([source, track]));
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
    media.stopped(kind);
    await last().give();
    expect([told, media.get()[kind].on]).toEqual([[], false]);
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
});
