import { Breakouts, type BreakoutState } from "./breakouts.js";
import type { CodecOptions } from "./codecPolicy.js";
import type { ConnectionState, PeerConnectionFactory } from "./connection.js";
import { deviceId, keepDeviceId } from "./device.js";
import { Emitter } from "./emitter.js";
import { Moderation, type Ask } from "./moderation.js";
import { OwnMutes, type SourceStopped } from "./mutes.js";
import { PacketWatch } from "./packetWatch.js";
import type {
  BreakoutInvitedEvent,
  BreakoutsEvent,
  ChatMessage,
  IceServer,
  JoinedReply,
  LeaveReason,
  LobbyEvent,
  MovedEvent,
  NoticedEvent,
  Participant,
  QualityReportReply,
  Reaction,
  Role,
  RoomInfo,
  ServerEvent,
  Source,
  WaitReason,
  WaitingPerson,
} from "./protocol.js";
import { Recordings, type RecordingState } from "./recordings.js";
import { PublishConnection } from "./publish.js";
import { ReportSender } from "./reports.js";
import { ReceiveConnection, type RemoteTrack, type SlotCounts } from "./receive.js";
import { Roster } from "./roster.js";
import { ServerClock } from "./serverClock.js";
import { Signal, type EndReason, type JoinFields, type SignalOptions, type SignalState } from "./signal.js";
import { QualityMonitor, type QualityReport } from "./stats.js";
import { ViewReporter, type ShownItem } from "./view.js";

export interface MeetingOptions extends SignalOptions {
  /** Name of the room, as in its link, or its number. */
  room: string;
  /** Display name. */
  name: string;
  /** Of the room, where it has one: join() rejects with `password` where it is missing or wrong. */
  password?: string;
  /** A join token, or the owner's key. */
  token?: string;
  /** The id of this browser in this room; default one that is made and kept per room. `false`: none is sent. */
  device?: string | false;
  /** Of a session that runs elsewhere, as `secret` told it there: it is taken up here, and ends there as `taken`. */
  secret?: string;
  /** Slots to ask for; default DESKTOP_SLOTS. */
  slots?: SlotCounts;
  codecs?: CodecOptions;
  stereo?: boolean;
  /** Milliseconds between two quality reports; 0: none. */
  qualityInterval?: number;
  peerConnection?: PeerConnectionFactory;
}

/** What is sent and what is received. A viewer sends nothing: `publish` is `idle` then. */
export interface MediaStates {
  publish: ConnectionState;
  receive: ConnectionState;
}

/** Who waits in the lobby, for those who may admit. */
export interface Lobby {
  /** In the order of coming; of a long queue the first. */
  waiting: readonly WaitingPerson[];
  total: number;
}

/** What a moderator did to oneself. */
export type Noticed = Omit<NoticedEvent, "type">;

/** A breakout room into which one may go. */
export type Invitation = Omit<BreakoutInvitedEvent, "type">;

export interface MeetingEvents {
  state: SignalState;
  /** One is not in yet, and why. */
  waiting: WaitReason;
  /** The room or its rules changed, or one is in another room. */
  room: RoomInfo;
  /** One's own role changed. */
  role: Role;
  /** A connection for media was made, broke or was repaired. */
  media: MediaStates;
  participantJoined: Participant;
  participantChanged: Participant;
  participantLeft: { participant: Participant; reason: LeaveReason };
  /** Anything about the people changed, oneself included, or how many there are. */
  participants: ReadonlyMap<number, Participant>;
  reaction: Reaction;
  /** Who waits; told to those who may admit. */
  lobby: Lobby;
  noticed: Noticed;
  /** The server had a source of one's own stopped: turn it off where it is shown as on. */
  sourceStopped: SourceStopped;
  breakouts: BreakoutState;
  breakoutInvited: Invitation;
  /** One is in another room of the meeting: people, chat and rules are others; the connections stand. */
  moved: RoomInfo;
  trackAttached: RemoteTrack;
  trackDetached: RemoteTrack;
  trackChanged: RemoteTrack;
  audioStreams: readonly MediaStream[];
  /** Who speaks, loudest first. */
  speakers: readonly number[];
  chat: ChatMessage;
  quality: QualityReport;
  /** The meeting is recorded, or no longer, or something became of it; also told on coming in. */
  recording: RecordingState;
  /** The session is over, though one did not leave. */
  ended: EndReason;
  /** Something failed that is tried again by itself; for logs. */
  error: unknown;
}

