/*
 * A browser publishes to plm-capture (capture.c): what it sends ends up in a file.
 *
 *   node publish.mjs CAPTURE FILE BROWSER CODEC[+ANOTHER][:MODE] SCENARIO     MODE is a scalability mode, or "simulcast"
 *
 * Once a second the picture flashes white for 100 ms and a tone sounds.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const [, , program, file, browserName, codecMode, scenario] = process.argv;
const [codecs, mode] = codecMode.split(":");
const [codec, another] = codecs.split("+");
const KEY_SECONDS = "3";
const SECONDS = 14;
const SECONDS_LAYERS = 20; // the largest one starts late

/* ---- in the page ---- */

/* Makes window.publisher: pictures, sound, a connection that sends them. @return the offer */
async function begin({ codec, another, mode, turns }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, mode === "simulcast" ? { width: 1280, height: 720 } : { width: 640, height: 360 });
  const pen = canvas.getContext("2d");
  const sound = new AudioContext({ sampleRate: 48000 });
  const gain = new GainNode(sound, { gain: 0 });
  const tone = new OscillatorNode(sound, { frequency: 880 });
  const out = new MediaStreamAudioDestinationNode(sound, { channelCount: 1 });
  tone.connect(gain).connect(out);
  tone.start();
  let n = 0;
  let second = -1;
  const paint = () => {
    const { width, height } = canvas;
    const now = performance.now() / 1000;
    const flash = now % 1 < 0.1;
    pen.fillStyle = flash ? "white" : "#345";
    pen.fillRect(0, 0, width, height);
    for (let i = 0; i < 64 && !flash; i++) {
      pen.fillStyle = `hsl(${Math.random() * 360},80%,50%)`;
      pen.fillRect(((n * 4) % (width - 64)) + (i % 8) * 8, 80 + (i >> 3) * 8, 8, 8);
    }
    if (flash && Math.floor(now) !== second) {
      second = Math.floor(now);
      gain.gain.setValueAtTime(0.4, sound.currentTime);
      gain.gain.setValueAtTime(0, sound.currentTime + 0.1);
    }
    n++;
  };
  const painting = setInterval(paint, 1000 / 30);
  paint();
  const pc = new RTCPeerConnection();
  let picture = canvas.captureStream(30).getVideoTracks()[0];
  const angle = { now: 0 };
  if (turns) {
    /* As a camera does that is turned: the frames stay as they are, and say by how much. */
    if (!("rotation" in VideoFrame.prototype)) return null;
    const frames = new MediaStreamTrackProcessor({ track: picture }).readable;
    picture = new MediaStreamTrackGenerator({ kind: "video" });
    const turn = (frame, out) => {
      out.enqueue(new VideoFrame(frame, { rotation: angle.now }));
      frame.close();
    };
    void frames.pipeThrough(new TransformStream({ transform: turn })).pipeTo(picture.writable);
  }
  const voice = out.stream.getAudioTracks()[0];
  const known = RTCRtpSender.getCapabilities("video").codecs;
  const named = (name) => known.filter((c) => c.mimeType.toLowerCase() === `video/${name}`.toLowerCase());
  const wanted = [...named(codec), ...(another ? named(another) : [])];
  if (!named(codec).length || (another && !named(another).length)) return null;
  const sendEncodings =
    mode === "simulcast"
      ? [
          { rid: "l", scaleResolutionDownBy: 4 },
          { rid: "m", scaleResolutionDownBy: 2 },
          { rid: "h" },
        ]
      : [{ ...(mode && { scalabilityMode: mode }), ...(another && { codec: named(codec)[0] }) }]; // whichever of the two the answer likes better
  const video = pc.addTransceiver(picture, { direction: "sendonly", sendEncodings });
  const audio = pc.addTransceiver(voice, { direction: "sendonly" });
  video.setCodecPreferences([...wanted, ...known.filter((c) => c.mimeType === "video/rtx")]);
  window.publisher = { pc, canvas, picture, voice, video, audio, sound, angle, painting, another };
  await sound.resume();
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}

