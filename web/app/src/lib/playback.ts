import type { ManifestFile } from "./recording.js";
import { Store } from "./store.js";

/** What of a media element is needed to play it with others. */
export type Played = Pick<HTMLMediaElement, "currentTime" | "duration" | "ended" | "error" | "muted" | "paused" | "playbackRate" | "readyState" | "seeking" | "volume"> & {
  play: () => Promise<void>;
  pause: () => void;
};

export interface PlaybackState {
  /** Where one is, in seconds from the beginning of the recording. */
  time: number;
  playing: boolean;
  /** One of the files has nothing to play yet: all wait for it. */
  waiting: boolean;
  speed: number;
  volume: number;
  muted: boolean;
}

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

const TICK_MS = 100;
/* HTMLMediaElement.HAVE_FUTURE_DATA */
const READY = 3;
/* Towards its end a file has nothing more to fetch, and is not waited for. Seconds. */
const TAIL = 0.5;
/* Less drift is not seen or heard; more than DRIFT_SEEK is not caught up within a second or two. Seconds. */
const DRIFT_KEPT = 0.02;
const DRIFT_SEEK = 0.4;
const MOST_CORRECTION = 0.15;
/* Of the drift, corrected in a second. */
const GAIN = 4;
/* So much of what all are ahead by together the clock takes over in a tick: only their differences are to be corrected. */
const CLOCK_SHARE = 0.5;

/** How an element that is `drift` seconds ahead of the clock comes back to it: by its rate, or by a seek. */
export function correction(drift: number, speed: number): { rate: number; seek: boolean } {
  if (Math.abs(drift) > DRIFT_SEEK) return { rate: speed, seek: true };
  if (Math.abs(drift) < DRIFT_KEPT) return { rate: speed, seek: false };
  return { rate: speed * (1 - Math.max(-MOST_CORRECTION, Math.min(MOST_CORRECTION, GAIN * drift))), seek: false };
}

interface Part {
  element: Played;
  file: ManifestFile;
  /** Where in the file the clock is, in seconds. */
  at: number;
}

/** Plays all files of a recording by one clock. */
export class Playback extends Store<PlaybackState> {
  private readonly elements = new Map<string, Played>();
  /* Those that have to go to the clock's place exactly before they run. */
  private readonly misplaced = new Set<string>();
  private clock = 0;
  private last: number;

  constructor(
    private readonly files: readonly ManifestFile[],
    /** In seconds. */
    readonly length: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    super({ time: 0, playing: false, waiting: false, speed: 1, volume: 1, muted: false });
    this.last = now();
  }

  /** Begin to follow the clock. @return ends that */
  run(): () => void {
    this.last = this.now();
    const timer = setInterval(() => this.tick(), TICK_MS);
    return () => clearInterval(timer);
  }

  /** The element that plays a file, or none any more. */
  attach(file: string, element: Played | null): void {
    if (!element) {
      this.elements.delete(file);
      return;
    }
    this.elements.set(file, element);
    this.misplaced.add(file);
  }

  toggle(): void {
    const { playing } = this.get();
    if (!playing && this.clock >= this.length) this.seek(0);
    this.last = this.now();
    this.set({ playing: !playing });
    this.tick();
  }

  /** Go to a place, in seconds. */
  seek(time: number): void {
    this.clock = Math.max(0, Math.min(this.length, time));
    for (const file of this.elements.keys()) this.misplaced.add(file);
    this.set({ time: this.clock });
  }

  /** Go on or back by so many seconds. */
  step(seconds: number): void {
    this.seek(this.clock + seconds);
  }

  setSpeed(speed: number): void {
    this.set({ speed });
  }

  /** One speed up or down. */
  stepSpeed(by: 1 | -1): void {
    const next = SPEEDS[SPEEDS.indexOf(this.get().speed) + by];
    if (next !== undefined) this.set({ speed: next });
  }

  setVolume(volume: number): void {
    this.set({ volume: Math.max(0, Math.min(1, volume)), muted: false });
  }

  toggleMuted(): void {
    this.set({ muted: !this.get().muted });
  }

  /** Bring clock and elements together; called ten times a second. */
  tick(): void {
    const now = this.now();
    const elapsed = Math.max(0, now - this.last) / 1000;
    this.last = now;
    const { playing, speed } = this.get();
    let parts = this.parts();
    for (const { element, file, at } of parts) this.place(element, file.file, at);
    const waiting = parts.some((part) => isAwaited(part));
    const runs = playing && !waiting;
    if (runs) {
      this.clock = Math.min(this.length, this.clock + elapsed * speed);
      parts = this.parts();
      this.clock += CLOCK_SHARE * commonDrift(parts);
      parts = this.parts();
    }
    this.drive(parts, runs);
    const over = playing && this.clock >= this.length;
    this.set({ time: this.clock, waiting: playing && waiting, ...(over ? { playing: false } : {}) });
  }

  /* The files in which the clock is now. */
  private parts(): Part[] {
    return this.files.flatMap((file) => {
      const element = this.elements.get(file.file);
      const at = this.clock - file.start_us / 1e6;
      return element && !element.error && at >= 0 && at < file.duration_us / 1e6 ? [{ element, file, at }] : [];
    });
  }

  private place(element: Played, file: string, at: number): void {
    if (element.readyState === 0 || !this.misplaced.delete(file)) return;
    element.pause();
    element.currentTime = at;
  }

  private drive(parts: readonly Part[], runs: boolean): void {
    const { speed, volume, muted } = this.get();
    const here = new Set(parts.map(({ element }) => element));
    for (const [file, element] of this.elements) {
      element.volume = volume;
      element.muted = muted;
      if (here.has(element) && runs) continue;
      element.pause();
      /* What begins later begins at its beginning. */
      if (!here.has(element)) this.misplaced.add(file);
    }
    if (!runs) return;
    for (const { element, at } of parts) {
      if (element.ended || element.seeking || element.readyState === 0) continue;
      const { rate, seek } = correction(element.currentTime - at, speed);
      element.playbackRate = rate;
      if (seek) element.currentTime = at;
      if (element.paused) element.play().catch(() => undefined);
    }
  }
}

function isAwaited({ element, file, at }: Part): boolean {
  if (element.seeking) return true;
  const end = Math.min(file.duration_us / 1e6, element.duration > 0 ? element.duration : Infinity);
  return element.readyState < READY && !element.ended && at < end - TAIL;
}

/* Elements take a moment to begin, and run by a clock of their own. */
function commonDrift(parts: readonly Part[]): number {
  const drifts = parts
    .filter(({ element }) => !element.paused && !element.ended && !element.seeking)
    .map(({ element, at }) => element.currentTime - at)
    .filter((drift) => Math.abs(drift) <= DRIFT_SEEK)
    .sort((a, b) => a - b);
  if (drifts.length === 0) return 0;
  const upper = drifts[drifts.length >> 1] ?? 0;
  const lower = drifts[(drifts.length - 1) >> 1] ?? 0;
  return (upper + lower) / 2;
}
