import { isModerator, type RecordingReason, type RecordingState, type Role } from "@plenum/sdk";
import { formatNumber } from "./language.js";

/** What manifest.json of a recording tells, as far as playing needs it. Times in µs from the beginning of the recording. */
export interface Manifest {
  duration_us: number;
  participants: readonly { id: number; name: string }[];
  files: readonly ManifestFile[];
}

export interface ManifestFile {
  file: string;
  participant: number;
  start_us: number;
  duration_us: number;
  bytes: number;
  video?: unknown;
}

/** May one look at recordings and end one? */
export function leadsRecording({ available, granted }: RecordingState, role: Role): boolean {
  return available && (granted || isModerator(role));
}

/** Reasons that are faults, not somebody's wish. */
export function isFault(reason: RecordingReason | undefined): boolean {
  return reason !== undefined && reason !== "asked" && reason !== "limit" && reason !== "ended" && reason !== "deleted";
}

/** As 4:05, or 1:04:05. */
export function formatLength(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export function formatSize(bytes: number): string {
  return bytes >= 1e9 ? `${formatNumber(bytes / 1e9, 1)} GB` : bytes >= 1e6 ? `${formatNumber(bytes / 1e6, 1)} MB` : `${formatNumber(bytes / 1e3)} kB`;
}

/* Less is not seen or heard; more is not caught up within a second or two. Seconds. */
const DRIFT_KEPT = 0.03;
const DRIFT_SEEK = 0.4;
const MOST_CORRECTION = 0.08;

/** How an element that is `drift` seconds ahead of the clock comes back to it: by its rate, or by a seek. */
export function correction(drift: number, speed: number): { rate: number; seek: boolean } {
  if (Math.abs(drift) > DRIFT_SEEK) return { rate: speed, seek: true };
  if (Math.abs(drift) < DRIFT_KEPT) return { rate: speed, seek: false };
  return { rate: speed * (1 - Math.max(-MOST_CORRECTION, Math.min(MOST_CORRECTION, drift))), seek: false };
}
