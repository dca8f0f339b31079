import { vi } from "vitest";
import { Meeting, type MeetingOptions } from "../src/meeting.js";
import type { ClientRequest, JoinedReply, OfferedReply, Participant, RosterEvent, ServerEvent, SlotLine } from "../src/protocol.js";

/** The server's end of a fake WebSocket: tests see what was sent and decide what comes back. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  readonly sent: ClientRequest[] = [];
  closed = false;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientRequest);
  }

  close(): void {
    this.drop();
  }

  open(): void {
    this.onopen?.();
  }

  /** The network takes the socket away, or the server does, with a code. */
  drop(code = 1006): void {
    if (this.closed) return;
    this.closed = true;
    queueMicrotask(() => this.onclose?.({ code }));
  }

  requests<T extends ClientRequest["type"]>(type: T): Extract<ClientRequest, { type: T }>[] {
    return this.sent.filter((r): r is Extract<ClientRequest, { type: T }> => r.type === type);
  }

  reply(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  event(event: ServerEvent): void {
    this.reply(event);
  }

  /** Answer the latest request of this type. */
  async answer(type: ClientRequest["type"], reply: object): Promise<void> {
    await settle();
    const request = this.requests(type).at(-1);
    if (!request) throw new Error(`no ${type} was sent, only ${this.sent.map((r) => r.type).join()}`);
    this.reply({ id: request.id, ...reply });
    await settle();
  }
}

export const fakeWebSocket = FakeSocket as unknown as new (url: string, protocol: string) => WebSocket;

/** Let promises run until they wait for something outside. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

export function person(id: number, name: string): Participant {
  return { id, name, role: "speaker", joined_at: 0, tracks: [], may_speak: true, may_show: true, may_share: true };
}

export function joined(overrides: Partial<JoinedReply> = {}): Omit<JoinedReply, "id"> {
  return {
    type: "joined",
    participant: 1,
    role: "speaker",
    room: { name: "tea", settings: {}, has_password: false, started_at: 0 },
    secret: "s3cret",
    grace_seconds: 30,
    resumed: false,
    participants: [person(1, "Ada")],
    total: 1,
    viewers: 0,
    chat: [],
    breakouts: [],
    breakouts_open: false,
    breakouts_may_choose: false,
    ice_servers: [],
    now: Date.now(),
    ...overrides,
  };
}

export const LINES: SlotLine[] = [
  { mid: "0", video: false, pair: 0, screen: false },
  { mid: "1", video: true, pair: 0, screen: false },
  { mid: "2", video: false, screen: false },
];

export const OFFERED: Omit<OfferedReply, "id"> = { type: "offered", sdp: "v=0 offer", slots: LINES };

export class FakeSender {
  track: unknown = null;
  parameters: { encodings: RTCRtpEncodingParameters[]; codecs: RTCRtpCodec[] };
  readonly replaceTrack = vi.fn((track: unknown) => {
    this.track = track;
    return Promise.resolve();
  });
  readonly setParameters = vi.fn((parameters: { encodings: RTCRtpEncodingParameters[]; codecs: RTCRtpCodec[] }) => {
    this.parameters = parameters;
    return Promise.resolve();
  });

  constructor(encodings: RTCRtpEncodingParameters[]) {
    this.parameters = { encodings, codecs: [] };
  }

  getParameters() {
    return structuredClone(this.parameters);
  }
}

/** Counts what is negotiated; carries nothing. */
export class FakePeerConnection {
  static all: FakePeerConnection[] = [];
  static get last(): FakePeerConnection {
    const pc = FakePeerConnection.all.at(-1);
    if (!pc) throw new Error("no peer connection was made");
    return pc;
  }

  connectionState: RTCPeerConnectionState = "new";
  iceConnectionState: RTCIceConnectionState = "new";
  signalingState: RTCSignalingState = "stable";
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { type: string; sdp: string } | null = null;
  readonly transceivers: { mid: string | null; kind: string; init: RTCRtpTransceiverInit; sender: FakeSender; receiver: unknown; setCodecPreferences: () => void }[] = [];
  readonly remote: { type: string; sdp: string }[] = [];
  readonly offers: RTCOfferOptions[] = [];

  constructor(readonly config: RTCConfiguration) {
    FakePeerConnection.all.push(this);
  }

  addTransceiver(kind: string, init: RTCRtpTransceiverInit) {
    const transceiver = {
      mid: null as string | null,
      kind,
      init,
      sender: new FakeSender(init.sendEncodings ?? []),
      receiver: undefined as unknown,
      setCodecPreferences: () => undefined,
    };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers;
  }

  createOffer(options: RTCOfferOptions) {
    this.offers.push(options);
    return Promise.resolve({ type: "offer", sdp: "v=0 my offer" });
  }

  createAnswer() {
    return Promise.resolve({ type: "answer", sdp: "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n" });
  }

  setLocalDescription(description: { type: string; sdp: string }) {
    this.localDescription = description;
    this.transceivers.forEach((t, i) => (t.mid ??= String(i)));
    return Promise.resolve();
  }

  setRemoteDescription(description: { type: string; sdp: string }) {
    this.remote.push(description);
    if (description.type === "offer" && this.transceivers.length === 0) {
      for (const line of LINES) {
        const t = this.addTransceiver(line.video ? "video" : "audio", {});
        t.mid = line.mid;
        t.receiver = { track: { id: `track ${line.mid}` } };
      }
    }
    return Promise.resolve();
  }

  getStats() {
    return Promise.resolve(new Map());
  }

  close() {
    this.signalingState = "closed";
  }

  become(state: RTCPeerConnectionState, ice: RTCIceConnectionState = state === "connecting" ? "checking" : (state)) {
    this.connectionState = state;
    this.iceConnectionState = ice;
    this.onconnectionstatechange?.();
  }
}

export const fakePeerConnection = (config: RTCConfiguration) => new FakePeerConnection(config) as unknown as RTCPeerConnection;

class FakeMediaStream {
  readonly tracks: unknown[] = [];
  addTrack(track: unknown) {
    this.tracks.push(track);
  }
}

/** A meeting on fakes. */
export function makeMeeting(options: Partial<MeetingOptions> = {}): Meeting {
  return new Meeting({
    url: "ws://x/ws",
    room: "tea",
    name: "Ada",
    webSocket: fakeWebSocket,
    peerConnection: fakePeerConnection,
    qualityInterval: 0,
    ...options,
  });
}

/** Answer both connections' exchanges. */
export async function negotiateBoth(): Promise<{ publish: FakePeerConnection; receive: FakePeerConnection }> {
  await settle();
  const [publish, receive] = FakePeerConnection.all.slice(-2);
  if (!publish || !receive) throw new Error("no connections");
  await FakeSocket.last.answer("publish", { type: "published", sdp: "v=0 answer" });
  await FakeSocket.last.answer("receive", OFFERED);
  await FakeSocket.last.answer("answer", { type: "done" });
  publish.become("connected");
  receive.become("connected");
  return { publish, receive };
}

export function roster(news: Partial<RosterEvent>): RosterEvent {
  return { type: "roster", joined: [], changed: [], left: [], reactions: [], total: 2, viewers: 0, ...news };
}

/** What the SDK reads from a browser's globals. */
export function stubBrowser(): void {
  FakeSocket.all = [];
  FakePeerConnection.all = [];
  vi.stubGlobal("MediaStream", FakeMediaStream);
  vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs: [] }) });
  vi.stubGlobal("navigator", { userAgent: "Chrome/156" });
}
