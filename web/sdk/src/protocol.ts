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
  /** a password is needed, or this one is wrong */
  | "password"
  /** the token is not valid here, or no longer */
  | "token"
  /** the room takes nobody in now */
  | "locked"
  /** removed from this room, and not let in again */
  | "banned"
  /** a moderator did not admit you */
  | "refused"
  /** the server failed; try again */
  | "internal"
  /** this server does not do that, or not now */
  | "not_available";

/** Why somebody is not in yet. */
export type WaitReason =
  /** a moderator decides */
  | "lobby"
  /** the organiser has not started the meeting */
  | "not_started";

/** What a moderator did to you. */
export type Notice =
  /** a source of yours was muted */
  | "muted"
  /** you are asked to unmute a source; only you can */
  | "unmute_asked"
  /** your hand was lowered */
  | "hand_lowered"
  /** the meeting ends soon, at the room's ends_at */
  | "ending"
  /** the recording ends soon, at its ends_at; to those who may start another */
  | "recording_ending";

/** What becomes of a recording. */
export type RecordingState =
  /** asked for; nothing is recorded yet */
  | "starting"
  /** everything in the main room is recorded */
  | "on"
  /** nothing is recorded for now; goes on by itself */
  | "paused"
  /** ended; its files are being finished */
  | "closing"
  /** can be played */
  | "ready"
  /** ended without anything usable */
  | "failed";

/** Why a recording is in its state. */
export type RecordingReason =
  /** somebody asked for it */
  | "asked"
  /** the longest time was reached */
  | "limit"
  /** the meeting ended */
  | "ended"
  /** it was deleted */
  | "deleted"
  /** no space is left for recordings */
  | "disk_full"
  /** the disk fails */
  | "disk_error"
  /** the disk cannot keep up */
  | "disk_slow"
  /** the recorder cannot be reached */
  | "no_recorder"
  /** the server was away for too long */
  | "server_gone";

/** What a slot is doing. */
export type SlotState =
  /** shows nothing */
  | "empty"
  /** shows a track whose first keyframe is awaited */
  | "waiting"
  /** media flows */
  | "forwarding"
  /** shows a track of which nothing flows, for a reason; resumes by itself */
  | "paused";

/** Why no picture flows in a slot. */
export type SlotReason =
  /** one flows, or is awaited */
  | "none"
  /** the way from the server to this client carries too little */
  | "bandwidth"
  /** its publisher has muted it */
  | "muted"
  /** its publisher sends nothing, though it is not muted */
  | "stopped"
  /** this client wants no video (view) */
  | "unwanted"
  /** its publisher sends what this client does not decode */
  | "codec";

/** In what video is sent. */
export type VideoCodec =
  /** VP8 */
  | "vp8"
  /** VP9 */
  | "vp9"
  /** H264 */
  | "h264"
  /** AV1 */
  | "av1";

/** What made a picture stand still. */
export type FreezeCause =
  /** too little is known of it */
  | "unknown"
  /** the way from its publisher to the server lost or delayed it */
  | "publisher_uplink"
  /** its publisher made no frames for a while */
  | "publisher_encoder"
  /** the server changed what the slot gets, or awaited a key frame */
  | "server"
  /** the way from the server to the receiver lost it, delayed it or carried too little */
  | "receiver_downlink"
  /** everything arrived, and the receiver did not decode or show it in time */
  | "receiver_decoder";

/** Why somebody is gone. */
export type LeaveReason =
  /** left */
  | "left"
  /** connection lost and not resumed in time */
  | "lost"
  /** removed */
  | "removed"
  /** went to another room of this meeting */
  | "moved"
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
  /** a raised hand; who raised it earlier has the lower number */
  hand?: number;
  /** may unmute the microphone */
  may_speak: boolean;
  /** may start the camera */
  may_show: boolean;
  /** may share a screen */
  may_share: boolean;
}

/** Someone who is gone. */
export interface Departure {
  participant: number;
  reason: LeaveReason;
}

