import { PlenumError } from "./errors.js";
import type { Source, Track, TrackLine } from "./protocol.js";

/** Why a source of one's own was stopped: somebody muted it, or one may not send it. */
export interface SourceStopped {
  source: Source;
  reason: "muted" | "forbidden";
}

export interface MutesOptions {
  /** Tells the server. */
  tell: (source: Source, muted: boolean) => Promise<unknown>;
  /** False: the server takes nothing from this person, whatever the source. */
  maySend: () => boolean;
  canTell: () => boolean;
  /** The server's word: send nothing more. */
  stop: (stopped: SourceStopped) => void;
  onError: (error: unknown) => void;
}

interface Word {
  muted: boolean;
  settled: boolean;
}

/** Which sources of one's own are muted: what the person wants, what the server was told, and what a moderator did to it. */
export class OwnMutes {
  private readonly wanted = new Map<Source, boolean>();
  private readonly told = new Map<Source, Word>();

  constructor(private readonly options: MutesOptions) {}

  want(source: Source, muted: boolean): void {
    this.wanted.set(source, muted);
  }

  isSending(source: Source): boolean {
    return this.wanted.get(source) === false;
  }

  /** The publish offer told all of them. */
  offered(lines: readonly TrackLine[]): void {
    for (const { source, muted } of lines) this.told.set(source, { muted, settled: true });
  }

  /** The server knows nothing of them any more. */
  forget(): void {
    this.told.clear();
  }

  /** Tell what is not known yet, and stop what may not be sent. Before the publish connection stands there is nothing to tell. */
  tell(): void {
    if (!this.options.maySend()) for (const source of this.wanted.keys()) this.stopped(source, "forbidden");
    if (!this.options.canTell()) return;
    for (const [source, muted] of this.wanted) {
      if (this.told.get(source)?.muted !== muted) void this.tellOne(source, muted);
    }
  }

  /**
   * How the server says that they are. Where it was told otherwise, and no word is under way, somebody muted one; where it was not told
   * yet, for instance because the socket was lost, it is told by the next tell().
   */
  adopt(tracks: readonly Track[]): void {
    for (const { source, muted } of tracks) {
      const told = this.told.get(source);
      if (told?.settled && !told.muted && muted) this.stopped(source, "muted");
      else if (told?.settled && told.muted && !muted) this.told.delete(source);
    }
  }

  /** The room wants it off when one comes in. That is told whether or not it is sent yet: its device may just be opening. */
  startOff(source: Source): void {
    this.want(source, true);
    this.options.stop({ source, reason: "muted" });
  }

  /** Something stopped a source. */
  stopped(source: Source, reason: SourceStopped["reason"]): void {
    const wasSending = this.isSending(source);
    this.wanted.set(source, true);
    this.told.set(source, { muted: true, settled: true });
    if (wasSending) this.options.stop({ source, reason });
  }

  private async tellOne(source: Source, muted: boolean): Promise<void> {
    const word: Word = { muted, settled: false };
    this.told.set(source, word);
    try {
      await this.options.tell(source, muted);
      word.settled = true;
    } catch (error) {
      if (this.told.get(source) !== word) return;
      const code = error instanceof PlenumError ? error.code : "";
      if (code === "forbidden") this.stopped(source, "forbidden");
      else this.told.delete(source);
      if (code !== "lost" && code !== "forbidden") this.options.onError(error);
    }
  }
}
