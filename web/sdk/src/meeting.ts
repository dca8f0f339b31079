import type { CodecOptions } from "./codecPolicy.js";
import type { ConnectionState, PeerConnectionFactory } from "./connection.js";
import { Emitter } from "./emitter.js";
import { PlenumError } from "./errors.js";
import type { ChatMessage, JoinedReply, LeaveReason, Participant, RosterEvent, ServerEvent, Source } from "./protocol.js";
import { PublishConnection } from "./publish.js";
import { ReceiveConnection, type RemoteTrack, type SlotCounts } from "./receive.js";
import { Signal, type SignalOptions, type SignalState } from "./signal.js";
import { QualityMonitor, type QualityReport } from "./stats.js";
import { ViewReporter, type ShownItem } from "./view.js";

export interface MeetingOptions extends SignalOptions {
  /** Name of the room, as in its link. */
  room: string;
  /** Display name. */
  name: string;
  /** Slots to ask for; default DESKTOP_SLOTS. */
  slots?: SlotCounts;
  codecs?: CodecOptions;
  stereo?: boolean;
  /** Milliseconds between two quality reports; 0: none. */
  qualityInterval?: number;
  peerConnection?: PeerConnectionFactory;
}

export interface MediaStates {
  publish: ConnectionState;
  receive: ConnectionState;
}

export interface MeetingEvents {
  state: SignalState;
  /** A connection for media was made, broke or was repaired. */
  media: MediaStates;
  participantJoined: Participant;
  participantChanged: Participant;
  participantLeft: { participant: Participant; reason: LeaveReason };
  /** Anything about the people changed, oneself included. */
  participants: ReadonlyMap<number, Participant>;
  trackAttached: RemoteTrack;
  trackDetached: RemoteTrack;
  trackChanged: RemoteTrack;
  audioStreams: readonly MediaStream[];
  /** Who speaks, loudest first. */
  speakers: readonly number[];
  chat: ChatMessage;
  quality: QualityReport;
  /** The server ended the session. */
  ended: LeaveReason;
  /** Something failed that is tried again by itself; for logs. */
  error: unknown;
}

/** A room, and oneself in it. */
export class Meeting extends Emitter<MeetingEvents> {
  readonly signal: Signal;
  readonly publish: PublishConnection;
  readonly receive: ReceiveConnection;
  private readonly quality: QualityMonitor;
  private readonly view: ViewReporter;
  private readonly people = new Map<number, Participant>();
  private messages: ChatMessage[] = [];
  private loudest: readonly number[] = [];
  private me = 0;
  private readonly muted = new Map<Source, boolean>();
  private readonly toldMuted = new Map<Source, boolean>();
  private readonly endings: (() => void)[] = [];

  constructor(private readonly options: MeetingOptions) {
    super();
    this.signal = new Signal(options);
    const canNegotiate = () => this.signal.state === "open";
    this.publish = new PublishConnection({
      exchange: async (sdp, tracks) => {
        const { sdp: answer } = await this.signal.request("publish", { sdp, tracks });
        for (const { source, muted } of tracks) this.toldMuted.set(source, muted);
        return answer;
      },
      canNegotiate,
      peerConnection: options.peerConnection,
      ...(options.codecs ? { codecs: options.codecs } : {}),
    });
    this.receive = new ReceiveConnection({
      request: (counts, restart) => this.signal.request("receive", { ...counts, ...(restart ? { restart } : {}) }),
      answer: async (sdp) => {
        await this.signal.request("answer", { sdp });
      },
      canNegotiate,
      slots: options.slots,
      stereo: options.stereo,
      peerConnection: options.peerConnection,
    });
    this.view = new ViewReporter({
      send: (items) => this.signal.request("view", { items }),
      pixelRatio: () => globalThis.devicePixelRatio,
    });
    this.quality = new QualityMonitor(this.publish, this.receive);
    this.wire();
  }

  get state(): SignalState {
    return this.signal.state;
  }

  get media(): MediaStates {
    return { publish: this.publish.state, receive: this.receive.state };
  }

  /** One's own id; 0 before joining. */
  get localId(): number {
    return this.me;
  }

  /** Everybody, oneself included, by id. */
  get participants(): ReadonlyMap<number, Participant> {
    return this.people;
  }

  get chat(): readonly ChatMessage[] {
    return this.messages;
  }

  get speakers(): readonly number[] {
    return this.loudest;
  }

  /** Enter. Resolves when in the room; the media connections are made meanwhile. Rejects with a PlenumError. */
  async join(): Promise<void> {
    const joined = await this.signal.join(this.options.room, this.options.name);
    this.listenToNetwork();
    this.enter(joined);
    if (this.options.qualityInterval !== 0) this.quality.start(this.options.qualityInterval);
  }

  leave(): void {
    this.signal.leave();
  }

  /** Send `track` as this source, or stop sending it. May be called before joining. */
  async setSource(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.muted.set(source, track === null);
    await this.publish.setTrack(source, track);
    this.tellMutes();
  }

  /** Say what is on the screen, most important first. What is not named may not be received. */
  setView(items: readonly ShownItem[]): void {
    this.view.set(items);
  }

  async sendChat(text: string): Promise<void> {
    await this.signal.request("chat", { text });
  }

  async rename(name: string): Promise<void> {
    await this.signal.request("rename", { name });
    this.signal.rename(name);
  }

