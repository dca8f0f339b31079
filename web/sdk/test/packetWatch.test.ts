import { afterEach, beforeEach, describe, expect, it, vi, type Mock } from "vitest";
import { PacketWatch, type Watched } from "../src/packetWatch.js";

class FakeConnection implements Watched {
  state: Watched["state"] = "connected";
  isNegotiated = true;
  expectsPackets = true;
  octets = 0;
  readonly restartIce = vi.fn(() => Promise.resolve());
  getStats() {
    return Promise.resolve(new Map([["t", { type: "transport", bytesReceived: this.octets }]]) as unknown as RTCStatsReport);
  }
}

let connection: FakeConnection;
let watch: PacketWatch;
let canNegotiate: boolean;
let doubt: Mock<() => Promise<boolean>>;

beforeEach(() => {
  vi.useFakeTimers();
  canNegotiate = true;
  connection = new FakeConnection();
  doubt = vi.fn(() => Promise.resolve(true));
  watch = new PacketWatch([connection], { canNegotiate: () => canNegotiate, doubt, now: () => Date.now() });
  watch.start();
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

async function seconds(count: number, octets: number) {
  for (let i = 0; i < count; i++) {
    connection.octets += octets;
    await vi.advanceTimersByTimeAsync(1000);
  }
}

describe("two seconds without a packet", () => {
  it("restart ICE, once", async () => {
    await seconds(3, 100);
    await seconds(1, 0);
    expect(connection.restartIce).not.toHaveBeenCalled();
    await seconds(10, 0);
    expect(connection.restartIce).toHaveBeenCalledOnce();
  });

  it("restart it again once packets had come back", async () => {
    await seconds(3, 100);
    await seconds(3, 0);
    await seconds(3, 100);
    await seconds(3, 0);
    expect(connection.restartIce).toHaveBeenCalledTimes(2);
  });

  it.each([
    ["nothing is expected", () => (connection.expectsPackets = false)],
    ["the connection is being made", () => (connection.state = "connecting")],
    ["the server cannot be asked", () => (canNegotiate = false)],
  ])("do nothing while %s", async (_, prepare) => {
    await seconds(3, 100);
    prepare();
    await seconds(5, 0);
    expect(connection.restartIce).not.toHaveBeenCalled();
  });

  it("restart it again when the socket broke before it could", async () => {
    connection.restartIce.mockRejectedValueOnce(new Error("lost"));
    await seconds(3, 100);
    await seconds(5, 0);
    expect(connection.restartIce).toHaveBeenCalledTimes(2);
  });

  it("mean nothing while the server has not answered either, and once it has they do", async () => {
    let answer: (heard: boolean) => void = () => undefined;
    doubt.mockReturnValue(new Promise((resolve) => (answer = resolve)));
    await seconds(3, 100);
    await seconds(8, 0);
    expect(connection.restartIce).not.toHaveBeenCalled();
    answer(true);
    await seconds(1, 0);
    expect(connection.restartIce).toHaveBeenCalledOnce();
  });

  it("leave it to the next socket where the server was not heard", async () => {
    doubt.mockResolvedValue(false);
    await seconds(3, 100);
    await seconds(8, 0);
    expect(connection.restartIce).not.toHaveBeenCalled();
  });

  it("count only where the page was not held up itself", async () => {
    await seconds(3, 100);
    for (let i = 0; i < 20; i++) {
      vi.setSystemTime(Date.now() + 300);
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(doubt).not.toHaveBeenCalled();
    await seconds(3, 0);
    expect(connection.restartIce).toHaveBeenCalledOnce();
  });

  it("mean nothing where nothing ever came", async () => {
    await seconds(10, 0);
    expect(connection.restartIce).not.toHaveBeenCalled();
  });
});

describe("one second without a packet", () => {
  it("lets the socket be doubted, once", async () => {
    await seconds(3, 100);
    expect(doubt).not.toHaveBeenCalled();
    await seconds(1, 0);
    expect(doubt).toHaveBeenCalledOnce();
    await seconds(1, 100);
    await seconds(1, 0);
    expect(doubt).toHaveBeenCalledTimes(2);
  });
});

describe("after the way to another socket", () => {
  async function resumed(octets: number) {
    const done = watch.resumed();
    await vi.advanceTimersByTimeAsync(100);
    connection.octets += octets;
    await vi.advanceTimersByTimeAsync(200);
    await done;
  }

  it("less than half a second without a packet is enough, once", async () => {
    await seconds(3, 100);
    await resumed(100);
    expect(connection.restartIce).not.toHaveBeenCalled();
    await resumed(0);
    expect(connection.restartIce).toHaveBeenCalledOnce();
    await resumed(0);
    await seconds(5, 0);
    expect(connection.restartIce).toHaveBeenCalledOnce();
  });

  it("a packet that a late page counts only later is one", async () => {
    await seconds(3, 100);
    const done = watch.resumed();
    await vi.advanceTimersByTimeAsync(200);
    vi.setSystemTime(Date.now() + 1000);
    await vi.advanceTimersByTimeAsync(200);
    connection.octets += 100;
    await vi.advanceTimersByTimeAsync(200);
    await done;
    expect(connection.restartIce).not.toHaveBeenCalled();
  });

  it("it is no reason where the server has lost the connection, which is made anew then", async () => {
    await seconds(3, 100);
    connection.isNegotiated = false;
    await resumed(0);
    expect(connection.restartIce).not.toHaveBeenCalled();
  });

  it("it means nothing where nothing is expected", async () => {
    await seconds(3, 100);
    connection.expectsPackets = false;
    await resumed(0);
    expect(connection.restartIce).not.toHaveBeenCalled();
  });
});

it("a page that slept does not blame the path", async () => {
  await seconds(3, 100);
  vi.setSystemTime(Date.now() + 60_000);
  await seconds(2, 0);
  expect(connection.restartIce).not.toHaveBeenCalled();
});