async function take(answer) {
  const { pc } = window.publisher;
  await pc.setRemoteDescription({ type: "answer", sdp: answer.replace(/^(a=fmtp:\d+ .*useinbandfec=1.*)$/m, "$1;usedtx=1") });
  const end = performance.now() + 20000;
  while (pc.connectionState !== "connected" && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  return pc.connectionState;
}

const steps = {
  plain: [],
  turn: [
    [4, () => Object.assign(window.publisher.canvas, { width: 360, height: 640 })],
    [8, () => Object.assign(window.publisher.canvas, { width: 640, height: 360 })],
  ],
  away: [
    [4, () => Promise.all([window.publisher.video.sender.replaceTrack(null), window.publisher.audio.sender.replaceTrack(null)])],
    [9, () => Promise.all([window.publisher.video.sender.replaceTrack(window.publisher.picture), window.publisher.audio.sender.replaceTrack(window.publisher.voice)])],
  ],
  muted: [
    [4, () => ((window.publisher.picture.enabled = false), (window.publisher.voice.enabled = false))],
    [7, () => ((window.publisher.picture.enabled = true), (window.publisher.voice.enabled = true))],
  ],
  layers: [
    [8, () => window.setLayer(2, false)],
    [13, () => window.setLayer(2, true)],
  ],
  rotation: [
    [5, () => (window.publisher.angle.now = 90)],
    [9, () => (window.publisher.angle.now = 0)],
  ],
  codec: [[7, () => window.changeCodec()]],
  ssrc: [[7, () => window.changeSsrc()]],
  rejoin: [
    [6, () => window.leave()],
    [7, "join"],
  ],
};

function addHelpers() {
  window.setLayer = async (layer, active) => {
    const { sender } = window.publisher.video;
    const parameters = sender.getParameters();
    parameters.encodings[layer].active = active;
    await sender.setParameters(parameters);
  };
  window.changeCodec = async () => {
    const { video, another } = window.publisher;
    const parameters = video.sender.getParameters();
    const codec = parameters.codecs.find((c) => c.mimeType.toLowerCase() === `video/${another}`.toLowerCase());
    if (!codec) throw new Error("the other codec was not taken");
    const { mimeType, clockRate, sdpFmtpLine } = codec;
    parameters.encodings[0].codec = sdpFmtpLine ? { mimeType, clockRate, sdpFmtpLine } : { mimeType, clockRate };
    const named = (reports, report) => reports.get(report.codecId)?.mimeType.toLowerCase() === mimeType.toLowerCase();
    const outbound = (reports) => [...reports.values()].find((report) => report.type === "outbound-rtp");
    const before = outbound(await video.sender.getStats()).framesSent;
    await video.sender.setParameters(parameters);
    /* A busy encoder takes its time. */
    let reports;
    for (const end = performance.now() + 20_000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
      reports = await video.sender.getStats();
      if (named(reports, outbound(reports)) && outbound(reports).framesSent > before) return;
    }
    throw new Error(`nothing is sent in the other codec: ${JSON.stringify([...reports.values()])}`);
  };
  /* By an offer that says so. The server, which goes by the MID, is not asked. */
  window.changeSsrc = async () => {
    const { pc, video } = window.publisher;
    const sent = async () => {
      for (const report of (await video.sender.getStats()).values()) if (report.type === "outbound-rtp") return report.ssrc;
      return 0;
    };
    const before = await sent();
    const offer = await pc.createOffer();
    const parts = offer.sdp.split(/^(?=m=)/m);
    const of = new Set(parts.filter((part) => part.startsWith("m=video")).flatMap((part) => [...part.matchAll(/^a=ssrc:(\d+)/gm)].map((match) => match[1])));
    let sdp = offer.sdp;
    for (const ssrc of of) sdp = sdp.replaceAll(ssrc, String(1 + Math.floor(Math.random() * 0xfffffffe)));
    await pc.setLocalDescription({ type: "offer", sdp });
    await pc.setRemoteDescription(pc.currentRemoteDescription);
    for (let i = 0; i < 20 && (await sent()) === before; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    if (!before || (await sent()) === before) throw new Error(`SSRC ${before} has not changed`);
  };
  window.leave = async () => {
    const { pc, sound, painting } = window.publisher;
    pc.close();
    clearInterval(painting);
    await sound.close();
  };
}

/* ---- outside ---- */

function openChromium() {
  const { chromium } = require("playwright-core");
  return chromium.launch({
    executablePath: process.env.PLM_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
  });
}

function openFirefox() {
  return require("puppeteer-core").launch({
    browser: "firefox",
    executablePath: process.env.PLM_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: { "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0, "media.cubeb.force_mock_context": true },
  });
}

/** Sends the offer, gets the answer: each behind its length. */
function exchange(capture, offer) {
  capture.stdin.write(`${Buffer.byteLength(offer)}\n${offer}`);
  return new Promise((resolve, reject) => {
    let text = "";
    capture.stdout.on("data", (piece) => {
      text += piece;
      const head = text.indexOf("\n");
      if (head >= 0 && text.length - head - 1 >= Number(text.slice(0, head))) resolve(text.slice(head + 1));
    });
    capture.on("exit", (code) => reject(new Error(`capture ended with ${code}`)));
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const browser = await (browserName === "firefox" ? openFirefox() : openChromium());
const capture = spawn(program, [file, KEY_SECONDS], { stdio: ["pipe", "pipe", "inherit"] });
const ended = new Promise((resolve) => capture.on("exit", resolve));
let status = 1;
try {
  const page = await browser.newPage();
  await page.evaluate(addHelpers);
  const join = async () => {
    const offer = await page.evaluate(begin, { codec, another, mode, turns: scenario === "rotation" });
    if (!offer) return false;
    const state = await page.evaluate(take, await exchange(capture, offer));
    if (state !== "connected") throw new Error(`connection is ${state}`);
    return true;
  };
  if (await join()) {
    let at = 0;
    for (const [seconds, step] of [...steps[scenario], [scenario === "layers" ? SECONDS_LAYERS : SECONDS, () => null]]) {
      await sleep((seconds - at) * 1000);
      at = seconds;
      await (step === "join" ? join() : page.evaluate(step));
    }
    status = 0;
  } else {
    console.log(`skipped: ${browserName} has no ${codecs}, or frames that are turned`);
    status = 77;
  }
} finally {
  capture.stdin.end();
  await browser.close();
  const code = await ended;
  if (status === 0 && code !== 0) status = 1;
}
process.exit(status);