const NO_LOBBY: Lobby = { waiting: [], total: 0 };

/**
 * A room, and oneself in it.
 *
 * @example
 * const meeting = new Meeting({ url: "wss://meet.example.org/ws", room: "tea", name: "Ada" });
 * meeting.on("waiting", (reason) => show(reason));
 * await meeting.join();
 */
export class Meeting extends Emitter<MeetingEvents> {
  /** The session with the server. */
  readonly signal: Signal;
  /** What is sent. */
  readonly publish: PublishConnection;
  /** What is received. */
  readonly receive: ReceiveConnection;
  /** What owners and moderators may do. */
  readonly moderation: Moderation;
  /** Rooms beside the meeting. */
  readonly breakouts: Breakouts;
  /** Recording the meeting, and what was recorded of this room. */
  readonly recordings: Recordings;
  private readonly quality: QualityMonitor;
  private readonly packets: PacketWatch;
  private readonly reports: ReportSender;
  private readonly view: ViewReporter;
  private readonly roster: Roster;
  private readonly mutes: OwnMutes;
  private readonly clock = new ServerClock();
  private messages: ChatMessage[] = [];
  private loudest: readonly number[] = [];
  private queue = NO_LOBBY;
  private me = 0;
  private ownRole: Role = "viewer";
  private iceServers: readonly IceServer[] = [];
  private info: RoomInfo | undefined;
  private device: string | undefined;
  private readonly endings: (() => void)[] = [];

