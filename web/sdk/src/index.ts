export { detectEngine, sortCodecs, videoCodecOrder, type CodecOptions, type Engine } from "./codecPolicy.js";
export type { ConnectionState } from "./connection.js";
export {
  canShareScreen,
  LevelMeter,
  listDevices,
  onDevicesChanged,
  openCamera,
  openMicrophone,
  openScreen,
  type DeviceList,
  type ScreenTracks,
} from "./devices.js";
export { Emitter } from "./emitter.js";
export { MediaError, PlenumError, type MediaReason, type PlenumErrorCode } from "./errors.js";
export { Meeting, type MediaStates, type MeetingEvents, type MeetingOptions } from "./meeting.js";
export type * from "./protocol.js";
export { TEXT_LIMITS } from "./protocol.js";
export { PublishConnection } from "./publish.js";
export type { QualityLevel, SendQuality, StreamQuality } from "./quality.js";
export { DESKTOP_SLOTS, PHONE_SLOTS, ReceiveConnection, type RemoteTrack, type SlotCounts } from "./receive.js";
export { Signal, SUBPROTOCOL, type SignalEvents, type SignalOptions, type SignalState } from "./signal.js";
export type { ParticipantQuality, QualityReport } from "./stats.js";
export type { ShownItem } from "./view.js";
