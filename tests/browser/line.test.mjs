/*
 * Chromium behind a line of its own (plenum-line) watches a camera in three encodings: the line gets narrow and wide again, stays narrow, or
 * loses at random. Everything that is measured is printed. Asserted is what was met with room to spare.
 */
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { after, before, test } from "node:test";
import { putOnLine } from "./lib/line.mjs";
import { openParticipant } from "./lib/participant.mjs";
import { samples, startServer } from "./lib/server.mjs";

const LONG = Boolean(process.env.PLM_TEST_LONG);
const LARGE = 1280;
const FOUND_MS = 30_000;
const SETTLE_MS = 3000;
const NARROW_MS = LONG ? 30_000 : 8000;
/* To be: 500 ms, less than 300 ms in all, 5 s; measured on the screen of a machine that encodes and decodes as well, so with room beside that. */
const FELL_MS = 1000;
const FROZEN_MS = 300;
const ROSE_MS = 10_000;
/* The rate of the line one after the other, for how long, and between what the server's estimate then is; all in kbit/s. */
const STEPS = [
  { rate: 500, seconds: 25, least: 350, most: 550 },
  { rate: 800, seconds: 20, least: 600, most: 900 },
  { rate: 100, seconds: 50, least: 65, most: 115 },
];
/* Long enough to tell a thousandth: the shortest freeze is 0.5 % of half a minute. */
const LOSS_MS = 120_000;
/* Of a thousand packets are lost so many; what then may be frozen of the time, and concealed of the sound. */
const LOSSES = [
  { loss: 0, frozen: 0.001, concealed: 0.01 },
  { loss: 20, frozen: 0.001, concealed: 0.01 },
  { loss: 50, frozen: 0.005, concealed: 0.02 },
  { loss: 100, frozen: 0.01, concealed: 0.04 },
];

let server, ada;
before(async () => {
  server = await startServer({ PLENUM_METRICS_DETAIL: "true" });
  ada = await openParticipant(server, 1, "Ada");
  await ada.page.goto(`${server.url}/?debug`);
});
after(async () => {
  await ada?.close();
  await server?.stop();
});

