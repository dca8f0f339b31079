import type { Ask } from "./moderation.js";
import type { RecordingItem, RecordingStatus } from "./protocol.js";

/** What is known of recording in this meeting. */
export interface RecordingState {
  /** This server records meetings. */
  available: boolean;
  /** One's token lets one record, whatever one's role. */
  granted: boolean;
  /** The recording of this meeting, or what became of the last one; undefined: there was none since one came. */
  status: RecordingStatus | undefined;
}

export const NO_RECORDING: RecordingState = { available: false, granted: false, status: undefined };

/** A page of recordings, newest first. */
export interface RecordingPage {
  recordings: readonly RecordingItem[];
  /** There are older ones: ask again, with the `started_at` of the last. */
  more: boolean;
  /** When the tokens of this page end, in ms since 1970 by the clock of this device. */
  tokensEndAt: number;
}

/**
 * Recording a meeting. Owners, moderators and those whose token grants it; every call rejects with a PlenumError, `forbidden` for whoever may
 * not, `not_available` where the server does not record. What becomes of it is told to everybody by the event `recording`.
 */
export class Recordings {
  private current = NO_RECORDING;

  constructor(
    private readonly ask: Ask,
    private readonly origin: () => string,
  ) {}

  get state(): RecordingState {
    return this.current;
  }

  /** Is something recorded now, or will be at once? */
  get running(): boolean {
    return isRecording(this.current.status);
  }

  /** Begin to record. */
  async start(): Promise<void> {
    await this.ask("record_start", {});
  }

  /** End the recording. */
  async stop(): Promise<void> {
    await this.ask("record_stop", {});
  }

  /** The recordings of this room that one may see. @param before only those that began earlier, in ms since 1970 */
  async list(before?: number): Promise<RecordingPage> {
    const asked = Date.now();
    const page = await this.ask("recordings", before === undefined ? {} : { before });
    return { recordings: page.recordings, more: page.more, tokensEndAt: asked + page.token_seconds * 1000 };
  }

  /** Delete a recording for good. */
  async delete(id: string): Promise<void> {
    await this.ask("record_delete", { recording: id });
  }

  /**
   * The address of a file of a recording that is ready: `manifest.json` names the others. It is good as long as the page's tokens; undefined
   * for a recording that is not ready.
   */
  fileUrl({ id, token }: RecordingItem, file: string): string | undefined {
    if (token === undefined) return undefined;
    return `${this.origin()}/api/v1/recordings/${id}/files/${encodeURIComponent(file)}?token=${encodeURIComponent(token)}`;
  }

  /** @internal */
  set(state: RecordingState): void {
    this.current = state;
  }
}

/** Is something recorded in this state, or will be at once or again? */
export function isRecording(status: RecordingStatus | undefined): boolean {
  return status?.state === "starting" || status?.state === "on" || status?.state === "paused";
}
