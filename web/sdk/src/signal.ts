import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { PlenumError } from "./errors.js";
import type { JoinedReply, RequestFields, RequestReply, ServerEvent, ServerReply } from "./protocol.js";

/** The version of the protocol, as WebSocket subprotocol. */
export const SUBPROTOCOL = "plenum.v1";

type RequestType = keyof RequestReply;

/**
 * `idle` before the first join · `joining` the first attempt · `open` in the room ·
 * `reconnecting` the socket is lost, media may still flow · `closed` left or ended, for good
 */
export type SignalState = "idle" | "joining" | "open" | "reconnecting" | "closed";

export interface SignalEvents {
  state: SignalState;
  /** In the room again after `reconnecting`; `resumed` says whether the peer connections still stand. */
  rejoined: JoinedReply;
  event: ServerEvent;
}

export interface SignalOptions {
  /** ws: or wss: address of the server's /ws. */
  url: string;
  /** How long an answer may take, ms. */
  requestTimeout?: number;
  webSocket?: new (url: string, protocol: string) => WebSocket;
  backoff?: Backoff;
  now?: () => number;
}

interface Pending {
  resolve: (reply: ServerReply) => void;
  reject: (error: PlenumError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * The session with the server: one WebSocket at a time, requests as promises, and the way back when the socket breaks:
 * by `resume` while the grace time runs, else by joining afresh.
 */
export class Signal extends Emitter<SignalEvents> {
  private readonly pending = new Map<number, Pending>();
  private readonly backoff: Backoff;
  private readonly now: () => number;
  private readonly timeout: number;
  private socket: WebSocket | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private nextId = 1;
  private session: JoinedReply | undefined;
  private lostAt = 0;
  private who: { room: string; name: string } = { room: "", name: "" };
  private current: SignalState = "idle";

  constructor(private readonly options: SignalOptions) {
    super();
    this.backoff = options.backoff ?? new Backoff();
    this.now = options.now ?? Date.now;
    this.timeout = options.requestTimeout ?? 10_000;
  }

  get state(): SignalState {
    return this.current;
  }

  /** Enter the room. Rejects when the server cannot be reached or refuses; from then on the signal is closed. */
  async join(room: string, name: string): Promise<JoinedReply> {
    if (this.current !== "idle") throw new PlenumError("bad_state", "join was called before");
    this.who = { room, name };
    this.setState("joining");
    try {
      await this.connect();
      this.session = await this.send("join", this.who);
    } catch (error) {
      this.close();
      throw error;
    }
    this.setState("open");
    return this.session;
  }

  /**
   * Ask the server. Rejects with a PlenumError; `lost` when the socket broke meanwhile. An answer that does not come
   * in time counts as a broken socket.
   */
  request<T extends RequestType>(type: T, fields: RequestFields<T>): Promise<RequestReply[T]> {
    if (this.current !== "open") {
      return Promise.reject(new PlenumError(this.current === "closed" ? "closed" : "lost", "not connected"));
    }
    return this.send(type, fields);
  }

  /** The name to come back with, should a fresh join be needed. */
  rename(name: string): void {
    this.who = { ...this.who, name };
  }

  /** The network seems to be back, or seems to have changed: do not wait for the next attempt. */
  retryNow(): void {
    if (this.current !== "reconnecting" || this.retryTimer === undefined) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.backoff.reset();
    void this.reconnect();
  }

  /** Leave for good, and tell the server where possible. */
  leave(): void {
    if (this.current === "open") this.send("leave", {}).catch(() => undefined);
    this.close();
  }

  private close(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.dropSocket(new PlenumError("closed", "the meeting was left"));
    this.setState("closed");
  }

  private setState(state: SignalState): void {
    if (state === this.current) return;
    this.current = state;
    this.emit("state", state);
  }

  private connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const Socket = this.options.webSocket ?? WebSocket;
      const socket = new Socket(this.options.url, SUBPROTOCOL);
      this.socket = socket;
      const giveUp = setTimeout(() => socket.close(), this.timeout);
      socket.onopen = () => {
        clearTimeout(giveUp);
        resolve();
      };
      socket.onmessage = (message) => {
        if (socket === this.socket) this.onMessage(message.data);
      };
      socket.onclose = () => {
        clearTimeout(giveUp);
        reject(new PlenumError("unreachable", "the server cannot be reached"));
        if (socket === this.socket) this.onSocketLost();
      };
    });
  }

  private send<T extends RequestType>(type: T, fields: RequestFields<T>): Promise<RequestReply[T]> {
    const socket = this.socket;
    if (!socket) return Promise.reject(new PlenumError("lost", "not connected"));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new PlenumError("timeout", `no answer to ${type}`));
        if (socket === this.socket) this.onSocketLost();
      }, this.timeout);
      /* The id ties the answer to the request, and the table of the protocol says which type that answer has. */
      this.pending.set(id, { resolve: resolve as (reply: ServerReply) => void, reject, timer });
      socket.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  private onMessage(data: unknown): void {
    const message = parse(data);
    if (!message) return;
    if (!("id" in message) && message.type !== "error") {
      this.emit("event", message);
      if (message.type === "ended") this.close();
      return;
    }
    const reply = message;
    const waiting = reply.id === undefined ? undefined : this.pending.get(reply.id);
    if (!waiting || reply.id === undefined) return;
    this.pending.delete(reply.id);
    clearTimeout(waiting.timer);
    if (reply.type === "error") waiting.reject(new PlenumError(reply.code, reply.message, reply.field));
    else waiting.resolve(reply);
  }

  private onSocketLost(): void {
    this.dropSocket(new PlenumError("lost", "the connection to the server broke"));
    if (this.current !== "open") return;
    this.lostAt = this.now();
    this.setState("reconnecting");
    this.scheduleRetry();
  }

  private dropSocket(error: PlenumError): void {
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(error);
    }
  }

  private scheduleRetry(): void {
    this.retryTimer = setTimeout(() => {
      this.retryTimer = undefined;
      void this.reconnect();
    }, this.backoff.next());
  }

  private async reconnect(): Promise<void> {
    try {
      await this.connect();
      const session = await this.takeUp();
      this.session = session;
      this.backoff.reset();
      this.setState("open");
      this.emit("rejoined", session);
    } catch (error) {
      this.dropSocket(new PlenumError("lost", "the connection to the server broke"));
      if (this.state !== "reconnecting") return;
      if (error instanceof PlenumError && isFinal(error)) {
        this.emit("event", { type: "ended", reason: "removed" });
        this.close();
      } else this.scheduleRetry();
    }
  }

  private async takeUp(): Promise<JoinedReply> {
    const graceEnds = this.lostAt + (this.session?.grace_seconds ?? 0) * 1000;
    if (this.session && this.now() < graceEnds) {
      try {
        return await this.send("resume", { secret: this.session.secret });
      } catch (error) {
        if (!(error instanceof PlenumError) || error.code !== "not_found") throw error;
      }
    }
    return this.send("join", this.who);
  }
}

function isFinal(error: PlenumError): boolean {
  return error.code === "forbidden" || error.code === "version";
}

function parse(data: unknown): ServerReply | ServerEvent | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return isMessage(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/* What the server sends follows the table; a type that is unknown here comes from a newer server and finds no listener. */
function isMessage(value: unknown): value is ServerReply | ServerEvent {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
