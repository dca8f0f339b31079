import type { ConnectionState } from "./connection.js";

/** What is watched: one of the two connections. */
export interface Watched {
  readonly state: ConnectionState;
  /** Both sides have it; not so while it is made anew. */
  readonly isNegotiated: boolean;
  /** Whether anything should be arriving now. */
  readonly expectsPackets: boolean;
  getStats(): Promise<RTCStatsReport | undefined>;
  restartIce(): Promise<void>;
}

export interface PacketWatchOptions {
  canNegotiate: () => boolean;
  /** A path is silent. @return whether the server was heard by the socket that is there */
  doubt?: () => Promise<boolean>;
  now?: () => number;
}

const SILENCE_MS = 2000;
/* Long enough to ask whether the socket is dead as well. */
const DOUBT_MS = 700;
/*
 * After the way to a new socket nothing for so long is proof enough. A server that was started anew says meanwhile that it has no connection
 * of ours any more.
 */
const RESUMED_MS = 300;
/* A page that the browser held up for so long knows nothing of the time between, … */
const ASLEEP_MS = 1500;
/* … and when it was held up for so long what came meanwhile may not be counted yet: that time is no silence. */
const LATE_MS = 250;
/* A page that is always late comes to a verdict all the same. */
const LATE_ROUNDS = 10;

interface Reading {
  octets: number;
  /** For so long the count has not grown. */
  silentMs: number;
  /** It grew since the last restart: silence is news. */
  armed: boolean;
  doubted: boolean;
  /** The server answered in this silence: it is not the machine, or the whole network, that is slow. */
  heard: boolean;
}

/**
 * Sees a dead path before ICE does: where packets arrived and for two seconds none does, ICE is restarted, once. Browsers take five
 * seconds and more to say `disconnected`. Before that the server is asked something: without an answer the silence proves nothing about the path. If the
 * socket had to be made anew, a path that is silent then is restarted at once.
 */
export class PacketWatch {
  private readonly readings = new Map<Watched, Reading>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private lastTick = 0;
  private readonly now: () => number;

  constructor(
    private readonly connections: readonly Watched[],
    private readonly options: PacketWatchOptions,
  ) {
    this.now = options.now ?? (() => performance.now());
  }

  start(intervalMs = 500): void {
    this.stop();
    this.lastTick = this.now();
    this.timer = setInterval(() => void this.tick(intervalMs), intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.readings.clear();
  }

  private async tick(intervalMs: number): Promise<void> {
    const passed = this.now() - this.lastTick;
    this.lastTick = this.now();
    if (passed > intervalMs + ASLEEP_MS) this.readings.clear();
    const counted = passed > intervalMs + LATE_MS ? 0 : passed;
    await this.eachOf((connection) => this.look(connection, counted));
  }

  /** The server is reached by another socket: the former one, and a path that fell silent, may have had the same end. */
  async resumed(): Promise<void> {
    const before = new Map<Watched, number>();
    await this.eachOf(async (connection) => {
      before.set(connection, octetsReceived(await connection.getStats()));
    });
    for (let round = 0; round < LATE_ROUNDS && (await this.isLateAfter(RESUMED_MS)); round++);
    await this.eachOf(async (connection) => {
      const reading = this.readings.get(connection);
      if (!reading || !isWatchable(connection) || octetsReceived(await connection.getStats()) !== before.get(connection)) return;
      await this.restart(connection, reading);
    });
  }

  private async isLateAfter(ms: number): Promise<boolean> {
    const due = this.now() + ms;
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.now() > due + LATE_MS;
  }

  private async eachOf(act: (connection: Watched) => Promise<void>): Promise<void> {
    await Promise.all(this.connections.map((connection) => act(connection).catch(() => undefined)));
  }

  private async look(connection: Watched, passed: number): Promise<void> {
    if (!isWatchable(connection)) {
      this.readings.delete(connection);
      return;
    }
    const octets = octetsReceived(await connection.getStats());
    const before = this.readings.get(connection);
    if (!before || octets !== before.octets) {
      this.readings.set(connection, {
        octets,
        silentMs: 0,
        armed: before !== undefined && octets > before.octets,
        doubted: false,
        heard: false,
      });
      return;
    }
    before.silentMs += passed;
    if (!before.armed) return;
    if (before.silentMs >= DOUBT_MS && !before.doubted) this.ask(before);
    if (before.silentMs >= SILENCE_MS && before.heard) await this.restart(connection, before);
  }

  private ask(reading: Reading): void {
    reading.doubted = true;
    const asked = this.options.doubt?.() ?? Promise.resolve(true);
    void asked.then((heard) => (reading.heard = heard));
  }

  private async restart(connection: Watched, reading: Reading): Promise<void> {
    /* Meanwhile the server may have said that it has it no more: then it is made anew, and a restart would be of another one. */
    if (!reading.armed || !this.options.canNegotiate() || !connection.isNegotiated) return;
    reading.armed = false;
    try {
      await connection.restartIce();
    } catch {
      /* The socket broke meanwhile: again by the next one. */
      reading.armed = true;
      reading.doubted = reading.heard = false;
    }
  }
}

const isWatchable = ({ state, expectsPackets }: Watched) => state === "connected" && expectsPackets;

/* Any sum of counters that grows with every packet will do: browsers differ in which they have. */
function octetsReceived(report: RTCStatsReport | undefined): number {
  let octets = 0;
  report?.forEach((entry: { type: string; bytesReceived?: number }) => {
    if (entry.type === "transport" || entry.type === "candidate-pair" || entry.type === "inbound-rtp") octets += entry.bytesReceived ?? 0;
  });
  return octets;
}
