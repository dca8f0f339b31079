import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { PlenumError } from "./errors.js";
import type { JoinedReply, LeaveReason, RequestFields, RequestReply, ServerEvent, ServerReply, WaitReason } from "./protocol.js";

/** How a session ended: as the server says, or `taken`: another socket took it up, for instance that of another tab. */
export type EndReason = LeaveReason | "taken";

/** The version of the protocol, as WebSocket subprotocol. */
export const SUBPROTOCOL = "plenum.v1";

/* The socket was closed because another one resumed the session: resuming in turn would take it back and forth. */
const CLOSE_TAKEN = 4001;

type RequestType = keyof RequestReply;

/** What one enters a room with. */
export type JoinFields = RequestFields<"join">;

/**
 * `idle` before the first join · `joining` the first attempt · `waiting` in the lobby, or for the organiser · `open` in the room ·
 * `reconnecting` the socket is lost, media may still flow · `closed` left or ended, for good
 */
export type SignalState = "idle" | "joining" | "waiting" | "open" | "reconnecting" | "closed";

export interface SignalEvents {
  state: SignalState;
  /** Not in yet, and why; told again when the reason changes. */
  waiting: WaitReason;
  /** In the room again after `reconnecting`; `resumed` says whether the peer connections still stand. */
  rejoined: JoinedReply;
  event: ServerEvent;
  ended: EndReason;
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

/*
 * A doubted socket has so long before another one is opened, most often for nothing, and at least so long before that one takes over. While none
 * stands a fresh one is tried now and then, for the way may have come only after the former one set out; at last the doubted one counts as broken.
 */
const DOUBT_ALONE_MS = 100;
const DOUBT_LEAST_MS = 250;
const RIVAL_AGAIN_MS = 500;
const DOUBT_MOST_MS = 2600;
/* What was sent to both is here by then. */
const STANDING_MS = 50;
/* A timer that is so late tells of a page that was held up: the answer may lie at its door. */
const LATE_MS = 50;
/* A page that is always late comes to a verdict all the same. */
const LATE_ROUNDS = 10;

/** A socket that is being opened. */
interface Attempt {
  socket: WebSocket;
  opened: Promise<void>;
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
  private retry: (() => void) | undefined;
  private nextId = 1;
  private session: JoinedReply | undefined;
  /* Secret of a place in the lobby. */
  private place: string | undefined;
  /* The join or resume that is not answered yet: while one waits, no answer is no fault. */
  private entering: number | undefined;
  private lostAt = 0;
  private doubtTimer: ReturnType<typeof setTimeout> | undefined;
  private doubtedAt = 0;
  /* Opened beside a doubted socket. */
  private rival: Attempt | undefined;
  private who: JoinFields = { room: "", name: "" };
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

  /** By which another socket may take this session up; undefined before one is in. */
  get secret(): string | undefined {
    return this.session?.secret;
  }

  /**
   * Enter the room. Resolves once admitted: in between `state` may be `waiting`, for as long as it takes, and a socket that breaks
   * meanwhile is made anew and keeps the place. Rejects when the server cannot be reached or refuses; from then on the signal is closed.
   * @param secret of a session to take up, wherever it runs; where it is over, one enters as anybody does
   */
  async join(who: JoinFields, secret?: string): Promise<JoinedReply> {
    if (this.current !== "idle") throw new PlenumError("bad_state", "join was called before");
    this.who = who;
    this.place = secret;
    this.setState("joining");
    try {
      this.session = await this.enterFirst();
    } catch (error) {
      this.close();
      throw error;
    }
    this.backoff.reset();
    this.setState("open");
    return this.session;
  }

  /**
   * Ask the server. Rejects with a PlenumError; `lost` when the socket broke meanwhile. An answer that does not come
   * in time counts as a broken socket.
   */
  request<T extends RequestType>(type: T, fields: RequestFields<T>): Promise<RequestReply[T]> {
    if (this.current === "waiting") return Promise.reject(new PlenumError("bad_state", "not in yet"));
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
    if (this.retryTimer === undefined) return;
    this.backoff.reset();
    this.retry?.();
  }

