import type { Ask } from "./moderation.js";
import type { BreakoutPlace, BreakoutRoom } from "./protocol.js";

/** The breakout rooms of a meeting. */
export interface BreakoutState {
  /** Whether there are any. */
  open: boolean;
  rooms: readonly BreakoutRoom[];
  /** Everybody may go where they like. */
  mayChoose: boolean;
  /** When all come back, in ms since 1970; undefined: open end. */
  endAt: number | undefined;
}

export const NO_BREAKOUTS: BreakoutState = { open: false, rooms: [], mayChoose: false, endAt: undefined };

export interface BreakoutPlan {
  /** Names of the rooms, the first is number 1. */
  rooms: readonly string[];
  /** Who belongs where; people who are not named stay. */
  places?: readonly BreakoutPlace[];
  /** Share everybody but moderators out evenly. */
  random?: boolean;
  /** Move them at once; else they are invited. */
  force?: boolean;
  mayChoose?: boolean;
  /** After so many minutes all come back. */
  minutes?: number;
}

/** Rooms beside the meeting. Going from one to another changes who is seen and heard, never a connection. */
export class Breakouts {
  private current = NO_BREAKOUTS;

  constructor(private readonly ask: Ask) {}

  get state(): BreakoutState {
    return this.current;
  }

  /** Make breakout rooms. Moderators. */
  async open({ rooms, places, random, force, mayChoose, minutes }: BreakoutPlan): Promise<void> {
    await this.ask("breakout_open", {
      rooms: rooms.map((name) => ({ name })),
      ...(places && places.length > 0 ? { places: [...places] } : {}),
      ...(random ? { random } : {}),
      ...(force ? { force } : {}),
      ...(mayChoose ? { may_choose: mayChoose } : {}),
      ...(minutes ? { minutes } : {}),
    });
  }

  /** Move people at once, or invite them. Moderators. */
  async assign(places: readonly BreakoutPlace[], force: boolean): Promise<void> {
    await this.ask("breakout_assign", { places: [...places], force });
  }

  /** Go to a room; 0 is the main room, which is always open. */
  async go(room: number, { listen = false }: { listen?: boolean } = {}): Promise<void> {
    await this.ask("breakout_go", { room, ...(listen ? { listen } : {}) });
  }

  /** So many seconds are left; 0: no limit. Moderators. */
  async setTime(seconds: number): Promise<void> {
    await this.ask("breakout_time", { seconds });
  }

  /** Everybody back, after so many seconds. Moderators. */
  async close(seconds = 0): Promise<void> {
    await this.ask("breakout_close", { seconds });
  }

  /** A word to the main room and all breakout rooms. Moderators. */
  async say(text: string): Promise<void> {
    await this.ask("breakout_say", { text });
  }

  /** @internal */
  set(state: BreakoutState): void {
    this.current = state;
  }
}
