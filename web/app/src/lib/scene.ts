import type { Manifest, ManifestFile, ManifestPerson } from "./recording.js";

/** What a tile of the player shows. */
export interface SceneTile {
  key: string;
  person: ManifestPerson;
  source: "camera" | "screen";
  /** What is played; undefined: nothing was sent. */
  file: ManifestFile | undefined;
  /** There is a picture now: the camera is not muted. */
  hasPicture: boolean;
  isMuted: boolean;
  isSpeaking: boolean;
}

export interface Scene {
  /** In the order of coming; screens first. */
  tiles: readonly SceneTile[];
  gap: ManifestGap | undefined;
}

export type ManifestGap = Manifest["gaps"][number];

/* So long before it is needed a file begins to load. */
const AHEAD_US = 8e6;
/* Its last picture stands a moment longer: files do not end at the same time, nor with the recording. */
const HOLD_US = 5e5;

function covers({ start_us, duration_us }: ManifestFile, at: number): boolean {
  return at >= start_us && at < start_us + duration_us + HOLD_US;
}

function isWithin(span: { from_us: number; to_us: number }, at: number): boolean {
  return at >= span.from_us && at < span.to_us;
}

/** The files whose elements are needed at a time, in µs: those that play, and those that do soon. Each holds a connection to the server. */
export function neededFiles({ files }: Manifest, at: number): ManifestFile[] {
  return files.filter((file) => covers(file, at) || (file.start_us > at && file.start_us <= at + AHEAD_US));
}

/** Who was there at a time, in µs, and what of them is seen and heard. */
export function sceneAt(manifest: Manifest, time: number): Scene {
  /* At the very end one sees what was last seen. */
  const at = Math.min(time, manifest.duration_us - 1);
  const playing = manifest.files.filter((file) => covers(file, at));
  const speaking = manifest.speakers.filter(({ t_us }) => t_us <= at).at(-1)?.participants ?? [];
  const tiles: SceneTile[] = [];
  for (const person of manifest.participants) {
    const isOff = (source: string) => person.muted.some((span) => span.source === source && isWithin(span, at));
    const screen = playing.filter((file) => file.participant === person.id && file.pair === "screen" && file.video).at(-1);
    if (screen) tiles.push({ key: `${person.id} screen`, person, source: "screen", file: screen, hasPicture: !isOff("screen"), isMuted: false, isSpeaking: false });
    const camera = playing.filter((file) => file.participant === person.id && file.pair === "camera").at(-1);
    if (!camera && !person.present.some((span) => span.breakout === 0 && isWithin(span, at))) continue;
    tiles.push({
      key: `${person.id} camera`,
      person,
      source: "camera",
      file: camera,
      hasPicture: camera?.video !== undefined && !isOff("camera"),
      isMuted: camera === undefined || isOff("microphone"),
      isSpeaking: speaking.includes(person.id),
    });
  }
  tiles.sort((a, b) => Number(b.source === "screen") - Number(a.source === "screen"));
  return { tiles, gap: manifest.gaps.find((gap) => isWithin(gap, at)) };
}

/** When somebody was in the main room, and when they showed a screen, in µs. */
export interface Lane {
  person: ManifestPerson;
  present: readonly { from_us: number; to_us: number }[];
  screens: readonly { from_us: number; to_us: number }[];
}

export function lanesOf({ participants, files }: Manifest): Lane[] {
  return participants.map((person) => ({
    person,
    present: person.present.filter(({ breakout }) => breakout === 0),
    screens: files.filter((file) => file.participant === person.id && file.pair === "screen" && file.video).map(({ start_us, duration_us }) => ({ from_us: start_us, to_us: start_us + duration_us })),
  }));
}
