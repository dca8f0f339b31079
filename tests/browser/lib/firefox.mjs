/* Somebody in Firefox, driven over WebDriver BiDi by the puppeteer-core of web/. */
import { createRequire } from "node:module";
import { makeScene, TONES } from "./media.mjs";
import { INSTRUMENTS, reading } from "./participant.mjs";
import { hear } from "./tones.mjs";

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

/* Runs in the page: the voices that are received. Without a sound card Firefox never starts an AudioContext. */
const findVoices = () => window.plenum.meeting.receive.tracks.filter((track) => track.source === "microphone").map(({ stream }) => stream);

/* Without a sound card an AudioContext stands still, unless a stand-in runs it. */
const SOUND = process.env.PLM_SOUND ? {} : { "media.cubeb.force_mock_context": true };

/** The system's Firefox. @param prefs besides what every test needs */
export function launchFirefox(prefs = SOUND) {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.PLM_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    env: process.env.PLM_SOUND ? { ...process.env, PULSE_SERVER: process.env.PLM_SOUND } : process.env,
    extraPrefsFirefox: {
      ...prefs,
      "media.autoplay.default": 0,
      "media.autoplay.blocking_policy": 0,
      /* Updates and the like must not disturb. */
      "app.update.enabled": false,
      "browser.shell.checkDefaultBrowser": false,
    },
  });
}

/** Like openParticipant, in Firefox. @param prefs besides those */
export async function openFirefox(server, number, name, prefs = {}) {
  const browser = await launchFirefox({
    ...prefs,
    "media.navigator.permission.disabled": true,
    "media.navigator.streams.fake": true,
    "media.navigator.audio.fake_frequency": TONES[number],
    /* Devices also where the page does not come from the loopback. */
    ...(server.isAway ? { "media.devices.insecure.enabled": true, "media.getusermedia.insecure.enabled": true } : {}),
  });
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.evaluateOnNewDocument(`${INSTRUMENTS} (${fakeCamera})(${makeScene}, ${number});`);
  const click = (testId) => page.locator(`[data-testid=${testId}]`).click();
  return {
    ...reading({ name, number }, (read, argument) => page.evaluate(read, argument)),
    heard: () => hear(page, findVoices, TONES.slice(1)),
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
