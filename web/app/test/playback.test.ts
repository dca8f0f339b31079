import { describe, expect, it } from "vitest";
import { correction, Playback, type Played } from "../src/lib/playback.js";
import { playerAction, type KeyPlace } from "../src/lib/playerKeys.js";
import type { ManifestFile } from "../src/lib/recording.js";

/** The world that elements and clock live in, in ms. */
class World {
  now = 0;
  readonly elements: FakeElement[] = [];

  pass(ms: number, playback: Playback): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 10;
      for (const element of this.elements) element.advance(0.01);
      if (this.now % 100 === 0) playback.tick();
    }
  }
}

/** Behaves as a media element does: takes a while to begin and to seek, and runs by a clock of its own. */
class FakeElement implements Played {
  duration = NaN;
  error: MediaError | null = null;
  muted = false;
  paused = true;
  playbackRate = 1;
  readyState = 4;
  volume = 1;
  seeks = 0;
  private place = 0;
  private seekLeft = 0;
  private startLeft = 0;

  constructor(
    readonly length: number,
    private readonly own = { startMs: 0, seekMs: 0, skew: 1 },
  ) {
    this.duration = length;
  }

  get currentTime(): number {
    return this.place;
  }
  set currentTime(value: number) {
    this.place = Math.max(0, Math.min(this.length, value));
    this.seekLeft = this.own.seekMs / 1000;
    this.seeks++;
  }
  get seeking(): boolean {
    return this.seekLeft > 0;
  }
  get ended(): boolean {
    return this.place >= this.length;
  }
  play(): Promise<void> {
    this.paused = false;
    this.startLeft = this.own.startMs / 1000;
    return Promise.resolve();
  }
  pause(): void {
    this.paused = true;
  }
  advance(seconds: number): void {
    if (this.seekLeft > 0) this.seekLeft -= seconds;
    else if (this.paused || this.readyState < 3) return;
    else if (this.startLeft > 0) this.startLeft -= seconds;
    else this.place = Math.min(this.length, this.place + seconds * this.playbackRate * this.own.skew);
  }
}

const file = (name: string, start: number, duration: number): ManifestFile => ({ file: name, participant: 1, pair: "camera", start_us: start * 1e6, duration_us: duration * 1e6, bytes: 1 });

/** Files of these starts and lengths, each with an element. */
function stage(length: number, ...parts: { start: number; duration: number; own?: ConstructorParameters<typeof FakeElement>[1] }[]) {
  const world = new World();
  const files = parts.map(({ start, duration }, n) => file(`f${n}`, start, duration));
  const playback = new Playback(files, length, () => world.now);
  const elements = parts.map(({ duration, own }, n) => {
    const element = new FakeElement(duration, own);
    playback.attach(`f${n}`, element);
    world.elements.push(element);
    return element;
  });
  /* Where each of those that run is in the recording, and how far they are apart. */
  const spread = (): number => {
    const places = elements.map((element, n) => element.currentTime + (parts[n]?.start ?? 0));
    return Math.max(...places) - Math.min(...places);
  };
  return { world, playback, elements, spread };
}

describe("the correction of drift", () => {
  it("leaves alone what nobody notices, turns the rate for a little, and seeks for much", () => {
    expect(correction(0.01, 1)).toEqual({ rate: 1, seek: false });
    expect(correction(0.03, 1).rate).toBeCloseTo(0.88);
    expect(correction(-0.03, 2).rate).toBeCloseTo(2.24);
    expect(correction(0.3, 1).rate).toBeCloseTo(0.85);
    expect(correction(-0.5, 1.5)).toEqual({ rate: 1.5, seek: true });
  });
});

