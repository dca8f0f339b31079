import { detectEngine, sortCodecs, videoCodecOrder, type CodecOptions } from "./codecPolicy.js";
import { MediaConnection, type ConnectionOptions } from "./connection.js";
import { PUBLISH_LINES } from "./encodings.js";
import type { Source, TrackLine, VideoCodec } from "./protocol.js";

const DEPENDENCY_DESCRIPTOR =
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/*
 * Starting or stopping an encoding makes encoders begin anew, which those see who watch another one; so what was needed a moment ago goes on
 * for a while, beyond the two seconds that the server waits. When nobody watches any, all stop at once.
 */
const STOP_DELAY_MS = 6000;

/*
 * Chromium looks for a faster uplink only now and then: every five seconds while it sends much less than it could, and whenever the sum of
 * all maxBitrate changes meanwhile. What is started anew looks like much less for the first fraction of a second, so the sum changes then.
 */
const PROBE_AFTER_MS = [100, 250, 500, 1000, 2000];
const PROBE_STEP_BPS = 20_000;

/** Sends an offer with its m-lines, returns the server's answer. */
export type PublishExchange = (sdp: string, tracks: TrackLine[]) => Promise<string>;

export interface PublishOptions extends ConnectionOptions {
  exchange: PublishExchange;
  codecs?: CodecOptions;
  userAgent?: string;
}

/* Not in every browser, and not in the DOM's types. */
interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}
interface ExtensibleTransceiver {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}
type LayeredEncoding = RTCRtpEncodingParameters & { scalabilityMode?: string };
/* Not in every browser: Firefox ignores it. */
type EncodingInCodec = RTCRtpEncodingParameters & { codec?: RTCRtpCodec };

/** What sends a source on the present connection. */
interface Line {
  readonly transceiver: RTCRtpTransceiver;
  /** The changes of its sender, one after the other. */
  queue: Promise<void>;
  /** Do not wait any longer for the change that is under way: of a connection that is closed meanwhile it may never end. */
  abandon: () => void;
}

/**
 * Everything that this client sends, over one peer connection that is negotiated once: each source has its m-line from the
 * start, idle until a track is put into it. So turning a camera on or sharing a screen needs no further exchange.
 */
export class PublishConnection extends MediaConnection {
  private readonly tracks = new Map<Source, MediaStreamTrack>();
  private readonly lines = new Map<Source, Line>();
  private readonly needed = new Map<Source, readonly number[]>();
  /* When each encoding of a source was last known to be needed. */
  private readonly lastNeeded = new Map<Source, number[]>();
  private readonly stopTimers = new Map<Source, ReturnType<typeof setTimeout>>();
  private readonly probeTimers = new Map<Source, ReturnType<typeof setTimeout>>();
  /* The server has answered on this connection: what it says of needs before that is of the former one. */
  private isAnswered = false;

  constructor(private readonly options: PublishOptions) {
    super(options);
  }

  /* The server reports on what it receives. */
  override get expectsPackets(): boolean {
    return [...this.tracks.keys()].some((source) => source === "microphone" || (this.needed.get(source)?.length ?? 1) > 0);
  }

