export { Breakouts, type BreakoutPlan, type BreakoutState } from "./breakouts.js";
export { detectEngine, sortCodecs, videoCodecOrder, type CodecOptions, type Engine } from "./codecPolicy.js";
export type { ConnectionState } from "./connection.js";
export { deviceId, keepDeviceId, type DeviceStore } from "./device.js";
export {
  canShareScreen,
  LevelMeter,
  listDevices,
  onDevicesChanged,
  openCamera,
  openContentCamera,
  openMicrophone,
  openScreen,
  type DeviceList,
  type ScreenTracks,
} from "./devices.js";
export { Emitter } from "./emitter.js";
export { MediaError, PlenumError, type MediaReason, type PlenumErrorCode } from "./errors.js";
export {
  isModerator,
  Meeting,
  type Invitation,
  type Lobby,
  type MediaStates,
  type MeetingEvents,
  type MeetingOptions,
  type Noticed,
} from "./meeting.js";
export { Moderation, type Ask, type RoomChange } from "./moderation.js";
export type { SourceStopped } from "./mutes.js";
export type * from "./protocol.js";
export { TEXT_LIMITS } from "./protocol.js";
export { PublishConnection } from "./publish.js";
export type { QualityLevel, SendQuality, StreamQuality } from "./quality.js";
export { isRecording, Recordings, type RecordingPage, type RecordingState } from "./recordings.js";
export { DESKTOP_SLOTS, PHONE_SLOTS, ReceiveConnection, type RemoteTrack, type SlotCounts } from "./receive.js";
export { Signal, SUBPROTOCOL, type EndReason, type JoinFields, type SignalEvents, type SignalOptions, type SignalState } from "./signal.js";
export type { ParticipantQuality, QualityReport } from "./stats.js";
export type { ShownItem } from "./view.js";
