import { Emitter } from "./emitter.js";
import type { PublishConnection } from "./publish.js";
import {
  receiveDelta,
  receiveLevel,
  sendLevel,
  type QualityLevel,
  type ReceiveCounters,
  type SendQuality,
  type StreamQuality,
} from "./quality.js";
import type { ReceiveConnection } from "./receive.js";

export interface ParticipantQuality {
  level: QualityLevel;
  streams: StreamQuality[];
}

export interface QualityReport {
  send: SendQuality;
  /** By participant id; only those who are received now. */
  participants: ReadonlyMap<number, ParticipantQuality>;
}

interface Reading {
  at: number;
  /** Which showing the counters belong to: a slot that changed hands starts anew. */
  showing: string;
  counters: ReceiveCounters;
}

/* The members of the standard's dictionaries that are read here; the DOM's types lag behind. */
export interface StatsEntry {
  id: string;
  type: string;
  kind?: "audio" | "video";
  mid?: string;
  codecId?: string;
  remoteId?: string;
  mimeType?: string;
  packetsReceived?: number;
  packetsLost?: number;
  bytesReceived?: number;
  bytesSent?: number;
  freezeCount?: number;
  totalFreezesDuration?: number;
  framesDecoded?: number;
  framesDropped?: number;
  totalDecodeTime?: number;
  jitterBufferDelay?: number;
  jitterBufferEmittedCount?: number;
  totalSamplesReceived?: number;
  concealedSamples?: number;
  silentConcealedSamples?: number;
  framesPerSecond?: number;
  frameWidth?: number;
  frameHeight?: number;
  fractionLost?: number;
  roundTripTime?: number;
  currentRoundTripTime?: number;
  nominated?: boolean;
  qualityLimitationReason?: SendQuality["limitedBy"];
}

/** Reads both connections' statistics at an interval and makes qualities of the differences. */
export class QualityMonitor extends Emitter<{ report: QualityReport }> {
  private readings = new Map<string, Reading>();
  private sent: { at: number; bytes: number } | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly publish: PublishConnection,
    private readonly receive: ReceiveConnection,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
  }

  start(intervalMs = 2000): void {
    this.stop();
    this.timer = setInterval(() => {
      this.read().catch(() => undefined);
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  async read(): Promise<void> {
    const [sending, receiving] = await Promise.all([this.publish.getStats(), this.receive.getStats()]);
    this.emit("report", { send: this.readSend(entriesOf(sending)), participants: this.readReceive(entriesOf(receiving)) });
  }

  private readReceive(entries: Map<string, StatsEntry>): Map<number, ParticipantQuality> {
    const at = this.now();
    const readings = new Map<string, Reading>();
    const streams = new Map<number, StreamQuality[]>();
    const byMid = new Map([...entries.values()].filter((e) => e.type === "inbound-rtp").map((e) => [e.mid, e]));
    for (const track of this.receive.tracks) {
      const list = streams.get(track.participant) ?? [];
      streams.set(track.participant, list);
      const entry = byMid.get(track.mid);
      if (!entry) continue;
      const reading = { at, showing: `${track.participant} ${track.source}`, counters: countersOf(entry) };
      readings.set(track.mid, reading);
      const before = this.readings.get(track.mid);
      if (before?.showing === reading.showing) list.push(toStream(entry, before, reading, entries));
    }
    this.readings = readings;
    return new Map([...streams].map(([id, list]) => [id, { level: receiveLevel(list, this.receive.state), streams: list }]));
  }

  private readSend(entries: Map<string, StatsEntry>): SendQuality {
    const at = this.now();
    const all = [...entries.values()];
    const outbound = all.filter((e) => e.type === "outbound-rtp");
    const remote = all.filter((e) => e.type === "remote-inbound-rtp");
    const bytes = outbound.reduce((sum, e) => sum + (e.bytesSent ?? 0), 0);
    const best = outbound
      .filter((e) => e.kind === "video" && (e.framesPerSecond ?? 0) > 0)
      .reduce<StatsEntry | undefined>((top, e) => ((e.frameWidth ?? 0) > (top?.frameWidth ?? 0) ? e : top), undefined);
    const pair = all.find((e) => e.type === "candidate-pair" && e.nominated && e.currentRoundTripTime !== undefined);
    const seconds = this.sent ? (at - this.sent.at) / 1000 : 0;
    const send = {
      bitrateBps: this.sent && seconds > 0 ? (Math.max(0, bytes - this.sent.bytes) * 8) / seconds : 0,
      loss: Math.max(0, ...remote.map((e) => e.fractionLost ?? 0)),
      rttMs: (pair?.currentRoundTripTime ?? Math.max(0, ...remote.map((e) => e.roundTripTime ?? 0))) * 1000,
      framesPerSecond: best?.framesPerSecond ?? 0,
      width: best?.frameWidth ?? 0,
      height: best?.frameHeight ?? 0,
      codec: codecOf(best, entries),
      limitedBy: best?.qualityLimitationReason ?? "none",
    };
    this.sent = { at, bytes };
    return { ...send, level: sendLevel(send, this.publish.state) };
  }
}

export function entriesOf(report: RTCStatsReport | undefined): Map<string, StatsEntry> {
  const entries = new Map<string, StatsEntry>();
  report?.forEach((entry: StatsEntry) => entries.set(entry.id, entry));
  return entries;
}

function countersOf(entry: StatsEntry): ReceiveCounters {
  return {
    packets: entry.packetsReceived ?? 0,
    lost: entry.packetsLost ?? 0,
    bytes: entry.bytesReceived ?? 0,
    freezes: entry.freezeCount ?? 0,
    samples: entry.totalSamplesReceived ?? 0,
    concealedSamples: (entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0),
  };
}

function toStream(entry: StatsEntry, before: Reading, after: Reading, entries: Map<string, StatsEntry>): StreamQuality {
  return {
    ...receiveDelta(before.counters, after.counters, (after.at - before.at) / 1000),
    kind: entry.kind ?? "video",
    framesPerSecond: entry.framesPerSecond ?? 0,
    width: entry.frameWidth ?? 0,
    height: entry.frameHeight ?? 0,
    codec: codecOf(entry, entries),
  };
}

function codecOf(entry: StatsEntry | undefined, entries: Map<string, StatsEntry>): string {
  const mime = entry?.codecId === undefined ? undefined : entries.get(entry.codecId)?.mimeType;
  return mime ? mime.slice(mime.indexOf("/") + 1) : "";
}