  private wire(): void {
    this.signal.on("event", (event) => this.onEvent(event));
    this.signal.on("rejoined", (joined) => this.onRejoined(joined));
    this.signal.on("state", (state) => {
      if (state === "closed") this.stop();
      this.emit("state", state);
    });
    this.publish.on("state", () => this.emit("media", this.media));
    this.publish.on("error", (error) => this.emit("error", error));
    this.publish.on("negotiated", () => this.tellMutes());
    this.receive.on("state", () => this.emit("media", this.media));
    this.receive.on("error", (error) => this.emit("error", error));
    this.receive.on("trackAttached", (track) => this.emit("trackAttached", track));
    this.receive.on("trackDetached", (track) => this.emit("trackDetached", track));
    this.receive.on("trackChanged", (track) => this.emit("trackChanged", track));
    this.receive.on("audioStreams", (streams) => this.emit("audioStreams", streams));
    this.quality.on("report", (report) => this.emit("quality", report));
  }

  private stop(): void {
    for (const end of this.endings.splice(0)) end();
    this.quality.stop();
    this.view.stop();
    this.publish.close();
    this.receive.close();
  }

  private enter(joined: JoinedReply): void {
    this.me = joined.participant;
    this.replacePeople(joined.participants);
    this.addMessages(joined.chat);
    if (joined.resumed) {
      this.publish.forgetNeeded();
      this.toldMuted.clear();
      this.tellMutes();
      this.publish.nudge();
      this.receive.nudge();
    } else {
      this.toldMuted.clear();
      this.publish.build(joined.ice_servers).catch(() => undefined);
      this.receive.build(joined.ice_servers).catch(() => undefined);
    }
    this.view.repeat();
  }

  private onRejoined(joined: JoinedReply): void {
    /* A room that was made anew counts its messages anew. */
    if (!joined.resumed) this.messages = [];
    this.enter(joined);
  }

  private onEvent(event: ServerEvent): void {
    switch (event.type) {
      case "roster":
        this.onRoster(event);
        break;
      case "slots":
        this.receive.applySlots(event.slots);
        break;
      case "speakers":
        this.loudest = event.participants;
        this.emit("speakers", this.loudest);
        break;
      case "demand":
        /* Sound is never held back: the server needs it to know who speaks. */
        if (event.source === "camera" || event.source === "screen") void this.publish.setNeeded(event.source, event.needed);
        break;
      case "chat_posted":
        this.addMessages([event.message]);
        break;
      case "connection_lost":
        (event.publish ? this.publish : this.receive).lost();
        break;
      case "ended":
        this.emit("ended", event.reason);
        break;
    }
  }

  private onRoster(roster: RosterEvent): void {
    for (const { participant, reason } of roster.left) this.removePerson(participant, reason);
    for (const participant of roster.joined) {
      const isNew = !this.people.has(participant.id);
      this.people.set(participant.id, participant);
      this.emit(isNew ? "participantJoined" : "participantChanged", participant);
    }
    for (const participant of roster.changed) {
      this.people.set(participant.id, participant);
      this.emit("participantChanged", participant);
    }
    this.emit("participants", this.people);
  }

  private removePerson(id: number, reason: LeaveReason): void {
    const participant = this.people.get(id);
    if (!participant) return;
    this.people.delete(id);
    this.loudest = this.loudest.filter((speaker) => speaker !== id);
    this.emit("participantLeft", { participant, reason });
  }

  private replacePeople(present: readonly Participant[]): void {
    const before = new Map(this.people);
    this.people.clear();
    for (const participant of present) this.people.set(participant.id, participant);
    for (const participant of before.values()) {
      if (!this.people.has(participant.id)) this.emit("participantLeft", { participant, reason: "left" });
    }
    for (const participant of present) {
      if (!before.has(participant.id)) this.emit("participantJoined", participant);
    }
    this.emit("participants", this.people);
  }

  private addMessages(messages: readonly ChatMessage[]): void {
    const last = this.messages.at(-1)?.number ?? -1;
    for (const message of messages) {
      if (message.number <= last) continue;
      this.messages = [...this.messages, message];
      this.emit("chat", message);
    }
  }

  /* What the server was told last is compared with what is true; before the publish connection stands there is nothing to tell. */
  private tellMutes(): void {
    if (this.signal.state !== "open" || !this.publish.isNegotiated) return;
    for (const [source, muted] of this.muted) {
      if (this.toldMuted.get(source) === muted) continue;
      this.toldMuted.set(source, muted);
      this.signal.request("mute", { source, muted }).catch((error: unknown) => {
        this.toldMuted.delete(source);
        if (!(error instanceof PlenumError) || error.code !== "lost") this.emit("error", error);
      });
    }
  }

  private listenToNetwork(): void {
    const changed = () => {
      this.signal.retryNow();
      /* A repeated view also finds out whether the socket survived. */
      this.view.repeat();
      this.publish.nudge();
      this.receive.nudge();
    };
    const network = (navigator as { connection?: EventTarget }).connection;
    for (const [target, type] of [[globalThis, "online"] as const, [network, "change"] as const]) {
      if (typeof target?.addEventListener !== "function") continue;
      target.addEventListener(type, changed);
      this.endings.push(() => target.removeEventListener(type, changed));
    }
  }
}
