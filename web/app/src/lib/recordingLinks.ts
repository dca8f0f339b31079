import { detectEngine, type RecordingItem, type Recordings } from "@plenum/sdk";

/* Tokens that are so fresh are not why something failed. */
const FRESH_MS = 10_000;
/* Links have to work whenever they are clicked: new tokens are fetched when so much of the life of the old ones is over. */
const RENEW_AT = 0.4;

/** Fetch tokens now and whenever they get old. @param fetch says when they end, in ms since 1970 @return ends that */
export function keepFresh(fetch: () => Promise<number>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  const next = async () => {
    const end = await fetch().catch(() => 0);
    if (!over) timer = setTimeout(() => void next(), Math.max(FRESH_MS, (end - Date.now()) * RENEW_AT));
  };
  void next();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

/*
 * Chromium keeps the connection of a file that it has enough of for now, and has six of them: those that play beside would wait for ever. So
 * it gets such pieces, after which the connection is free.
 */
const PIECE = 4_000_000;

/** The address for an element that plays what is at `url`. */
export function playedUrl(url: string, engine = detectEngine(navigator.userAgent)): string {
  return engine === "chromium" ? `${url}&piece=${PIECE}` : url;
}

/** The addresses of a recording's files: tokens end, and new ones are fetched. */
export class RecordingLinks {
  private renewedAt = -Infinity;
  private renewing: Promise<number> | undefined;

  constructor(
    private readonly recordings: Pick<Recordings, "list" | "fileUrl">,
    private item: RecordingItem,
  ) {}

  url(file: string): string | undefined {
    return this.recordings.fileUrl(this.item, file);
  }

  /**
   * Fetch a new token, once for all who ask meanwhile. Rejects when there is none: the recording is gone, or the token is not what is wrong.
   * @return when it ends, in ms since 1970
   */
  renew(): Promise<number> {
    this.renewing ??= this.fetch().finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  /** A new address of a file whose present one failed. Rejects as renew() does. */
  async renewed(file: string, failed: string): Promise<string> {
    if (this.url(file) === failed) await this.renew();
    const url = this.url(file);
    if (url === undefined || url === failed) throw new Error("no other address");
    return url;
  }

  private async fetch(): Promise<number> {
    if (performance.now() - this.renewedAt < FRESH_MS) throw new Error("the token is fresh");
    const page = await this.recordings.list(this.item.started_at + 1);
    const item = page.recordings.find(({ id }) => id === this.item.id);
    if (item?.token === undefined) throw new Error("the recording is gone");
    this.item = item;
    this.renewedAt = performance.now();
    return page.tokensEndAt;
  }
}