  /**
   * The path seems to be gone: where the answer does not come soon another socket is opened beside this one. It takes over when it stands and
   * the answer has still not come; where neither does anything for some seconds, this one counts as broken. Time in which the page itself was held
   * up proves nothing and does not count. A doubt while another one lasts changes nothing.
   * @param answer to something that was just asked. @return whether the socket could be trusted
   */
  async doubt(answer: Promise<unknown>): Promise<boolean> {
    const { socket } = this;
    if (this.current !== "open" || !socket) return false;
    if (this.doubtTimer === undefined) {
      this.doubtedAt = this.now();
      this.doubtAfter(DOUBT_ALONE_MS, () => this.openRival());
    }
    const answered = await answer.then(
      () => true,
      (error: unknown) => !isUnheard(error),
    );
    if (answered && socket === this.socket) this.trust();
    return answered;
  }

  /**
   * Leave, and tell the server where possible.
   * @param soft the page goes away and may be back at once: for a few seconds `secret` takes the place up again
   */
  leave(soft = false): void {
    if (this.current === "open" || this.current === "waiting" || this.isEntering()) this.send("leave", soft ? { soft } : {}).catch(() => undefined);
    this.close();
  }

  /* Asked, and not answered: the server may have taken one in already. */
  private isEntering(): boolean {
    return this.entering !== undefined && this.pending.has(this.entering);
  }

  private end(reason: EndReason): void {
    this.emit("ended", reason);
    this.close();
  }

  private close(): void {
    this.setState("closed");
    this.retry?.();
    this.dropSocket(new PlenumError("closed", "the meeting was left"));
  }

  private setState(state: SignalState): void {
    if (state === this.current) return;
    this.current = state;
    this.emit("state", state);
  }

  /* In so many ms, or in as many more each time the page was late for it. */
  private doubtAfter(ms: number, act: () => void, rounds = LATE_ROUNDS): void {
    clearTimeout(this.doubtTimer);
    const due = this.now() + ms;
    this.doubtTimer = setTimeout(() => {
      if (rounds > 0 && this.now() - due > LATE_MS) this.doubtAfter(ms, act, rounds - 1);
      else act();
    }, ms);
  }

  private openRival(): void {
    this.dropRival();
    const rival = (this.rival = this.openSocket());
    const isLast = this.now() + RIVAL_AGAIN_MS >= this.doubtedAt + DOUBT_MOST_MS;
    this.doubtAfter(RIVAL_AGAIN_MS, () => (isLast ? this.replace() : this.openRival()));
    const stands = () => {
      if (rival === this.rival) this.doubtAfter(Math.max(STANDING_MS, this.doubtedAt + DOUBT_LEAST_MS - this.now()), () => this.replace());
    };
    rival.opened.then(stands, () => undefined);
  }

  /* The rival goes on as the next socket, whatever became of it so far. */
  private replace(): void {
    const { rival } = this;
    this.rival = undefined;
    this.onSocketLost();
    this.rival = rival;
    this.retryNow();
  }

  private connect(): Promise<void> {
    const attempt = this.rival ?? this.openSocket();
    this.rival = undefined;
    this.socket = attempt.socket;
    return attempt.opened;
  }

  private openSocket(): Attempt {
    const Socket = this.options.webSocket ?? WebSocket;
    const socket = new Socket(this.options.url, SUBPROTOCOL);
    const opened = new Promise<void>((resolve, reject) => {
      const giveUp = setTimeout(() => socket.close(), this.timeout);
      socket.onopen = () => {
        clearTimeout(giveUp);
        resolve();
      };
      socket.onmessage = (message) => {
        if (socket === this.socket) this.onMessage(message.data);
      };
      socket.onclose = ({ code }) => {
        clearTimeout(giveUp);
        reject(new PlenumError("unreachable", "the server cannot be reached"));
        if (socket !== this.socket) return;
        if (code === CLOSE_TAKEN) this.end("taken");
        else this.onSocketLost();
      };
    });
    return { socket, opened };
  }

