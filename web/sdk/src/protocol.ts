// Made by plm-protogen from signaling/messages.def. Do not edit.

/** The WebSocket subprotocol. */
export const PROTOCOL = "plenum.v1";

/** What a participant publishes. */
export type Source =
  /** a microphone */
  | "microphone"
  /** a camera */
  | "camera"
  /** a shared screen, window or tab */
  | "screen"
  /** the sound of what is shared */
  | "screen_audio";

/** What a participant may do. */
export type Role =
  /** owns the room */
  | "owner"
  /** leads the meeting */
  | "moderator"
  /** takes part */
  | "speaker"
  /** watches and chats */
  | "viewer";

/** Why a request was refused. Codes never change their meaning. */
export type ErrorCode =
  /** not JSON, wrong type, unknown field, too long */
  | "bad_message"
  /** not allowed now, for example a second join */
  | "bad_state"
  /** no such room, participant, track or session */
  | "not_found"
  /** this role may not */
  | "forbidden"
  /** the session description was refused; the message says why */
  | "bad_sdp"
  /** a limit of the room or server was reached */
  | "full"
  /** too many messages */
  | "too_fast"
  /** this protocol version is not spoken here */
  | "version"
  /** the server failed; try again */
  | "internal";

/** What a slot is doing. */
export type SlotState =
  /** shows nothing */
  | "empty"
  /** shows a track whose first keyframe is awaited */
  | "waiting"
  /** media flows */
  | "forwarding"
  /** too little bandwidth; resumes by itself */
  | "paused";

/** Why somebody is gone. */
export type LeaveReason =
  /** left */
  | "left"
  /** connection lost and not resumed in time */
  | "lost"
  /** removed */
  | "removed"
  /** the meeting or server ended */
  | "closed";

/** Something that a participant publishes. */
export interface Track {
  /** what it is */
  source: Source;
  /** muted by its publisher or by the server: nothing is sent */
  muted: boolean;
}

/** Someone in the room. */
export interface Participant {
  /** unique in the room, never used again in it */
  id: number;
  /** display name; names need not be unique */
  name: string;
  /** what they may do */
  role: Role;
  /** when they joined */
  joined_at: number;
  /** what they publish */
  tracks: Track[];
}

/** A STUN or TURN server, as RTCIceServer takes it. */
export interface IceServer {
  /** stun:, turn: or turns: address */
  url: string;
  username?: string;
  credential?: string;
}

/** Names one m-line of the publish connection. */
export interface TrackLine {
  /** its a=mid */
  mid: string;
  /** what it will carry */
  source: Source;
  /** carries nothing yet */
  muted: boolean;
}

/** One m-line of the receive connection: a slot. */
export interface SlotLine {
  /** its a=mid */
  mid: string;
  /** video, else audio */
  video: boolean;
  /** slots of one pair show the same participant; absent for audio-only slots */
  pair?: number;
  /** for screen shares only */
  screen: boolean;
}

/** What a slot shows from now on. */
export interface Slot {
  /** the slot */
  mid: string;
  state: SlotState;
  /** whom it shows */
  participant?: number;
  /** which of their tracks */
  source?: Source;
  /** pixels of the forwarded encoding, when known */
  width?: number;
  height?: number;
  /** RTP timestamp of the first packet of this showing */
  first_ts?: number;
}

/** Something that the client shows, most important first. */
export interface ViewItem {
  participant: number;
  /** camera or screen */
  source: Source;
  /** pixels it is shown at; 0: any */
  width: number;
  height: number;
  /** higher is served first when bandwidth is short */
  priority: number;
}

/** A message in the room's chat. */
export interface ChatMessage {
  /** ascending in the room */
  number: number;
  from: number;
  /** display name of the sender when it was sent */
  name: string;
  at: number;
  text: string;
}

/** Enter a room by its name; the first joiner creates it. */
export interface JoinRequest {
  type: "join";
  id: number;
  /** the room's name, as in its link */
  room: string;
  /** display name */
  name: string;
}

/** Take up a session whose socket was lost. Media never stopped. */
export interface ResumeRequest {
  type: "resume";
  id: number;
  /** from joined */
  secret: string;
}

/** Leave for good. */
export interface LeaveRequest {
  type: "leave";
  id: number;
}

/** Offer the publish connection, or a restart of it. Made once, with every source prepared. */
export interface PublishRequest {
  type: "publish";
  id: number;
  /** offer */
  sdp: string;
  /** which m-line is what */
  tracks: TrackLine[];
}

/** Ask for the server's offer of slots; again for more slots, for an ICE restart, or (the same slots, no restart) for a new peer connection. */
export interface ReceiveRequest {
  type: "receive";
  id: number;
  /** audio and video pairs */
  pairs: number;
  /** slots for people who are heard but not shown */
  audio_only: number;
  /** pairs for screen shares */
  screens: number;
  /** new ICE credentials on the same connection */
  restart?: boolean;
}

/** Answer the server's offer. */
export interface AnswerRequest {
  type: "answer";
  id: number;
  /** answer */
  sdp: string;
}

