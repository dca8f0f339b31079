import type { ErrorCode } from "./protocol.js";

/** `lost`: the socket broke before the answer came. `timeout`: no answer in time. `closed`: the meeting is over. `unreachable`: no server. */
export type PlenumErrorCode = ErrorCode | "lost" | "timeout" | "closed" | "unreachable";

/** A request that did not succeed. */
export class PlenumError extends Error {
  constructor(
    readonly code: PlenumErrorCode,
    message: string,
    /** Path of the field that the server refused. */
    readonly field?: string,
  ) {
    super(message);
    this.name = "PlenumError";
  }
}

/**
 * Why a camera, microphone or screen cannot be had.
 * `denied` the person or a policy said no · `blocked_by_system` the operating system says no · `none` no such device ·
 * `busy` another program holds it · `insecure` the page is not served over https · `unsupported` this browser cannot ·
 * `cancelled` the person closed the chooser · `failed` anything else
 */
export type MediaReason = "denied" | "blocked_by_system" | "none" | "busy" | "insecure" | "unsupported" | "cancelled" | "failed";

export class MediaError extends Error {
  constructor(
    readonly reason: MediaReason,
    message: string,
  ) {
    super(message);
    this.name = "MediaError";
  }
}

/** The reason behind what getUserMedia or getDisplayMedia threw. */
export function mediaReason(error: unknown, screen = false): MediaReason {
  if (error instanceof MediaError) return error.reason;
  const name = error instanceof Error ? error.name : "";
  const message = error instanceof Error ? error.message : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      /* Chromium tells a system-wide refusal only in the message. */
      if (/system/i.test(message)) return "blocked_by_system";
      return screen ? "cancelled" : "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "TypeError":
      return "unsupported";
    default:
      return "failed";
  }
}
