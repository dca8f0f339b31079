import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PlenumError } from "../src/errors.js";
import type { Meeting, MeetingOptions } from "../src/meeting.js";
import type { ClientRequest, JoinedReply, MovedEvent, Participant, RoomInfo } from "../src/protocol.js";
import { FakePeerConnection, FakeSocket, joined, makeMeeting, negotiateBoth, person, roster, settle, stubBrowser } from "./fakes.js";

const tea: RoomInfo = { name: "tea", code: "001-0002-003", settings: { title: "Tea" }, has_password: false, started_at: 0 };
const moderator: Participant = { ...person(1, "Ada"), role: "moderator" };

async function meet(reply: Partial<JoinedReply> = {}, options: Partial<MeetingOptions> = {}, prepare?: (meeting: Meeting) => Promise<void>) {
  const meeting = makeMeeting(options);
  await prepare?.(meeting);
  const done = meeting.join();
  FakeSocket.last.open();
  await FakeSocket.last.answer("join", joined({ room: tea, ...reply }));
  await done;
  return { meeting, ...(await negotiateBoth()) };
}

function moved(change: Partial<MovedEvent> = {}): MovedEvent {
  return {
    type: "moved",
    participant: 1,
    role: "speaker",
    room: { ...tea, breakout: 2 },
    participants: [person(1, "Ada"), person(3, "Cyd")],
    total: 2,
    viewers: 0,
    chat: [{ number: 1, from: 3, name: "Cyd", at: 0, text: "in here" }],
    breakouts: [{ number: 2, name: "Two", participants: [1, 3] }],
    breakouts_open: true,
    breakouts_may_choose: false,
    breakouts_end_at: 5000,
    ...change,
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  stubBrowser();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("entering", () => {
  it("sends password, token and the room's device", async () => {
    await meet({}, { password: "hush", token: "t.o.k", device: "d1" });
    expect(FakeSocket.last.sent[0]).toEqual({ type: "join", id: 1, room: "tea", name: "Ada", password: "hush", token: "t.o.k", device: "d1" });
  });

  it("is known by the same device under the room's name and number", async () => {
    const items = new Map<string, string>();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    });
    const meeting = makeMeeting({ room: "001-0002-003" });
    meeting.join().catch(() => undefined);
    FakeSocket.last.open();
    await FakeSocket.last.answer("join", joined({ room: tea }));
    const sent = FakeSocket.last.requests("join")[0]?.device;
    expect(sent).toMatch(/^[0-9a-f]{32}$/);
    expect([...items]).toEqual([
      ["plenum.device.001-0002-003", sent],
      ["plenum.device.tea", sent],
    ]);
  });

  it("waits without media until admitted", async () => {
    const meeting = makeMeeting();
    const reasons: string[] = [];
    meeting.on("waiting", (reason) => reasons.push(reason));
    const done = meeting.join();
    FakeSocket.last.open();
    await settle();
    FakeSocket.last.event({ type: "waiting", reason: "not_started", secret: "s" });
    FakeSocket.last.event({ type: "waiting", reason: "lobby", secret: "s" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([meeting.state, reasons, FakePeerConnection.all.length]).toEqual(["waiting", ["not_started", "lobby"], 0]);
    await FakeSocket.last.answer("join", joined());
    await done;
    expect(FakePeerConnection.all).toHaveLength(2);
  });

  it("begins muted where the room wants it, and moderators do not", async () => {
    const muted = { room: { ...tea, settings: { start_muted: true, start_camera_off: true } } };
    const stopped: string[] = [];
    const prepare = async (meeting: Meeting) => {
      meeting.on("sourceStopped", ({ source }) => stopped.push(source));
      await meeting.setSource("microphone", {} as MediaStreamTrack);
      await meeting.setSource("camera", {} as MediaStreamTrack);
    };
    await meet(muted, {}, prepare);
    expect(stopped).toEqual(["microphone", "camera"]);
    expect(FakeSocket.last.requests("publish")[0]?.tracks.map((line) => line.muted)).toEqual([true, true, true, true]);
    stopped.length = 0;
    /* Nothing is sent yet: the devices may still be opening. */
    await meet(muted, {}, (meeting) => Promise.resolve(void meeting.on("sourceStopped", ({ source }) => stopped.push(source))));
    expect(stopped).toEqual(["microphone", "camera"]);
    stopped.length = 0;
    await meet({ ...muted, role: "moderator", participants: [moderator] }, {}, prepare);
    expect(stopped).toEqual([]);
  });
});

describe("rules and roles", () => {
  it("follow the events", async () => {
    const { meeting } = await meet();
    const told = vi.fn();
    meeting.on("role", told);
    FakeSocket.last.event({ type: "room_changed", room: { ...tea, settings: { lobby: true } } });
    FakeSocket.last.event(roster({ changed: [moderator] }));
    FakeSocket.last.event({ type: "lobby", waiting: [{ id: 7, name: "Eve", since: 0 }], total: 1 });
    expect(meeting.room?.settings.lobby).toBe(true);
    expect(told).toHaveBeenCalledExactlyOnceWith("moderator");
    expect(meeting.lobby.waiting[0]?.name).toBe("Eve");
    FakeSocket.last.event(roster({ changed: [person(1, "Ada")] }));
    expect([meeting.role, meeting.lobby.total]).toEqual(["speaker", 0]);
  });

  it("order hands by who was first", async () => {
    const { meeting } = await meet();
    FakeSocket.last.event(roster({ joined: [{ ...person(2, "Bob"), hand: 9 }, { ...person(3, "Cyd"), hand: 4 }, person(4, "Dan")] }));
    expect(meeting.hands.map((p) => p.name)).toEqual(["Cyd", "Bob"]);
  });
});

describe("a moderator's mute", () => {
  it("takes the track away and tells the page", async () => {
    const { meeting, publish } = await meet({}, {}, (m) => m.setSource("microphone", { name: "mic" } as unknown as MediaStreamTrack));
    const stopped = vi.fn();
    const noticed = vi.fn();
    meeting.on("sourceStopped", stopped);
    meeting.on("noticed", noticed);
    FakeSocket.last.event({ type: "noticed", notice: "muted", by: 2, source: "microphone" });
    await settle();
    expect(stopped).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "muted" });
    expect(noticed).toHaveBeenCalledExactlyOnceWith({ notice: "muted", by: 2, source: "microphone" });
    expect(publish.transceivers[0]?.sender.track).toBeNull();
    expect(FakeSocket.last.requests("mute")).toHaveLength(0);
  });
});

