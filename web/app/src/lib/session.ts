import {
  DESKTOP_SLOTS,
  isModerator,
  isRecording,
  Meeting,
  PHONE_SLOTS,
  PlenumError,
  type BreakoutState,
  type ChatMessage,
  type EndReason,
  type Invitation,
  type Lobby,
  type MediaReason,
  type MediaStates,
  type Noticed,
  type Participant,
  type QualityReport,
  type RecordingState,
  type Reaction,
  type RemoteTrack,
  type Role,
  type RoomInfo,
  type SignalState,
  type SlotCounts,
  type Source,
  type SourceStopped,
  type WaitReason,
} from "@plenum/sdk";
import { t } from "../messages.js";
import type { LocalMedia } from "./localMedia.js";
import { isPhone } from "./phone.js";
import { isFault } from "./recording.js";
import { settings } from "./settings.js";
import { play, playReaction } from "./sounds.js";
import { Store } from "./store.js";

export interface Notice {
  key: number;
  text: string;
  /** More to read than who came. */
  isAdvice: boolean;
  /** Ends it. */
  timer: ReturnType<typeof setTimeout>;
}

/** A reaction on its way over the screen. */
export interface Floating extends Reaction {
  key: number;
  name: string;
}

/** Something that a moderator asks of oneself, to be answered. */
export type Prompt = { kind: "unmute"; source: "microphone" | "camera"; by: string } | { kind: "breakout"; room: number; name: string };

export interface SessionState {
  state: SignalState;
  /** Why one is not in yet. */
  waiting: WaitReason | undefined;
  room: RoomInfo | undefined;
  role: Role;
  /** How many are in this room, listed or not. */
  total: number;
  viewers: number;
  lobby: Lobby;
  breakouts: BreakoutState;
  recording: RecordingState;
  reactions: readonly Floating[];
  prompt: Prompt | undefined;
  media: MediaStates;
  localId: number;
  /** In the order of joining, oneself included. */
  people: readonly Participant[];
  speakers: readonly number[];
  tracks: ReadonlyMap<string, RemoteTrack>;
  audioStreams: readonly MediaStream[];
  chat: readonly ChatMessage[];
  quality: QualityReport | undefined;
  notices: readonly Notice[];
  ended: EndReason | undefined;
}

/** What one enters with, besides a name. */
export interface Credentials {
  password?: string;
  token?: string;
  /** Of a session that another tab took over. */
  secret?: string;
}

const NOTICE_MS = 4000;
const ADVICE_MS = 10_000;
const REACTION_MS = 4500;
const REACTIONS_AT_ONCE = 24;
/* In a big meeting comings and goings are no news. */
const NOTICE_PEOPLE = 20;

export function trackKey(participant: number, source: Source): string {
  return `${participant} ${source}`;
}

/** Why a device cannot be had, and what helps. */
export function adviceOn(what: "microphone" | "camera" | "screen", reason: MediaReason): string {
  const { title, help } = t.deviceHelp[reason];
  return `${t.devices[what]}: ${title}. ${help}`;
}

/** A meeting as the page shows it. */
export class Session extends Store<SessionState> {
  readonly meeting: Meeting;
  private readonly hands = new Set<number>();
  readonly slots: SlotCounts = isPhone() ? PHONE_SLOTS : DESKTOP_SLOTS;
  private nextKey = 0;

  constructor(
    room: string,
    /** As one entered. */
    readonly name: string,
    private readonly local: LocalMedia,
    readonly credentials: Credentials = {},
  ) {
    const meeting = new Meeting({ url: socketAddress(), room, name, slots: isPhone() ? PHONE_SLOTS : DESKTOP_SLOTS, ...credentials });
    super({
      state: meeting.state,
      waiting: undefined,
      room: undefined,
      role: meeting.role,
      total: 0,
      viewers: 0,
      lobby: meeting.lobby,
      breakouts: meeting.breakouts.state,
      recording: meeting.recordings.state,
      reactions: [],
      prompt: undefined,
      media: meeting.media,
      localId: 0,
      people: [],
      speakers: [],
      tracks: new Map(),
      audioStreams: [],
      chat: [],
      quality: undefined,
      notices: [],
      ended: undefined,
    });
    this.meeting = meeting;
    this.follow();
    if ("plenum" in window) Object.assign(window.plenum as object, { meeting });
  }

