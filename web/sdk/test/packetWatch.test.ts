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
let doubt: Mock<() => void>;

beforeEach(() => {
  vi.useFakeTimers();
  canNegotiate = true;
  connection = new FakeConnection();
  doubt = vi.fn();
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

  it("is enough where the socket had to be made anew", async () => {
    await seconds(3, 100);
    await watch.resumed();
    expect(connection.restartIce).not.toHaveBeenCalled();
    await seconds(1, 0);
    await watch.resumed();
    expect(connection.restartIce).toHaveBeenCalledOnce();
  });

  it("is no reason where the server has lost the connection, which is made anew then", async () => {
    await seconds(3, 100);
    await seconds(1, 0);
    connection.isNegotiated = false;
    await watch.resumed();
    expect(connection.restartIce).not.toHaveBeenCalled();
  });
});

it("a page that slept does not blame the path", async () => {
  await seconds(3, 100);
  vi.setSystemTime(Date.now() + 60_000);
  await seconds(2, 0);
  expect(connection.restartIce).not.toHaveBeenCalled();
});
