/* Somebody in a meeting: a browser of their own on the real page, with what a test wants to know read out of it. */
import { launchChromium } from "./chromium.mjs";
import { mediaOf, TONES } from "./media.mjs";

/* Most that a slow machine may take for anything. */
export const PATIENCE_MS = 90_000;

/* Runs before the page. Counts descriptions from the other side, apart from ICE restarts. */
export function countDescriptions() {
  window.probe = { remoteDescriptions: 0, restarts: 0 };
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  const fragment = (description) => /^a=ice-ufrag:(.*)$/m.exec(description?.sdp ?? "")?.[1];
  RTCPeerConnection.prototype.setRemoteDescription = function (...args) {
    const before = fragment(this.remoteDescription);
    if (before === undefined || before === fragment(args[0])) window.probe.remoteDescriptions++;
    else window.probe.restarts++;
    return setRemoteDescription.apply(this, args);
  };
}

/* Runs before the page. Turns off what would take a steady tone for noise. */
function keepTones() {
  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = function (constraints) {
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return getUserMedia.call(this, constraints.audio ? { ...constraints, audio: { ...constraints.audio, ...raw } } : constraints);
  };
}

/** Runs before the page: what `reading` reads. */
export const INSTRUMENTS = `(${countDescriptions})(); (${keepTones})();`;

/* Runs in the page: which of the tones are in the sound of all slots together. */
async function hearTones(tones) {
  const state = (window.probe.hearing ??= { context: new AudioContext(), heard: new Map() });
  state.analyser ??= new AnalyserNode(state.context, { fftSize: 16384, smoothingTimeConstant: 0 });
  for (const element of document.querySelectorAll("[data-testid=audio-slot]")) {
    if (state.heard.get(element) === element.srcObject) continue;
    state.heard.set(element, element.srcObject);
    state.context.createMediaStreamSource(element.srcObject).connect(state.analyser);
  }
  if (state.context.state !== "running") await state.context.resume();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const spectrum = new Float32Array(state.analyser.frequencyBinCount);
  state.analyser.getFloatFrequencyData(spectrum);
  const bin = (f) => Math.round((f * state.analyser.fftSize) / state.context.sampleRate);
  const peak = (f) => Math.max(...spectrum.slice(bin(f) - 2, bin(f) + 3));
  const around = (f) => Math.max(...spectrum.slice(bin(f) - 24, bin(f) - 11), ...spectrum.slice(bin(f) + 12, bin(f) + 25));
  return tones.filter((f) => peak(f) > -65 && peak(f) - around(f) > 15);
}

/* Runs in the page: who is shown, and the number that hangs in their picture; 0 when no number can be read. */
function readTiles() {
  const canvas = new OffscreenCanvas(640, 360);
  const g = canvas.getContext("2d", { willReadFrequently: true });
  const readNumber = (video) => {
    if (!video || !video.classList.contains("revealed") || video.readyState < 2) return 0;
    g.drawImage(video, 0, 0, 640, 360);
    let number = 0;
    for (let bit = 0; bit < 4; bit++) {
      const luma = (y) => {
        const [r, green, b] = g.getImageData(504 + bit * 24 + 12, y, 1, 1).data;
        return (r + green + b) / 3;
      };
      const [upper, lower] = [luma(51), luma(78)];
      if (Math.abs(upper - lower) < 100) return 0;
      number = number * 2 + (upper > lower ? 1 : 0);
    }
    return number;
  };
  return [...document.querySelectorAll("[data-testid=tile]")].map((tile) => {
    const video = tile.querySelector("video");
    return {
      name: tile.dataset.participantName,
      source: tile.dataset.source,
      local: tile.dataset.local === "true",
      speaking: tile.dataset.speaking === "true",
      muted: tile.dataset.muted === "true",
      shown: video?.classList.contains("revealed") === true && video.readyState >= 2,
      width: video?.videoWidth ?? 0,
      time: video?.currentTime ?? 0,
      number: readNumber(video),
    };
  });
}

/** Open a browser whose devices play tone and picture `number`; `args` are further ones of Chromium, `program` another one than that of all. */
export async function openParticipant(server, number, name, { viewport = { width: 1280, height: 800 }, context = {}, args = [], program } = {}) {
  const { tone, picture } = await mediaOf(number);
  const browser = await launchChromium([
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${tone}`,
    `--use-file-for-fake-video-capture=${picture}`,
    "--autoplay-policy=no-user-gesture-required",
    /* Devices also where the page does not come from the loopback. */
    ...(server.isAway ? [`--unsafely-treat-insecure-origin-as-secure=${server.url}`] : []),
    ...args,
  ], program);
  const page = await (await browser.newContext({ viewport, colorScheme: "dark", permissions: ["camera", "microphone"], ...context })).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !url.startsWith("blob:")) problems.push(`request to ${url}`);
  });
  await page.addInitScript(INSTRUMENTS);

  return {
    ...reading({ name, number }, (read, argument) => page.evaluate(read, argument)),
    page,
    problems,
    click: (testId) => page.getByTestId(testId).click(),
    async join(room) {
      await page.goto(`${server.url}/${room}?debug`);
      await page.getByTestId("display-name").fill(name);
      await page.getByTestId("join").click();
      await page.getByTestId("meeting").waitFor();
    },
    close: () => browser.close(),
  };
}

/** What every kind of browser can tell, by `evaluate(function, argument)`. */
export function reading({ name, number }, evaluate) {
  return {
    name,
    number,
    tiles: () => evaluate(readTiles),
    /** Who is seen, as "name number", cameras of others only. */
    async seen() {
      const tiles = await evaluate(readTiles);
      return tiles.filter((tile) => !tile.local && tile.source === "camera" && tile.shown).map((tile) => `${tile.name} ${tile.number}`).sort();
    },
    /** The tones that are heard, lowest first. */
    heard: () => evaluate(hearTones, TONES.slice(1)),
    /** Descriptions that were set from the other side since the page was opened, but for ICE restarts. */
    remoteDescriptions: () => evaluate(() => window.probe.remoteDescriptions),
    /** ICE restarts: of paths that were silent for two seconds, as where a machine stands still. */
    restarts: () => evaluate(() => window.probe.restarts),
  };
}

/** Everybody hears and sees exactly the others. */
export async function expectMeeting(present, timeout = PATIENCE_MS) {
  for (const person of present) {
    const others = present.filter((other) => other !== person);
    await eventually(`${person.name} sees`, person.seen, others.map((other) => `${other.name} ${other.number}`).sort(), timeout);
    await eventually(`${person.name} hears`, person.heard, others.map((other) => TONES[other.number]).sort((a, b) => a - b), timeout);
  }
}

/** Wait until `read` gives something deeply equal to `wanted` twice in a row; on failure tell what it gave last. */
export async function eventually(what, read, wanted, timeout = PATIENCE_MS) {
  const end = Date.now() + timeout;
  const goal = JSON.stringify(wanted);
  let last;
  for (let good = 0; good < 2; ) {
    last = JSON.stringify(await read());
    good = last === goal ? good + 1 : 0;
    if (good < 2 && Date.now() > end) throw new Error(`${what}: wanted ${goal}, found ${last}`);
    if (good < 2) await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
