import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PlenumError } from "../src/errors.js";
import type { Meeting } from "../src/meeting.js";
import type { JoinedReply, RecordingItem, RecordingStatus } from "../src/protocol.js";
import type { RecordingState } from "../src/recordings.js";
import { FakeSocket, joined, makeMeeting, negotiateBoth, settle, stubBrowser } from "./fakes.js";

const HOUR = 3_600_000;
const ID = "0123456789abcdef0123456789abcdef";
const on = (since: number): RecordingStatus => ({ state: "on", since });

async function meet(reply: Partial<JoinedReply> = {}, url = "ws://x/ws"): Promise<{ meeting: Meeting; told: RecordingState[] }> {
  const meeting = makeMeeting({ url });
  const told: RecordingState[] = [];
  meeting.on("recording", (state) => told.push(state));
  const done = meeting.join();
  FakeSocket.last.open();
  await FakeSocket.last.answer("join", joined(reply));
  await done;
  await negotiateBoth();
  return { meeting, told };
}

function item(change: Partial<RecordingItem> = {}): RecordingItem {
  return { id: ID, state: "ready", started_at: 5000, seconds: 6, size_kb: 700, files: 2, token: "1.a", ...change };
}

beforeEach(() => {
  vi.useFakeTimers();
  stubBrowser();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("what is told", () => {
  it("is known on coming in", async () => {
    const { meeting, told } = await meet({ records: true, may_record: true, recording: on(7) });
    expect(told).toEqual([{ available: true, granted: true, status: on(7) }]);
    expect([meeting.recordings.running, meeting.recordings.state]).toEqual([true, told[0]]);
  });

  it("is that nothing is recorded where the server cannot", async () => {
    const { meeting, told } = await meet();
    expect(told).toEqual([{ available: false, granted: false, status: undefined }]);
    expect(meeting.recordings.running).toBe(false);
  });

  it.each([
    ["starting", true],
    ["on", true],
    ["paused", true],
    ["closing", false],
    ["ready", false],
    ["failed", false],
  ] as const)("%s: recorded %s", async (state, running) => {
    const { meeting, told } = await meet({ records: true });
    FakeSocket.last.event({ type: "recording", recording: { state, since: 9, reason: "disk_full" }, now: Date.now() });
    expect(told.at(-1)).toEqual({ available: true, granted: false, status: { state, since: 9, reason: "disk_full" } });
    expect(meeting.recordings.running).toBe(running);
  });

  it("is told anew when the session was taken up, and void after a join in its place", async () => {
    const { meeting, told } = await meet({ records: true });
    FakeSocket.last.event({ type: "recording", recording: on(9), now: Date.now() });
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true, records: true, recording: { ...on(9), state: "paused", reason: "disk_full" } }));
    expect(told.at(-1)?.status?.state).toBe("paused");
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true, records: true }));
    expect(meeting.recordings.state).toEqual({ available: true, granted: false, status: undefined });
  });
});

describe("the server's time", () => {
  it.each([-HOUR, HOUR])("holds where the device's clock is wrong by %i ms", async (wrong) => {
    const server = Date.now() + wrong;
    const { meeting } = await meet({ records: true, now: server, recording: on(server - 60_000) });
    await vi.advanceTimersByTimeAsync(5000);
    expect(meeting.serverTime - (meeting.recordings.state.status?.since ?? 0)).toBe(65_000);
  });

  it("goes on when somebody sets the device's clock", async () => {
    const { meeting } = await meet({ records: true });
    const since = meeting.serverTime;
    await vi.advanceTimersByTimeAsync(3000);
    vi.setSystemTime(Date.now() + HOUR);
    expect(meeting.serverTime - since).toBe(3000);
  });

  it("follows the server's clock with each change of the recording", async () => {
    const { meeting } = await meet({ records: true });
    const set = Date.now() + 2 * HOUR;
    FakeSocket.last.event({ type: "recording", recording: on(set), now: set });
    await vi.advanceTimersByTimeAsync(1000);
    expect(meeting.serverTime - set).toBe(1000);
  });

  it("is the device's before one came in", () => {
    expect(makeMeeting().serverTime).toBe(Date.now());
  });
});

