import type { ConnectionState } from "./connection.js";

/** What is watched: one of the two connections. */
export interface Watched {
  readonly state: ConnectionState;
  /** Whether anything should be arriving now. */
  readonly expectsPackets: boolean;
  getStats(): Promise<RTCStatsReport | undefined>;
  restartIce(): Promise<void>;
}

const SILENCE_MS = 2000;
/* A page that the browser held up for so long knows nothing of the time between. */
const LATE_MS = 1500;

interface Reading {
  octets: number;
  /** When the count last grew. */
  grewAt: number;
  /** It grew since the last restart: silence is news. */
  armed: boolean;
}

/**
 * Sees a dead path before ICE does: where packets arrived and for two seconds none does, ICE is restarted, once. Browsers take five
 * seconds and more to say `disconnected`.
 */
export class PacketWatch {
  private readonly readings = new Map<Watched, Reading>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private lastTick = 0;

  constructor(
    private readonly connections: readonly Watched[],
    private readonly canNegotiate: () => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  start(intervalMs = 1000): void {
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
    await Promise.all(this.connections.map((connection) => this.look(connection).catch(() => undefined)));
  }

  private async look(connection: Watched): Promise<void> {
    if (connection.state !== "connected" || !connection.expectsPackets) {
      this.readings.delete(connection);
      return;
    }
    const octets = octetsReceived(await connection.getStats());
    const now = this.now();
    const before = this.readings.get(connection);
    if (!before || octets !== before.octets) {
      this.readings.set(connection, { octets, grewAt: now, armed: before !== undefined && octets > before.octets });
      return;
    }
    if (!before.armed || now - before.grewAt < SILENCE_MS || !this.canNegotiate()) return;
    before.armed = false;
    await connection.restartIce();
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