  constructor(private readonly options: MeetingOptions) {
    super();
    this.signal = new Signal(options);
    const ask: Ask = (type, fields) => this.signal.request(type, fields);
    this.moderation = new Moderation(ask);
    this.breakouts = new Breakouts(ask);
    this.recordings = new Recordings(ask, () => new URL(options.url).origin.replace(/^ws/, "http"));
    this.roster = new Roster((after) => this.signal.request("people", { after }));
    const canNegotiate = () => this.signal.state === "open";
    this.publish = new PublishConnection({
      exchange: async (sdp, tracks) => {
        const { sdp: answer } = await this.signal.request("publish", { sdp, tracks });
        this.mutes.offered(tracks);
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
    this.mutes = new OwnMutes({
      tell: (source, muted) => this.signal.request("mute", { source, muted }),
      maySend: () => this.me === 0 || this.ownRole !== "viewer",
      canTell: () => canNegotiate() && this.publish.isNegotiated,
      stop: (stopped) => {
        void this.publish.setTrack(stopped.source, null);
        this.emit("sourceStopped", stopped);
      },
      onError: (error) => this.emit("error", error),
    });
    this.view = new ViewReporter({
      send: (items) => this.signal.request("view", { items }),
      pixelRatio: () => globalThis.devicePixelRatio,
    });
    this.quality = new QualityMonitor(this.publish, this.receive);
    this.reports = new ReportSender(this.receive, (report) => (canNegotiate() ? this.signal.request("report", report) : Promise.resolve()));
    this.packets = new PacketWatch([this.publish, this.receive], {
      canNegotiate,
      doubt: () => this.doubtPath(),
    });
    this.wire();
  }

  get state(): SignalState {
    return this.signal.state;
  }

  get media(): MediaStates {
    return { publish: this.publish.state, receive: this.receive.state };
  }

  /** The room one is in; undefined before one is in. */
  get room(): RoomInfo | undefined {
    return this.info;
  }

  /**
   * The server's time now, in ms since 1970. Times that the server tells (`since`, `ends_at`, `endAt` …) are to be compared with it:
   * the clock of a device may be wrong.
   */
  get serverTime(): number {
    return this.clock.now;
  }

  /** By which another page may take this session up; undefined before one is in. Whoever has it is oneself. */
  get secret(): string | undefined {
    return this.signal.secret;
  }

  /** One's own id; 0 before joining. */
  get localId(): number {
    return this.me;
  }

  /** One's own role. */
  get role(): Role {
    return this.ownRole;
  }

  /** Everybody who is listed, oneself included, by id. */
  get participants(): ReadonlyMap<number, Participant> {
    return this.roster.people;
  }

  /** How many are listed in this room, those on pages that are not there yet included. */
  get total(): number {
    return this.roster.total;
  }

  /** How many more watch without being listed. */
  get viewers(): number {
    return this.roster.viewers;
  }

  /** The raised hands, who raised theirs first comes first. */
  get hands(): Participant[] {
    return [...this.participants.values()].filter((p) => p.hand !== undefined).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
  }

  /** The latest name of somebody who is or was in this meeting, in whatever room. */
  nameOf(participant: number): string | undefined {
    return this.roster.nameOf(participant);
  }

  /** Who waits, as told to those who may admit. */
  get lobby(): Lobby {
    return this.queue;
  }

  get chat(): readonly ChatMessage[] {
    return this.messages;
  }

  get speakers(): readonly number[] {
    return this.loudest;
  }

  /**
   * Enter. Resolves when in the room: where a lobby or an organiser decides, that may take long, and `waiting` tells of it. The media
   * connections are made after that. Rejects with a PlenumError; from then on this meeting is closed.
   */
  async join(): Promise<void> {
    this.listenToNetwork();
    try {
      const joined = await this.signal.join(this.joinFields(), this.options.secret);
      this.knowRoom(joined.room);
      this.obeyStartRules(joined);
      this.enter(joined);
    } catch (error) {
      this.stop();
      throw error;
    }
    this.packets.start();
    this.reports.start();
    if (this.options.qualityInterval !== 0) this.quality.start(this.options.qualityInterval);
  }

  /**
   * Leave, or give up waiting.
   * @param soft the page goes away and may be back at once, as when it is reloaded: for some seconds another meeting takes the place up by
   *   `secret`, with its role
   */
  leave({ soft = false }: { soft?: boolean } = {}): void {
    this.signal.leave(soft);
  }

  /** Send `track` as this source, or stop sending it. May be called before joining. Of what one may not send `sourceStopped` tells. */
  async setSource(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.mutes.want(source, track === null);
    await this.publish.setTrack(source, track);
    this.mutes.tell();
  }

  /** Say what is on the screen, most important first. What is not named may not be received. */
  setView(items: readonly ShownItem[]): void {
    this.view.set(items);
  }

  /**
   * Write to everybody in this room, or to one person.
   * @param to id of a participant of this room: only they and oneself see it
   */
  async sendChat(text: string, to?: number): Promise<void> {
    await this.signal.request("chat", { text, ...(to === undefined ? {} : { to }) });
  }

  /** Change one's display name. */
  async rename(name: string): Promise<void> {
    await this.signal.request("rename", { name });
    this.signal.rename(name);
  }

  /** Raise or lower one's hand. */
  async raiseHand(raised: boolean): Promise<void> {
    await this.signal.request("hand", { raised });
  }

  /** Send a short sign to everybody, for example "clap". */
  async react(kind: string): Promise<void> {
    await this.signal.request("react", { kind });
  }

  /**
   * The last minute of somebody's connections as the server saw it, and each freeze with its cause.
   * @param participant oneself if left out; others for those who lead
   */
  async qualityReport(participant = this.me): Promise<Omit<QualityReportReply, "type" | "id">> {
    return this.signal.request("quality", { participant });
  }

  /** Become the owner by the owner's key or a token that says so. */
  async claim(key: string): Promise<void> {
    await this.signal.request("claim", { key });
  }

  private joinFields(): JoinFields {
    const { room, name, password, token, device } = this.options;
    this.device = device === false ? undefined : (device ?? deviceId(room));
    return {
      room,
      name,
      ...(password === undefined ? {} : { password }),
      ...(token === undefined ? {} : { token }),
      ...(this.device === undefined ? {} : { device: this.device }),
    };
  }

  /* A room has a name and a number: by both it knows the same device. */
  private knowRoom({ name, code, breakout }: RoomInfo): void {
    if (this.device === undefined || this.options.device !== undefined || breakout !== undefined) return;
    for (const alias of [name, code]) if (alias !== undefined && alias !== this.options.room) keepDeviceId(alias, this.device);
  }

  private wire(): void {
    this.signal.on("event", (event) => this.onEvent(event));
    this.signal.on("waiting", (reason) => this.emit("waiting", reason));
    this.signal.on("ended", (reason) => this.emit("ended", reason));
    this.signal.on("rejoined", (joined) => this.onRejoined(joined));
    this.signal.on("state", (state) => {
      if (state === "closed") this.stop();
      this.emit("state", state);
    });
    this.publish.on("state", (state) => this.onMedia(state));
    this.publish.on("error", (error) => this.emit("error", error));
    this.publish.on("negotiated", () => this.mutes.tell());
    this.receive.on("state", (state) => this.onMedia(state));
    this.receive.on("error", (error) => this.emit("error", error));
    this.receive.on("trackAttached", (track) => this.emit("trackAttached", track));
    this.receive.on("trackDetached", (track) => this.emit("trackDetached", track));
    this.receive.on("trackChanged", (track) => this.emit("trackChanged", track));
    this.receive.on("audioStreams", (streams) => this.emit("audioStreams", streams));
    this.quality.on("report", (report) => this.emit("quality", report));
    this.roster.on("joined", (person) => this.emit("participantJoined", person));
    this.roster.on("changed", (person) => this.emit("participantChanged", person));
    this.roster.on("left", (gone) => this.onLeft(gone.participant, gone.reason));
    this.roster.on("people", (people) => this.onPeople(people));
    this.roster.on("reaction", (reaction) => this.emit("reaction", reaction));
  }

  /* What media lost, the socket may have lost as well: then both are repaired without the patience that a path alone gets. */
  private onMedia(state: ConnectionState): void {
    if (state === "connecting" && stands(this.publish) && stands(this.receive)) void this.doubtPath();
    this.emit("media", this.media);
  }

  /* @return whether the server was heard by the socket that is there; where it was not, another one takes over, and looks after media */
  private async doubtPath(): Promise<boolean> {
    const answer = this.view.repeat();
    return answer === undefined || this.signal.doubt(answer);
  }

  private stop(): void {
    for (const end of this.endings.splice(0)) end();
    this.quality.stop();
    this.packets.stop();
    this.reports.stop();
    this.view.stop();
    this.publish.close();
    this.receive.close();
  }

  private enter(joined: JoinedReply): void {
    /* A session that ran elsewhere has its connections there. */
    const isHere = joined.resumed && this.receive.isMade;
    this.me = joined.participant;
    this.iceServers = joined.ice_servers;
    this.clock.told(joined.now);
    this.setRoom(joined.room);
    if (!isHere) this.publish.rest();
    this.setLobby(NO_LOBBY);
    this.setBreakouts(joined);
    if (!joined.resumed) this.mutes.forget();
    this.roster.replace(joined);
    this.setRole(joined.role);
    this.addMessages(joined.chat);
    this.setRecording({ available: joined.records === true, granted: joined.may_record === true, status: joined.recording });
    this.prepareToSend();
    if (isHere) {
      this.publish.forgetNeeded();
      this.mutes.tell();
      this.publish.nudge();
      this.receive.nudge();
      void this.packets.resumed();
    } else {
      this.receive.build(joined.ice_servers).catch(() => undefined);
    }
    void this.view.repeat();
  }

  /* What the room wants off when one comes in is off before anything is sent. */
  private obeyStartRules({ participant, role, participants, resumed, room: { settings } }: JoinedReply): void {
    const me = participants.find((p) => p.id === participant);
    const comesIn = !resumed && !isModerator(role);
    if ((settings.start_muted && comesIn) || me?.may_speak === false) this.mutes.startOff("microphone");
    if ((settings.start_camera_off && comesIn) || me?.may_show === false) this.mutes.startOff("camera");
  }

  private onRejoined(joined: JoinedReply): void {
    /* A room that was made anew counts its messages anew. */
    if (!joined.resumed) this.messages = [];
    this.enter(joined);
  }

  private onEvent(event: ServerEvent): void {
    switch (event.type) {
      case "roster":
        this.roster.apply(event);
        break;
      case "moved":
        this.onMoved(event);
        break;
      case "room_changed":
        this.setRoom(event.room);
        break;
      case "lobby":
        this.onLobby(event);
        break;
      case "noticed":
        this.onNoticed(event);
        break;
      case "breakouts":
        this.onBreakouts(event);
        break;
      case "breakout_invited":
        this.emit("breakoutInvited", { room: event.room, name: event.name });
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
      case "codec":
        this.publish.setCodec(event.codec).catch((error: unknown) => this.emit("error", error));
        break;
      case "chat_posted":
        this.addMessages([event.message]);
        break;
      case "recording":
        this.clock.told(event.now);
        this.setRecording({ ...this.recordings.state, status: event.recording });
        break;
      case "connection_lost":
        (event.publish ? this.publish : this.receive).lost();
        break;
    }
  }

  /* All that was known of the former room is void; the connections stand, and what the slots show is told anew. */
  private onMoved(moved: MovedEvent): void {
    this.me = moved.participant;
    this.loudest = [];
    this.messages = [];
    this.view.reset();
    this.receive.clearSlots();
    this.publish.forgetNeeded();
    this.setRoom(moved.room);
    this.setLobby(NO_LOBBY);
    this.setBreakouts(moved);
    this.emit("moved", moved.room);
    this.emit("speakers", this.loudest);
    this.roster.restart(moved);
    this.setRole(moved.role);
    this.addMessages(moved.chat);
  }

  private onLobby({ waiting, total }: LobbyEvent): void {
    this.setLobby({ waiting, total });
  }

  private onNoticed({ notice, by, source }: NoticedEvent): void {
    if (notice === "muted" && source) this.mutes.stopped(source, "muted");
    this.emit("noticed", { notice, ...(by === undefined ? {} : { by }), ...(source === undefined ? {} : { source }) });
  }

  private onBreakouts({ open, rooms, may_choose: mayChoose, end_at: endAt }: BreakoutsEvent): void {
    this.breakouts.set({ open, rooms, mayChoose, endAt });
    this.emit("breakouts", this.breakouts.state);
  }

  private onLeft(participant: Participant, reason: LeaveReason): void {
    this.loudest = this.loudest.filter((speaker) => speaker !== participant.id);
    this.emit("participantLeft", { participant, reason });
  }

  private onPeople(people: ReadonlyMap<number, Participant>): void {
    const self = people.get(this.me);
    if (self) {
      this.mutes.adopt(self.tracks);
      this.setRole(self.role);
    }
    this.emit("participants", people);
  }

  private setRoom(room: RoomInfo): void {
    this.info = room;
    this.emit("room", room);
  }

  private setRole(role: Role): void {
    if (role === this.ownRole) return;
    this.ownRole = role;
    if (!isModerator(role)) this.setLobby(NO_LOBBY);
    this.prepareToSend();
    this.emit("role", role);
  }

  /*
   * From viewers the server takes nothing, and refuses each offer; of all others it has one, so that a microphone is heard at once. What a
   * viewer would send is stopped: whoever may speak again decides anew what is heard and seen.
   */
  private prepareToSend(): void {
    if (this.ownRole === "viewer") {
      this.publish.rest();
      this.mutes.tell();
    } else if (this.publish.state === "idle") {
      this.publish.build(this.iceServers).catch(() => undefined);
    }
  }

  private setLobby(lobby: Lobby): void {
    if (lobby === this.queue) return;
    this.queue = lobby;
    this.emit("lobby", lobby);
  }

  private setBreakouts(told: JoinedReply | MovedEvent): void {
    this.breakouts.set({
      open: told.breakouts_open,
      rooms: told.breakouts,
      mayChoose: told.breakouts_may_choose,
      endAt: told.breakouts_end_at,
    });
    this.emit("breakouts", this.breakouts.state);
  }

  private setRecording(state: RecordingState): void {
    this.recordings.set(state);
    this.emit("recording", state);
  }

  private addMessages(messages: readonly ChatMessage[]): void {
    const last = this.messages.at(-1)?.number ?? -1;
    for (const message of messages) {
      if (message.number <= last) continue;
      this.messages = [...this.messages, message];
      this.emit("chat", message);
    }
  }

  private listenToNetwork(): void {
    const network = (navigator as { connection?: EventTarget & { type?: string } }).connection;
    let type = network?.type;
    const changed = async (isOther: boolean) => {
      this.signal.retryNow();
      const connections = [this.publish, this.receive];
      if (!isOther) for (const connection of connections) connection.nudge();
      /* Media is repaired by a socket that survived, or by the next one. */
      else if (await this.doubtPath()) for (const connection of connections) connection.refresh();
    };
    this.listen(globalThis, "offline", () => void this.doubtPath());
    this.listen(globalThis, "online", () => void changed(true));
    /* Browsers also tell of a mere change of speed here. */
    this.listen(network, "change", () => {
      const before = type;
      type = network?.type;
      void changed(type !== before);
    });
  }

  private listen(target: EventTarget | typeof globalThis | undefined, type: string, listener: () => void): void {
    if (typeof target?.addEventListener !== "function") return;
    target.addEventListener(type, listener);
    this.endings.push(() => target.removeEventListener(type, listener));
  }
}

function stands({ isNegotiated, state }: { isNegotiated: boolean; state: ConnectionState }): boolean {
  return isNegotiated || state === "idle";
}

/** Whether this role leads a meeting. */
export function isModerator(role: Role): boolean {
  return role === "owner" || role === "moderator";
}