describe("files that play together", () => {
  const odd = [
    { start: 0, duration: 60, own: { startMs: 0, seekMs: 30, skew: 1 } },
    { start: 2, duration: 58, own: { startMs: 90, seekMs: 200, skew: 1.002 } },
    { start: 5, duration: 55, own: { startMs: 40, seekMs: 500, skew: 0.998 } },
  ];

  it.each([0.5, 1, 2])("are within 100 ms after a seek and ten seconds later, at speed %d", (speed) => {
    const { world, playback, spread } = stage(60, ...odd);
    playback.setSpeed(speed);
    playback.toggle();
    world.pass(1000, playback);
    playback.seek(20);
    world.pass(1000, playback);
    expect(playback.get()).toMatchObject({ playing: true, waiting: false });
    expect(spread()).toBeLessThan(0.1);
    const at = playback.get().time;
    world.pass(10_000, playback);
    expect(spread()).toBeLessThan(0.05);
    expect(Math.abs(playback.get().time - at - 10 * speed)).toBeLessThan(0.2 * speed);
  });

  it("are at the very place when it is sought while nothing plays", () => {
    const { world, playback, elements } = stage(60, ...odd);
    playback.seek(30.25);
    world.pass(1000, playback);
    expect(elements.map((element) => [element.currentTime, element.paused])).toEqual([[30.25, true], [28.25, true], [25.25, true]]);
    expect(playback.get().time).toBe(30.25);
  });

  it("are sought once for a seek, and never while they play well", () => {
    const { world, playback, elements } = stage(60, ...odd);
    playback.seek(10);
    playback.toggle();
    world.pass(20_000, playback);
    expect(elements.map(({ seeks }) => seeks)).toEqual([1, 1, 1]);
  });

  it("wait for each other, and go on together", () => {
    const { world, playback, elements, spread } = stage(60, ...odd);
    const [, slow] = elements;
    if (!slow) throw new Error();
    playback.seek(10);
    playback.toggle();
    world.pass(2000, playback);
    slow.readyState = 2;
    world.pass(200, playback);
    const at = playback.get().time;
    expect([playback.get().waiting, elements.every(({ paused }) => paused)]).toEqual([true, true]);
    world.pass(5000, playback);
    expect(playback.get().time).toBe(at);
    slow.readyState = 4;
    world.pass(1000, playback);
    expect([playback.get().waiting, elements.some(({ paused }) => paused)]).toEqual([false, false]);
    expect(spread()).toBeLessThan(0.1);
  });

  it("are not held up by one that failed", () => {
    const { world, playback, elements } = stage(60, ...odd);
    const [first, second] = elements;
    if (!first || !second) throw new Error();
    second.error = {} as MediaError;
    second.readyState = 0;
    playback.seek(10);
    playback.toggle();
    world.pass(2000, playback);
    expect([playback.get().waiting, first.paused, second.paused]).toEqual([false, false, true]);
  });

  it("begin and end when their time comes", () => {
    const { world, playback, elements } = stage(10, { start: 0, duration: 10 }, { start: 2, duration: 3 });
    const [, late] = elements;
    if (!late) throw new Error();
    playback.toggle();
    world.pass(1500, playback);
    expect([late.paused, late.currentTime]).toEqual([true, 0]);
    world.pass(1500, playback);
    expect(late.paused).toBe(false);
    expect(Math.abs(late.currentTime - 1)).toBeLessThan(0.15);
    world.pass(3000, playback);
    expect(late.paused).toBe(true);
    playback.seek(3);
    world.pass(500, playback);
    expect(Math.abs(late.currentTime - 1.5)).toBeLessThan(0.15);
  });

  it("take up a new element, as after a new address, where the clock is", () => {
    const { world, playback, elements } = stage(60, ...odd);
    playback.seek(20);
    playback.toggle();
    world.pass(2000, playback);
    const fresh = new FakeElement(58, odd[1]?.own);
    fresh.readyState = 0;
    world.elements[1] = fresh;
    playback.attach("f1", fresh);
    world.pass(500, playback);
    expect([playback.get().waiting, elements[0]?.paused]).toEqual([true, true]);
    fresh.readyState = 4;
    world.pass(1000, playback);
    expect([playback.get().waiting, fresh.paused]).toEqual([false, false]);
    expect(Math.abs(fresh.currentTime + 2 - playback.get().time)).toBeLessThan(0.1);
  });
});

describe("the clock", () => {
  it("goes through a time of which there is no file", () => {
    const { world, playback } = stage(10, { start: 0, duration: 2 }, { start: 8, duration: 2 });
    playback.toggle();
    world.pass(5000, playback);
    expect(Math.abs(playback.get().time - 5)).toBeLessThan(0.2);
  });

  it("stops at the end, and begins again from there", () => {
    const { world, playback } = stage(3, { start: 0, duration: 3 });
    playback.toggle();
    world.pass(4000, playback);
    expect(playback.get()).toMatchObject({ playing: false, time: 3 });
    playback.toggle();
    expect(playback.get()).toMatchObject({ playing: true, time: 0 });
  });

  it("keeps to the recording, and to speeds and volumes that there are", () => {
    const { playback } = stage(3, { start: 0, duration: 3 });
    playback.seek(-1);
    expect(playback.get().time).toBe(0);
    playback.step(9);
    expect(playback.get().time).toBe(3);
    for (let i = 0; i < 9; i++) playback.stepSpeed(1);
    expect(playback.get().speed).toBe(2);
    for (let i = 0; i < 9; i++) playback.stepSpeed(-1);
    expect(playback.get().speed).toBe(0.5);
    playback.toggleMuted();
    playback.setVolume(1.2);
    expect(playback.get()).toMatchObject({ volume: 1, muted: false });
  });

  it("tells all elements how loud they are", () => {
    const { world, playback, elements } = stage(3, { start: 0, duration: 3 }, { start: 1, duration: 2 });
    playback.setVolume(0.25);
    playback.toggleMuted();
    world.pass(100, playback);
    expect(elements.map(({ volume, muted }) => [volume, muted])).toEqual([[0.25, true], [0.25, true]]);
  });
});

describe("keys of the player", () => {
  const press = (key: string, place: KeyPlace = "none") => {
    const { playback } = stage(100, { start: 0, duration: 100 });
    playback.seek(50);
    playerAction(key, place)?.(playback);
    return playback.get();
  };

  it("play, seek, and change speed and volume", () => {
    expect([press(" ").playing, press("K").playing]).toEqual([true, true]);
    expect(["ArrowLeft", "ArrowRight", "j", "l", "Home", "End"].map((key) => press(key).time)).toEqual([45, 55, 40, 60, 0, 100]);
    expect([press(">").speed, press("<").speed, press("m").muted, press("ArrowDown").volume]).toEqual([1.25, 0.75, true, 0.95]);
  });

  it("leave to controls what is theirs", () => {
    expect(playerAction(" ", "pressed")).toBeUndefined();
    expect(playerAction("ArrowLeft", "changed")).toBeUndefined();
    expect(press("ArrowLeft", "timeline").time).toBe(45);
    expect(press("k", "pressed").playing).toBe(true);
    for (const key of ["Tab", "Escape", "x", "constructor"]) expect(playerAction(key, "none"), key).toBeUndefined();
  });
});
