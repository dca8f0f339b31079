import { beforeEach, describe, expect, it, vi } from "vitest";
import { PlenumError } from "../src/errors.js";
import { OwnMutes } from "../src/mutes.js";
import { settle } from "./fakes.js";

const tell = vi.fn<(source: string, muted: boolean) => Promise<void>>();
const stop = vi.fn();
const onError = vi.fn();
let canTell = true;
let maySend = true;

function sending() {
  const mutes = new OwnMutes({ tell, maySend: () => maySend, canTell: () => canTell, stop, onError });
  mutes.want("microphone", false);
  mutes.offered([{ mid: "0", source: "microphone", muted: false }]);
  return mutes;
}

beforeEach(() => {
  vi.resetAllMocks();
  tell.mockResolvedValue();
  canTell = true;
  maySend = true;
});

describe("a moderator's mute", () => {
  it("stops the source once, and is not undone by telling again", () => {
    const mutes = sending();
    mutes.stopped("microphone", "muted");
    mutes.stopped("microphone", "muted");
    mutes.tell();
    expect(stop).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "muted" });
    expect(tell).not.toHaveBeenCalled();
  });

  it("is seen in the roster where the event was missed", () => {
    const mutes = sending();
    mutes.adopt([{ source: "microphone", muted: true }]);
    expect(stop).toHaveBeenCalledOnce();
    expect(mutes.isSending("microphone")).toBe(false);
  });

  it("can be undone by oneself", async () => {
    const mutes = sending();
    mutes.stopped("microphone", "muted");
    mutes.want("microphone", false);
    mutes.tell();
    await settle();
    expect(tell).toHaveBeenCalledExactlyOnceWith("microphone", false);
    mutes.adopt([{ source: "microphone", muted: false }]);
    expect(mutes.isSending("microphone")).toBe(true);
  });
});

describe("what the room wants off when one comes in", () => {
  it("is told also of what is not sent yet", () => {
    const mutes = new OwnMutes({ tell, maySend: () => maySend, canTell: () => canTell, stop, onError });
    mutes.startOff("microphone");
    expect(stop).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "muted" });
    expect(mutes.isSending("microphone")).toBe(false);
  });
});

describe("what was done while the socket was lost", () => {
  it("is told, and not taken for a moderator's mute", async () => {
    const mutes = sending();
    mutes.want("microphone", true);
    mutes.tell();
    await settle();
    canTell = false;
    mutes.want("microphone", false);
    mutes.tell();
    canTell = true;
    mutes.adopt([{ source: "microphone", muted: true }]);
    mutes.tell();
    expect(tell).toHaveBeenLastCalledWith("microphone", false);
    expect(stop).not.toHaveBeenCalled();
  });

  it("is told again when the answer was lost", async () => {
    const mutes = sending();
    tell.mockRejectedValueOnce(new PlenumError("lost", "gone"));
    mutes.want("microphone", true);
    mutes.tell();
    await settle();
    mutes.tell();
    expect(tell).toHaveBeenCalledTimes(2);
    expect(onError).not.toHaveBeenCalled();
  });
});

it("does not take an old roster for an answer to a word under way", async () => {
  const mutes = sending();
  mutes.stopped("microphone", "muted");
  stop.mockClear();
  mutes.want("microphone", false);
  mutes.tell();
  mutes.adopt([{ source: "microphone", muted: true }]);
  await settle();
  expect(stop).not.toHaveBeenCalled();
  expect(mutes.isSending("microphone")).toBe(true);
});

it("stops what the server forbids, and does not ask again", async () => {
  const mutes = sending();
  mutes.stopped("microphone", "muted");
  stop.mockClear();
  tell.mockRejectedValueOnce(new PlenumError("forbidden", "not now"));
  mutes.want("microphone", false);
  mutes.tell();
  await settle();
  mutes.tell();
  expect(stop).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "forbidden" });
  expect(tell).toHaveBeenCalledOnce();
});

it("stops what is sent, once, where nothing may be sent, and does not begin it again", () => {
  const mutes = sending();
  maySend = false;
  mutes.tell();
  mutes.tell();
  expect(stop).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "forbidden" });
  maySend = true;
  expect(mutes.isSending("microphone")).toBe(false);
});
