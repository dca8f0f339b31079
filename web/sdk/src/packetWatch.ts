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
  /** A path is silent: find out whether the server still hears. */
  doubt?: () => void;
  now?: () => number;
}

const SILENCE_MS = 2000;
/* Long enough to ask whether the socket is dead as well; where it is, that is proof enough. */
const DOUBT_MS = 1000;
/* A page that the browser held up for so long knows nothing of the time between. */
const LATE_MS = 1500;

interface Reading {
  octets: number;
  /** When the count last grew. */
  grewAt: number;
  /** It grew since the last restart: silence is news. */
  armed: boolean;
  doubted: boolean;
}

/**
 * Sees a dead path before ICE does: where packets arrived and for two seconds none does, ICE is restarted, once. Browsers take five
 * seconds and more to say `disconnected`. After one second the socket is doubted; if it had to be made anew, that is the time for a restart.
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
    const late = this.now() - this.lastTick > intervalMs + LATE_MS;
    this.lastTick = this.now();
    if (late) this.readings.clear();
    await this.lookAtAll(SILENCE_MS);
  }

  /** The server is reached by another socket: the former one, and a path that fell silent, may have had the same end. */
  async resumed(): Promise<void> {
    await this.lookAtAll(DOUBT_MS);
  }

  private async lookAtAll(patienceMs: number): Promise<void> {
    await Promise.all(this.connections.map((connection) => this.look(connection, patienceMs).catch(() => undefined)));
  }

  private async look(connection: Watched, patienceMs: number): Promise<void> {
    if (connection.state !== "connected" || !connection.expectsPackets) {
      this.readings.delete(connection);
      return;
    }
    const octets = octetsReceived(await connection.getStats());
    const now = this.now();
    const before = this.readings.get(connection);
    if (!before || octets !== before.octets) {
      this.readings.set(connection, { octets, grewAt: now, armed: before !== undefined && octets > before.octets, doubted: false });
      return;
    }
    const silentMs = now - before.grewAt;
    if (!before.armed) return;
    if (silentMs >= DOUBT_MS && !before.doubted) {
      before.doubted = true;
      this.options.doubt?.();
    }
    if (silentMs < patienceMs || !this.options.canNegotiate()) return;
    /* Meanwhile the server may have said that it has it no more: then it is made anew, and a restart would be of another one. */
    if (!connection.isNegotiated) return;
    before.armed = false;
    try {
      await connection.restartIce();
    } catch {
      before.armed = true; /* the socket broke meanwhile: again by the next one */
    }
  }
}

/* Any sum of counters that grows with every packet will do: browsers differ in which they have. */
function octetsReceived(report: RTCStatsReport | undefined): number {
  let octets = 0;
  report?.forEach((entry: { type: string; bytesReceived?: number }) => {
    if (entry.type === "transport" || entry.type === "candidate-pair" || entry.type === "inbound-rtp") octets += entry.bytesReceived ?? 0;
  });
  return octets;
}