/** A short sign of one participant. */
export interface Reaction {
  participant: number;
  /** thumbs_up, clap, heart, laugh, surprise, sad … */
  kind: string;
}

/** Someone who waits in the lobby. */
export interface WaitingPerson {
  /** their id if they are let in */
  id: number;
  name: string;
  since: number;
}

/** Rules of a room. In a request only what shall change is there; what the server tells is complete. */
export interface Settings {
  /** shown in place of the room's name; absent in a request: as it is */
  title?: string;
  /** newcomers wait until a moderator admits them */
  lobby?: boolean;
  /** nobody comes in */
  locked?: boolean;
  /** the meeting begins when an owner or moderator starts it */
  organised?: boolean;
  /** 0: what the server allows */
  max_participants?: number;
  /** length of a meeting; 0: no limit */
  max_minutes?: number;
  /** microphones are off when one joins */
  start_muted?: boolean;
  /** cameras are off when one joins */
  start_camera_off?: boolean;
  /** speakers may unmute themselves; false: moderators only, and whom they permit */
  may_speak?: boolean;
  /** the same for cameras */
  may_show?: boolean;
  /** the same for screens */
  may_share?: boolean;
  /** everybody may write to all; false: moderators only */
  may_chat?: boolean;
  /** everybody may write to one person; a moderator can always be written to */
  may_whisper?: boolean;
  /** reactions and hands are heard */
  sounds?: boolean;
  /** meetings may be recorded; false: by nobody. In a room with an owner only they change it */
  may_record?: boolean;
  /** a recording begins with the meeting */
  auto_record?: boolean;
}

/** The room one is in. */
export interface RoomInfo {
  /** as in its link */
  name: string;
  /** its number, 001-0002-003; a breakout room has none */
  code?: string;
  settings: Settings;
  has_password: boolean;
  /** when the meeting began; 0: it has not */
  started_at: number;
  /** when it will be ended */
  ends_at?: number;
  /** number of this breakout room; absent in the main room */
  breakout?: number;
}

/** The recording of this meeting: what is told to everybody in it. */
export interface RecordingStatus {
  state: RecordingState;
  /** when it began */
  since: number;
  /** who began or ended it; absent: the server or its API */
  by?: number;
  reason?: RecordingReason;
  /** when it will be ended */
  ends_at?: number;
}

/** A recording of this room. */
export interface RecordingItem {
  id: string;
  state: RecordingState;
  /** why it is in this state */
  reason?: RecordingReason;
  started_at: number;
  /** its length so far */
  seconds: number;
  /** in thousands of octets */
  size_kb: number;
  files: number;
  /** of one that is ready: opens /api/v1/recordings/{id} and its files as ?token= for token_seconds */
  token?: string;
}

/** One breakout room. */
export interface BreakoutRoom {
  /** from 1 */
  number: number;
  name: string;
  /** who is in it */
  participants: number[];
}

/** A breakout room to be made. */
export interface BreakoutName {
  name: string;
}

