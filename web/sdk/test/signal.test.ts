import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "../src/backoff.js";
import { PlenumError } from "../src/errors.js";
import type { JoinedReply } from "../src/protocol.js";
import { Signal } from "../src/signal.js";
import { FakeSocket, fakeWebSocket, joined, settle, stubBrowser } from "./fakes.js";

const steady = () => new Backoff({ first: 100, most: 1000, random: () => 0 });

function makeSignal() {
  return new Signal({ url: "ws://x/ws", webSocket: fakeWebSocket, backoff: steady(), requestTimeout: 5000 });
}

async function joinedSignal() {
  const signal = makeSignal();
  const done = signal.join({ room: "tea", name: "Ada" });
  FakeSocket.last.open();
  await FakeSocket.last.answer("join", joined());
  await done;
  return signal;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof PlenumError ? error.code : "other";
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  stubBrowser();
});
afterEach(() => void vi.useRealTimers());

describe("joining", () => {
  it("speaks plenum.v1 and sends what the table says", async () => {
    const signal = await joinedSignal();
    expect(FakeSocket.last.protocol).toBe("plenum.v1");
    expect(FakeSocket.last.sent).toEqual([{ type: "join", id: 1, room: "tea", name: "Ada" }]);
    expect(signal.state).toBe("open");
  });

  it("fails for good when the server cannot be reached", async () => {
    const signal = makeSignal();
    const code = codeOf(signal.join({ room: "tea", name: "Ada" }));
    FakeSocket.last.drop();
    expect(await code).toBe("unreachable");
    expect(signal.state).toBe("closed");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("can be given up: where the answer is under way the server is told", async () => {
    const signal = makeSignal();
    const code = codeOf(signal.join({ room: "tea", name: "Ada" }));
    FakeSocket.last.open();
    await settle();
    signal.leave();
    expect(FakeSocket.last.sent.map(({ type }) => type)).toEqual(["join", "leave"]);
    expect([await code, signal.state, FakeSocket.last.closed]).toEqual(["closed", "closed", true]);
    const early = makeSignal();
    const earlyCode = codeOf(early.join({ room: "tea", name: "Ada" }));
    early.leave();
    expect([await earlyCode, FakeSocket.last.sent]).toEqual(["unreachable", []]);
  });

  it("gives the server's reason when refused", async () => {
    const code = codeOf(makeSignal().join({ room: "tea", name: "Ada" }));
    FakeSocket.last.open();
    await FakeSocket.last.answer("join", { type: "error", code: "full", message: "no more room" });
    expect(await code).toBe("full");
  });
});

describe("requests", () => {
  it("ties answers to requests by id, in any order", async () => {
    const signal = await joinedSignal();
    const first = signal.request("chat", { text: "one" });
    const second = signal.request("publish", { sdp: "o", tracks: [] });
    const [chat, publish] = [FakeSocket.last.requests("chat")[0], FakeSocket.last.requests("publish")[0]];
    FakeSocket.last.reply({ type: "published", id: publish?.id, sdp: "answer" });
    FakeSocket.last.reply({ type: "done", id: chat?.id });
    expect((await second).sdp).toBe("answer");
    expect((await first).type).toBe("done");
  });

  it("ignores text that is no message, and answers to nothing", async () => {
    const signal = await joinedSignal();
    const events = vi.fn();
    signal.on("event", events);
    FakeSocket.last.onmessage?.({ data: "{" });
    FakeSocket.last.onmessage?.({ data: "null" });
    FakeSocket.last.reply({ type: "done", id: 4711 });
    FakeSocket.last.reply({ type: "error", code: "bad_message", message: "what?" });
    expect(events).not.toHaveBeenCalled();
    expect(signal.state).toBe("open");
  });

  it("times out, and takes the socket for dead", async () => {
    const signal = await joinedSignal();
    const code = codeOf(signal.request("chat", { text: "?" }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(await code).toBe("timeout");
    expect(signal.state).toBe("reconnecting");
  });

  it("fails with lost when the socket breaks", async () => {
    const signal = await joinedSignal();
    const code = codeOf(signal.request("chat", { text: "?" }));
    FakeSocket.last.drop();
    expect(await code).toBe("lost");
    expect(await codeOf(signal.request("chat", { text: "?" }))).toBe("lost");
  });
});

describe("a doubted socket", () => {
  const oldest = () => FakeSocket.all[0];

  async function doubted() {
    const signal = await joinedSignal();
    const question = signal.request("chat", { text: "?" });
    const trusted = signal.doubt(question);
    await vi.advanceTimersByTimeAsync(100);
    return { signal, code: codeOf(question), trusted };
  }

  it("has another one opened beside it, which takes over when it stands first", async () => {
    const { signal, code, trusted } = await doubted();
    expect(FakeSocket.all).toHaveLength(2);
    expect(signal.state).toBe("open");
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(149); /* a little patience all the same */
    expect(signal.state).toBe("open");
    await vi.advanceTimersByTimeAsync(1);
    expect([await code, await trusted]).toEqual(["lost", false]);
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect(signal.state).toBe("open");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(oldest()?.closed).toBe(true);
  });

  it("that says nothing is given up though no other one stands, and the latest is waited for", async () => {
    const { signal, code } = await doubted();
    await vi.advanceTimersByTimeAsync(2499);
    expect(signal.state).toBe("open");
    await vi.advanceTimersByTimeAsync(1);
    expect([await code, signal.state]).toEqual(["lost", "reconnecting"]);
    const count = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.all).toHaveLength(count);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect(signal.state).toBe("open");
  });

  it.each([
    ["hangs", () => {}],
    ["cannot be opened", () => FakeSocket.last.drop()],
  ])("has a fresh one beside it where the first %s: the way may have come since", async (_, happens) => {
    const { signal } = await doubted();
    happens();
    await vi.advanceTimersByTimeAsync(499);
    expect(FakeSocket.all).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(3);
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(50);
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect(signal.state).toBe("open");
    FakeSocket.all[1]?.open();
    await settle();
    expect(FakeSocket.all[1]?.closed).toBe(true);
    expect(FakeSocket.all).toHaveLength(3);
  });

  it("is given up at last by a page that is always late", async () => {
    const { signal } = await doubted();
    FakeSocket.last.open();
    for (let round = 0; round <= 10; round++) {
      expect(signal.state).toBe("open");
      await vi.advanceTimersByTimeAsync(100);
      vi.setSystemTime(Date.now() + 1000);
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(signal.state).toBe("reconnecting");
  });

  it("is not given up by a page that was held up meanwhile", async () => {
    const { signal, trusted } = await doubted();
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(100);
    vi.setSystemTime(Date.now() + 1000);
    await vi.advanceTimersByTimeAsync(50);
    expect(signal.state).toBe("open");
    oldest()?.reply({ id: oldest()?.requests("chat")[0]?.id, type: "done" });
    expect(await trusted).toBe(true);
    expect(FakeSocket.last.closed).toBe(true);
  });

  it.each([
    ["an answer", { type: "done" }],
    ["a refusal", { type: "error", code: "too_fast", message: "wait" }],
  ])("is trusted again with %s, and the other one is not needed", async (_, reply) => {
    const { signal, trusted } = await doubted();
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(100);
    oldest()?.reply({ id: oldest()?.requests("chat")[0]?.id, ...reply });
    expect(await trusted).toBe(true);
    expect(FakeSocket.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(signal.state).toBe("open");
    expect(FakeSocket.all).toHaveLength(2);
    expect(FakeSocket.last.sent).toEqual([]);
  });

  it("has no other one beside it where the answer comes soon", async () => {
    const signal = await joinedSignal();
    const trusted = signal.doubt(signal.request("chat", { text: "?" }));
    await vi.advanceTimersByTimeAsync(99);
    FakeSocket.last.reply({ type: "done", id: FakeSocket.last.requests("chat")[0]?.id });
    expect(await trusted).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("is not doubted twice at the same time", async () => {
    const { signal } = await doubted();
    void signal.doubt(signal.request("chat", { text: "!" }).catch(() => undefined));
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("is of no concern once it is lost anyway", async () => {
    const { signal } = await doubted();
    oldest()?.drop();
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.all).toHaveLength(3);
    FakeSocket.all[1]?.open();
    await settle();
    expect(FakeSocket.all[1]?.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.all).toHaveLength(3);
    signal.leave();
  });
});

describe("a lost socket", () => {
  it("is resumed by the secret within the grace time", async () => {
    const signal = await joinedSignal();
    const rejoined = vi.fn<(value: JoinedReply) => void>();
    signal.on("rejoined", rejoined);
    FakeSocket.last.drop();
    await settle();
    expect(signal.state).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect(FakeSocket.last.requests("resume")[0]?.secret).toBe("s3cret");
    expect(FakeSocket.last.requests("join")).toHaveLength(0);
    expect(rejoined).toHaveBeenCalledOnce();
    expect(signal.state).toBe("open");
  });

  it("backs off between attempts, up to a limit", async () => {
    await joinedSignal();
    FakeSocket.last.drop();
    await settle();
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = FakeSocket.all.length;
      let waited = 0;
      while (FakeSocket.all.length === before) {
        await vi.advanceTimersByTimeAsync(50);
        waited += 50;
      }
      waits.push(waited);
      FakeSocket.last.drop();
      await settle();
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it("does not wait when the network is back", async () => {
    const signal = await joinedSignal();
    FakeSocket.last.drop();
    await settle();
    signal.retryNow();
    signal.retryNow();
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("joins afresh when the server no longer knows the session", async () => {
    const signal = await joinedSignal();
    signal.rename("Ada L.");
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code: "not_found", message: "who?" });
    await FakeSocket.last.answer("join", joined({ participant: 2 }));
    expect(FakeSocket.last.requests("join")[0]?.name).toBe("Ada L.");
    expect(signal.state).toBe("open");
  });

  it("joins afresh after the grace time without asking", async () => {
    const signal = await joinedSignal();
    FakeSocket.last.drop();
    for (let i = 0; i < 40; i++) {
      await vi.advanceTimersByTimeAsync(1000);
      FakeSocket.last.drop();
      await settle();
    }
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.open();
    await FakeSocket.last.answer("join", joined());
    expect(FakeSocket.last.requests("resume")).toHaveLength(0);
    expect(signal.state).toBe("open");
  });

  it("stays closed after leaving and after the server's end", async () => {
    const left = await joinedSignal();
    left.leave();
    expect(FakeSocket.last.requests("leave")).toHaveLength(1);
    const ended = await joinedSignal();
    FakeSocket.last.event({ type: "ended", reason: "closed" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([left.state, ended.state]).toEqual(["closed", "closed"]);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe("waiting", () => {
  const waiting = { type: "waiting", reason: "lobby", secret: "pl4ce" } as const;

  async function waitingSignal() {
    const signal = makeSignal();
    const done = signal.join({ room: "tea", name: "Ada" });
    FakeSocket.last.open();
    await settle();
    FakeSocket.last.event(waiting);
    return { signal, done };
  }

  it("lasts as long as it takes, and ends with admission", async () => {
    const { signal, done } = await waitingSignal();
    expect(signal.state).toBe("waiting");
    expect(await codeOf(signal.request("chat", { text: "?" }))).toBe("bad_state");
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(FakeSocket.all).toHaveLength(1);
    await FakeSocket.last.answer("join", joined());
    expect((await done).participant).toBe(1);
    expect(signal.state).toBe("open");
  });

  it("tells each reason", async () => {
    const { signal } = await waitingSignal();
    const reasons = vi.fn();
    signal.on("waiting", reasons);
    FakeSocket.last.event({ ...waiting, reason: "not_started" });
    expect(reasons).toHaveBeenCalledExactlyOnceWith("not_started");
  });

  it("ends with a refusal for good", async () => {
    const { signal, done } = await waitingSignal();
    const code = codeOf(done);
    await FakeSocket.last.answer("join", { type: "error", code: "refused", message: "no" });
    expect(await code).toBe("refused");
    expect(signal.state).toBe("closed");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("keeps its place when the socket breaks, also while the server is away", async () => {
    const { signal, done } = await waitingSignal();
    FakeSocket.last.drop();
    await settle();
    expect(signal.state).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(200);
    expect(FakeSocket.all).toHaveLength(3);
    FakeSocket.last.open();
    await settle();
    expect(FakeSocket.last.sent.map((m) => m.type === "resume" && m.secret)).toEqual(["pl4ce"]);
    FakeSocket.last.event({ ...waiting, secret: "other" });
    expect(signal.state).toBe("waiting");
    await vi.advanceTimersByTimeAsync(60_000);
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.open();
    await settle();
    expect(FakeSocket.last.requests("resume")[0]?.secret).toBe("other");
    await FakeSocket.last.answer("resume", joined());
    expect((await done).type).toBe("joined");
  });

  it("goes to the end of the queue when the place is lost", async () => {
    const { signal } = await waitingSignal();
    FakeSocket.last.drop();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code: "not_found", message: "who?" });
    expect(FakeSocket.last.requests("join")).toHaveLength(1);
    FakeSocket.last.event(waiting);
    expect(signal.state).toBe("waiting");
  });

  it("can be given up", async () => {
    const { signal, done } = await waitingSignal();
    const code = codeOf(done);
    signal.leave();
    expect(await code).toBe("closed");
    expect(FakeSocket.last.requests("leave")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([signal.state, FakeSocket.all.length]).toEqual(["closed", 1]);
  });

  it("can follow a lost session", async () => {
    const signal = await joinedSignal();
    FakeSocket.last.drop();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code: "not_found", message: "who?" });
    FakeSocket.last.event(waiting);
    expect(signal.state).toBe("waiting");
    await FakeSocket.last.answer("join", joined());
    expect(signal.state).toBe("open");
  });
});

describe("a return that is refused", () => {
  it.each([
    ["banned", "removed"],
    ["locked", "lost"],
  ])("ends the meeting: %s", async (code, reason) => {
    const signal = await joinedSignal();
    const ended = vi.fn();
    signal.on("ended", ended);
    FakeSocket.last.drop();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code, message: "no" });
    expect(ended).toHaveBeenCalledExactlyOnceWith(reason);
    expect(signal.state).toBe("closed");
  });

  it("is tried again when the server says so", async () => {
    const signal = await joinedSignal();
    FakeSocket.last.drop();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code: "too_fast", message: "wait" });
    expect(signal.state).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(200);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect(signal.state).toBe("open");
  });
});

describe("a session that another socket took up", () => {
  const TAKEN = 4001;

  it("has ended here, and is not taken back by itself", async () => {
    const signal = await joinedSignal();
    const ended = vi.fn();
    signal.on("ended", ended);
    FakeSocket.last.drop(TAKEN);
    await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toHaveBeenCalledExactlyOnceWith("taken");
    expect(signal.state).toBe("closed");
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("is taken back by its secret", async () => {
    const { secret } = await joinedSignal();
    const signal = makeSignal();
    const done = signal.join({ room: "tea", name: "Ada" }, secret);
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", joined({ resumed: true }));
    expect((await done).resumed).toBe(true);
    expect(FakeSocket.last.sent).toEqual([{ type: "resume", id: 1, secret: "s3cret" }]);
  });

  it("is entered afresh when it is over", async () => {
    const signal = makeSignal();
    const done = signal.join({ room: "tea", name: "Ada" }, "old");
    FakeSocket.last.open();
    await FakeSocket.last.answer("resume", { type: "error", code: "not_found", message: "who?" });
    await FakeSocket.last.answer("join", joined());
    await done;
    expect(signal.state).toBe("open");
  });
});

describe("back-off", () => {
  it("shortens by up to half at random", () => {
    const early = new Backoff({ first: 100, most: 1000, random: () => 0.999999 });
    expect(early.next()).toBeCloseTo(50, 1);
    expect(early.next()).toBeCloseTo(100, 1);
  });
});
