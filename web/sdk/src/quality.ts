import type { ConnectionState } from "./connection.js";

/** 0 no connection · 1 bad · 2 poor · 3 good · 4 very good */
export type QualityLevel = 0 | 1 | 2 | 3 | 4;

/** How one stream fares, over the last interval. */
export interface StreamQuality {
  kind: "audio" | "video";
  bitrateBps: number;
  /** Share of packets lost, 0..1. */
  loss: number;
  framesPerSecond: number;
  width: number;
  height: number;
  /** Times the picture stood still. */
  freezes: number;
  /** Share of sound that had to be invented, 0..1. */
  concealed: number;
  codec: string;
}

/** What we send, as the server sees it. */
export interface SendQuality {
  level: QualityLevel;
  bitrateBps: number;
  loss: number;
  rttMs: number;
  framesPerSecond: number;
  width: number;
  height: number;
  codec: string;
  /** What holds the picture back, if anything. */
  limitedBy: "none" | "cpu" | "bandwidth" | "other";
}

/** The counters of one received stream that qualities are differences of. */
export interface ReceiveCounters {
  packets: number;
  lost: number;
  bytes: number;
  freezes: number;
  samples: number;
  /** Without those that conceal silence: an idle slot conceals for ever. */
  concealedSamples: number;
}

const MIN_PACKETS = 10;

/**
 * What happened between two readings of a slot's counters. Negative differences, which a new stream in the same
 * place causes, count as zero.
 */
export function receiveDelta(before: ReceiveCounters, after: ReceiveCounters, seconds: number): Pick<StreamQuality, "bitrateBps" | "loss" | "freezes" | "concealed"> {
  const grown = (key: keyof ReceiveCounters) => Math.max(0, after[key] - before[key]);
  const expected = grown("packets") + grown("lost");
  const samples = grown("samples");
  return {
    bitrateBps: seconds > 0 ? (grown("bytes") * 8) / seconds : 0,
    loss: expected >= MIN_PACKETS ? grown("lost") / expected : 0,
    freezes: grown("freezes"),
    concealed: samples > 0 ? Math.min(1, grown("concealedSamples") / samples) : 0,
  };
}

export function receiveLevel(streams: readonly StreamQuality[], connection: ConnectionState): QualityLevel {
  if (connection !== "connected") return 0;
  const levels = streams.map((stream): QualityLevel => {
    if (stream.loss >= 0.1 || stream.concealed >= 0.2 || stream.freezes >= 2) return 1;
    if (stream.loss >= 0.04 || stream.concealed >= 0.08 || stream.freezes === 1) return 2;
    if (stream.loss >= 0.015 || stream.concealed >= 0.03) return 3;
    return 4;
  });
  return levels.reduce((worst, level) => (level < worst ? level : worst), 4);
}

export function sendLevel(send: Omit<SendQuality, "level">, connection: ConnectionState): QualityLevel {
  if (connection !== "connected") return 0;
  if (send.loss >= 0.1 || send.rttMs >= 1000) return 1;
  if (send.loss >= 0.04 || send.rttMs >= 500) return 2;
  if (send.loss >= 0.015 || send.rttMs >= 250 || send.limitedBy === "bandwidth") return 3;
  return 4;
}
