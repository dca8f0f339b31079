import {
  DESKTOP_SLOTS,
  Meeting,
  PHONE_SLOTS,
  type ChatMessage,
  type LeaveReason,
  type MediaStates,
  type Participant,
  type QualityReport,
  type RemoteTrack,
  type SignalState,
  type SlotCounts,
  type Source,
} from "@plenum/sdk";
import { t } from "../messages.js";
import type { LocalMedia } from "./localMedia.js";
import { Store } from "./store.js";

export interface Notice {
  key: number;
  text: string;
}

export interface SessionState {
  state: SignalState;
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
  ended: LeaveReason | undefined;
}

const NOTICE_MS = 4000;
/* In a big meeting comings and goings are no news. */
const NOTICE_PEOPLE = 20;

export function trackKey(participant: number, source: Source): string {
  return `${participant} ${source}`;
}

export function isPhone(): boolean {
  return matchMedia("(max-width: 640px), (max-height: 480px)").matches;
}

/** A meeting as the page shows it. */
export class Session extends Store<SessionState> {
  readonly meeting: Meeting;
  readonly slots: SlotCounts = isPhone() ? PHONE_SLOTS : DESKTOP_SLOTS;
  private noticeKey = 0;

  constructor(
    room: string,
    name: string,
    private readonly local: LocalMedia,
  ) {
    const meeting = new Meeting({ url: socketAddress(), room, name, slots: isPhone() ? PHONE_SLOTS : DESKTOP_SLOTS });
    super({
      state: meeting.state,
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
    this.local.sendTo((source, track) => {
      this.meeting.setSource(source, track).catch(() => undefined);
    });
    try {
      await this.meeting.join();
    } catch (error) {
      this.local.sendTo(undefined);
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
      this.set({ localId: meeting.localId, people: [...people.values()].sort((a, b) => a.joined_at - b.joined_at || a.id - b.id) });
    });
    meeting.on("participantJoined", (p) => {
      /* Those who were there before are no news; oneself is there only once joined. */
      if (this.get().people.length > 0 && p.id !== meeting.localId) this.notify(t.meeting.joined(p.name));
    });
    meeting.on("participantLeft", ({ participant }) => this.notify(t.meeting.left(participant.name)));
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

  private notify(text: string): void {
    if (this.get().people.length > NOTICE_PEOPLE) return;
    const key = ++this.noticeKey;
    this.set({ notices: [...this.get().notices.slice(-2), { key, text }] });
    setTimeout(() => this.set({ notices: this.get().notices.filter((notice) => notice.key !== key) }), NOTICE_MS);
  }
}

function socketAddress(): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`;
}
