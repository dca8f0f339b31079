/*
 * Pictures and sound that tell when they were sent, and what a file has of them. Each second a flash of a few pictures, which differ in their
 * grey, and a beep: a picture that was left out by a busy sender so is not taken for one that came late.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const MOST = { encoding: "buffer", maxBuffer: 1 << 28 };
const RATE = 16_000;
const GREYS = [235, 190, 145, 100];
const SIDE = 8;
/* A beep begins where it was so long quiet. */
const QUIET_S = 0.3;
/* How long the distance of the sound's clock is looked at from a beep on. */
const LOOK_ON_S = 5;

/* Runs in the page: a beep each second of an audio clock, from its second `first` on. */
async function beepEachSecond(options) {
  const context = new AudioContext(options);
  const out = context.createMediaStreamDestination();
  const gain = new GainNode(context, { gain: 0 });
  const oscillator = new OscillatorNode(context, { frequency: 1000 });
  oscillator.connect(gain).connect(out);
  oscillator.start();
  await context.resume();
  const first = Math.ceil(context.currentTime) + 1;
  for (let second = 0; second < 300; second++) {
    gain.gain.setValueAtTime(0.5, first + second);
    gain.gain.setValueAtTime(0, first + second + 0.1);
  }
  return { context, first, track: out.stream.getAudioTracks()[0] };
}

/** Gives a page window.beepEachSecond. */
export const giveBeeps = (page) => page.evaluate(`void (window.beepEachSecond = ${beepEachSecond})`);

/*
 * Runs in the page, which has beeps. Publishes under window.meeting; window.sent has when each grey of each flash, and each beep, was given to the browser, in ms
 * since 1970.
 */
export async function publishTimed({ url, room, name, greys }) {
  const { Meeting } = window.plenum.sdk;
  const now = () => performance.timeOrigin + performance.now();
  const { context, first, track } = await window.beepEachSecond({ sampleRate: 48_000, latencyHint: 0 });
  const sent = (window.sent = { flashes: [], first, skews: {} });
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const pen = canvas.getContext("2d");
  /*
   * Chromium puts the times of frames on its own clock by how late they come on average, but never into the future: what it has to take back for that it
   * takes back for good. Once some frames come late, as they do on a busy machine, all others are early. A leap makes it forget that: halfway from flash to
   * flash.
   */
  let ahead = 0;
  let half = 0;
  /* Frames are given when this code says, not when the page is painted. */
  const [camera, send] = (() => {
    if (!("MediaStreamTrackGenerator" in window)) {
      const stream = canvas.captureStream(0);
      return [stream.getVideoTracks()[0], () => stream.requestFrame()];
    }
    const generator = new MediaStreamTrackGenerator({ kind: "video" });
    const writer = generator.writable.getWriter();
    return [generator, (time) => void writer.write(new VideoFrame(canvas, { timestamp: Math.round((time + ahead) * 1000) }))];
  })();
  let grey = greys.length;
  let second = -1;
  const give = () => {
    const at = context.currentTime - first;
    /*
     * Sound is made in pieces, so that the clock of it stands still between them: the smallest distance to the other clock is the true one. On
     * a busy machine it stands still for longer, and the distance grows for good.
     */
    const near = Math.round(at);
    sent.skews[near] = Math.min(sent.skews[near] ?? Infinity, now() - context.currentTime * 1000);
    if (Math.floor(at + 0.5) !== half) {
      half = Math.floor(at + 0.5);
      ahead += 1000;
    }
    if (at >= 0 && Math.floor(at) !== second) {
      second = Math.floor(at);
      grey = 0;
    }
    const value = greys[grey] ?? 16;
    pen.fillStyle = `rgb(${value} ${value} ${value})`;
    pen.fillRect(0, 0, 640, 360);
    const time = now();
    if (grey < greys.length) sent.flashes.push({ grey: grey++, at: time });
    send(time);
  };
  setInterval(give, 1000 / 30);
  const meeting = (window.meeting = new Meeting({ url, room, name }));
  await meeting.setSource("camera", camera);
  await meeting.setSource("microphone", track);
  await meeting.join();
  return meeting.localId;
}

/** What `publishTimed` wants besides who and where. */
export const TIMED = { greys: GREYS };

/** When each grey and each beep was sent, from window.sent, in ms since 1970; and how long the clock of its sound stood still, in ms. */
export function sentTimes({ flashes, first, skews }) {
  /* Since distances only grow, those that follow a beep are none of them too small for it. */
  const skew = (second) => Math.min(...Array.from({ length: LOOK_ON_S }, (_, i) => skews[second + i] ?? Infinity));
  const all = Object.keys(skews).map((second) => skew(Number(second)));
  const stood = Math.max(...all) - Math.min(...all);
  return { flashes, stood, beeps: Object.keys(skews).map((second) => (first + Number(second)) * 1000 + skew(Number(second))) };
}

/** The pictures of a file: { at: seconds from its start, width }. */
export async function picturesOf(path) {
  const probe = ["-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time,width", "-of", "json", path];
  const { frames } = JSON.parse((await run("ffprobe", probe, { maxBuffer: MOST.maxBuffer })).stdout);
  return frames.map(({ pts_time, width }) => ({ at: Number(pts_time), width }));
}

/** The first picture of each flash that is in a file: { at: seconds from its start, grey: index }. */
export async function flashesOf(path) {
  const times = (await picturesOf(path)).map(({ at }) => at);
  const pick = ["-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-vf", `scale=${SIDE}:${SIDE}:out_range=full,format=gray`, "-f", "rawvideo", "-"];
  const { stdout } = await run("ffmpeg", pick, MOST);
  if (stdout.length !== times.length * SIDE * SIDE) throw new Error(`${path}: ${times.length} times of ${stdout.length / SIDE / SIDE} pictures`);
  const found = [];
  let bright = true;
  times.forEach((at, i) => {
    const value = stdout[i * SIDE * SIDE + (SIDE * SIDE) / 2 + SIDE / 2];
    if (value > 75 && !bright) {
      const distance = GREYS.map((grey) => Math.abs(grey - value));
      found.push({ at, grey: distance.indexOf(Math.min(...distance)) });
    }
    bright = value > 75;
  });
  return found;
}

/** When each beep begins that is in a file, in seconds from its start. */
export async function beepsOf(path) {
  const { stdout } = await run("ffmpeg", ["-v", "error", "-i", path, "-map", "0:a", "-ac", "1", "-ar", `${RATE}`, "-f", "s16le", "-"], MOST);
  const found = [];
  let quiet = 0;
  for (let i = 0; i < stdout.length / 2; i++) {
    if (Math.abs(stdout.readInt16LE(i * 2)) < 3000) {
      quiet++;
      continue;
    }
    if (quiet > QUIET_S * RATE) found.push(i / RATE);
    quiet = 0;
  }
  return found;
}