  /** Send this track as `source` from now on, or nothing. */
  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.tracks.set(source, track);
    else this.tracks.delete(source);
    return this.onSender(source, (sender) => sender.replaceTrack(this.tracks.get(source) ?? null));
  }

  /**
   * Which encodings of a source somebody receives. The others stop after a while, or at once if there are none, to save the sender's work and
   * bandwidth; the smallest goes on as long as any is needed, so that a switch down finds it running. Before the server has answered on this
   * connection it changes nothing.
   */
  setNeeded(source: Source, encodings: readonly number[]): Promise<void> {
    if (!this.isAnswered) return Promise.resolve();
    const line = PUBLISH_LINES.find((candidate) => candidate.source === source);
    const times = line?.encodings.map((_, i) => (this.isNeeded(source, i) ? Date.now() : (this.lastNeeded.get(source)?.[i] ?? 0))) ?? [];
    this.lastNeeded.set(source, encodings.length > 0 ? times : []);
    this.needed.set(source, encodings);
    return this.applyInTurn(source);
  }

  /** What is needed is not known, for instance after events were missed: send everything. */
  forgetNeeded(): void {
    const sources = [...this.needed.keys()];
    this.needed.clear();
    for (const source of sources) void this.applyInTurn(source);
  }

  /**
   * Send all video in this codec from now on. Where the browser changes it within what was negotiated nothing is exchanged; else the same
   * connection is offered once more, and its answer has this codec first.
   */
  async setCodec(codec: VideoCodec): Promise<void> {
    const { pc } = this;
    if (!pc || !this.isNegotiated) return;
    const name = codec.toUpperCase();
    const changed = PUBLISH_LINES.filter(({ kind }) => kind === "video").map(async ({ source }) => {
      let done = false;
      await this.onSender(source, async (sender) => {
        done = await changeCodec(sender, name);
      });
      return done;
    });
    if ((await Promise.all(changed)).every(Boolean) || pc !== this.pc) return;
    const order = videoCodecOrder(detectEngine(this.options.userAgent ?? navigator.userAgent), this.options.codecs);
    for (const { source, kind } of PUBLISH_LINES) {
      const transceiver = this.lines.get(source)?.transceiver;
      if (kind === "video" && transceiver) preferCodecs(transceiver, kind, [name, ...order.filter((other) => other !== name)]);
    }
    await this.renegotiate();
  }

  protected override async negotiate(pc: RTCPeerConnection, restart: boolean): Promise<void> {
    if (this.lines.size === 0) this.addLines(pc);
    const offer = await pc.createOffer({ iceRestart: restart });
    await pc.setLocalDescription(offer);
    const sdp = await this.options.exchange(pc.localDescription?.sdp ?? "", this.trackLines());
    if (pc !== this.pc) return;
    this.isAnswered = true;
    await pc.setRemoteDescription({ type: "answer", sdp });
    /* Parameters of encodings can be changed only once they are negotiated. */
    for (const source of this.needed.keys()) void this.applyInTurn(source);
  }

  protected override onDiscard(): void {
    const lines = [...this.lines.values()];
    this.lines.clear();
    for (const line of lines) line.abandon();
    this.isAnswered = false;
    this.needed.clear();
    this.lastNeeded.clear();
    for (const timer of this.stopTimers.values()) clearTimeout(timer);
    this.stopTimers.clear();
    for (const timer of this.probeTimers.values()) clearTimeout(timer);
    this.probeTimers.clear();
  }

  private addLines(pc: RTCPeerConnection): void {
    const engine = detectEngine(this.options.userAgent ?? navigator.userAgent);
    const order = videoCodecOrder(engine, this.options.codecs);
    for (const { source, kind, encodings } of PUBLISH_LINES) {
      const transceiver = kind === "video" ? addVideo(pc, encodings) : addAudio(pc, encodings);
      preferCodecs(transceiver, kind, kind === "video" ? order : ["OPUS"]);
      if (kind === "video") askForDependencyDescriptor(transceiver);
      this.lines.set(source, { transceiver, queue: Promise.resolve(), abandon: () => undefined });
      const track = this.tracks.get(source);
      if (track) void this.onSender(source, (sender) => sender.replaceTrack(track));
    }
  }

  private trackLines(): TrackLine[] {
    return PUBLISH_LINES.flatMap(({ source }) => {
      const mid = this.lines.get(source)?.transceiver.mid;
      return mid ? [{ mid, source, muted: !this.tracks.has(source) }] : [];
    });
  }

  /* Now, and once more when the first of those that only go on for a while has had its time. */
  private applyInTurn(source: Source): Promise<void> {
    clearTimeout(this.stopTimers.get(source));
    const left = (this.lastNeeded.get(source) ?? [])
      .filter((_, i) => !this.isNeeded(source, i))
      .map((time) => time + STOP_DELAY_MS - Date.now())
      .filter((rest) => rest > 0);
    if (left.length > 0) this.stopTimers.set(source, setTimeout(() => void this.applyInTurn(source), Math.min(...left)));
    return this.onSender(source, (sender) => this.applyNeeded(source, sender));
  }

  private async applyNeeded(source: Source, sender: RTCRtpSender): Promise<void> {
    const parameters = sender.getParameters();
    const wanted = parameters.encodings.map((_, i) => this.isWanted(source, i));
    if (parameters.encodings.every((encoding, i) => (encoding.active ?? true) === wanted[i])) return;
    const begins = parameters.encodings.some((encoding, i) => wanted[i] && encoding.active === false);
    parameters.encodings.forEach((encoding, i) => (encoding.active = wanted[i] ?? true));
    limit(source, parameters.encodings, begins ? PROBE_STEP_BPS : 0);
    await sender.setParameters(parameters);
    if (begins) this.probeSoon(source, 0);
  }

  private probeSoon(source: Source, round: number): void {
    clearTimeout(this.probeTimers.get(source));
    const [before, at] = [PROBE_AFTER_MS[round - 1] ?? 0, PROBE_AFTER_MS[round]];
    if (at === undefined) return;
    const timer = setTimeout(() => {
      void this.onSender(source, async (sender) => {
        const parameters = sender.getParameters();
        if (!parameters.encodings.some(({ active }) => active ?? true)) return;
        /* The last of an odd number of rounds leaves the limits as they should be. */
        limit(source, parameters.encodings, round % 2 ? PROBE_STEP_BPS : 0);
        await sender.setParameters(parameters);
        this.probeSoon(source, round + 1);
      });
    }, at - before);
    this.probeTimers.set(source, timer);
  }

  private isNeeded(source: Source, encoding: number): boolean {
    const needed = this.needed.get(source);
    return !needed || needed.includes(encoding) || (encoding === 0 && needed.length > 0);
  }

  private isWanted(source: Source, encoding: number): boolean {
    return this.isNeeded(source, encoding) || Date.now() - (this.lastNeeded.get(source)?.[encoding] ?? 0) < STOP_DELAY_MS;
  }

  /* A sender takes one change at a time; a change that a browser refuses, or never ends, must not stop those after it. */
  private onSender(source: Source, change: (sender: RTCRtpSender) => Promise<void>): Promise<void> {
    const line = this.lines.get(source);
    if (!line) return Promise.resolve();
    const run = line.queue.then(() => {
      if (line !== this.lines.get(source)) return;
      return new Promise<void>((resolve, reject) => {
        line.abandon = resolve;
        change(line.transceiver.sender).then(resolve, reject);
      });
    });
    line.queue = run.catch((error: unknown) => this.emit("error", error));
    return line.queue;
  }
}

