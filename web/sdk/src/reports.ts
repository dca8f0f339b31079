import type { ConnectionState } from "./connection.js";
import { PlenumError } from "./errors.js";
import type { ReportRequest, SlotReport } from "./protocol.js";
import type { Showing } from "./slots.js";
import { entriesOf, type StatsEntry } from "./stats.js";

/** What is reported on. */
export interface Reported {
  readonly state: ConnectionState;
  readonly tracks: readonly Showing[];
  getStats(): Promise<RTCStatsReport | undefined>;
}

export type Report = Omit<ReportRequest, "type" | "id">;

const REPORT_MS = 5000;
/* A page that the browser held up for so long knows nothing of the time between. */
const LATE_MS = 1500;
/* How long the browser may take to count a freeze that was seen here first. */
const OWED_MS = 3000;
const MAX_SLOTS = 64;

interface Counters {
  frames: number;
  dropped: number;
  decodeSeconds: number;
  freezes: number;
  freezeSeconds: number;
  samples: number;
  concealed: number;
  bufferSeconds: number;
  buffered: number;
}

/** A freeze as it is seen while it lasts: the browser counts it only when it is over, or not at all. */
interface Stall {
  seen: boolean;
  /** Told already, and to be taken from what the browser counts. */
  owedMs: number;
  owedUntil: number;
}

interface Reading {
  showing: string;
  counters: Counters;
  stall: Stall;
}

/** What is to be reported of one slot. */
interface Sum {
  track: Showing;
  counters: Counters;
  freezes: number;
  frozenMs: number;
}

