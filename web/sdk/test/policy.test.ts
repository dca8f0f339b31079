import { describe, expect, it } from "vitest";
import { detectEngine, sortCodecs, videoCodecOrder } from "../src/codecPolicy.js";
import { mediaReason } from "../src/errors.js";
import { levelOfRms } from "../src/devices.js";
import { receiveDelta, receiveLevel, sendLevel, type StreamQuality } from "../src/quality.js";
import { withStereo } from "../src/receive.js";

const CHROMIUM = ["VP8", "rtx", "VP9", "H264", "AV1", "red", "ulpfec", "flexfec-03"].map((name) => ({ mimeType: `video/${name}` }));
const names = (codecs: { mimeType: string }[]) => codecs.map((c) => c.mimeType.slice(6));

describe("codec policy", () => {
  it("knows the browsers", () => {
    expect(detectEngine("Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36")).toBe("chromium");
    expect(detectEngine("Mozilla/5.0 (X11; Linux; rv:153.0) Gecko/20100101 Firefox/153.0")).toBe("firefox");
    expect(detectEngine("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18 Safari/605.1.15")).toBe("webkit");
    expect(detectEngine("")).toBe("other");
  });

  it("offers VP8 first, retransmission last, and no FEC", () => {
    expect(names(sortCodecs(CHROMIUM, videoCodecOrder("chromium")))).toEqual(["VP8", "VP9", "H264", "AV1", "rtx"]);
  });

  it("offers one codec alone on wish, only where its simulcast works", () => {
    expect(names(sortCodecs(CHROMIUM, videoCodecOrder("chromium", { video: "VP9" })))).toEqual(["VP9", "rtx"]);
    expect(names(sortCodecs(CHROMIUM, videoCodecOrder("chromium", { video: "AV1" })))).toEqual(["AV1", "rtx"]);
    expect(videoCodecOrder("firefox", { video: "VP9" })[0]).toBe("VP8");
    expect(videoCodecOrder("firefox", { video: "AV1" })).toEqual(videoCodecOrder("firefox"));
  });

  it("gives no preference when none of the wanted is there", () => {
    expect(sortCodecs([{ mimeType: "video/rtx" }], ["VP8"])).toEqual([]);
  });
});

describe("stereo in the answer", () => {
  it("is asked for in Opus only, once", () => {
    const sdp = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=fmtp:96 x=1\r\n";
    const munged = withStereo(sdp);
    expect(munged).toBe("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\na=fmtp:96 x=1\r\n");
    expect(withStereo(munged)).toBe(munged);
  });
});

describe("reasons of media errors", () => {
  const named = (name: string, message = "") => Object.assign(new Error(message), { name });
  it.each([
    [named("NotAllowedError"), false, "denied"],
    [named("NotAllowedError", "Permission denied by system"), false, "blocked_by_system"],
    [named("NotAllowedError"), true, "cancelled"],
    [named("NotFoundError"), false, "none"],
    [named("NotReadableError"), false, "busy"],
    [named("TypeError"), false, "unsupported"],
    ["?", false, "failed"],
  ])("%s", (error, screen, reason) => expect(mediaReason(error, screen)).toBe(reason));
});

describe("loudness", () => {
  it("goes by decibels from silence to full", () => {
    expect(levelOfRms(0)).toBe(0);
    expect(levelOfRms(0.001)).toBeCloseTo(0);
    expect(levelOfRms(0.0316)).toBeCloseTo(0.5, 2);
    expect(levelOfRms(1)).toBe(1);
  });
});

describe("quality", () => {
  const zero = { packets: 0, lost: 0, bytes: 0, freezes: 0, samples: 0, concealedSamples: 0 };
  const fine: StreamQuality = { kind: "video", bitrateBps: 0, loss: 0, framesPerSecond: 30, width: 0, height: 0, freezes: 0, concealed: 0, codec: "VP8" };
  const sending = { bitrateBps: 0, loss: 0, rttMs: 20, framesPerSecond: 30, width: 0, height: 0, codec: "VP8", limitedBy: "none" as const };

  it("is made of differences", () => {
    const before = { ...zero, packets: 1000, lost: 500, bytes: 1e6, freezes: 9 };
    const after = { ...before, packets: 1095, lost: 505, bytes: 1e6 + 25_000, freezes: 10, samples: 1000, concealedSamples: 100 };
    expect(receiveDelta(before, after, 2)).toEqual({ bitrateBps: 100_000, loss: 0.05, freezes: 1, concealed: 0.1 });
  });

  it("does not judge by a handful of packets, nor by counters that went back", () => {
    expect(receiveDelta(zero, { ...zero, packets: 1, lost: 5 }, 2).loss).toBe(0);
    expect(receiveDelta({ ...zero, bytes: 100 }, zero, 2).bitrateBps).toBe(0);
  });

  it("is that of the worst stream, and nothing without a connection", () => {
    expect(receiveLevel([fine], "connected")).toBe(4);
    expect(receiveLevel([fine, { ...fine, loss: 0.05 }], "connected")).toBe(2);
    expect(receiveLevel([fine, { ...fine, freezes: 3 }], "connected")).toBe(1);
    expect(receiveLevel([fine], "connecting")).toBe(0);
    expect(sendLevel(sending, "connected")).toBe(4);
    expect(sendLevel({ ...sending, limitedBy: "bandwidth" }, "connected")).toBe(3);
    expect(sendLevel({ ...sending, rttMs: 700 }, "connected")).toBe(2);
    expect(sendLevel({ ...sending, loss: 0.2 }, "connected")).toBe(1);
    expect(sendLevel(sending, "closed")).toBe(0);
  });
});