/*
 * Each encoding as large as its line says, the largest active one with `less` bits per second.
 *
 * Of encodings that are all stopped Chromium goes by the first alone: it looks, with whatever it sends first after that, for twice that one's
 * maxBitrate (at most what suits its size), and believes its uplink to be no faster. So the first stands for all of them meanwhile.
 */
function limit(source: Source, encodings: RTCRtpEncodingParameters[], less: number): void {
  const line = PUBLISH_LINES.find((candidate) => candidate.source === source)?.encodings ?? [];
  const largest = encodings.map(({ active }) => active ?? true).lastIndexOf(true);
  encodings.forEach((encoding, i) => {
    const { maxBitrate, scaleResolutionDownBy } = line[i] ?? {};
    if (maxBitrate !== undefined) encoding.maxBitrate = i === largest ? maxBitrate - less : maxBitrate;
    if (scaleResolutionDownBy !== undefined) encoding.scaleResolutionDownBy = scaleResolutionDownBy;
  });
  const first = encodings[0];
  if (largest >= 0 || !first || line.length < 2) return;
  first.maxBitrate = line.reduce((sum, { maxBitrate }) => sum + (maxBitrate ?? 0), 0);
  first.scaleResolutionDownBy = 1;
}

function addAudio(pc: RTCPeerConnection, encodings: readonly RTCRtpEncodingParameters[]): RTCRtpTransceiver {
  return pc.addTransceiver("audio", { direction: "sendonly", sendEncodings: encodings.map((e) => ({ ...e })) });
}

/* Temporal layers where the browser has them: they let the server halve a frame rate without a keyframe. */
function addVideo(pc: RTCPeerConnection, encodings: readonly RTCRtpEncodingParameters[]): RTCRtpTransceiver {
  for (const scalabilityMode of ["L1T3", "L1T1"]) {
    try {
      const layered: LayeredEncoding[] = encodings.map((encoding) => ({ ...encoding, scalabilityMode }));
      return pc.addTransceiver("video", { direction: "sendonly", sendEncodings: layered });
    } catch {
      /* the next mode, or none */
    }
  }
  return pc.addTransceiver("video", { direction: "sendonly", sendEncodings: encodings.map((e) => ({ ...e })) });
}

/* @returns false where this browser, or this connection, cannot do it without another offer */
async function changeCodec(sender: RTCRtpSender, name: string): Promise<boolean> {
  const parameters = sender.getParameters();
  const codec = parameters.codecs.find(({ mimeType }) => mimeType.toUpperCase() === `VIDEO/${name}`);
  if (!codec || parameters.encodings.length === 0) return false;
  const { mimeType, clockRate, sdpFmtpLine } = codec;
  for (const encoding of parameters.encodings as EncodingInCodec[]) {
    encoding.codec = { mimeType, clockRate, ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }) };
  }
  try {
    await sender.setParameters(parameters);
  } catch {
    return false;
  }
  return (sender.getParameters().encodings as EncodingInCodec[]).every((encoding) => encoding.codec?.mimeType.toUpperCase() === `VIDEO/${name}`);
}

function preferCodecs(transceiver: RTCRtpTransceiver, kind: "audio" | "video", order: readonly string[]): void {
  const sorted = sortCodecs(RTCRtpSender.getCapabilities(kind)?.codecs ?? [], order);
  if (sorted.length > 0) transceiver.setCodecPreferences(sorted);
}

function askForDependencyDescriptor(transceiver: RTCRtpTransceiver): void {
  const extensible = transceiver as ExtensibleTransceiver;
  const extensions = extensible.getHeaderExtensionsToNegotiate?.();
  if (!extensions || !extensible.setHeaderExtensionsToNegotiate) return;
  for (const extension of extensions) {
    if (extension.uri === DEPENDENCY_DESCRIPTOR) extension.direction = "sendrecv";
  }
  extensible.setHeaderExtensionsToNegotiate(extensions);
}
