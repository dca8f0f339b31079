import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Meeting } from "../src/meeting.js";
import type { JoinedReply, Participant } from "../src/protocol.js";
import { FakePeerConnection, FakeSocket, joined, makeMeeting, negotiateBoth, OFFERED, person, roster, settle, stubBrowser } from "./fakes.js";

const track = (name: string) => ({ name }) as unknown as MediaStreamTrack;
const bob: Participant = { ...person(2, "Bob"), tracks: [{ source: "camera", muted: false }] };

interface World {
  meeting: Meeting;
  publish: FakePeerConnection;
  receive: FakePeerConnection;
}

async function meet(prepare?: (meeting: Meeting) => Promise<void>): Promise<World> {
  const meeting = makeMeeting();
  await prepare?.(meeting);
  const done = meeting.join();
  FakeSocket.last.open();
  await FakeSocket.last.answer("join", joined());
  await done;
  return { meeting, ...(await negotiateBoth()) };
}

async function breakAndResume(reply: Partial<JoinedReply> = {}): Promise<void> {
  FakeSocket.last.drop();
  await vi.advanceTimersByTimeAsync(500);
  FakeSocket.last.open();
  await FakeSocket.last.answer("resume", joined({ resumed: true, participants: [{ ...bob, id: 3, name: "Cyd" }], ...reply }));
}