/** Tells the server how what is received fares: every 5 s, and within a second when a picture stands still. */
export class ReportSender {
  private readings = new Map<string, Reading>();
  private sums = new Map<string, Sum>();
  private since = 0;
  private lastTick = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly connection: Reported,
    private readonly send: (report: Report) => Promise<unknown>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  start(intervalMs = 1000): void {
    this.stop();
    this.since = this.lastTick = this.now();
    this.timer = setInterval(() => void this.tick(intervalMs).catch(() => undefined), intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.readings.clear();
    this.sums.clear();
  }

  private async tick(intervalMs: number): Promise<void> {
    const at = this.now();
    const elapsed = at - this.lastTick;
    this.lastTick = at;
    if (elapsed > intervalMs + LATE_MS || this.connection.state !== "connected") {
      this.readings.clear();
      this.sums.clear();
      this.since = at;
      if (this.connection.state !== "connected") return;
    }
    this.read(entriesOf(await this.connection.getStats()), at, elapsed);
    const frozen = [...this.sums.values()].some((sum) => sum.frozenMs > 0);
    if (frozen || at - this.since >= REPORT_MS) await this.report(at);
  }

  private read(entries: Map<string, StatsEntry>, at: number, elapsed: number): void {
    const byMid = new Map([...entries.values()].filter((e) => e.type === "inbound-rtp").map((e) => [e.mid, e]));
    const readings = new Map<string, Reading>();
    for (const track of this.connection.tracks) {
      const entry = byMid.get(track.mid);
      if (!entry) continue;
      const showing = `${track.participant} ${track.source}`;
      const before = this.readings.get(track.mid);
      const counters = countersOf(entry);
      const same = before?.showing === showing;
      const stall = same ? before.stall : { seen: false, owedMs: 0, owedUntil: 0 };
      readings.set(track.mid, { showing, counters, stall });
      if (same) this.add(track, difference(before.counters, counters), stall, at, elapsed);
    }
    this.readings = readings;
  }

  private add(track: Showing, grown: Counters, stall: Stall, at: number, elapsed: number): void {
    const key = `${track.mid} ${track.participant} ${track.source}`;
    const sum = this.sums.get(key) ?? { track, counters: NOTHING, freezes: 0, frozenMs: 0 };
    this.sums.set(key, { ...sum, counters: total(sum.counters, grown), ...freezes(sum, track, grown, stall, at, elapsed) });
  }

  private async report(at: number): Promise<void> {
    const slots = [...this.sums.values()].slice(0, MAX_SLOTS).map(toSlot);
    const ms = Math.min(60000, Math.round(at - this.since));
    this.sums.clear();
    this.since = at;
    if (slots.length === 0) return;
    try {
      await this.send({ ms, slots });
    } catch (error) {
      /* A server that does not know what this is. */
      if (error instanceof PlenumError && error.code === "bad_message") this.stop();
    }
  }
}

const NOTHING: Counters = { frames: 0, dropped: 0, decodeSeconds: 0, freezes: 0, freezeSeconds: 0, samples: 0, concealed: 0, bufferSeconds: 0, buffered: 0 };

/*
 * The browser's count, and what it has not counted yet: a camera that sends, of which nothing was decoded for the whole interval.
 * Screens may stand still.
 */
function freezes(sum: Sum, track: Showing, grown: Counters, stall: Stall, at: number, elapsed: number): Pick<Sum, "freezes" | "frozenMs"> {
  if (track.source === "camera" && track.state === "forwarding" && grown.frames === 0 && grown.freezes === 0) {
    const begins = !stall.seen;
    stall.seen = true;
    stall.owedMs += elapsed;
    stall.owedUntil = at + OWED_MS;
    return { freezes: sum.freezes + (begins ? 1 : 0), frozenMs: sum.frozenMs + elapsed };
  }
  stall.seen = false;
  if (at > stall.owedUntil) stall.owedMs = 0;
  if (grown.freezes === 0) return { freezes: sum.freezes, frozenMs: sum.frozenMs };
  const owedMs = stall.owedMs;
  stall.owedMs = 0;
  return {
    freezes: sum.freezes + grown.freezes - (owedMs > 0 ? 1 : 0),
    frozenMs: sum.frozenMs + Math.max(0, grown.freezeSeconds * 1000 - owedMs),
  };
}

function countersOf(entry: StatsEntry): Counters {
  return {
    frames: entry.framesDecoded ?? 0,
    dropped: entry.framesDropped ?? 0,
    decodeSeconds: entry.totalDecodeTime ?? 0,
    freezes: entry.freezeCount ?? 0,
    freezeSeconds: entry.totalFreezesDuration ?? 0,
    samples: entry.totalSamplesReceived ?? 0,
    concealed: (entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0),
    bufferSeconds: entry.jitterBufferDelay ?? 0,
    buffered: entry.jitterBufferEmittedCount ?? 0,
  };
}

function combine(a: Counters, b: Counters, how: (x: number, y: number) => number): Counters {
  const keys = Object.keys(a) as (keyof Counters)[];
  return Object.fromEntries(keys.map((key) => [key, how(a[key], b[key])])) as unknown as Counters;
}

/* A counter that went back belongs to another stream. */
const difference = (before: Counters, after: Counters) => combine(before, after, (b, a) => Math.max(0, a - b));
const total = (sum: Counters, grown: Counters) => combine(sum, grown, (a, b) => a + b);

function toSlot({ track, counters: c, freezes, frozenMs }: Sum): SlotReport {
  const whole = (value: number, most: number) => Math.min(most, Math.max(0, Math.round(value)));
  const isVideo = track.source === "camera" || track.source === "screen";
  return {
    mid: track.mid,
    participant: track.participant,
    source: track.source,
    ...(isVideo ? { frames: whole(c.frames, 65535), dropped: whole(c.dropped, 65535) } : {}),
    ...(c.frames > 0 ? { decode_us: whole((c.decodeSeconds / c.frames) * 1e6, 1e7) } : {}),
    ...(freezes > 0 ? { freezes: whole(freezes, 1000) } : {}),
    ...(frozenMs > 0 ? { frozen_ms: whole(frozenMs, 60000) } : {}),
    ...(c.samples > 0 ? { concealed: whole((c.concealed / c.samples) * 1000, 1000) } : {}),
    ...(c.buffered > 0 ? { jitter_ms: whole((c.bufferSeconds / c.buffered) * 1000, 60000) } : {}),
  };
}