/** Who belongs where. */
export interface BreakoutPlace {
  participant: number;
  /** number of the breakout room; 0: the main room */
  room: number;
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
  /** why a slot of video is paused, or empty */
  reason?: SlotReason;
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

/** How one slot fared in the time of a report. */
export interface SlotReport {
  /** the slot */
  mid: string;
  /** whom it showed */
  participant: number;
  /** which of their tracks */
  source: Source;
  /** decoded */
  frames?: number;
  /** frames that were not shown, because decoding took too long */
  dropped?: number;
  /** of a frame, on average */
  decode_us?: number;
  /** times the picture stood still; one that goes on counts when it is seen first */
  freezes?: number;
  /** how long in all */
  frozen_ms?: number;
  /** thousandths of the sound that were made up */
  concealed?: number;
  /** time in the jitter buffer, on average */
  jitter_ms?: number;
}

/** One second of everything that somebody received, or sent; pictures only. */
export interface QualitySecond {
  /** its end */
  at: number;
  kbps: number;
  packets: number;
  /** of them, on their first way */
  lost: number;
  /** round trip, when known */
  rtt_ms?: number;
  /** what the way to them carries, when known */
  estimate_kbps?: number;
}

/** A picture stood still. */
export interface Freeze {
  /** when it went on, or was last known to stand */
  at: number;
  /** how long */
  ms: number;
  /** whose */
  participant: number;
  /** which of their tracks */
  source: Source;
  cause: FreezeCause;
}

/** What a cause did so far. */
export interface FreezeTotal {
  cause: FreezeCause;
  freezes: number;
  /** how long in all */
  ms: number;
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
  /** only this participant and the sender see it */
  to?: number;
  /** a word to all breakout rooms */
  announcement?: boolean;
}

/** Enter a room; the first joiner creates it. Whoever has to wait is told so by waiting, and the reply comes when they are let in. */
export interface JoinRequest {
  type: "join";
  id: number;
  /** the room's name as in its link, or its number */
  room: string;
  /** display name */
  name: string;
  /** of the room */
  password?: string;
  /** a join token, or the owner's key */
  token?: string;
  /** random, kept by this browser for this room alone: who was removed is known by it */
  device?: string;
}

/** Take up a session whose socket was lost, or a place in the lobby. Media never stopped. */
export interface ResumeRequest {
  type: "resume";
  id: number;
  /** from joined or waiting */
  secret: string;
}

/** Leave for good. */
export interface LeaveRequest {
  type: "leave";
  id: number;
  /** the page goes away and may be back at once, as when it is reloaded: for 6 s the place, with its role, may be resumed */
  soft?: boolean;
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
  /** new ICE credentials on the same connection; where that is gone: bad_state */
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

/** How what is received fares: every 5 s, and at once when a picture stood still, but no more than one in a second. */
export interface ReportRequest {
  type: "report";
  id: number;
  /** what time it is about, up to now */
  ms: number;
  /** those that show something */
  slots: SlotReport[];
}

/** How somebody's connections fared. Others than oneself: to those who lead. */
export interface QualityRequest {
  type: "quality";
  id: number;
  participant: number;
}

/** Mute or unmute a source of one's own. A screen share ends by being muted. */
export interface MuteRequest {
  type: "mute";
  id: number;
  source: Source;
  muted: boolean;
}

/** Say something to everybody in the room, or to one. */
export interface ChatRequest {
  type: "chat";
  id: number;
  text: string;
  /** a participant of this room */
  to?: number;
}

/** Change one's display name. */
export interface RenameRequest {
  type: "rename";
  id: number;
  name: string;
}

/** Raise or lower one's hand. */
export interface HandRequest {
  type: "hand";
  id: number;
  raised: boolean;
}

/** Send a reaction to everybody. */
export interface ReactRequest {
  type: "react";
  id: number;
  kind: string;
}

/** The next page of a large room's participants. */
export interface PeopleRequest {
  type: "people";
  id: number;
  /** list those with a greater id; 0: from the start */
  after: number;
}

/** Become the owner by the owner's key or a token that says so. */
export interface ClaimRequest {
  type: "claim";
  id: number;
  key: string;
}

/** Begin an organised meeting: those who wait for it come in. */
export interface StartRequest {
  type: "start";
  id: number;
}

/** Change rules of the room. */
export interface ConfigureRequest {
  type: "configure";
  id: number;
  /** what shall change */
  settings: Settings;
  /** a new password */
  password?: string;
  /** take the password away */
  no_password?: boolean;
}

/** Let people in from the lobby, or send them away. */
export interface AdmitRequest {
  type: "admit";
  id: number;
  /** their ids; none: all who wait */
  waiting: number[];
  /** false: refused */
  admitted: boolean;
}

/** Mute a source of others; they may unmute it, unless it is forbidden. An encoder cannot: permit unmutes it. */
export interface MuteOthersRequest {
  type: "mute_others";
  id: number;
  /** none: everybody in one's room but moderators and encoders */
  participants: number[];
  source: Source;
}

/** Ask someone to unmute. */
export interface AskUnmuteRequest {
  type: "ask_unmute";
  id: number;
  participant: number;
  /** microphone or camera */
  source: Source;
}

/** Permit or forbid someone a source, whatever the room's rule; what is forbidden is muted, what an encoder is permitted is unmuted. */
export interface PermitRequest {
  type: "permit";
  id: number;
  /** none: everybody in one's room but moderators */
  participants: number[];
  /** microphone, camera or screen */
  source: Source;
  permitted: boolean;
}

/** Lower the hands of others. */
export interface LowerHandsRequest {
  type: "lower_hands";
  id: number;
  /** none: all in one's room */
  participants: number[];
}

/** Promote or demote. */
export interface SetRoleRequest {
  type: "set_role";
  id: number;
  participant: number;
  role: Role;
}

/** Remove someone for good: their connections end and every way back is closed. */
export interface KickRequest {
  type: "kick";
  id: number;
  participant: number;
  /** from now on newcomers wait in the lobby */
  lobby?: boolean;
}

/** End the meeting for everybody. */
export interface EndRequest {
  type: "end";
  id: number;
}

/** Make breakout rooms and, if places or random say so, send people there. */
export interface BreakoutOpenRequest {
  type: "breakout_open";
  id: number;
  rooms: BreakoutName[];
  /** share everybody but moderators out evenly */
  random?: boolean;
  /** who belongs where */
  places?: BreakoutPlace[];
  /** they are moved at once; else they are invited and go by themselves */
  force?: boolean;
  /** everybody may go where they like */
  may_choose?: boolean;
  /** then all come back */
  minutes?: number;
}

/** Send people to other rooms of this meeting, or invite them. */
export interface BreakoutAssignRequest {
  type: "breakout_assign";
  id: number;
  places: BreakoutPlace[];
  force: boolean;
}

/** Go to another room of this meeting; the main room is always open. */
export interface BreakoutGoRequest {
  type: "breakout_go";
  id: number;
  /** 0: the main room */
  room: number;
  /** moderators: with everything of one's own muted */
  listen?: boolean;
}

/** Set the time that is left. */
export interface BreakoutTimeRequest {
  type: "breakout_time";
  id: number;
  /** 0: no limit */
  seconds: number;
}

/** Everybody back, after a countdown. */
export interface BreakoutCloseRequest {
  type: "breakout_close";
  id: number;
  /** [0] */
  seconds?: number;
}

/** A word to the main room and all breakout rooms. */
export interface BreakoutSayRequest {
  type: "breakout_say";
  id: number;
  text: string;
}

/** Begin to record. Everybody is told by recording. */
export interface RecordStartRequest {
  type: "record_start";
  id: number;
}

/** End the recording. */
export interface RecordStopRequest {
  type: "record_stop";
  id: number;
}

/** The recordings of this room that one may see, newest first: in a room with an owner all; else those of this meeting, and those that oneself began, or led when they began by themselves. */
export interface RecordingsRequest {
  type: "recordings";
  id: number;
  /** only those that began earlier */
  before?: number;
}

/** Delete a recording for good; one that runs ends. */
export interface RecordDeleteRequest {
  type: "record_delete";
  id: number;
  /** its id */
  recording: string;
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
  room: RoomInfo;
  /** for resume; keep it to yourself */
  secret: string;
  /** how long a lost session may be resumed */
  grace_seconds: number;
  /** the session was taken up: connections still stand */
  resumed: boolean;
  /** those present, you included; more of them by people */
  participants: Participant[];
  /** how many there are to be listed */
  total: number;
  /** how many more only watch: by WHEP, or as viewers who came when more than 50 were there */
  viewers: number;
  /** the latest messages that are for you, oldest first */
  chat: ChatMessage[];
  breakouts: BreakoutRoom[];
  /** breakout rooms are there */
  breakouts_open: boolean;
  breakouts_may_choose: boolean;
  /** when all come back */
  breakouts_end_at?: number;
  ice_servers: IceServer[];
  /** what you say and show is recorded, or will be at once */
  recording?: RecordingStatus;
  /** this server records meetings */
  records?: boolean;
  /** your token lets you record, whatever your role */
  may_record?: boolean;
  /** the server's clock as this is sent: the other times are to be compared with it, not with a device's clock */
  now: number;
}

/** Participants by ascending id. */
export interface PeoplePageReply {
  type: "people_page";
  id: number;
  participants: Participant[];
  /** ask again */
  more: boolean;
}

/** Recordings, newest first. */
export interface RecordingsPageReply {
  type: "recordings_page";
  id: number;
  recordings: RecordingItem[];
  /** ask again, with before */
  more: boolean;
  /** how long the tokens are good */
  token_seconds: number;
}

/** The last minute, and what stood still since the meeting began. */
export interface QualityReportReply {
  type: "quality_report";
  id: number;
  participant: number;
  /** oldest first */
  received: QualitySecond[];
  /** oldest first */
  sent: QualitySecond[];
  /** the last ones, oldest first, of what they received */
  freezes: Freeze[];
  /** those that there were */
  causes: FreezeTotal[];
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

/** You are not in yet; the reply to join follows when you are. This is all that somebody who waits is told. */
export interface WaitingEvent {
  type: "waiting";
  reason: WaitReason;
  /** keeps the place when the socket is lost */
  secret: string;
}

/** What is new among the people: at most one such message in 250 ms in a large room. */
export interface RosterEvent {
  type: "roster";
  joined: Participant[];
  /** as they are now: name, role, tracks, mutes, hand, permissions */
  changed: Participant[];
  left: Departure[];
  reactions: Reaction[];
  /** how many there are to be listed */
  total: number;
  /** how many more only watch: by WHEP, or as viewers who came when more than 50 were there */
  viewers: number;
}

/** You are in another room of this meeting now: all that was known of the former one is void. Connections stand. */
export interface MovedEvent {
  type: "moved";
  /** your id, the same as before */
  participant: number;
  /** your role */
  role: Role;
  room: RoomInfo;
  /** those present, you included; more of them by people */
  participants: Participant[];
  /** how many there are to be listed */
  total: number;
  /** how many more only watch: by WHEP, or as viewers who came when more than 50 were there */
  viewers: number;
  /** the latest messages that are for you, oldest first */
  chat: ChatMessage[];
  breakouts: BreakoutRoom[];
  /** breakout rooms are there */
  breakouts_open: boolean;
  breakouts_may_choose: boolean;
  /** when all come back */
  breakouts_end_at?: number;
}

/** The room's rules changed. */
export interface RoomChangedEvent {
  type: "room_changed";
  room: RoomInfo;
}

/** Who waits, to those who may admit. */
export interface LobbyEvent {
  type: "lobby";
  /** in the order of coming; the first of them */
  waiting: WaitingPerson[];
  total: number;
}

/** A moderator did something that concerns you. */
export interface NoticedEvent {
  type: "noticed";
  notice: Notice;
  /** who; absent: the server or its API */
  by?: number;
  source?: Source;
}

/** The breakout rooms as they are now; at most one such message in 250 ms. */
export interface BreakoutsEvent {
  type: "breakouts";
  /** false: there are none */
  open: boolean;
  rooms: BreakoutRoom[];
  may_choose: boolean;
  /** when all come back */
  end_at?: number;
}

/** You may go to this room with breakout_go. */
export interface BreakoutInvitedEvent {
  type: "breakout_invited";
  room: number;
  name: string;
}

/** What slots show from now on; slots not named stay as they are. */
export interface SlotsEvent {
  type: "slots";
  slots: Slot[];
}

/** Who speaks, or did a moment ago, the dominant speaker first. Neither who is muted is named nor who is silent. */
export interface SpeakersEvent {
  type: "speakers";
  participants: number[];
}

/** Which encodings of a track somebody receives; the others may be stopped. Until told, take all for received. What is received anew is told at once, what is not any more after two seconds. */
export interface DemandEvent {
  type: "demand";
  source: Source;
  /** indices of the offer's rids, lowest quality first; none: nobody */
  needed: number[];
}

/** Send all video in this codec from now on: somebody came who does not decode what was sent. It is among those of the answer to publish: take it by RTCRtpEncodingParameters.codec, or offer publish again on the same connection, whose answer has it first. */
export interface CodecEvent {
  type: "codec";
  codec: VideoCodec;
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

/** The state of the meeting's recording changed; told in all its rooms. */
export interface RecordingEvent {
  type: "recording";
  recording: RecordingStatus;
  /** the server's clock as this is sent: as in joined */
  now: number;
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
  | ReportRequest
  | QualityRequest
  | MuteRequest
  | ChatRequest
  | RenameRequest
  | HandRequest
  | ReactRequest
  | PeopleRequest
  | ClaimRequest
  | StartRequest
  | ConfigureRequest
  | AdmitRequest
  | MuteOthersRequest
  | AskUnmuteRequest
  | PermitRequest
  | LowerHandsRequest
  | SetRoleRequest
  | KickRequest
  | EndRequest
  | BreakoutOpenRequest
  | BreakoutAssignRequest
  | BreakoutGoRequest
  | BreakoutTimeRequest
  | BreakoutCloseRequest
  | BreakoutSayRequest
  | RecordStartRequest
  | RecordStopRequest
  | RecordingsRequest
  | RecordDeleteRequest;

/** Server to client, with the request's id. */
export type ServerReply =
  | DoneReply
  | JoinedReply
  | PeoplePageReply
  | RecordingsPageReply
  | QualityReportReply
  | PublishedReply
  | OfferedReply
  | ErrorReply;

/** Server to client, unasked. */
export type ServerEvent =
  | WaitingEvent
  | RosterEvent
  | MovedEvent
  | RoomChangedEvent
  | LobbyEvent
  | NoticedEvent
  | BreakoutsEvent
  | BreakoutInvitedEvent
  | SlotsEvent
  | SpeakersEvent
  | DemandEvent
  | CodecEvent
  | ChatPostedEvent
  | ConnectionLostEvent
  | RecordingEvent
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
  report: DoneReply;
  quality: QualityReportReply;
  mute: DoneReply;
  chat: DoneReply;
  rename: DoneReply;
  hand: DoneReply;
  react: DoneReply;
  people: PeoplePageReply;
  claim: DoneReply;
  start: DoneReply;
  configure: DoneReply;
  admit: DoneReply;
  mute_others: DoneReply;
  ask_unmute: DoneReply;
  permit: DoneReply;
  lower_hands: DoneReply;
  set_role: DoneReply;
  kick: DoneReply;
  end: DoneReply;
  breakout_open: DoneReply;
  breakout_assign: DoneReply;
  breakout_go: DoneReply;
  breakout_time: DoneReply;
  breakout_close: DoneReply;
  breakout_say: DoneReply;
  record_start: DoneReply;
  record_stop: DoneReply;
  recordings: RecordingsPageReply;
  record_delete: DoneReply;
}

/** What a caller fills in: the request without its type and id. */
export type RequestFields<T extends ClientRequest["type"]> = Omit<Extract<ClientRequest, { type: T }>, "type" | "id">;

/** Greatest lengths of the texts of requests, in octets of UTF-8, as the server checks them. */
export const TEXT_LIMITS = {
  join: { room: 128, name: 128, password: 128, token: 4096, device: 64 },
  resume: { secret: 64 },
  publish: { sdp: 262144 },
  answer: { sdp: 262144 },
  chat: { text: 4000 },
  rename: { name: 128 },
  react: { kind: 16 },
  claim: { key: 4096 },
  configure: { password: 128 },
  breakout_say: { text: 4000 },
  record_delete: { recording: 32 },
} as const;

/** So many people are on one list; who gets as many has to ask for more. */
export const PEOPLE_PAGE = 100;
