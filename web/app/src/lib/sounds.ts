import { settings } from "./settings.js";

/** Sounds that the page makes by itself. */
export type Sound = "knock" | "admitted" | "hand" | "joined" | "clap" | "laugh" | "cheer" | "heart" | "surprise" | "sad" | "notice" | "recordingOn" | "recordingOff";

interface Tone {
  /** Seconds from now. */
  at: number;
  hz: number;
  /** Where the pitch glides to. */
  to?: number;
  seconds: number;
  gain?: number;
}

const TONES: Partial<Record<Sound, Tone[]>> = {
  knock: [
    { at: 0, hz: 660, seconds: 0.12 },
    { at: 0.16, hz: 880, seconds: 0.22 },
    { at: 0.55, hz: 660, seconds: 0.12 },
    { at: 0.71, hz: 880, seconds: 0.22 },
  ],
  admitted: [
    { at: 0, hz: 523, seconds: 0.14 },
    { at: 0.13, hz: 659, seconds: 0.14 },
    { at: 0.26, hz: 784, seconds: 0.3 },
  ],
  hand: [{ at: 0, hz: 587, to: 880, seconds: 0.22 }],
  notice: [{ at: 0, hz: 494, seconds: 0.18 }],
  recordingOn: [
    { at: 0, hz: 440, seconds: 0.16 },
    { at: 0.2, hz: 660, seconds: 0.3 },
  ],
  recordingOff: [
    { at: 0, hz: 660, seconds: 0.16 },
    { at: 0.2, hz: 440, seconds: 0.3 },
  ],
  cheer: [
    { at: 0, hz: 659, seconds: 0.1 },
    { at: 0.1, hz: 988, seconds: 0.2 },
  ],
  heart: [
    { at: 0, hz: 440, seconds: 0.14 },
    { at: 0.18, hz: 554, seconds: 0.26 },
  ],
  laugh: [0, 1, 2, 3].map((i) => ({ at: i * 0.13, hz: 620 - i * 40, to: 480 - i * 40, seconds: 0.1 })),
  surprise: [{ at: 0, hz: 330, to: 990, seconds: 0.3 }],
  sad: [{ at: 0, hz: 440, to: 262, seconds: 0.5 }],
};

const REACTIONS: Partial<Record<string, Sound>> = {
  clap: "clap",
  laugh: "laugh",
  thumbs_up: "cheer",
  party: "cheer",
  heart: "heart",
  surprise: "surprise",
  sad: "sad",
};

/* Nobody can wish not to be told. */
const ALWAYS: readonly Sound[] = ["recordingOn", "recordingOff"];

/* Many at once are one sound. */
const PAUSE_MS = 700;
const LOUDNESS = 0.12;

let context: AudioContext | undefined;
const playedAt = new Map<Sound, number>();

export function play(sound: Sound): void {
  if (!settings.get().sounds && !ALWAYS.includes(sound)) return;
  const now = performance.now();
  if (now - (playedAt.get(sound) ?? -PAUSE_MS) < PAUSE_MS) return;
  playedAt.set(sound, now);
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    if (sound === "clap") clap(context);
    else for (const tone of TONES[sound] ?? []) ring(context, tone);
  } catch {
    /* No sound device: what is heard is also seen. */
  }
}

export function playReaction(kind: string): void {
  const sound = REACTIONS[kind];
  if (sound) play(sound);
}

function ring(audio: AudioContext, { at, hz, to, seconds, gain = 1 }: Tone): void {
  const start = audio.currentTime + at;
  const oscillator = new OscillatorNode(audio, { type: "triangle", frequency: hz });
  if (to) oscillator.frequency.exponentialRampToValueAtTime(to, start + seconds);
  const envelope = new GainNode(audio, { gain: 0 });
  envelope.gain.setValueAtTime(0, start);
  envelope.gain.linearRampToValueAtTime(LOUDNESS * gain, start + 0.015);
  envelope.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
  oscillator.connect(envelope).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + seconds + 0.02);
}

/* Hands that clap are short bursts of noise. */
function clap(audio: AudioContext): void {
  const buffer = audio.createBuffer(1, Math.round(audio.sampleRate * 0.06), audio.sampleRate);
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < samples.length; i++) samples[i] = (Math.random() * 2 - 1) * Math.exp(-i / (samples.length * 0.22));
  const filter = new BiquadFilterNode(audio, { type: "bandpass", frequency: 1500, Q: 0.8 });
  const level = new GainNode(audio, { gain: LOUDNESS * 2.5 });
  filter.connect(level).connect(audio.destination);
  for (let i = 0; i < 7; i++) {
    const burst = new AudioBufferSourceNode(audio, { buffer });
    burst.connect(filter);
    burst.start(audio.currentTime + i * 0.11 + Math.random() * 0.03);
  }
}
