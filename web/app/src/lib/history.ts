import type { ParticipantQuality, SendQuality } from "@plenum/sdk";

/** One reading of a connection. */
export interface Reading {
  bitrateBps: number;
  /** 0..1 */
  loss: number;
  /** Of one's own connection only. */
  rttMs: number | undefined;
}

/** Two minutes, at a reading each two seconds. */
export const READINGS = 60;

export function readingOf(send: SendQuality | undefined, receive: ParticipantQuality | undefined): Reading | undefined {
  if (send) return { bitrateBps: send.bitrateBps, loss: send.loss, rttMs: send.rttMs };
  if (!receive || receive.streams.length === 0) return undefined;
  return {
    bitrateBps: receive.streams.reduce((sum, stream) => sum + stream.bitrateBps, 0),
    loss: Math.max(...receive.streams.map((stream) => stream.loss)),
    rttMs: undefined,
  };
}

/** The points of a line in a box of `width` × `height`, the latest reading at the right, the highest at the top. */
export function linePoints(values: readonly number[], width: number, height: number): string {
  const most = Math.max(...values, Number.MIN_VALUE);
  const step = width / (READINGS - 1);
  return values.map((value, i) => `${(width - (values.length - 1 - i) * step).toFixed(1)},${(height - (value / most) * height).toFixed(1)}`).join(" ");
}
