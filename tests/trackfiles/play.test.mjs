/*
 * Track files as browsers play them: they know how long a file lasts, play from its start, and seek to where one asks; what is painted says which moment of the
 * recording it is (samples.py).
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const here = new URL(".", import.meta.url).pathname;

let folder;
let server;
let files;

/* One file by its path, in the ranges that are asked for. */
function serve(request, response) {
  if (request.url === "/") {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end("<!doctype html><title>player</title>");
    return;
  }
  const path = join(folder, decodeURIComponent(request.url));
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const from = range ? Number(range[1]) : 0;
  const to = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
  if (from > to) {
    response.writeHead(416).end();
    return;
  }
  response.writeHead(range ? 206 : 200, {
    "Content-Type": path.endsWith(".webm") ? "video/webm" : "video/mp4",
    "Content-Length": to - from + 1,
    "Accept-Ranges": "bytes",
    ...(range && { "Content-Range": `bytes ${from}-${to}/${size}` }),
  });
  createReadStream(path, { start: from, end: to }).on("error", () => response.destroy()).pipe(response);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "plenum-play-"));
  files = JSON.parse(execFileSync("python3", [join(here, "make_files.py"), folder], { maxBuffer: 1 << 20 }));
  server = createServer(serve);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => {
  server?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/* Runs in the page: play a second from the start, then go to each of these places. Tells what was seen. */
async function watch({ url, places, picture }) {
  const video = document.createElement("video");
  video.muted = true;
  video.src = url;
  document.body.replaceChildren(video);
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 32 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const wait = (event, ms = 8000) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${url}: no ${event} within ${ms} ms, at ${video.currentTime} s`)), ms);
      video.addEventListener(event, () => (clearTimeout(timer), resolve()), { once: true });
      video.addEventListener("error", () => (clearTimeout(timer), reject(new Error(`${url}: ${video.error.message}`))), { once: true });
    });
  /* The moment that the middle of the picture tells, in seconds; how bright it is. */
  const look = () => {
    context.drawImage(video, 0, 0, 32, 32);
    const [r, g, b] = context.getImageData(16, 16, 1, 1).data;
    const luma = 16 + ((0.299 * r + 0.587 * g + 0.114 * b) * 219) / 255;
    return (luma - 20) / 20;
  };
  await wait("loadeddata");
  const seen = { duration: video.duration, size: [video.videoWidth, video.videoHeight], places: [], sizes: [] };
  video.addEventListener("resize", () => seen.sizes.push([video.videoWidth, video.videoHeight]));
  await video.play();
  /* At least 0.6 s; a busy machine may have longer to begin. */
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  const plays = () => video.currentTime > 0.3 && (!picture || video.getVideoPlaybackQuality().totalVideoFrames > 5);
  while (elapsed() < 0.6 || (!plays() && elapsed() < 5)) await new Promise((resolve) => setTimeout(resolve, 50));
  seen.elapsed = elapsed();
  seen.played = video.currentTime;
  seen.frames = picture ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
  seen.soundBytes = video.webkitAudioDecodedByteCount;
  video.pause();
  for (const place of places) {
    const sought = wait("seeked");
    video.currentTime = place;
    await sought;
    /* What was sought is told before it is painted: one looks until two looks agree. */
    let moment = 0;
    for (let last = NaN, looks = 0; picture && looks < 40 && moment !== last; looks++) {
      last = moment;
      await new Promise((resolve) => setTimeout(resolve, 60));
      moment = look();
    }
    seen.places.push({ place, at: video.currentTime, moment });
  }
  video.currentTime = video.duration - 0.3;
  await wait("seeked");
  const ended = wait("ended");
  await video.play();
  await ended;
  seen.end = video.currentTime;
  return seen;
}

const PLACES = [4.25, 0.45, 5.05, 2.65];

function check(file, seen, browser) {
  const about = (value, want, by, what) => assert.ok(Math.abs(value - want) <= by, `${file.title}: ${what} is ${value}, not ${want}`);
  about(seen.duration, file.seconds, 0.1, "duration");
  about(seen.end, file.seconds, 0.15, "the end");
  assert.ok(seen.played > 0.15, `${file.title}: played ${seen.played} s in ${seen.elapsed.toFixed(1)} s`);
  if (file.pictures) assert.ok(seen.frames > 5 || file.clock > 1, `${file.title}: ${seen.frames} pictures`);
  if (file.packets && seen.soundBytes !== undefined) assert.ok(seen.soundBytes > 1000, `${file.title}: no sound`);
  for (const { place, at, moment } of seen.places) {
    about(at, place, 0.1, "a place");
    /* Before a picture that came late its first moment is held. */
    if (file.clock !== undefined) about(moment, Math.max(place - file.clock, 0), 0.17, `what is seen at ${place} s`);
  }
  /* Firefox 153 does not turn WebM. */
  if (file.rotation && !(file.codec === "vp8" && browser === "Firefox")) assert.ok(seen.size[1] > seen.size[0], `${file.title}: ${seen.size}`);
}

async function all(page, browser) {
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const wrong = [];
  for (const file of files) {
    try {
      check(file, await page.evaluate(watch, { url: `/${file.name}`, places: PLACES, picture: file.pictures > 0 }), browser);
    } catch (error) {
      wrong.push(error.message);
    }
  }
  assert.deepEqual(wrong, []);
}

describe("players", { concurrency: true }, () => {
test("Chromium", async () => {
  const browser = await require("playwright-core").chromium.launch({
    executablePath: process.env.PLM_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
  });
  try {
    await all(await browser.newPage(), "Chromium");
  } finally {
    await browser.close();
  }
});

test("Firefox", async () => {
  const browser = await require("puppeteer-core").launch({
    browser: "firefox",
    executablePath: process.env.PLM_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: { "media.autoplay.default": 0, "app.update.enabled": false, "browser.shell.checkDefaultBrowser": false },
  });
  try {
    await all(await browser.newPage(), "Firefox");
  } finally {
    await browser.close();
  }
});
});