/** Say what is shown. Until the first view the server chooses by itself. */
export interface ViewRequest {
  type: "view";
  id: number;
  /** most important first */
  items: ViewItem[];
  /** let the server choose again */
  follow?: boolean;
}

/** Mute or unmute a source of one's own. A screen share ends by being muted. */
export interface MuteRequest {
  type: "mute";
  id: number;
  source: Source;
  muted: boolean;
}

/** Say something to everybody in the room. */
export interface ChatRequest {
  type: "chat";
  id: number;
  text: string;
}

/** Change one's display name. */
export interface RenameRequest {
  type: "rename";
  id: number;
  name: string;
}

/** It is done. */
export interface DoneReply {
  type: "done";
  id: number;
}

/** You are in. */
export interface JoinedReply {
  type: "joined";
  id: number;
  /** your id */
  participant: number;
  /** your role */
  role: Role;
  /** the room's name */
  room: string;
  /** for resume; keep it to yourself */
  secret: string;
  /** how long a lost session may be resumed */
  grace_seconds: number;
  /** the session was taken up: connections still stand */
  resumed: boolean;
  /** everybody present, you included */
  participants: Participant[];
  /** the latest messages, oldest first */
  chat: ChatMessage[];
  ice_servers: IceServer[];
}

/** The answer to a publish offer. */
export interface PublishedReply {
  type: "published";
  id: number;
  /** answer */
  sdp: string;
}

/** The server's offer of slots; answer it with answer. */
export interface OfferedReply {
  type: "offered";
  id: number;
  /** offer */
  sdp: string;
  /** every m-line, in order */
  slots: SlotLine[];
}

/** The request was refused; nothing changed. */
export interface ErrorReply {
  type: "error";
  /** absent when the message could not be read */
  id?: number;
  code: ErrorCode;
  /** for people and logs */
  message: string;
  /** path of the offending field */
  field?: string;
}

/** Somebody came. */
export interface ParticipantJoinedEvent {
  type: "participant_joined";
  participant: Participant;
}

/** Name, role, tracks or mutes changed. */
export interface ParticipantChangedEvent {
  type: "participant_changed";
  /** as they are now */
  participant: Participant;
}

/** Somebody is gone. */
export interface ParticipantLeftEvent {
  type: "participant_left";
  participant: number;
  reason: LeaveReason;
}

/** What slots show from now on; slots not named stay as they are. */
export interface SlotsEvent {
  type: "slots";
  slots: Slot[];
}

/** Who speaks, loudest first; the first is the dominant speaker. */
export interface SpeakersEvent {
  type: "speakers";
  participants: number[];
}

/** Which encodings of a track somebody receives; the others may be stopped. */
export interface DemandEvent {
  type: "demand";
  source: Source;
  /** indices of the offer's rids, lowest quality first; none: nobody */
  needed: number[];
}

/** A new message. */
export interface ChatPostedEvent {
  type: "chat_posted";
  message: ChatMessage;
}

/** A media connection ended that the client did not close; offer publish or ask receive anew. */
export interface ConnectionLostEvent {
  type: "connection_lost";
  /** the publish connection, else the receive one */
  publish: boolean;
}

/** The session is over; the socket closes. */
export interface EndedEvent {
  type: "ended";
  reason: LeaveReason;
}

/** Client to server; each is answered by its reply or by an error. */
export type ClientRequest =
  | JoinRequest
  | ResumeRequest
  | LeaveRequest
  | PublishRequest
  | ReceiveRequest
  | AnswerRequest
  | ViewRequest
  | MuteRequest
  | ChatRequest
  | RenameRequest;

/** Server to client, with the request's id. */
export type ServerReply =
  | DoneReply
  | JoinedReply
  | PublishedReply
  | OfferedReply
  | ErrorReply;

/** Server to client, unasked. */
export type ServerEvent =
  | ParticipantJoinedEvent
  | ParticipantChangedEvent
  | ParticipantLeftEvent
  | SlotsEvent
  | SpeakersEvent
  | DemandEvent
  | ChatPostedEvent
  | ConnectionLostEvent
  | EndedEvent;

export type ServerMessage = ServerReply | ServerEvent;

/** Which reply a request gets when it is not refused. */
export interface RequestReply {
  join: JoinedReply;
  resume: JoinedReply;
  leave: DoneReply;
  publish: PublishedReply;
  receive: OfferedReply;
  answer: DoneReply;
  view: DoneReply;
  mute: DoneReply;
  chat: DoneReply;
  rename: DoneReply;
}

/** What a caller fills in: the request without its type and id. */
export type RequestFields<T extends ClientRequest["type"]> = Omit<Extract<ClientRequest, { type: T }>, "type" | "id">;

/** Greatest lengths of the texts of requests, in octets of UTF-8, as the server checks them. */
export const TEXT_LIMITS = {
  join: { room: 128, name: 128 },
  resume: { secret: 64 },
  publish: { sdp: 262144 },
  answer: { sdp: 262144 },
  chat: { text: 4000 },
  rename: { name: 128 },
} as const;