/** @return after how many ms that was so; Infinity after `limit` */
async function until(holds, limit) {
  const from = performance.now();
  while (performance.now() - from < limit) {
    if (await holds()) return Math.round(performance.now() - from);
    await sleep(100);
  }
  return Infinity;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const url = () => `${server.url.replace("http", "ws")}/ws`;

/* Runs in the page. */
async function publish({ url }) {
  const { Meeting, openCamera, openMicrophone } = window.plenum.sdk;
  const meeting = new Meeting({ url, room: "line", name: "Ada" });
  await meeting.setSource("camera", await openCamera());
  await meeting.setSource("microphone", await openMicrophone());
  await meeting.join();
}

/* Runs in the page: shows the picture, and writes down when which width came and when it was on the screen; the sound plays too. */
async function watch({ url }) {
  const { Meeting } = window.plenum.sdk;
  const meeting = new Meeting({ url, room: "line", name: "Bob", slots: { pairs: 1, audio_only: 0, screens: 0 } });
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
  const audio = Object.assign(document.createElement("audio"), { autoplay: true });
  document.body.prepend(video, audio);
  const frames = [];
  Object.assign(window, { meeting, frames });
  const wait = () =>
    video.requestVideoFrameCallback((now, { width, receiveTime }) => {
      frames.push({ now, width, came: receiveTime });
      wait();
    });
  wait();
  const show = ({ source, mediaTrack }) => {
    const element = source === "camera" ? video : source === "microphone" ? audio : undefined;
    if (element && element.srcObject?.getTracks()[0] !== mediaTrack) element.srcObject = new MediaStream([mediaTrack]);
  };
  meeting.on("trackAttached", show);
  await meeting.join();
  meeting.receive.tracks.forEach(show);
}

/* Runs in the page. */
async function readTotals() {
  const stats = [...(await window.meeting.receive.getStats()).values()].filter((entry) => entry.type === "inbound-rtp");
  const sum = (kind, name) => stats.filter((entry) => entry.kind === kind).reduce((total, entry) => total + (entry[name] ?? 0), 0);
  return {
    now: performance.now(),
    octets: sum("video", "bytesReceived") + sum("audio", "bytesReceived") + sum("video", "headerBytesReceived") + sum("audio", "headerBytesReceived"),
    frames: sum("video", "framesDecoded"),
    freezes: sum("video", "freezeCount"),
    frozenMs: sum("video", "totalFreezesDuration") * 1000,
    plis: sum("video", "pliCount"),
    nacks: sum("video", "nackCount"),
    samples: sum("audio", "totalSamplesReceived"),
    concealed: sum("audio", "concealedSamples") - sum("audio", "silentConcealedSamples"),
  };
}

const ESTIMATE = "plenum_transport_estimate_bps";

/** Somebody who watches through a line. */
async function openWatcher(words) {
  const bob = await openParticipant(server, 2, "Bob");
  const line = await putOnLine(bob.page, words);
  const others = await samples(server, ESTIMATE);
  await bob.page.goto(`${server.url}/?debug`);
  await bob.page.evaluate(watch, { url: url() });
  const frames = () => bob.page.evaluate(() => window.frames);
  const now = () => bob.page.evaluate(() => performance.now());
  return {
    line,
    now,
    totals: () => bob.page.evaluate(readTotals),
    /** What the server thinks the line can take, kbit/s. */
    async estimate() {
      const own = [...(await samples(server, ESTIMATE))].filter(([name]) => !others.has(name));
      return Math.round(Math.max(...own.map(([, bps]) => bps)) / 1000);
    },
    /** From `since` until the first frame of a width that `holds` has come and is on the screen, ms; Infinity after `limit`. */
    async until(since, limit, holds) {
      for (;;) {
        const found = (await frames()).find((frame) => frame.now >= since && holds(frame.width));
        if (found) return { came: Math.round(found.came - since), shown: Math.round(found.now - since) };
        if ((await now()) - since > limit) return { came: Infinity, shown: Infinity };
        await sleep(100);
      }
    },
    /** The widths that were shown since then, each with its share of the frames. */
    async widths(since) {
      const shown = (await frames()).filter((frame) => frame.now >= since);
      const counts = new Map();
      for (const { width } of shown) counts.set(width, (counts.get(width) ?? 0) + 1);
      return [...counts].map(([width, n]) => `${width}: ${Math.round((100 * n) / shown.length)} %`).join(", ");
    },
    async close() {
      await bob.close();
      await line.close();
    },
  };
}

const difference = (to, from) => {
  const d = Object.fromEntries(Object.keys(to).map((name) => [name, to[name] - from[name]]));
  return {
    ...d,
    kbps: Math.round((d.octets * 8) / d.now),
    fps: Math.round((d.frames * 1000) / d.now),
    frozen: d.frozenMs / d.now,
    concealment: d.samples ? d.concealed / d.samples : 0,
  };
};
const percent = (share) => `${(share * 100).toFixed(2)} %`;
const tell = (d) =>
  `${d.kbps} kbit/s, ${d.fps} frames a second, ${d.freezes} freezes of ${Math.round(d.frozenMs)} ms (${percent(d.frozen)}), ` +
  `sound concealed ${percent(d.concealment)}, ${d.plis} key frames and ${d.nacks} packets asked for`;

test("4, 1, 4 Mbit/s", async (t) => {
  await ada.page.evaluate(publish, { url: url() });
  const bob = await openWatcher("delay 25 queue 300 down rate 4000000");
  try {
    const found = await bob.until(0, FOUND_MS, (width) => width === LARGE);
    assert.notEqual(found.shown, Infinity, `the publisher sends no large picture: load ${loadavg()[0].toFixed(1)}`);
    await sleep(SETTLE_MS);
    const before = await bob.totals();
    await bob.line.tell("down rate 1000000");
    const fell = await bob.until(before.now, 10_000, (width) => width < LARGE);
    await sleep(NARROW_MS);
    const narrow = await bob.totals();
    const { full } = (await bob.line.count()).down;
    await bob.line.tell("down rate 4000000");
    const wide = until(async () => (await bob.estimate()) >= 2000, 20_000);
    const rose = await bob.until(narrow.now, 20_000, (width) => width === LARGE);
    await sleep(SETTLE_MS);
    const all = difference(await bob.totals(), before);
    t.diagnostic(`large after ${found.shown} ms; lower layer there after ${fell.came} ms, on the screen after ${fell.shown} ms; ${tell(difference(narrow, before))}; ${full} found no room`);
    t.diagnostic(`an estimate of 2 Mbit/s after ${await wide} ms; large again after ${rose.shown} ms; in all ${all.freezes} freezes of ${Math.round(all.frozenMs)} ms; widths ${await bob.widths(before.now)}`);
    assert.ok(fell.shown <= FELL_MS, `the lower layer was shown after ${fell.shown} ms`);
    assert.ok(all.frozenMs < FROZEN_MS, `frozen for ${Math.round(all.frozenMs)} ms`);
    assert.ok(rose.shown <= ROSE_MS, `the large picture came back after ${rose.shown} ms`);
  } finally {
    await bob.close();
  }
});

test("500, 800, 100 kbit/s", { skip: !LONG }, async (t) => {
  const bob = await openWatcher("delay 100 queue 300 down rate 500000");
  try {
    await bob.until(0, FOUND_MS, (width) => width > 0);
    const wrong = [];
    for (const { rate, seconds, least, most } of STEPS) {
      await bob.line.tell(`down rate ${rate * 1000}`);
      await sleep(seconds * 400);
      const from = await bob.totals();
      await sleep(seconds * 600);
      const d = difference(await bob.totals(), from);
      const estimate = await bob.estimate();
      t.diagnostic(`${rate} kbit/s: estimate ${estimate} after ${seconds} s; ${tell(d)}; widths ${await bob.widths(from.now)}`);
      if (estimate < least || estimate > most) wrong.push(`${rate} kbit/s: an estimate of ${estimate}`);
      if (!(d.samples > 0 && d.kbps > 0)) wrong.push(`${rate} kbit/s: nothing comes`);
    }
    assert.deepEqual(wrong, []);
  } finally {
    await bob.close();
  }
});

test("random loss at 50 ms", { skip: !LONG }, async (t) => {
  const bob = await openWatcher("delay 25");
  try {
    await bob.until(0, FOUND_MS, (width) => width === LARGE);
    const wrong = [];
    for (const { loss, frozen, concealed } of LOSSES) {
      await bob.line.tell(`down loss ${loss}`);
      await sleep(SETTLE_MS);
      const from = await bob.totals();
      await sleep(LOSS_MS);
      const d = difference(await bob.totals(), from);
      t.diagnostic(`${loss / 10} % lost: ${tell(d)}; widths ${await bob.widths(from.now)}`);
      if (!(d.samples > 0 && d.fps >= 15)) wrong.push(`${loss / 10} %: ${d.fps} frames a second, ${d.samples} samples`);
      if (d.frozen > frozen || d.concealment > concealed) wrong.push(`${loss / 10} %: ${tell(d)}`);
    }
    assert.deepEqual(wrong, []);
  } finally {
    await bob.close();
  }
});