describe("being moved", () => {
  it("replaces the room's state and keeps the connections", async () => {
    const { meeting, publish, receive } = await meet({ chat: [{ number: 8, from: 2, name: "Bob", at: 0, text: "before" }], participants: [moderator, person(2, "Bob")], total: 2 });
    meeting.setView([{ participant: 2, source: "camera", width: 100, height: 100 }]);
    FakeSocket.last.event({ type: "slots", slots: [{ mid: "1", state: "forwarding", participant: 2, source: "camera" }] });
    FakeSocket.last.event({ type: "speakers", participants: [2] });
    const left = vi.fn();
    const detached = vi.fn();
    meeting.on("participantLeft", left);
    meeting.on("trackDetached", detached);
    FakeSocket.last.event(moved());
    await settle();
    expect([...meeting.participants.values()].map((p) => p.name)).toEqual(["Ada", "Cyd"]);
    expect(meeting.chat.map((m) => m.text)).toEqual(["in here"]);
    expect([meeting.room?.breakout, meeting.role, meeting.speakers]).toEqual([2, "speaker", []]);
    expect(meeting.breakouts.state).toMatchObject({ open: true, mayChoose: false, endAt: 5000 });
    expect(meeting.nameOf(2)).toBe("Bob");
    expect(left).not.toHaveBeenCalled();
    expect(detached).toHaveBeenCalledOnce();
    expect([publish.remote.length, receive.remote.length, FakePeerConnection.all.length]).toEqual([1, 1, 2]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.last.requests("view")).toHaveLength(0);
    FakeSocket.last.event({ type: "slots", slots: [{ mid: "1", state: "forwarding", participant: 3, source: "camera" }] });
    expect(meeting.receive.find(3, "camera")?.state).toBe("forwarding");
  });

  it("mutes what the server muted, as when a moderator listens in", async () => {
    const { meeting } = await meet({}, {}, (m) => m.setSource("microphone", {} as MediaStreamTrack));
    const stopped = vi.fn();
    meeting.on("sourceStopped", stopped);
    FakeSocket.last.event(moved({ participants: [{ ...person(1, "Ada"), tracks: [{ source: "microphone", muted: true }] }], total: 1 }));
    expect(stopped).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "muted" });
  });

  it("shows the rooms as they change, and invitations", async () => {
    const { meeting } = await meet();
    const invited = vi.fn();
    meeting.on("breakoutInvited", invited);
    FakeSocket.last.event({ type: "breakouts", open: true, rooms: [{ number: 1, name: "One", participants: [] }], may_choose: true });
    FakeSocket.last.event({ type: "breakout_invited", room: 1, name: "One" });
    expect(meeting.breakouts.state).toEqual({ open: true, rooms: [{ number: 1, name: "One", participants: [] }], mayChoose: true, endAt: undefined });
    expect(invited).toHaveBeenCalledExactlyOnceWith({ room: 1, name: "One" });
  });
});

