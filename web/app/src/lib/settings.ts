import { Store } from "./store.js";

/** What this browser remembers of its person. */
export interface Settings {
  name: string;
  microphone: string;
  camera: string;
  speaker: string;
  micOn: boolean;
  cameraOn: boolean;
  /** Say who joins and leaves. */
  comings: boolean;
  /** Sounds for hands, reactions and people who wait. */
  sounds: boolean;
  /** Language of the page; empty: as the browser. */
  language: string;
  appearance: Appearance;
  /** Others' cameras are not received. */
  hideCameras: boolean;
  hideScreens: boolean;
  layout: Layout;
  recent: string[];
}

export const APPEARANCES = ["system", "dark", "light"] as const;
export type Appearance = (typeof APPEARANCES)[number];

/** How people are laid out while nobody presents. */
export const LAYOUTS = ["grid", "speaker"] as const;
export type Layout = (typeof LAYOUTS)[number];

const KEY = "plenum";
const MAX_RECENT = 5;
const DEFAULTS: Settings = {
  name: "",
  microphone: "",
  camera: "",
  speaker: "",
  micOn: true,
  cameraOn: true,
  comings: true,
  sounds: true,
  language: "",
  appearance: "system",
  hideCameras: false,
  hideScreens: false,
  layout: "grid",
  recent: [],
};

/** Storage may be blocked, and what is in it may come from another version or from anybody: take only what fits. */
export function readSettings(text: string | null): Settings {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "{}");
  } catch {
    stored = {};
  }
  if (typeof stored !== "object" || stored === null) return DEFAULTS;
  const found = stored as Record<string, unknown>;
  const textOf = (key: keyof Settings) => (typeof found[key] === "string" ? found[key].slice(0, 512) : "");
  const flagOf = (key: keyof Settings) => (typeof found[key] === "boolean" ? found[key] : true);
  const recent = Array.isArray(found.recent) ? found.recent : [];
  return {
    name: textOf("name"),
    microphone: textOf("microphone"),
    camera: textOf("camera"),
    speaker: textOf("speaker"),
    micOn: flagOf("micOn"),
    cameraOn: flagOf("cameraOn"),
    comings: flagOf("comings"),
    sounds: flagOf("sounds"),
    language: textOf("language"),
    appearance: APPEARANCES.find((known) => known === found.appearance) ?? "system",
    hideCameras: found.hideCameras === true,
    hideScreens: found.hideScreens === true,
    layout: LAYOUTS.find((known) => known === found.layout) ?? "grid",
    recent: recent.filter((room): room is string => typeof room === "string").slice(0, MAX_RECENT),
  };
}

class SettingsStore extends Store<Settings> {
  constructor() {
    super(readSettings(load()));
  }

  override set(change: Partial<Settings>): void {
    super.set(change);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.get()));
    } catch {
      /* Without storage things are remembered until the page is closed. */
    }
  }

  visited(room: string): void {
    this.set({ recent: [room, ...this.get().recent.filter((other) => other !== room)].slice(0, MAX_RECENT) });
  }

  forget(room: string): void {
    this.set({ recent: this.get().recent.filter((other) => other !== room) });
  }
}

function load(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const settings = new SettingsStore();