  private send<T extends RequestType>(type: T, fields: RequestFields<T>): Promise<RequestReply[T]> {
    const socket = this.socket;
    if (!socket) return Promise.reject(new PlenumError("lost", "not connected"));
    const id = this.nextId++;
    if (type === "join" || type === "resume") this.entering = id;
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

  private trust(): void {
    clearTimeout(this.doubtTimer);
    this.doubtTimer = undefined;
    this.dropRival();
  }

  private dropRival(): void {
    const { rival } = this;
    this.rival = undefined;
    /* Once it stands: browsers complain of what is closed earlier. */
    rival?.opened.then(() => rival.socket.close(), () => undefined);
  }

  private onMessage(data: unknown): void {
    const message = parse(data);
    if (!message) return;
    if (!("id" in message) && message.type !== "error") {
      if (message.type === "waiting") this.onWaiting(message.reason, message.secret);
      this.emit("event", message);
      if (message.type === "ended") this.end(message.reason);
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

  private onWaiting(reason: WaitReason, secret: string): void {
    const request = this.entering === undefined ? undefined : this.pending.get(this.entering);
    if (!request || this.current === "closed") return;
    clearTimeout(request.timer);
    this.place = secret;
    this.backoff.reset();
    this.setState("waiting");
    this.emit("waiting", reason);
  }

  private onSocketLost(): void {
    const wasOpen = this.current === "open";
    if (wasOpen || this.current === "waiting") this.setState("reconnecting");
    this.dropSocket(new PlenumError("lost", "the connection to the server broke"));
    if (!wasOpen) return;
    this.lostAt = this.now();
    void this.comeBack();
  }

  private dropSocket(error: PlenumError): void {
    const socket = this.socket;
    this.socket = undefined;
    this.trust();
    socket?.close();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(error);
    }
  }

  /* Until the next attempt is due, or retryNow() or close() end the wait. */
  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.retry = () => {
        clearTimeout(this.retryTimer);
        this.retryTimer = undefined;
        this.retry = undefined;
        resolve();
      };
      this.retryTimer = setTimeout(() => this.retry?.(), this.backoff.next());
    });
  }

  /* Once there is a place in the lobby, a lost socket is no reason to give up. */
  private async enterFirst(): Promise<JoinedReply> {
    for (;;) {
      try {
        await this.connect();
        return await this.takeUp();
      } catch (error) {
        this.dropSocket(new PlenumError("lost", "the connection to the server broke"));
        if (this.isClosed() || this.place === undefined || !isPassing(error)) throw error;
        await this.pause();
        if (this.isClosed()) throw error;
      }
    }
  }

  private async comeBack(): Promise<void> {
    for (;;) {
      await this.pause();
      if (this.isClosed()) return;
      try {
        await this.connect();
        const session = await this.takeUp();
        this.session = session;
        this.backoff.reset();
        this.setState("open");
        this.emit("rejoined", session);
        return;
      } catch (error) {
        this.dropSocket(new PlenumError("lost", "the connection to the server broke"));
        if (this.isClosed()) return;
        if (!isPassing(error)) {
          this.end(endingOf(error));
          return;
        }
        this.setState("reconnecting");
      }
    }
  }

  private isClosed(): boolean {
    return this.current === "closed";
  }

  /* A place in the lobby, else the session while it may be taken up, else from the start. */
  private async takeUp(): Promise<JoinedReply> {
    const joined = await this.resumeOrJoin();
    this.place = undefined;
    return joined;
  }

  private async resumeOrJoin(): Promise<JoinedReply> {
    const secret = this.place ?? this.sessionSecret();
    if (secret === undefined) return this.send("join", this.who);
    try {
      return await this.send("resume", { secret });
    } catch (error) {
      if (!(error instanceof PlenumError) || error.code !== "not_found") throw error;
    }
    this.place = undefined;
    return this.send("join", this.who);
  }

  private sessionSecret(): string | undefined {
    if (!this.session) return undefined;
    return this.now() < this.lostAt + this.session.grace_seconds * 1000 ? this.session.secret : undefined;
  }
}

const PASSING = new Set<string>(["lost", "timeout", "unreachable", "too_fast", "internal"]);

/* Whether trying again may help. */
function isPassing(error: unknown): boolean {
  return error instanceof PlenumError && PASSING.has(error.code);
}

const UNHEARD = new Set<string>(["lost", "timeout", "closed"]);

/* Whether this is no refusal by the server. */
function isUnheard(error: unknown): boolean {
  return error instanceof PlenumError && UNHEARD.has(error.code);
}

function endingOf(error: unknown): LeaveReason {
  const code = error instanceof PlenumError ? error.code : "";
  return code === "banned" || code === "refused" || code === "forbidden" ? "removed" : "lost";
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
