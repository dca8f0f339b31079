import { MediaConnection, type ConnectionEvents, type ConnectionOptions } from "./connection.js";
import type { OfferedReply, Slot, SlotLine, SlotState, Source } from "./protocol.js";
import { SlotMap, type Showing } from "./slots.js";

/** How many slots to ask for. */
export interface SlotCounts {
  pairs: number;
  audio_only: number;
  screens: number;
}

export const DESKTOP_SLOTS: SlotCounts = { pairs: 9, audio_only: 3, screens: 3 };
export const PHONE_SLOTS: SlotCounts = { pairs: 4, audio_only: 3, screens: 2 };

/** Somebody's track as it is received now. A new object each time a slot changes what it shows or how. */
export interface RemoteTrack extends Showing {
  /** The slot's own track: it lives as long as the connection and carries whatever the slot shows. */
  readonly mediaTrack: MediaStreamTrack;
  /** The pair's stream with audio and video, or the stream of an audio-only slot. Stays the same over all showings. */
  readonly stream: MediaStream;
}

export interface ReceiveEvents extends ConnectionEvents {
  trackAttached: RemoteTrack;
  trackDetached: RemoteTrack;
  /** State, reason, size or first timestamp changed; participant and source did not. */
  trackChanged: RemoteTrack;
  /** The streams that must be played to hear everybody: one per slot with audio. */
  audioStreams: readonly MediaStream[];
}

export interface ReceiveOptions extends ConnectionOptions {
  /** Asks for the server's offer. */
  request: (counts: SlotCounts, restart: boolean) => Promise<OfferedReply>;
  answer: (sdp: string) => Promise<void>;
  slots?: SlotCounts | undefined;
  /** Play stereo sound in stereo; without it browsers mix down to mono. */
  stereo?: boolean | undefined;
}

interface Place {
  track: MediaStreamTrack;
  stream: MediaStream;
}

/** Everything that this client receives: a fixed set of slots, offered once, into which the server puts people. */
export class ReceiveConnection extends MediaConnection<ReceiveEvents> {
  private readonly slots = new SlotMap();
  private readonly places = new Map<string, Place>();
  private attached = new Map<string, RemoteTrack>();
  private audio: MediaStream[] = [];

  constructor(private readonly options: ReceiveOptions) {
    super(options);
  }

  /** Streams to be played so that everybody is heard. */
  get audioStreams(): readonly MediaStream[] {
    return this.audio;
  }

  override get expectsPackets(): boolean {
    return this.tracks.some((track) => track.state === "forwarding");
  }

  /** What is received now. */
  get tracks(): RemoteTrack[] {
    return [...this.attached.values()];
  }

  find(participant: number, source: Source): RemoteTrack | undefined {
    return this.tracks.find((track) => track.participant === participant && track.source === source);
  }

  slotState(mid: string): SlotState {
    return this.slots.showing(mid)?.state ?? "empty";
  }

  /** The server says what slots show from now on. */
  applySlots(slots: readonly Slot[]): void {
    const { detached, attached, changed } = this.slots.apply(slots);
    for (const showing of detached) this.detach(showing.mid);
    for (const showing of attached) this.attach(showing, "trackAttached");
    for (const showing of changed) this.attach(showing, "trackChanged");
  }

  /** Another room: whoever was shown is gone, the slots stand. */
  clearSlots(): void {
    for (const showing of this.slots.clear()) this.detach(showing.mid);
  }

  protected override async negotiate(pc: RTCPeerConnection, restart: boolean): Promise<void> {
    const counts = this.options.slots ?? DESKTOP_SLOTS;
    const offer = await this.options.request(counts, restart);
    if (pc !== this.pc) return;
    if (!restart) this.slots.reset(offer.slots);
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    if (!restart) this.place(pc, offer.slots);
    const answer = await pc.createAnswer();
    const sdp = this.options.stereo ? withStereo(answer.sdp ?? "") : (answer.sdp ?? "");
    await pc.setLocalDescription({ type: "answer", sdp });
    await this.options.answer(sdp);
  }

  protected override onDiscard(): void {
    for (const showing of this.slots.reset([])) this.detach(showing.mid);
    this.places.clear();
    this.audio = [];
    this.emit("audioStreams", this.audio);
  }

  /* Slots of one pair share a stream; an audio-only slot has its own. */
  private place(pc: RTCPeerConnection, lines: readonly SlotLine[]): void {
    const receivers = new Map(pc.getTransceivers().map((t) => [t.mid, t.receiver]));
    const streams = new Map<number, MediaStream>();
    const audio: MediaStream[] = [];
    for (const line of lines) {
      const track = receivers.get(line.mid)?.track;
      if (!track) continue;
      const stream = (line.pair === undefined ? undefined : streams.get(line.pair)) ?? new MediaStream();
      if (line.pair !== undefined) streams.set(line.pair, stream);
      stream.addTrack(track);
      this.places.set(line.mid, { track, stream });
      if (!line.video) audio.push(stream);
    }
    this.audio = audio;
    this.emit("audioStreams", audio);
    for (const showing of this.slots.all()) this.attach(showing, "trackAttached");
  }

  /* A `slots` event may overtake the negotiation: what it shows is attached once there is a place for it. */
  private attach(showing: Showing, event: "trackAttached" | "trackChanged"): void {
    const place = this.places.get(showing.mid);
    if (!place) return;
    const track: RemoteTrack = { ...showing, mediaTrack: place.track, stream: place.stream };
    this.attached.set(showing.mid, track);
    this.emit(event, track);
  }

  private detach(mid: string): void {
    const track = this.attached.get(mid);
    if (!track) return;
    this.attached.delete(mid);
    this.emit("trackDetached", track);
  }
}

/** Ask the decoder for stereo, in the fmtp line of every Opus payload type. */
export function withStereo(sdp: string): string {
  const opus = new Set([...sdp.matchAll(/^a=rtpmap:(\d+) opus\//gim)].map((match) => match[1]));
  return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, pt: string, parameters: string) =>
    opus.has(pt) && !/(^|;)\s*stereo=/.test(parameters) ? `a=fmtp:${pt} ${parameters};stereo=1` : line,
  );
}