beforeEach(() => {
  vi.useFakeTimers();
  stubBrowser();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the publish connection", () => {
  it("prepares every source in one exchange, idle", async () => {
    const { publish } = await meet();
    expect(FakeSocket.last.requests("publish")[0]?.tracks).toEqual([
      { mid: "0", source: "microphone", muted: true },
      { mid: "1", source: "camera", muted: true },
      { mid: "2", source: "screen", muted: true },
      { mid: "3", source: "screen_audio", muted: true },
    ]);
    expect(publish.transceivers.every((t) => t.init.direction === "sendonly" && t.sender.track === null)).toBe(true);
    expect(publish.transceivers[1]?.init.sendEncodings?.map((e) => e.rid)).toEqual(["q", "h", "f"]);
  });

  it("needs no further exchange for cameras, screens, mutes and people", async () => {
    const { meeting, publish, receive } = await meet();
    await meeting.setSource("camera", track("camera"));
    await meeting.setSource("screen", track("screen"));
    await meeting.setSource("screen", null);
    FakeSocket.last.event(roster({ joined: [bob] }));
    FakeSocket.last.event({ type: "slots", slots: [{ mid: "1", state: "forwarding", participant: 2, source: "camera" }] });
    FakeSocket.last.event(roster({ left: [{ participant: 2, reason: "left" }] }));
    await vi.advanceTimersByTimeAsync(4000);
    expect(publish.remote).toHaveLength(1);
    expect(receive.remote).toHaveLength(1);
    expect(FakeSocket.last.requests("mute").map((m) => [m.source, m.muted])).toEqual([
      ["camera", false],
      ["screen", false],
      ["screen", true],
    ]);
  });

  it("announces sources that were set before joining as not muted", async () => {
    const { publish } = await meet((meeting) => meeting.setSource("microphone", track("mic")));
    expect(FakeSocket.last.requests("publish")[0]?.tracks[0]).toEqual({ mid: "0", source: "microphone", muted: false });
    expect(publish.transceivers[0]?.sender.track).toEqual({ name: "mic" });
    expect(FakeSocket.last.requests("mute")).toHaveLength(0);
  });

  it("tells a mute that happened while the offer was under way", async () => {
    const meeting = makeMeeting();
    const done = meeting.join();
    FakeSocket.last.open();
    await FakeSocket.last.answer("join", joined());
    await done;
    await settle();
    await meeting.setSource("camera", track("camera"));
    expect(FakeSocket.last.requests("mute")).toHaveLength(0);
    await negotiateBoth();
    expect(FakeSocket.last.requests("mute").map((m) => [m.source, m.muted])).toEqual([["camera", false]]);
  });

  it("sends only the encodings that are in demand", async () => {
    const { publish } = await meet();
    const sender = publish.transceivers[1]?.sender;
    const active = () => sender?.parameters.encodings.map((e) => e.active ?? true);
    const demand = async (needed: number[], wait = 0) => {
      FakeSocket.last.event({ type: "demand", source: "camera", needed });
      await vi.advanceTimersByTimeAsync(wait);
    };
    await demand([1], 5900);
    expect(active()).toEqual([true, true, true]);
    await demand([1], 200);
    expect(active()).toEqual([true, true, false]);
    await demand([1, 2]);
    expect(active()).toEqual([true, true, true]);
    await demand([]);
    expect(active()).toEqual([false, false, false]);
    await demand([2]);
    expect(active()).toEqual([true, false, true]);
  });

  it("changes its codec within what was negotiated", async () => {
    const { publish } = await meet();
    const videos = publish.transceivers.filter(({ kind }) => kind === "video");
    for (const { sender } of videos) sender.parameters.codecs = [{ mimeType: "video/VP8", clockRate: 90_000 }, { mimeType: "video/H264", clockRate: 90_000, sdpFmtpLine: "packetization-mode=1" }];
    FakeSocket.last.event({ type: "codec", codec: "h264" });
    await settle();
    for (const { sender } of videos) {
      for (const { codec } of sender.parameters.encodings as { codec?: RTCRtpCodec }[]) {
        expect(codec).toEqual({ mimeType: "video/H264", clockRate: 90_000, sdpFmtpLine: "packetization-mode=1" });
      }
    }
    expect(publish.offers).toHaveLength(1);
  });

  it("is offered once more where the browser cannot change its codec otherwise", async () => {
    const { publish } = await meet();
    const made = FakePeerConnection.all.length;
    FakeSocket.last.event({ type: "codec", codec: "vp9" });
    await settle();
    expect(publish.offers).toHaveLength(2);
    expect(publish.offers[1]?.iceRestart).toBe(false);
    expect(FakePeerConnection.all).toHaveLength(made);
    expect(FakeSocket.last.requests("publish")).toHaveLength(2);
  });

  it("keeps the browser looking for a fast line while nothing is sent, and when something is sent again", async () => {
    const { publish } = await meet();
    const sender = publish.transceivers[1]?.sender;
    const largest = () => sender?.parameters.encodings.map((e) => e.maxBitrate);
    const demand = async (needed: number[]) => {
      FakeSocket.last.event({ type: "demand", source: "camera", needed });
      await vi.advanceTimersByTimeAsync(0);
    };
    const asked = [150_000, 500_000, 1_700_000];
    await demand([]);
    expect(largest()).toEqual([2_350_000, 500_000, 1_700_000]);
    expect(sender?.parameters.encodings[0]?.scaleResolutionDownBy).toBe(1);
    await demand([2]);
    expect(largest()).toEqual([150_000, 500_000, 1_680_000]);
    expect(sender?.parameters.encodings[0]?.scaleResolutionDownBy).toBe(4);
    const before = sender?.setParameters.mock.calls.length ?? 0;
    await vi.advanceTimersByTimeAsync(100);
    expect(largest()).toEqual(asked);
    await vi.advanceTimersByTimeAsync(150);
    expect(largest()).toEqual([150_000, 500_000, 1_680_000]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(largest()).toEqual(asked);
    expect(sender?.setParameters.mock.calls.length).toBe(before + 5);
  });

  it("leaves the limits alone once everything is stopped", async () => {
    const { publish } = await meet();
    const sender = publish.transceivers[1]?.sender;
    for (const needed of [[], [2], []]) {
      FakeSocket.last.event({ type: "demand", source: "camera", needed });
      await vi.advanceTimersByTimeAsync(50);
    }
    const before = sender?.setParameters.mock.calls.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sender?.setParameters.mock.calls.length).toBe(before);
    expect(sender?.parameters.encodings.map((e) => e.maxBitrate)).toEqual([2_350_000, 500_000, 1_700_000]);
  });
});

