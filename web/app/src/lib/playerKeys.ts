import type { Playback } from "./playback.js";

const STEP_S = 5;
const LEAP_S = 10;
const LOUDER = 0.05;

const KEYS: Record<string, (playback: Playback) => void> = {
  " ": (playback) => playback.toggle(),
  k: (playback) => playback.toggle(),
  j: (playback) => playback.step(-LEAP_S),
  l: (playback) => playback.step(LEAP_S),
  arrowleft: (playback) => playback.step(-STEP_S),
  arrowright: (playback) => playback.step(STEP_S),
  arrowup: (playback) => playback.setVolume(playback.get().volume + LOUDER),
  arrowdown: (playback) => playback.setVolume(playback.get().volume - LOUDER),
  home: (playback) => playback.seek(0),
  end: (playback) => playback.seek(playback.length),
  m: (playback) => playback.toggleMuted(),
  "<": (playback) => playback.stepSpeed(-1),
  ">": (playback) => playback.stepSpeed(1),
};

/** What the keyboard stands on: something that Space presses, something that arrows change, the timeline, or nothing that takes keys. */
export type KeyPlace = "pressed" | "changed" | "timeline" | "none";

/** What a key does in the player; undefined: what it does anyway. */
export function playerAction(key: string, place: KeyPlace): ((playback: Playback) => void) | undefined {
  if (place === "changed") return undefined;
  if (place === "pressed" && key === " ") return undefined;
  return Object.hasOwn(KEYS, key.toLowerCase()) ? KEYS[key.toLowerCase()] : undefined;
}

export function keyPlace(target: EventTarget): KeyPlace {
  if (!(target instanceof Element)) return "none";
  if (target.closest(".player-seek")) return "timeline";
  if (target.closest("select, input")) return "changed";
  return target.closest("button, a, summary") ? "pressed" : "none";
}
