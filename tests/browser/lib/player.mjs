/* The player of recordings in somebody's page, in whatever browser: what it shows and where it is, read and driven in the page itself. */
import { eventually } from "./participant.mjs";
import { hear } from "./tones.mjs";

/* Files that play together may be so far apart, in seconds. */
const MOST_APART = 0.1;

/* Runs in the page: the cameras that are shown, and the number in each picture (participant.mjs reads tiles likewise). */
function readPictures() {
  const g = new OffscreenCanvas(640, 360).getContext("2d", { willReadFrequently: true });
  return [...document.querySelectorAll("[data-testid=player-tile][data-source=camera]:not([hidden]) video:not(.covered)")].map((video) => {
    g.drawImage(video, 0, 0, 640, 360);
    let number = 0;
    for (let bit = 0; bit < 4; bit++) {
      const luma = (y) => g.getImageData(504 + bit * 24 + 12, y, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part, 0) / 3;
      const [upper, lower] = [luma(51), luma(78)];
      number = Math.abs(upper - lower) < 100 ? NaN : number * 2 + (upper > lower ? 1 : 0);
    }
    const tile = video.closest("[data-testid=player-tile]");
    const name = tile.querySelector(".player-name").textContent;
    return { name, number, start: Number(tile.dataset.start), time: video.currentTime, heard: video.webkitAudioDecodedByteCount };
  });
}

/* Runs in the page: where in the recording the elements are that are shown, and how fast they go. */
function readPlaces() {
  return [...document.querySelectorAll("[data-testid=player-tile]:not([hidden]) :is(video, audio)")].map((element) => ({
    place: Number(element.parentElement.dataset.start) + element.currentTime,
    rate: element.paused ? 0 : element.playbackRate,
    readyState: element.readyState,
    error: element.error?.message,
  }));
}

/* Runs in the page: what the elements play that are shown. */
const findPlayed = () => [...document.querySelectorAll("[data-testid=player-tile]:not([hidden]) :is(video, audio)")].map((element) => element.captureStream?.() ?? element.mozCaptureStream());

/* Runs in the page. */
function readClock() {
  const input = document.querySelector("[data-testid=player-seek]");
  return { time: Number(input.value), length: Number(input.max), inGap: document.querySelector("[data-testid=player-gap]") !== null };
}

/* Runs in the page: as if the slider had been dragged. */
function drag(seconds) {
  const input = document.querySelector("[data-testid=player-seek]");
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, String(seconds));
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/* Runs in the page: the clock ten times a second until it is at `to`, with the time of this device in seconds. */
async function watchClock(to, most) {
  const input = document.querySelector("[data-testid=player-seek]");
  const stage = document.querySelector("[data-testid=player-stage]");
  const seen = [];
  for (const end = performance.now() + most * 1000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const inGap = document.querySelector("[data-testid=player-gap]") !== null;
    seen.push({ at: performance.now() / 1000, time: Number(input.value), inGap, isWaiting: stage.dataset.waiting === "true" });
    if (seen.at(-1).time >= to || performance.now() > end) return seen;
  }
}

/** The player in the page of somebody who leads a meeting. */
export function playerOf({ page, click }) {
  const player = {
    pictures: () => page.evaluate(readPictures),
    /** Who is shown with which number, in the order of names. */
    shown: async () => (await page.evaluate(readPictures)).map(({ name, number }) => `${name} ${number}`).sort(),
    /** Where the files begin whose pictures are shown. */
    starts: async () => (await page.evaluate(readPictures)).map(({ start }) => start),
    places: () => page.evaluate(readPlaces),
    heard: (tones) => hear(page, findPlayed, tones),
    clock: () => page.evaluate(readClock),
    length: async () => (await page.evaluate(readClock)).length,
    seek: (seconds) => page.evaluate(drag, Math.round(seconds * 10) / 10),
    toggle: () => click("player-play"),
    /** The clock on its way to a place. */
    watch: (to, most) => page.evaluate(`(${watchClock})(${to}, ${most})`),
    /** All go at this rate, as nearly as they keep together; 0: none moves. @return true, or what they do instead */
    async areTogether(rate, count = 2) {
      const all = await player.places();
      const spread = Math.max(...all.map(({ place }) => place)) - Math.min(...all.map(({ place }) => place));
      return (all.length >= count && spread <= MOST_APART && all.every((one) => (rate ? Math.abs(one.rate / rate - 1) < 0.2 : one.rate === 0))) || all;
    },
    /** Open a recording of the room. @param which 0: the newest one */
    async open(which) {
      if (!(await page.evaluate(() => document.querySelector("[data-testid=recordings-dialog]") !== null))) {
        await click("more");
        await click("more-recordings");
      }
      await eventually("there it is", () => page.evaluate((which) => document.querySelectorAll("[data-testid=recording-play]").length > which, which), true);
      await page.evaluate((which) => document.querySelectorAll("[data-testid=recording-play]")[which].click(), which);
      await eventually("the player is there", () => page.evaluate(() => document.querySelector("[data-testid=player-seek]") !== null), true);
    },
  };
  return player;
}
