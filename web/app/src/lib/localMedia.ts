import {
  listDevices,
  MediaError,
  onDevicesChanged,
  openCamera,
  openMicrophone,
  openScreen,
  type DeviceList,
  type MediaReason,
  type Source,
  type SourceStopped,
} from "@plenum/sdk";
import { settings } from "./settings.js";
import { Store } from "./store.js";

/** A microphone or camera of one's own. */
export interface LocalDevice {
  /** What the person wants. */
  on: boolean;
  /** What there is; a microphone keeps its track while it is off. */
  track: MediaStreamTrack | undefined;
  starting: boolean;
  problem: MediaReason | undefined;
}

export interface LocalState {
  microphone: LocalDevice;
  camera: LocalDevice;
  /** What one presents, and whether that is a screen or a camera. */
  screen: MediaStreamTrack | undefined;
  presents: "screen" | "camera";
  devices: DeviceList;
}

type Kind = "microphone" | "camera";

/** A meeting that what is open goes to: another object for each. */
export interface Outlet {
  send(source: Source, track: MediaStreamTrack | null): void;
  /** What the person wants cannot be had, or no longer. */
  fail(what: Kind | "screen", reason: MediaReason): void;
}

const IDLE: LocalDevice = { on: false, track: undefined, starting: false, problem: undefined };

/** One's own microphone, camera and screen: what is open, what is on, and why something is not. */
export class LocalMedia extends Store<LocalState> {
  private outlet: Outlet | undefined;
  private screenAudio: MediaStreamTrack | undefined;
  /* A device that opens after it was turned off or replaced is closed again. */
  private readonly attempts = { microphone: 0, camera: 0 };

  constructor() {
    super({ microphone: IDLE, camera: IDLE, screen: undefined, presents: "screen", devices: { microphones: [], cameras: [], speakers: [] } });
    onDevicesChanged(() => void this.refreshDevices());
  }

  /** Where tracks go from now on; told at once of those that are on. @return ends that, unless they go elsewhere already */
  sendTo(outlet: Outlet): () => void {
    this.outlet = outlet;
    const { microphone, camera, screen } = this.get();
    if (microphone.on && microphone.track) this.tell("microphone", microphone.track);
    if (camera.on && camera.track) this.tell("camera", camera.track);
    if (screen) this.tell("screen", screen);
    return () => {
      if (this.outlet === outlet) this.outlet = undefined;
    };
  }

  async start(): Promise<void> {
    const { micOn, cameraOn } = settings.get();
    await Promise.all([micOn ? this.turn("microphone", true) : undefined, cameraOn ? this.turn("camera", true) : undefined]);
    await this.refreshDevices();
  }

  /** Turn a device on or off, and remember it for the next meeting. */
  async toggle(kind: Kind): Promise<void> {
    const on = !this.get()[kind].on;
    settings.set(kind === "microphone" ? { micOn: on } : { cameraOn: on });
    await this.turn(kind, on);
  }

  async turn(kind: Kind, on: boolean): Promise<void> {
    const device = this.get()[kind];
    if (on && !device.track) return this.open(kind);
    if (!on && kind === "camera") this.release(kind);
    this.change(kind, { on });
    if (on && device.track) this.tell(kind, device.track);
    else this.tell(kind, null);
  }

  async choose(kind: Kind, deviceId: string): Promise<void> {
    settings.set({ [kind]: deviceId });
    const wasOn = this.get()[kind].on;
    this.release(kind);
    if (wasOn) await this.open(kind);
  }

  /** Let the person pick a screen for the meeting that is now; one that is picked after its end is let go. */
  async share(): Promise<void> {
    const { outlet } = this;
    try {
      const { video, audio } = await openScreen();
      if (!outlet || outlet !== this.outlet) {
        video.stop();
        audio?.stop();
        return;
      }
      this.present(video, "screen");
      this.screenAudio = audio;
      if (audio) this.tell("screen_audio", audio);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== "cancelled" && outlet === this.outlet) outlet?.fail("screen", reason);
    }
  }

  /** Present what a camera sees; the track belongs to this from now on. */
  shareCamera(track: MediaStreamTrack): void {
    this.present(track, "camera");
  }

  stopSharing(): void {
    const { screen } = this.get();
    if (!screen) return;
    screen.stop();
    this.screenAudio?.stop();
    this.set({ screen: undefined });
    this.tell("screen", null);
    if (this.screenAudio) this.tell("screen_audio", null);
    this.screenAudio = undefined;
  }

  /** Somebody else had a source stopped: it is off here, too. A microphone stays open unless it is forbidden. */
  stopped({ source, reason }: SourceStopped): void {
    if (source === "microphone" || source === "camera") {
      if (source === "camera" || reason === "forbidden") this.release(source);
      this.change(source, { on: false });
    } else this.stopSharing();
  }

  /** The meeting is over. */
  close(): void {
    this.outlet = undefined;
    this.letGo();
  }

  /** Everything is off and nothing open: no light on a camera that nobody sees. */
  letGo(): void {
    this.stopSharing();
    for (const kind of ["microphone", "camera"] as const) {
      this.release(kind);
      this.change(kind, { on: false });
    }
  }

  private present(track: MediaStreamTrack, presents: LocalState["presents"]): void {
    this.stopSharing();
    track.addEventListener("ended", () => {
      if (this.get().screen === track) this.stopSharing();
    });
    this.set({ screen: track, presents });
    this.tell("screen", track);
  }

  private async open(kind: Kind): Promise<void> {
    const attempt = ++this.attempts[kind];
    this.change(kind, { on: true, starting: true, problem: undefined });
    try {
      const wanted = settings.get()[kind] || undefined;
      const track = await (kind === "microphone" ? openMicrophone(wanted) : openCamera(wanted));
      if (attempt !== this.attempts[kind]) {
        track.stop();
        return;
      }
      track.addEventListener("ended", () => this.onEnded(kind, track));
      this.change(kind, { track, starting: false });
      if (this.get()[kind].on) this.tell(kind, track);
      void this.refreshDevices();
    } catch (error) {
      if (attempt !== this.attempts[kind]) return;
      this.change(kind, { starting: false });
      this.fail(kind, reasonOf(error));
    }
  }

  /* Unplugged, or taken away by the system. */
  private onEnded(kind: Kind, track: MediaStreamTrack): void {
    if (this.get()[kind].track !== track) return;
    this.release(kind);
    this.fail(kind, "none");
  }

  /* Another device may have been sent until now. */
  private fail(kind: Kind, problem: MediaReason): void {
    this.change(kind, { on: false, problem });
    this.tell(kind, null);
    this.outlet?.fail(kind, problem);
  }

  private release(kind: Kind): void {
    this.attempts[kind]++;
    this.get()[kind].track?.stop();
    this.change(kind, { track: undefined, starting: false });
  }

  private change(kind: Kind, change: Partial<LocalDevice>): void {
    this.set({ [kind]: { ...this.get()[kind], ...change } });
  }

  private tell(source: Source, track: MediaStreamTrack | null): void {
    this.outlet?.send(source, track);
  }

  private async refreshDevices(): Promise<void> {
    try {
      this.set({ devices: await listDevices() });
    } catch {
      /* No access to devices at all: opening one says why. */
    }
  }
}

function reasonOf(error: unknown): MediaReason {
  return error instanceof MediaError ? error.reason : "failed";
}
