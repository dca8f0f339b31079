import type { Source, ViewItem } from "./protocol.js";

/** Something on the screen, as the page lays it out. Sizes in CSS pixels. */
export interface ShownItem {
  participant: number;
  source: Extract<Source, "camera" | "screen">;
  width: number;
  height: number;
  /** Higher is served first when bandwidth is short. */
  priority?: number;
}

export interface ViewOptions {
  send: (items: ViewItem[]) => Promise<unknown>;
  /** Quiet time before a change is told, ms: layouts change several times in a row. */
  delay?: number;
  pixelRatio?: () => number;
}

const MAX_ITEMS = 64;
const STEP = 8;

/** Tells the server what is shown, at what size, no more often than is useful. */
export class ViewReporter {
  private items: ViewItem[] | undefined;
  private told = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ViewOptions) {}

  /** What is shown now, most important first. */
  set(shown: readonly ShownItem[]): void {
    const ratio = this.options.pixelRatio?.() ?? 1;
    this.items = shown.slice(0, MAX_ITEMS).map((item) => ({
      participant: item.participant,
      source: item.source,
      width: pixels(item.width, ratio),
      height: pixels(item.height, ratio),
      priority: item.priority ?? 0,
    }));
    if (this.timer === undefined && JSON.stringify(this.items) !== this.told) {
      this.timer = setTimeout(() => void this.flush(), this.options.delay ?? 120);
    }
  }

  /** The server may have forgotten: tell it again at once. @return the answer; undefined where there was nothing to tell */
  repeat(): Promise<unknown> | undefined {
    this.told = "";
    return this.flush();
  }

  /** What was shown is void, for instance because one is in another room. */
  reset(): void {
    this.stop();
    this.items = undefined;
    this.told = "";
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private flush(): Promise<unknown> | undefined {
    this.stop();
    if (!this.items) return undefined;
    const text = JSON.stringify(this.items);
    if (text === this.told) return undefined;
    this.told = text;
    const answer = this.options.send(this.items);
    /* Refused or lost: it counts as not told, so that the next change or repeat() carries it. */
    answer.catch(() => {
      if (this.told === text) this.told = "";
    });
    return answer;
  }
}

/* Rounded down to whole steps: a pixel more or less is no news, and must not ask for twice the size. */
function pixels(size: number, ratio: number): number {
  const exact = Math.min(16384, size * ratio);
  return exact < STEP ? Math.ceil(exact) : Math.floor(exact / STEP) * STEP;
}