describe("calls", () => {
  const calls: [string, (meeting: Meeting) => Promise<void>, Partial<ClientRequest>][] = [
    ["admit one", (m) => m.moderation.admit([7]), { type: "admit", waiting: [7], admitted: true }],
    ["refuse all", (m) => m.moderation.refuse(), { type: "admit", waiting: [], admitted: false }],
    ["start", (m) => m.moderation.start(), { type: "start" }],
    ["lock", (m) => m.moderation.configure({ locked: true }), { type: "configure", settings: { locked: true } }],
    ["a password", (m) => m.moderation.configure({ password: "hush" }), { type: "configure", settings: {}, password: "hush" }],
    ["no password", (m) => m.moderation.configure({ password: null }), { type: "configure", settings: {}, no_password: true }],
    ["mute all", (m) => m.moderation.mute("camera"), { type: "mute_others", participants: [], source: "camera" }],
    ["ask to unmute", (m) => m.moderation.askToUnmute(2), { type: "ask_unmute", participant: 2, source: "microphone" }],
    ["forbid", (m) => m.moderation.permit("screen", false, [2]), { type: "permit", participants: [2], source: "screen", permitted: false }],
    ["lower hands", (m) => m.moderation.lowerHands([2]), { type: "lower_hands", participants: [2] }],
    ["promote", (m) => m.moderation.setRole(2, "moderator"), { type: "set_role", participant: 2, role: "moderator" }],
    ["kick", (m) => m.moderation.kick(2), { type: "kick", participant: 2 }],
    ["kick and close the door", (m) => m.moderation.kick(2, { lobby: true }), { type: "kick", participant: 2, lobby: true }],
    ["end", (m) => m.moderation.end(), { type: "end" }],
    ["claim", (m) => m.claim("k3y"), { type: "claim", key: "k3y" }],
    ["raise a hand", (m) => m.raiseHand(true), { type: "hand", raised: true }],
    ["react", (m) => m.react("clap"), { type: "react", kind: "clap" }],
    ["whisper", (m) => m.sendChat("psst", 2), { type: "chat", text: "psst", to: 2 }],
    [
      "open breakout rooms",
      (m) => m.breakouts.open({ rooms: ["A", "B"], places: [{ participant: 2, room: 1 }], force: true, mayChoose: true, minutes: 5 }),
      { type: "breakout_open", rooms: [{ name: "A" }, { name: "B" }], places: [{ participant: 2, room: 1 }], force: true, may_choose: true, minutes: 5 },
    ],
    ["open at random", (m) => m.breakouts.open({ rooms: ["A"], random: true }), { type: "breakout_open", rooms: [{ name: "A" }], random: true }],
    ["assign", (m) => m.breakouts.assign([{ participant: 2, room: 0 }], false), { type: "breakout_assign", places: [{ participant: 2, room: 0 }], force: false }],
    ["go", (m) => m.breakouts.go(0), { type: "breakout_go", room: 0 }],
    ["listen in", (m) => m.breakouts.go(2, { listen: true }), { type: "breakout_go", room: 2, listen: true }],
    ["time", (m) => m.breakouts.setTime(60), { type: "breakout_time", seconds: 60 }],
    ["everybody back", (m) => m.breakouts.close(30), { type: "breakout_close", seconds: 30 }],
    ["a word to all", (m) => m.breakouts.say("hello"), { type: "breakout_say", text: "hello" }],
  ];

  it.each(calls)("%s", async (_, call, wanted) => {
    const { meeting } = await meet({ role: "moderator", participants: [moderator] });
    const done = call(meeting);
    await settle();
    const sent = FakeSocket.last.sent.at(-1);
    expect(sent).toEqual({ ...wanted, id: sent?.id });
    FakeSocket.last.reply({ type: "done", id: sent?.id });
    await done;
  });

  it("reject with the server's reason", async () => {
    const { meeting } = await meet();
    const done = meeting.moderation.end().catch((error: unknown) => error);
    await FakeSocket.last.answer("end", { type: "error", code: "forbidden", message: "moderators only" });
    expect(await done).toEqual(new PlenumError("forbidden", "moderators only"));
  });
});