describe("calls", () => {
  it.each([
    ["record_start", (meeting: Meeting) => meeting.recordings.start(), {}],
    ["record_stop", (meeting: Meeting) => meeting.recordings.stop(), {}],
    ["record_delete", (meeting: Meeting) => meeting.recordings.delete(ID), { recording: ID }],
  ] as const)("%s", async (type, call, fields) => {
    const { meeting } = await meet({ records: true });
    const done = call(meeting);
    await FakeSocket.last.answer(type, { type: "done" });
    await done;
    const sent = FakeSocket.last.sent.at(-1);
    expect(sent).toEqual({ type, id: sent?.id, ...fields });
  });

  it.each(["forbidden", "not_available", "bad_state", "full", "not_found"] as const)("reject with %s", async (code) => {
    const { meeting } = await meet({ records: true });
    const failure = new PlenumError(code, "no");
    const refuse = async (type: "record_start" | "record_stop" | "record_delete" | "recordings", done: Promise<unknown>) => {
      const refused = expect(done).rejects.toEqual(failure);
      await FakeSocket.last.answer(type, { type: "error", code, message: "no" });
      await refused;
    };
    await refuse("record_start", meeting.recordings.start());
    await refuse("record_stop", meeting.recordings.stop());
    await refuse("record_delete", meeting.recordings.delete(ID));
    await refuse("recordings", meeting.recordings.list());
  });

  it("reject while the socket is away", async () => {
    const { meeting } = await meet({ records: true });
    const lost = expect(meeting.recordings.list()).rejects.toMatchObject({ code: "lost" });
    FakeSocket.last.drop();
    await settle();
    await lost;
    await expect(meeting.recordings.start()).rejects.toMatchObject({ code: "lost" });
  });
});

describe("the list", () => {
  const page = (recordings: RecordingItem[], more = false) => ({ type: "recordings_page", recordings, more, token_seconds: 600 });

  it("comes in pages", async () => {
    const { meeting } = await meet({ records: true });
    const first = meeting.recordings.list();
    await FakeSocket.last.answer("recordings", page([item()], true));
    expect(await first).toMatchObject({ recordings: [item()], more: true });
    const second = meeting.recordings.list(5000);
    await FakeSocket.last.answer("recordings", page([]));
    expect(await second).toMatchObject({ recordings: [], more: false });
    expect(FakeSocket.last.requests("recordings").map(({ before }) => before)).toEqual([undefined, 5000]);
  });

  it("says until when its tokens are good, from when it was asked for", async () => {
    const { meeting } = await meet({ records: true });
    const asked = Date.now();
    const done = meeting.recordings.list();
    await vi.advanceTimersByTimeAsync(2000);
    await FakeSocket.last.answer("recordings", page([item()]));
    expect((await done).tokensEndAt).toBe(asked + 600_000);
  });

  it("gives addresses of files, with the token it came with", async () => {
    const { meeting } = await meet({ records: true }, "wss://meet.example.org/ws");
    const { recordings } = meeting;
    const address = (token: string) => `https://meet.example.org/api/v1/recordings/${ID}/files/manifest.json?token=${token}`;
    expect(recordings.fileUrl(item(), "manifest.json")).toBe(address("1.a"));
    const renewed = recordings.list();
    await FakeSocket.last.answer("recordings", page([item({ token: "2.b" })]));
    const [fresh] = (await renewed).recordings;
    expect(fresh && recordings.fileUrl(fresh, "manifest.json")).toBe(address("2.b"));
    expect(recordings.fileUrl(item(), "../a b?")).toContain("/files/..%2Fa%20b%3F?");
  });

  it("gives none for what is not ready", async () => {
    const { meeting } = await meet({ records: true });
    const running = { id: ID, state: "on", started_at: 5000, seconds: 6, size_kb: 700, files: 2 } as const;
    expect(meeting.recordings.fileUrl(running, "manifest.json")).toBeUndefined();
  });
});
