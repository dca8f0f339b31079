import { MediaError, mediaReason } from "./errors.js";

export interface DeviceList {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/** Cameras, microphones, speakers. Labels are empty until the person has given a permission. */
export async function listDevices(): Promise<DeviceList> {
  const all = await mediaDevices().enumerateDevices();
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
  return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") };
}

/** Call `listener` when a device comes or goes; the returned function ends that. */
export function onDevicesChanged(listener: () => void): () => void {
  if (!hasMediaDevices()) return () => undefined;
  navigator.mediaDevices.addEventListener("devicechange", listener);
  return () => navigator.mediaDevices.removeEventListener("devicechange", listener);
}

/** Rejects with a MediaError. A device that is gone falls back to the default one. */
export function openMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
  return openDevice("audio", { echoCancellation: true, noiseSuppression: true, autoGainControl: true }, deviceId);
}

/** Rejects with a MediaError. A device that is gone falls back to the default one. */
export async function openCamera(deviceId?: string): Promise<MediaStreamTrack> {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
  const track = await openDevice("video", deviceId ? size : { ...size, facingMode: "user" }, deviceId);
  track.contentHint = "motion";
  return track;
}

/**
 * A camera that shows a thing rather than a person: a document, a board, an experiment. Sharp rather than fluent; published as `screen`.
 * Without a device the one that looks away from the person, where there is one. Rejects with a MediaError.
 */
export async function openContentCamera(deviceId?: string): Promise<MediaStreamTrack> {
  const size = { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 30, max: 30 } };
  const track = await openDevice("video", deviceId ? size : { ...size, facingMode: "environment" }, deviceId);
  track.contentHint = "detail";
  return track;
}

export interface ScreenTracks {
  video: MediaStreamTrack;
  /** The sound of what is shared, where the browser gives it. */
  audio: MediaStreamTrack | undefined;
}

/** Let the person choose a screen, window or tab. Rejects with a MediaError, `cancelled` when they did not. */
export async function openScreen(): Promise<ScreenTracks> {
  if (!canShareScreen()) throw new MediaError("unsupported", "this browser cannot share a screen");
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 30, max: 30 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const [video] = stream.getVideoTracks();
    if (!video) throw new MediaError("failed", "the browser gave no picture");
    video.contentHint = "detail";
    const [audio] = stream.getAudioTracks();
    if (audio) audio.contentHint = "music";
    return { video, audio };
  } catch (error) {
    throw new MediaError(mediaReason(error, true), messageOf(error));
  }
}

export function canShareScreen(): boolean {
  /* Phones have the interface without the method. */
  return hasMediaDevices() && "getDisplayMedia" in navigator.mediaDevices;
}

/** Loudness of a track, for a meter. Costs nothing while it is not read. */
export class LevelMeter {
  private readonly context = new AudioContext();
  private readonly analyser: AnalyserNode;
  private readonly source: MediaStreamAudioSourceNode;
  private readonly samples: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.source = this.context.createMediaStreamSource(new MediaStream([track]));
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.source.connect(this.analyser);
  }

  /** 0 silent … 1 very loud, on a scale of decibels as ears have it. */
  read(): number {
    /* A context made without a gesture sleeps until there was one. */
    if (this.context.state === "suspended") this.context.resume().catch(() => undefined);
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return levelOfRms(Math.sqrt(sum / this.samples.length));
  }

  close(): void {
    this.source.disconnect();
    this.context.close().catch(() => undefined);
  }
}

const FLOOR_DB = -60;

export function levelOfRms(rms: number): number {
  if (rms <= 0) return 0;
  const db = 20 * Math.log10(rms);
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

async function openDevice(kind: "audio" | "video", constraints: MediaTrackConstraints, deviceId?: string): Promise<MediaStreamTrack> {
  const chosen = deviceId ? { ...constraints, deviceId: { exact: deviceId } } : constraints;
  try {
    const stream = await mediaDevices().getUserMedia({ [kind]: chosen });
    const [track] = stream.getTracks();
    if (!track) throw new MediaError("failed", "the browser gave no track");
    return track;
  } catch (error) {
    const reason = mediaReason(error);
    if (deviceId && reason === "none") return openDevice(kind, constraints);
    throw new MediaError(reason, messageOf(error));
  }
}

/* Browsers hide the whole interface on pages that are not secure, whatever the DOM's types say. */
function hasMediaDevices(): boolean {
  return (navigator.mediaDevices as MediaDevices | undefined) !== undefined;
}

function mediaDevices(): MediaDevices {
  if (hasMediaDevices()) return navigator.mediaDevices;
  throw window.isSecureContext
    ? new MediaError("unsupported", "this browser has no access to devices")
    : new MediaError("insecure", "devices are available on https pages only");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