  async join(): Promise<void> {
    const stopSending = this.local.sendTo({
      send: (source, track) => void this.meeting.setSource(source, track).catch(() => undefined),
      fail: (what, reason) => this.notify(adviceOn(what, reason), true),
    });
    try {
      await this.meeting.join();
      if (this.meeting.role === "viewer") this.local.letGo();
      if (this.get().waiting) play("admitted");
      this.set({ waiting: undefined });
    } catch (error) {
      stopSending();
      throw error;
    }
  }

  leave(): void {
    this.local.close();
    this.meeting.leave();
    this.set({ ended: this.get().ended ?? "left" });
  }

  private follow(): void {
    const { meeting } = this;
    meeting.on("state", (state) => this.set({ state }));
    meeting.on("media", (media) => this.set({ media }));
    meeting.on("participants", (people) => {
      this.set({
        localId: meeting.localId,
        people: [...people.values()].sort((a, b) => a.joined_at - b.joined_at || a.id - b.id),
        total: Math.max(meeting.total, people.size),
        viewers: meeting.viewers,
      });
    });
    meeting.on("waiting", (waiting) => this.set({ waiting }));
    meeting.on("room", (room) => this.set({ room }));
    meeting.on("role", (role) => this.onRole(role));
    meeting.on("lobby", (lobby) => this.onLobby(lobby));
    meeting.on("breakouts", (breakouts) => this.onBreakouts(breakouts));
    meeting.on("recording", (recording) => this.onRecording(recording));
    meeting.on("breakoutInvited", (invitation) => this.onInvited(invitation));
    meeting.on("moved", (room) => this.onMoved(room));
    meeting.on("noticed", (noticed) => this.onNoticed(noticed));
    meeting.on("sourceStopped", (stopped) => this.onStopped(stopped));
    meeting.on("reaction", (reaction) => this.onReaction(reaction));
    meeting.on("participantChanged", (p) => this.onChanged(p));
    meeting.on("participantJoined", (p) => {
      /* Those who were there before are no news; oneself is there only once joined. */
      if (this.get().people.length > 0 && p.id !== meeting.localId) this.notifyOfComing(t.meeting.joined(p.name));
    });
    meeting.on("participantLeft", ({ participant, reason }) => {
      this.hands.delete(participant.id);
      this.notifyOfComing(reason === "moved" ? t.meeting.moved(participant.name) : t.meeting.left(participant.name));
    });
    meeting.on("speakers", (speakers) => this.set({ speakers }));
    meeting.on("trackAttached", (track) => this.setTrack(track, true));
    meeting.on("trackChanged", (track) => this.setTrack(track, true));
    meeting.on("trackDetached", (track) => this.setTrack(track, false));
    meeting.on("audioStreams", (audioStreams) => this.set({ audioStreams }));
    meeting.on("chat", () => this.set({ chat: meeting.chat }));
    meeting.on("quality", (quality) => this.set({ quality }));
    meeting.on("ended", (ended) => {
      this.set({ ended });
      this.local.close();
    });
  }

  /* Somebody may move from slot to slot: only the slot that shows them now may take them away. */
  private setTrack(track: RemoteTrack, here: boolean): void {
    const key = trackKey(track.participant, track.source);
    const tracks = new Map(this.get().tracks);
    if (here) tracks.set(key, track);
    else if (tracks.get(key)?.mid === track.mid) tracks.delete(key);
    this.set({ tracks });
  }

  private onStopped(stopped: SourceStopped): void {
    this.local.stopped(stopped);
    /* Of another role the person is told as such. */
    const isByRole = this.get().role !== this.meeting.role;
    if (stopped.reason === "forbidden" && !isByRole) this.notify(t.prompts.forbidden(t.prompts.sources[stopped.source]));
  }

  private onRole(role: Role): void {
    const before = this.get().role;
    this.set({ role });
    if (role === "viewer") this.local.letGo();
    /* The role one came in with is no news. */
    if (this.get().people.length === 0) return;
    if (role === "owner") this.notify(t.prompts.owner);
    else if (isModerator(role) && !isModerator(before)) this.notify(t.prompts.promoted);
    else if (role === "viewer") this.notify(t.prompts.viewer);
    else if (before === "viewer") this.notify(t.prompts.speaker);
    else if (isModerator(before)) this.notify(t.prompts.demoted);
  }

