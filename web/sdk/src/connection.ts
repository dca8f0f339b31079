import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import type { IceServer } from "./protocol.js";

/** `idle` while none is wanted · `connecting` also while a broken path is being repaired. */
export type ConnectionState = "idle" | "connecting" | "connected" | "closed";

export interface ConnectionEvents {
  state: ConnectionState;
  /** The connection's m-lines stand on both sides. */
  negotiated: undefined;
  /** A negotiation was refused or broke off; it is tried again when the path or the socket changes. */
  error: unknown;
}

export type PeerConnectionFactory = (config: RTCConfiguration) => RTCPeerConnection;

export interface ConnectionOptions {
  peerConnection?: PeerConnectionFactory | undefined;
  /** Whether the server can be asked now; while it cannot, a broken connection waits for nudge(). */
  canNegotiate?: (() => boolean) | undefined;
}

const DISCONNECTED_PATIENCE_MS = 2000;
/* After so many restarts without a connection the association itself is given up and made anew. */
const RESTARTS_BEFORE_REBUILD = 3;
const RESTART_PAUSE_MS = 4000;

/**
 * One peer connection to the server, kept alive: ICE restarts when the path breaks, built anew when that does not help.
 * Negotiations run one after the other.
 */
export abstract class MediaConnection<E extends ConnectionEvents = ConnectionEvents> extends Emitter<E> {
  protected pc: RTCPeerConnection | undefined;
  private readonly factory: PeerConnectionFactory;
  private readonly canNegotiate: () => boolean;
  private iceServers: readonly IceServer[] = [];
  private queue: Promise<void> = Promise.resolve();
  private watchTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly backoff = new Backoff({ first: 2000, most: 60_000, random: Math.random });
  private broken = false;
  private negotiating = false;
  /* Not earlier: a path that fails at once must not become a storm of offers. */
  private nextBuildAt = 0;
  /* Likewise: what the server has just refused it refuses again. */
  private nextRestartAt = 0;
  private restarts = 0;
  private current: ConnectionState = "idle";

