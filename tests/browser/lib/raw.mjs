/*
 * Peers without our page and SDK: a publisher by WHIP whose picture is painted, and a receiver that speaks the protocol by hand and notes every
 * frame and every beep. The functions that a page runs are self-contained: they travel there as text.
 */
import { launchChromium } from "./chromium.mjs";

/* Runs in a page. The picture turns white for the first tenth of each second of the sound's clock, and then it beeps. */
async function publish({ room, name, codec, encodings, width, height, fps }) {
  const context = new AudioContext();
  await context.resume();
  const gain = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context, { frequency: 1000 });
  const out = context.createMediaStreamDestination();
  tone.connect(gain).connect(out);
  tone.start();
  let next = Math.ceil(context.currentTime) + 1;
  setInterval(() => {
    for (; next < context.currentTime + 2; next++) {
      gain.gain.setValueAtTime(0.8, next);
      gain.gain.setValueAtTime(0, next + 0.1);
    }
  }, 200);

  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const g = canvas.getContext("2d");
  let frame = 0;
  setInterval(() => {
    const white = context.currentTime % 1 < 0.1;
    g.fillStyle = white ? "#fff" : "#205030";
    g.fillRect(0, 0, width, height);
    /* Something that moves, so that layers are worth their bits. */
    for (let i = 0; i < 40; i++) {
      g.fillStyle = `hsl(${(i * 47 + frame) % 360} 60% 40%)`;
      g.fillRect((i * 131 + frame * (1 + (i % 5))) % width, height * 0.6 + ((i * 53) % (height * 0.4)), width / 16, height / 12);
    }
    frame++;
  }, 1000 / fps);
  const video = canvas.captureStream(fps).getVideoTracks()[0];
  const audio = out.stream.getAudioTracks()[0];

  const connection = new RTCPeerConnection();
  const stream = new MediaStream([audio, video]);
  connection.addTransceiver(audio, { direction: "sendonly", streams: [stream] });
  const sender = connection.addTransceiver(video, { direction: "sendonly", streams: [stream], sendEncodings: encodings });
  const wanted = RTCRtpSender.getCapabilities("video").codecs.filter((c) => [`video/${codec}`, "video/rtx"].includes(c.mimeType));
  sender.setCodecPreferences(wanted);
  await connection.setLocalDescription();
  const answer = await fetch(`/whip/${room}/${name}`, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: connection.localDescription.sdp,
  });
  if (answer.status !== 201) throw new Error(`WHIP: ${answer.status} ${await answer.text()}`);
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  window.raw = { connection };
}

/* Runs in a page. window.raw: request(), frames [{at, width, bright}], beeps [at], roster. Times are of performance.now(). */
async function receive({ room, name }) {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`, "plenum.v1");
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const waiting = new Map();
  let id = 0;
  const raw = { frames: [], beeps: [], slots: [], roster: new Map() };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id !== undefined) {
      const [resolve, reject] = waiting.get(message.id);
      if (message.type === "error") reject(new Error(`${message.code}: ${message.message}`));
      else resolve(message);
    } else if (message.type === "participant_joined") raw.roster.set(message.participant.name, message.participant.id);
    else if (message.type === "slots") raw.slots.push(...message.slots);
  };
  raw.request = (type, fields = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++id, [resolve, reject]);
      socket.send(JSON.stringify({ type, id, ...fields }));
    });
  const joined = await raw.request("join", { room, name });
  for (const participant of joined.participants) raw.roster.set(participant.name, participant.id);
  const offer = await raw.request("receive", { pairs: 1, audio_only: 0, screens: 0 });
  const connection = new RTCPeerConnection();
  const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true });
  document.body.append(video);
  const streams = new Map();
  connection.ontrack = ({ track, streams: [stream] }) => {
    streams.set(track.kind, stream);
    video.srcObject = stream;
  };
  await connection.setRemoteDescription({ type: "offer", sdp: offer.sdp });
  await connection.setLocalDescription();
  await raw.request("answer", { sdp: connection.localDescription.sdp });

  const canvas = new OffscreenCanvas(16, 9);
  const g = canvas.getContext("2d", { willReadFrequently: true });
  const onFrame = (now, { expectedDisplayTime, width }) => {
    g.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 2, 0, 0, 16, 9);
    const [red, green, blue] = g.getImageData(8, 4, 1, 1).data;
    raw.frames.push({ at: expectedDisplayTime, width, bright: red + green + blue > 450 });
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);

  const context = new AudioContext({ latencyHint: "interactive" });
  await context.resume();
  const size = 256;
  const listener = context.createScriptProcessor(size, 1, 1);
  context.createMediaStreamSource(streams.get("audio")).connect(listener);
  listener.connect(context.destination);
  let loud = false;
  listener.onaudioprocess = ({ inputBuffer, playbackTime }) => {
    const samples = inputBuffer.getChannelData(0);
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const at = samples.findIndex((s) => Math.abs(s) > 0.1);
    /* What is heard now was taken in one buffer before it is played. */
    if (at >= 0 && !loud) raw.beeps.push(performanceTime + (playbackTime - size / context.sampleRate + at / context.sampleRate - contextTime) * 1000);
    loud = at >= 0;
  };
  raw.view = (who, width, height) =>
    raw.request("view", { items: [{ participant: raw.roster.get(who), source: "camera", width, height, priority: 1 }] });
  raw.connection = connection;
  window.raw = raw;
}

/** A browser for raw peers: each in a window of its own, so that none is throttled as hidden. */
export async function openRaw(server) {
  const browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
  const page = async () => {
    const p = await (await browser.newContext()).newPage();
    await p.goto(`${server.url}/healthz`);
    return p;
  };
  return {
    async publish(options) {
      const p = await page();
      await p.evaluate(publish, { codec: "VP8", width: 640, height: 360, fps: 30, ...options });
      return p;
    },
    async receive(options) {
      const p = await page();
      await p.evaluate(receive, options);
      return {
        page: p,
        view: (who, width, height) => p.evaluate((args) => window.raw.view(...args), [who, width, height]),
        frames: () => p.evaluate(() => window.raw.frames),
        beeps: () => p.evaluate(() => window.raw.beeps),
        now: () => p.evaluate(() => performance.now()),
        knows: (who) => p.waitForFunction((name) => window.raw.roster.has(name), who),
        width: (width, timeout = 40_000) => p.waitForFunction((w) => window.raw.frames.at(-1)?.width === w, width, { timeout }),
      };
    },
    close: () => browser.close(),
  };
}

/** Simulcast of one picture: a quarter, a half, the whole; temporal layers as our SDK asks for them. */
export function simulcast(bitrates) {
  return ["q", "h", "f"].map((rid, i) => ({ rid, scaleResolutionDownBy: 4 / 2 ** i, maxBitrate: bitrates[i], scalabilityMode: "L1T3" }));
}