describe("a session taken up from elsewhere", () => {
  it("gets connections of its own, and ends where it ran", async () => {
    const { meeting: first } = await meet();
    const ended = vi.fn();
    first.on("ended", ended);
    const before = FakeSocket.last;
    const second = makeMeeting({ secret: first.secret ?? "" });
    const done = second.join();
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    before.drop(4001);
    await done;
    await negotiateBoth();
    expect(FakeSocket.last.requests("publish")).toHaveLength(1);
    expect(second.media).toEqual({ publish: "connected", receive: "connected" });
    expect(ended).toHaveBeenCalledExactlyOnceWith("taken");
    expect([first.state, first.media.publish]).toEqual(["closed", "closed"]);
  });
});

describe("a broken path", () => {
  it("is repaired by an ICE restart after two seconds, not before", async () => {
    const { publish } = await meet();
    publish.become("disconnected");
    await vi.advanceTimersByTimeAsync(1900);
    expect(publish.offers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(publish.offers[1]).toEqual({ iceRestart: true });
  });

  it("is left alone when it heals by itself", async () => {
    const { publish } = await meet();
    publish.become("disconnected");
    await vi.advanceTimersByTimeAsync(1000);
    publish.become("connected");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(publish.offers).toHaveLength(1);
  });

  it("asks the server to restart the receive connection", async () => {
    const { receive } = await meet();
    receive.become("failed");
    await settle();
    expect(FakeSocket.last.requests("receive").at(-1)?.restart).toBe(true);
    await FakeSocket.last.answer("receive", OFFERED);
    expect(receive.remote).toHaveLength(2);
  });

  it("is made anew when DTLS failed, with its tracks", async () => {
    const { meeting, publish } = await meet();
    await meeting.setSource("camera", track("camera"));
    publish.become("failed", "connected");
    await vi.advanceTimersByTimeAsync(2000);
    const fresh = FakePeerConnection.last;
    expect(fresh).not.toBe(publish);
    expect(publish.signalingState).toBe("closed");
    expect(fresh.transceivers[1]?.sender.track).toEqual({ name: "camera" });
  });

  it("is made anew with its tracks, though the browser never ends what was under way on the closed one", async () => {
    const { meeting, publish } = await meet();
    await meeting.setSource("camera", track("camera"));
    publish.transceivers[1]?.sender.replaceTrack.mockReturnValue(new Promise(() => undefined));
    const turnedOff = vi.fn();
    void meeting.setSource("camera", null).then(turnedOff);
    const turnedOn = vi.fn();
    void meeting.setSource("camera", track("other camera")).then(turnedOn);
    await settle();
    expect(turnedOff).not.toHaveBeenCalled();
    publish.become("failed", "connected");
    await vi.advanceTimersByTimeAsync(2000);
    await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
    const { sender } = FakePeerConnection.last.transceivers[1] ?? {};
    expect(sender?.track).toEqual({ name: "other camera" });
    expect([turnedOff.mock.calls.length, turnedOn.mock.calls.length]).toEqual([1, 1]);
    FakeSocket.last.event({ type: "demand", source: "camera", needed: [] });
    await settle();
    expect(sender?.parameters.encodings.map((e) => e.active)).toEqual([false, false, false]);
  });

  it("sends every encoding once made anew, whatever was needed of the one before", async () => {
    const { publish } = await meet();
    publish.become("failed", "connected");
    await vi.advanceTimersByTimeAsync(2000);
    FakeSocket.last.event({ type: "demand", source: "camera", needed: [] });
    await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
    const fresh = FakePeerConnection.last;
    expect(fresh).not.toBe(publish);
    expect(fresh.transceivers[1]?.sender.parameters.encodings.map((e) => e.active ?? true)).toEqual([true, true, true]);
  });

  it("is made anew after restarts without success", async () => {
    const { publish } = await meet();
    const made = FakePeerConnection.all.length;
    publish.become("failed");
    for (let i = 0; i < 3; i++) {
      await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
      await vi.advanceTimersByTimeAsync(4000);
    }
    expect(FakePeerConnection.all).toHaveLength(made + 1);
  });

  it("is offered again only after a pause when the server refuses, and made anew at last", async () => {
    const { publish } = await meet();
    const made = FakePeerConnection.all.length;
    const before = FakeSocket.last.requests("publish").length;
    const offersAfter = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 100) {
        for (const { id } of FakeSocket.last.requests("publish").slice(-1)) FakeSocket.last.reply({ id, type: "error", code: "too_fast", message: "wait" });
        await vi.advanceTimersByTimeAsync(100);
      }
      return FakeSocket.last.requests("publish").length - before;
    };
    publish.become("disconnected");
    publish.become("failed");
    await settle();
    expect(await offersAfter(3900)).toBe(1);
    /* Firefox says so again and again. */
    publish.become("failed");
    expect(await offersAfter(3900)).toBe(2);
    await offersAfter(5000);
    expect(FakePeerConnection.all.length).toBeGreaterThan(made);
    expect(await offersAfter(60_000)).toBeLessThan(14);
  });

  it("is offered again at once when the socket is back, though the server has just refused", async () => {
    const { publish } = await meet();
    publish.become("failed");
    await FakeSocket.last.answer("publish", { type: "error", code: "too_fast", message: "wait" });
    expect(publish.offers).toHaveLength(2);
    await breakAndResume();
    expect(publish.offers).toHaveLength(3);
  });

  it("is not made anew in a storm when it fails at once, again and again", async () => {
    await meet();
    const before = FakePeerConnection.all.length;
    let made = before;
    for (let second = 0; second < 20; second++) {
      FakePeerConnection.all.at(second === 0 ? -2 : -1)?.become("failed", "new");
      await vi.advanceTimersByTimeAsync(1000);
      for (const request of FakeSocket.last.requests("publish").slice(-1)) FakeSocket.last.reply({ type: "published", id: request.id, sdp: "v=0" });
      await settle();
      made = FakePeerConnection.all.length;
    }
    expect(made - before).toBeGreaterThan(1);
    expect(made - before).toBeLessThan(8);
  });

  it("waits for the socket when that is lost too", async () => {
    const { publish } = await meet();
    FakeSocket.last.drop();
    await settle();
    publish.become("failed");
    await settle();
    expect(publish.offers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect(publish.offers).toHaveLength(2);
    expect(FakeSocket.last.requests("publish")).toHaveLength(1);
  });

  it("is made anew when the server lost it", async () => {
    const { receive } = await meet();
    FakeSocket.last.event({ type: "connection_lost", publish: false });
    await vi.advanceTimersByTimeAsync(2000);
    await FakeSocket.last.answer("receive", OFFERED);
    expect(receive.signalingState).toBe("closed");
    expect(FakePeerConnection.last.remote).toHaveLength(1);
  });

  it("is made anew when the server says during a restart that it lost it", async () => {
    const { meeting, publish, receive } = await meet();
    await vi.advanceTimersByTimeAsync(10_000);
    publish.become("failed");
    receive.become("failed");
    await settle();
    expect(publish.offers).toHaveLength(2);
    FakeSocket.last.event({ type: "connection_lost", publish: true });
    FakeSocket.last.event({ type: "connection_lost", publish: false });
    /* The restarted offer was taken for that of a new connection, and the path is good again; the other restart was refused. */
    await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
    publish.become("connected");
    await FakeSocket.last.answer("receive", { type: "error", code: "bad_state", message: "there is no connection to restart" });
    expect([publish.signalingState, receive.signalingState]).toEqual(["closed", "closed"]);
    const fresh = await negotiateBoth();
    expect([fresh.publish.offers, fresh.publish.remote.length, fresh.receive.remote.length]).toEqual([[{ iceRestart: false }], 1, 1]);
    expect(FakeSocket.last.requests("receive").at(-1)?.restart).toBeUndefined();
    expect(meeting.media).toEqual({ publish: "connected", receive: "connected" });
  });
});