  constructor(options: ConnectionOptions) {
    super();
    this.factory = options.peerConnection ?? ((config) => new RTCPeerConnection(config));
    this.canNegotiate = options.canNegotiate ?? (() => true);
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** The server has answered: the m-lines stand on both sides. */
  get isNegotiated(): boolean {
    return this.pc !== undefined && !this.broken;
  }

  /** Whether there was a connection already, whatever became of it. */
  get isMade(): boolean {
    return this.pc !== undefined;
  }

  /** Whether packets should be arriving now, so that their absence means something. */
  abstract get expectsPackets(): boolean;

  /** Make the connection, or make it anew with everything it carried. */
  build(iceServers: readonly IceServer[] = this.iceServers): Promise<void> {
    this.iceServers = iceServers;
    if (this.current === "idle") this.setState("connecting");
    return this.enqueue(async () => {
      if (this.current === "idle") return;
      this.discard();
      const pc = this.factory({ bundlePolicy: "max-bundle", iceServers: iceServers.map(toRtc) });
      this.pc = pc;
      this.restarts = 0;
      this.broken = true;
      this.nextBuildAt = Date.now() + this.backoff.next();
      this.setState("connecting");
      pc.onconnectionstatechange = () => {
        if (pc === this.pc) this.onConnectionState(pc.connectionState);
      };
      await this.negotiate(pc, false);
      if (pc !== this.pc) return;
      this.broken = false;
      this.emit("negotiated", undefined);
    });
  }

  /** New ICE credentials on the same association: the way out of a broken path. */
  restartIce(): Promise<void> {
    return this.enqueue(async () => {
      const pc = this.pc;
      if (!pc || this.broken || pc.signalingState === "closed") return;
      /* Also one that is refused counts: else a connection that the server has no more would never be made anew. */
      this.restarts++;
      await this.negotiate(pc, true);
    });
  }

  /** Exchange descriptions once more, on the same path. */
  protected renegotiate(): Promise<void> {
    return this.enqueue(async () => {
      if (this.pc && !this.broken) await this.negotiate(this.pc, false);
    });
  }

  /** The server says that it no longer has this connection. */
  lost(): void {
    this.broken = true;
    this.nudge();
  }

  /** The network changed, or the server is reachable again: repair at once what is not connected. */
  nudge(): void {
    this.nextRestartAt = 0;
    this.check();
  }

  /** The network is another one: a path that still looks whole may be gone. */
  refresh(): void {
    if (!this.pc || this.current === "closed") return;
    if (!this.isWhole(this.pc)) this.nudge();
    else if (!this.negotiating && this.canNegotiate()) this.restartIce().catch(() => undefined);
  }

  getStats(): Promise<RTCStatsReport | undefined> {
    return this.pc ? this.pc.getStats() : Promise.resolve(undefined);
  }

  /** There is nothing to carry for now. The next build() need not wait, whatever was refused before. */
  rest(): void {
    if (this.current === "closed") return;
    this.discard();
    this.backoff.reset();
    this.setState("idle");
  }

  close(): void {
    this.discard();
    this.setState("closed");
  }

  /** Exchange descriptions over `pc`. After each wait, `pc` may no longer be the current one: then stop. */
  protected abstract negotiate(pc: RTCPeerConnection, restart: boolean): Promise<void>;

  /** What else ends with a connection that is thrown away. */
  protected onDiscard(): void {}

  private enqueue(task: () => Promise<void>): Promise<void> {
    const run = this.queue.then(async () => {
      if (this.current === "closed") return;
      this.negotiating = true;
      try {
        await task();
      } finally {
        this.negotiating = false;
        this.afterNegotiation();
      }
    });
    this.queue = run.catch((error: unknown) => {
      this.emit("error", error);
    });
    return run;
  }

  /* What broke meanwhile was left alone, and what could not be negotiated is tried again, after a pause. */
  private afterNegotiation(): void {
    if (!this.pc) return;
    if (this.broken) this.repair();
    else this.onConnectionState(this.pc.connectionState);
  }

  private onConnectionState(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      /*
       * The server lost its end while this one was being restarted: it may have taken that for a new connection, to which a browser does not
       * say again which of its streams is which.
       */
      if (this.broken) return;
      clearTimeout(this.watchTimer);
      this.restarts = 0;
      this.nextRestartAt = 0;
      this.backoff.reset();
      this.setState("connected");
    } else if (state === "disconnected") {
      this.setState("connecting");
      this.watch(DISCONNECTED_PATIENCE_MS);
    } else if (state === "failed") {
      this.setState("connecting");
      this.repair();
    }
  }

  private isWhole(pc: RTCPeerConnection): boolean {
    return !this.broken && pc.connectionState === "connected";
  }

  private check(): void {
    if (this.pc && this.current !== "closed" && !this.isWhole(this.pc)) this.repair();
  }

  private repair(): void {
    const pc = this.pc;
    if (!pc || this.negotiating || !this.canNegotiate()) return;
    /* With ICE still standing it was DTLS that failed, and no restart brings that back. */
    const dtlsFailed = pc.connectionState === "failed" && pc.iceConnectionState !== "failed" && pc.iceConnectionState !== "disconnected";
    const hopeless = this.broken || dtlsFailed || this.restarts >= RESTARTS_BEFORE_REBUILD;
    const wait = (hopeless ? this.nextBuildAt : this.nextRestartAt) - Date.now();
    if (wait > 0) {
      this.watch(wait);
      return;
    }
    this.nextRestartAt = Date.now() + RESTART_PAUSE_MS;
    this.watch(RESTART_PAUSE_MS);
    (hopeless ? this.build() : this.restartIce()).catch(() => undefined);
  }

  private watch(delay: number): void {
    clearTimeout(this.watchTimer);
    this.watchTimer = setTimeout(() => this.check(), delay);
  }

  private discard(): void {
    clearTimeout(this.watchTimer);
    const pc = this.pc;
    this.pc = undefined;
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
    this.onDiscard();
  }

  private setState(state: ConnectionState): void {
    if (state === this.current) return;
    this.current = state;
    this.emit("state", state);
  }
}

function toRtc(server: IceServer): RTCIceServer {
  return {
    urls: server.url,
    ...(server.username === undefined ? {} : { username: server.username }),
    ...(server.credential === undefined ? {} : { credential: server.credential }),
  };
}