describe("another network", () => {
  it("restarts ICE on both connections though they still look whole", async () => {
    const listeners = new Map<string, () => void>();
    vi.stubGlobal("addEventListener", (type: string, listener: () => void) => listeners.set(type, listener));
    vi.stubGlobal("removeEventListener", (type: string) => listeners.delete(type));
    const { meeting, publish } = await meet();
    listeners.get("online")?.();
    await settle();
    expect(publish.offers.at(-1)).toEqual({ iceRestart: true });
    expect(FakeSocket.last.requests("receive").at(-1)?.restart).toBe(true);
    meeting.leave();
    expect(listeners.size).toBe(0);
  });

  it("is no time to wait for the next attempt", async () => {
    const listeners = new Map<string, () => void>();
    vi.stubGlobal("addEventListener", (type: string, listener: () => void) => listeners.set(type, listener));
    vi.stubGlobal("removeEventListener", (type: string) => listeners.delete(type));
    const { meeting } = await meet();
    FakeSocket.last.drop();
    await settle();
    const sockets = FakeSocket.all.length;
    listeners.get("online")?.();
    await settle();
    expect(FakeSocket.all.length).toBe(sockets + 1);
    meeting.leave();
  });

  it("is told by a change of its kind, and not by one of its speed", async () => {
    const network = Object.assign(new EventTarget(), { type: "wifi" });
    vi.stubGlobal("navigator", { userAgent: "Chrome/156", connection: network });
    const { meeting, publish } = await meet();
    const offers = publish.offers.length;
    network.dispatchEvent(new Event("change"));
    await settle();
    expect(publish.offers.length).toBe(offers);
    network.type = "cellular";
    network.dispatchEvent(new Event("change"));
    await settle();
    expect(publish.offers.at(-1)).toEqual({ iceRestart: true });
    expect(FakeSocket.last.requests("receive").at(-1)?.restart).toBe(true);
    meeting.leave();
  });
});

describe("a path that is dead", () => {
  it("is seen by its silence while the meeting lasts, and repaired by an ICE restart", async () => {
    const { meeting, publish } = await meet();
    await meeting.setSource("microphone", {} as MediaStreamTrack);
    let bytesReceived = 0;
    publish.getStats = () => Promise.resolve(new Map([["T", { type: "transport", bytesReceived }]]));
    for (let second = 0; second < 3; second++) {
      bytesReceived += 100;
      await vi.advanceTimersByTimeAsync(1000);
    }
    const offers = publish.offers.length;
    await vi.advanceTimersByTimeAsync(1000);
    expect(publish.offers.length).toBe(offers);
    await vi.advanceTimersByTimeAsync(2000);
    expect(publish.offers.at(-1)).toEqual({ iceRestart: true });
    meeting.leave();
  });

  it("may have taken the socket along: both are back within two seconds", async () => {
    const { meeting, publish } = await meet();
    await meeting.setSource("microphone", {} as MediaStreamTrack);
    meeting.setView([{ participant: 2, source: "camera", width: 640, height: 360 }]);
    let bytesReceived = 0;
    publish.getStats = () => Promise.resolve(new Map([["T", { type: "transport", bytesReceived }]]));
    for (let second = 0; second < 3; second++) {
      bytesReceived += 100;
      await vi.advanceTimersByTimeAsync(1000);
      for (const { id } of FakeSocket.last.requests("view")) FakeSocket.last.reply({ type: "done", id });
    }
    const offers = publish.offers.length;
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(50);
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    await settle();
    expect(publish.offers.length).toBe(offers); /* the server may yet say that it has lost it */
    await vi.advanceTimersByTimeAsync(400);
    expect(publish.offers.length).toBe(offers + 1);
    expect(publish.offers.at(-1)).toEqual({ iceRestart: true });
    meeting.leave();
  });
});

describe("a restarted server", () => {
  it("has the session but no connection: both are made anew", async () => {
    const { publish, receive } = await meet();
    await vi.advanceTimersByTimeAsync(10_000);
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ room: tea, resumed: true }));
    FakeSocket.last.event({ type: "connection_lost", publish: true });
    FakeSocket.last.event({ type: "connection_lost", publish: false });
    const fresh = await negotiateBoth();
    expect([publish.signalingState, receive.signalingState]).toEqual(["closed", "closed"]);
    expect([fresh.publish.remote.length, fresh.receive.remote.length]).toEqual([1, 1]);
  });
});
