/* Somebody in Firefox, driven over WebDriver BiDi by the puppeteer-core of web/. */
import { createRequire } from "node:module";
import { makeScene, TONES } from "./media.mjs";
import { instrument, reading } from "./participant.mjs";

const puppeteer = createRequire(new URL("../../../web/package.json", import.meta.url))("puppeteer-core");

/* Runs before the page. Firefox's fake camera cannot play files: the page gets a painted one instead. */
function fakeCamera(makeScene, number) {
  const paintedTrack = () => {
    const { canvas, paint } = makeScene(number, 1280, 720);
    let t = 0;
    setInterval(() => paint((t = (t + 1 / 60) % 1)), 1000 / 30);
    return canvas.captureStream(30).getVideoTracks()[0];
  };
  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = function (constraints) {
    return constraints.video ? Promise.resolve(new MediaStream([paintedTrack()])) : getUserMedia.call(this, constraints);
  };
}

/*
 * Runs in the page: which of the tones are heard. Without a sound card Firefox never starts an AudioContext; what is received is
 * recorded instead, and the recording decoded.
 */
async function hearTones(tones) {
  const RATE = 48000;
  const record = (stream) =>
    new Promise((resolve, reject) => {
      const recorder = new MediaRecorder(new MediaStream(stream.getAudioTracks()), { mimeType: "audio/ogg;codecs=opus" });
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onerror = () => reject(new Error("recording failed"));
      recorder.onstop = () => resolve(new Blob(parts).arrayBuffer());
      recorder.start();
      setTimeout(() => recorder.stop(), 1500);
    });
  const power = (samples, frequency) => {
    let re = 0;
    let im = 0;
    samples.forEach((x, i) => {
      const phase = (2 * Math.PI * frequency * i) / RATE;
      re += x * Math.cos(phase);
      im += x * Math.sin(phase);
    });
    return Math.hypot(re, im) / samples.length;
  };
  const speaking = window.plenum.meeting.receive.tracks.filter((track) => track.source === "microphone");
  const heard = await Promise.all(
    speaking.map(async ({ stream }) => {
      const recording = await record(stream);
      const decoded = await new OfflineAudioContext(1, RATE, RATE).decodeAudioData(recording);
      const samples = decoded.getChannelData(0).subarray(-RATE / 2);
      return tones.filter((f) => power(samples, f) > 0.02);
    }),
  );
  return heard.flat().sort((a, b) => a - b);
}

/** Like openParticipant, in Firefox. */
export async function openFirefox(server, number, name) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.PLM_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: {
      "media.navigator.permission.disabled": true,
      "media.navigator.streams.fake": true,
      "media.navigator.audio.fake_frequency": TONES[number],
      "media.autoplay.default": 0,
      /* Updates and the like must not disturb. */
      "app.update.enabled": false,
      "browser.shell.checkDefaultBrowser": false,
    },
  });
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.evaluateOnNewDocument(`(${instrument})(); (${fakeCamera})(${makeScene}, ${number});`);
  const click = (testId) => page.locator(`[data-testid=${testId}]`).click();
  return {
    ...reading({ name, number }, (read, argument) => page.evaluate(read, argument)),
    heard: () => page.evaluate(hearTones, TONES.slice(1)),
    page,
    problems: [],
    click,
    async join(room) {
      await page.goto(`${server.url}/${room}?debug`);
      await page.locator("[data-testid=display-name]").fill(name);
      await click("join");
      await page.waitForSelector("[data-testid=meeting]");
    },
    close: () => browser.close(),
  };
}
