import { isModerator, type RecordingReason, type RecordingState, type Role } from "@plenum/sdk";
import { formatNumber } from "./language.js";

/** What manifest.json of a recording tells, as far as playing needs it. Times in µs from the beginning of the recording. */
export interface Manifest {
  duration_us: number;
  participants: readonly ManifestPerson[];
  files: readonly ManifestFile[];
  /** When nothing could be recorded. */
  gaps: readonly { from_us: number; to_us: number }[];
  /** Who spoke from then on, the dominant speaker first. */
  speakers: readonly { t_us: number; participants: readonly number[] }[];
  /** What was written to everybody in the main room. */
  chat: readonly { t_us: number; participant: number; name: string; text: string }[];
}

export interface ManifestPerson {
  id: number;
  name: string;
  /** In which room they were when; 0: the main one. */
  present: readonly { from_us: number; to_us: number; breakout: number }[];
  muted: readonly { source: string; from_us: number; to_us: number }[];
}

export interface ManifestFile {
  file: string;
  participant: number;
  pair: "camera" | "screen";
  start_us: number;
  duration_us: number;
  bytes: number;
  video?: unknown;
}

/** @param url of a recording's manifest.json, undefined: it is not ready */
export async function fetchManifest(url: string | undefined): Promise<Manifest> {
  if (url === undefined) throw new Error("the recording is not ready");
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`manifest: ${answer.status}`);
  return (await answer.json()) as Manifest;
}

export function nameOf({ participants }: Manifest, id: number): string {
  return participants.find((person) => person.id === id)?.name ?? "";
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
