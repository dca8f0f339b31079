import type { Source } from "./protocol.js";

/** Simulcast of the camera, smallest first: the order that the server's `demand` counts in. Bit rates are for 720p. */
export const CAMERA_ENCODINGS: readonly RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

/** Two encodings of a screen: one that can be read, one for strips and thin lines. */
export const SCREEN_ENCODINGS: readonly RTCRtpEncodingParameters[] = [
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 400_000, maxFramerate: 15 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 2_500_000 },
];

/** The m-lines of the publish connection, in order. */
export const PUBLISH_LINES: readonly { source: Source; kind: "audio" | "video"; encodings: readonly RTCRtpEncodingParameters[] }[] = [
  { source: "microphone", kind: "audio", encodings: [] },
  { source: "camera", kind: "video", encodings: CAMERA_ENCODINGS },
  { source: "screen", kind: "video", encodings: SCREEN_ENCODINGS },
  { source: "screen_audio", kind: "audio", encodings: [{ maxBitrate: 128_000 }] },
];