  private onLobby(lobby: Lobby): void {
    const known = new Set(this.get().lobby.waiting.map((person) => person.id));
    if (lobby.waiting.some((person) => !known.has(person.id))) play("knock");
    this.set({ lobby });
  }

  private onBreakouts(breakouts: BreakoutState): void {
    const { prompt } = this.get();
    this.set({ breakouts, ...(prompt?.kind === "breakout" && !breakouts.open ? { prompt: undefined } : {}) });
  }

  /* Whoever comes while it runs hears it begin, too. */
  private onRecording(recording: RecordingState): void {
    const was = isRecording(this.get().recording.status);
    const is = isRecording(recording.status);
    this.set({ recording });
    if (is === was) return;
    play(is ? "recordingOn" : "recordingOff");
    /* What went wrong the banner says, until it is closed; of one that never began nothing is over. */
    if (!is && recording.status?.state !== "failed" && !isFault(recording.status?.reason)) this.notify(t.recording.over);
  }

  private onInvited({ room, name }: Invitation): void {
    play("notice");
    this.set({ prompt: { kind: "breakout", room, name } });
  }

  private onMoved(room: RoomInfo): void {
    this.hands.clear();
    this.set({ prompt: undefined, reactions: [], chat: this.meeting.chat });
    this.notify(room.breakout === undefined ? t.breakouts.wentBack : t.breakouts.went(room.name));
  }

  private onNoticed({ notice, by, source }: Noticed): void {
    const name = by === undefined ? t.prompts.somebody : (this.meeting.nameOf(by) ?? t.prompts.somebody);
    play("notice");
    if (notice === "hand_lowered") this.notify(t.prompts.handLowered);
    else if (notice === "ending") this.notify(t.prompts.ending);
    else if (notice === "recording_ending") this.notify(t.recording.ending);
    else if (notice === "muted") {
      const what = t.prompts.sources[source ?? "microphone"];
      this.notify(by === undefined ? t.prompts.mutedBySomebody(what) : t.prompts.muted(name, what));
    } else if (source === "microphone" || source === "camera") this.set({ prompt: { kind: "unmute", source, by: name } });
  }

  private onChanged(person: Participant): void {
    if (person.hand === undefined) this.hands.delete(person.id);
    else if (!this.hands.has(person.id)) {
      this.hands.add(person.id);
      if (person.id === this.meeting.localId) return;
      if (this.isHeard()) play("hand");
      if (isModerator(this.get().role)) this.notify(t.hands.raised(person.name));
    }
  }

  private onReaction(reaction: Reaction): void {
    const key = ++this.nextKey;
    const floating = { ...reaction, key, name: this.meeting.nameOf(reaction.participant) ?? "" };
    if (this.isHeard()) playReaction(reaction.kind);
    this.set({ reactions: [...this.get().reactions.slice(1 - REACTIONS_AT_ONCE), floating] });
    setTimeout(() => this.set({ reactions: this.get().reactions.filter((other) => other.key !== key) }), REACTION_MS);
  }

  private isHeard(): boolean {
    return this.get().room?.settings.sounds ?? true;
  }

  private notifyOfComing(text: string): void {
    if (settings.get().comings && this.get().people.length <= NOTICE_PEOPLE) this.notify(text);
  }

  /** Say something in passing. Advice that stands is not said twice: it stands longer. */
  notify(text: string, isAdvice = false): void {
    const { notices } = this.get();
    const standing = isAdvice ? notices.find((notice) => notice.isAdvice && notice.text === text) : undefined;
    if (standing) clearTimeout(standing.timer);
    const key = standing?.key ?? ++this.nextKey;
    const over = () => this.set({ notices: this.get().notices.filter((notice) => notice.key !== key) });
    const notice = { key, text, isAdvice, timer: setTimeout(over, isAdvice ? ADVICE_MS : NOTICE_MS) };
    this.set({ notices: standing ? notices.map((other) => (other === standing ? notice : other)) : [...notices.slice(-2), notice] });
  }

  /** What was asked is answered. */
  dismiss(): void {
    this.set({ prompt: undefined });
  }

  /** Do something at the server, and say so when it is refused. */
  run(action: Promise<unknown>): void {
    action.catch((error: unknown) => {
      const code = error instanceof PlenumError ? error.code : "";
      this.notify(code === "forbidden" ? t.people.forbidden : t.people.failed);
    });
  }
}

function socketAddress(): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`;
}