describe("a viewer", () => {
  const ada = (role: Participant["role"]): Participant => ({ ...person(1, "Ada"), role });
  const become = async (role: Participant["role"]) => {
    FakeSocket.last.event(roster({ changed: [ada(role)] }));
    await settle();
  };
  const offers = () => FakeSocket.last.requests("publish");

  it("offers nothing, and all at once as soon as they may", async () => {
    const meeting = makeMeeting();
    const done = meeting.join();
    FakeSocket.last.open();
    await FakeSocket.last.answer("join", joined({ role: "viewer", participants: [ada("viewer")] }));
    await done;
    await FakeSocket.last.answer("receive", OFFERED);
    await FakeSocket.last.answer("answer", { type: "done" });
    FakePeerConnection.last.become("connected");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(offers()).toHaveLength(0);
    expect(meeting.media).toEqual({ publish: "idle", receive: "connected" });
    await become("speaker");
    await meeting.setSource("microphone", track("mic"));
    expect(offers().map(({ tracks }) => tracks[0])).toEqual([{ mid: "0", source: "microphone", muted: true }]);
    await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
    expect(FakePeerConnection.last.transceivers[0]?.sender.track).toEqual({ name: "mic" });
  });

  it("turns nothing on, and hears so", async () => {
    const { meeting } = await meet();
    await become("viewer");
    const stopped = vi.fn();
    meeting.on("sourceStopped", stopped);
    await meeting.setSource("microphone", track("mic"));
    expect(stopped).toHaveBeenCalledExactlyOnceWith({ source: "microphone", reason: "forbidden" });
    await become("speaker");
    expect(offers().at(-1)?.tracks[0]).toEqual({ mid: "0", source: "microphone", muted: true });
  });

  it("who was a speaker sends nothing any more, and as a speaker what they turn on again", async () => {
    const { meeting, publish } = await meet((m) => m.setSource("camera", track("camera")));
    const stopped = vi.fn();
    meeting.on("sourceStopped", stopped);
    await become("viewer");
    expect(stopped).toHaveBeenCalledExactlyOnceWith({ source: "camera", reason: "forbidden" });
    expect([publish.signalingState, meeting.media.publish]).toEqual(["closed", "idle"]);
    FakeSocket.last.event({ type: "connection_lost", publish: true });
    await breakAndResume({ role: "viewer" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(offers()).toHaveLength(0);
    await become("moderator");
    await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
    expect(FakePeerConnection.last.transceivers[1]?.sender.track).toBeNull();
    await meeting.setSource("camera", track("camera"));
    expect(FakePeerConnection.last.transceivers[1]?.sender.track).toEqual({ name: "camera" });
  });

  it("does not wait as a speaker for what was refused before", async () => {
    const { publish } = await meet();
    publish.become("failed", "connected");
    for (let refused = 0; refused < 60; refused++) {
      await vi.advanceTimersByTimeAsync(1000);
      for (const { id } of offers().slice(-1)) FakeSocket.last.reply({ id, type: "error", code: "forbidden", message: "no" });
    }
    const before = offers().length;
    await become("viewer");
    await become("speaker");
    expect(offers()).toHaveLength(before + 1);
  });

  it("is one also where that came while the socket was lost", async () => {
    const { publish } = await meet();
    await breakAndResume({ role: "viewer" });
    expect([publish.signalingState, offers().length]).toEqual(["closed", 0]);
  });
});

describe("a resumed session", () => {
  it("keeps the connections and reports who came and went", async () => {
    const { meeting, publish, receive } = await meet();
    await meeting.setSource("camera", track("camera"));
    meeting.setView([{ participant: 2, source: "camera", width: 100, height: 100 }]);
    const came = vi.fn();
    const gone = vi.fn();
    meeting.on("participantJoined", came);
    meeting.on("participantLeft", gone);
    await breakAndResume();
    expect([publish.remote.length, receive.remote.length]).toEqual([1, 1]);
    expect(came).toHaveBeenCalledOnce();
    expect(gone).toHaveBeenCalledOnce();
    expect(FakeSocket.last.requests("mute").map((m) => [m.source, m.muted])).toEqual([["camera", false]]);
    expect(FakeSocket.last.requests("view")).toHaveLength(1);
  });

  it("sends every encoding until the server says again what it needs", async () => {
    const { publish } = await meet();
    FakeSocket.last.event({ type: "demand", source: "camera", needed: [] });
    await vi.advanceTimersByTimeAsync(8000);
    expect(publish.transceivers[1]?.sender.parameters.encodings.map((e) => e.active)).toEqual([false, false, false]);
    await breakAndResume();
    expect(publish.transceivers[1]?.sender.parameters.encodings.map((e) => e.active ?? true)).toEqual([true, true, true]);
  });

  it("makes both connections anew when the session is a new one", async () => {
    const { publish, receive } = await meet();
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code: "not_found", message: "who?" });
    await FakeSocket.last.answer("join", joined({ participant: 9 }));
    const fresh = await negotiateBoth();
    expect([publish.signalingState, receive.signalingState]).toEqual(["closed", "closed"]);
    expect([fresh.publish.remote.length, fresh.receive.remote.length]).toEqual([1, 1]);
  });
});

describe("received tracks", () => {
  it("share the stream of their pair, and keep it over showings", async () => {
    const { meeting } = await meet();
    const ended = vi.fn();
    meeting.on("trackDetached", ended);
    FakeSocket.last.event({
      type: "slots",
      slots: [
        { mid: "0", state: "forwarding", participant: 2, source: "microphone" },
        { mid: "1", state: "waiting", participant: 2, source: "camera" },
        { mid: "2", state: "forwarding", participant: 3, source: "microphone" },
      ],
    });
    const video = meeting.receive.find(2, "camera");
    expect(video?.stream).toBe(meeting.receive.find(2, "microphone")?.stream);
    expect(video?.stream).not.toBe(meeting.receive.find(3, "microphone")?.stream);
    expect(meeting.receive.audioStreams).toHaveLength(2);
    FakeSocket.last.event({ type: "slots", slots: [{ mid: "1", state: "forwarding", participant: 3, source: "camera" }] });
    expect(ended).toHaveBeenCalledOnce();
    expect(meeting.receive.find(3, "camera")?.stream).toBe(video?.stream);
    expect(meeting.receive.find(2, "camera")).toBeUndefined();
  });

  it("are attached when the slots event overtakes the negotiation", async () => {
    const meeting = makeMeeting();
    const done = meeting.join();
    FakeSocket.last.open();
    await FakeSocket.last.answer("join", joined());
    await done;
    await settle();
    const offer = FakeSocket.last.requests("receive")[0];
    FakeSocket.last.reply({ id: offer?.id, ...OFFERED });
    await Promise.resolve();
    await Promise.resolve();
    FakeSocket.last.event({ type: "slots", slots: [{ mid: "1", state: "forwarding", participant: 2, source: "camera" }] });
    await settle();
    expect(meeting.receive.find(2, "camera")?.state).toBe("forwarding");
  });
});

describe("people and chat", () => {
  it("follow the events", async () => {
    const { meeting } = await meet();
    const left = vi.fn();
    meeting.on("participantLeft", left);
    FakeSocket.last.event(roster({ joined: [bob] }));
    FakeSocket.last.event({ type: "speakers", participants: [2, 1] });
    FakeSocket.last.event(roster({ changed: [{ ...bob, name: "Bobby" }] }));
    expect(meeting.participants.get(2)?.name).toBe("Bobby");
    FakeSocket.last.event(roster({ left: [{ participant: 2, reason: "lost" }] }));
    FakeSocket.last.event(roster({ left: [{ participant: 2, reason: "lost" }] }));
    expect(left).toHaveBeenCalledOnce();
    expect(meeting.speakers).toEqual([1]);
  });

  it("show each message once, also after a resume", async () => {
    const { meeting } = await meet();
    const message = { number: 1, from: 2, name: "Bob", at: 0, text: "hello" };
    FakeSocket.last.event({ type: "chat_posted", message });
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true, chat: [message, { ...message, number: 2, text: "there" }] }));
    expect(meeting.chat.map((m) => m.text)).toEqual(["hello", "there"]);
  });
});

describe("leaving", () => {
  it("closes everything", async () => {
    const { meeting, publish, receive } = await meet();
    meeting.leave();
    expect([publish.signalingState, receive.signalingState, meeting.state]).toEqual(["closed", "closed", "closed"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});
