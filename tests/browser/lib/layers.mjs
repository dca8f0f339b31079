/* The picture follows the size it is shown at. */
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { eventually } from "./participant.mjs";

const LARGE = 1280;
const SMALL = 320;
const GROW_MS = 60_000;

/* A larger gap between two frames is seen as a stumble. */
const MAX_GAP_MS = 300;
const AROUND_MS = 1500;
const ROUNDS = process.env.PLM_TEST_LONG ? 2 : 1;
/* What ticks in each process (TICK_MS) and is late by so much shows that the machine stood still, not the stream. */
const TICK_MS = 10;
const STALL_MS = 50;
/* A frame that came late may have been held up so long before the gap. */
const BEFORE_MS = 150;

/* Runs in the page, on the SDK alone: a meeting without the meeting page. */
async function enter({ room, name, url, publish, codec }) {
  const { Meeting, openCamera } = window.plenum.sdk;
  const meeting = new Meeting({ url, room, name, codecs: { video: codec } });
  Object.assign(window.plenum, { meeting });
  if (publish) await meeting.setSource("camera", await openCamera());
  await meeting.join();
}

/* Runs in the page: shows the one who is there, and writes down when which width was on the screen. */
function watch() {
  const { meeting } = window.plenum;
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true });
  document.body.prepend(video);
  const frames = (window.probe.frames = []);
  const wait = () =>
    video.requestVideoFrameCallback((now, { width }) => {
      frames.push({ now, width });
      wait();
    });
  wait();
  const show = (track) => {
    if (track.source === "camera") video.srcObject = new MediaStream([track.mediaTrack]);
  };
  meeting.receive.tracks.forEach(show);
  meeting.on("trackAttached", show);
}

/* Runs in pages and in the test: writes down when nothing ran for a while, by the machine's clock. */
function tick({ every, late }) {
  const stalls = [];
  let last = performance.timeOrigin + performance.now();
  setInterval(() => {
    const now = performance.timeOrigin + performance.now();
    if (now - last > late) stalls.push({ from: last, to: now });
    last = now;
  }, every).unref?.();
  (globalThis.probe ??= {}).stalls = stalls;
}

function largestGap(frames, around) {
  let largest = { ms: 0, from: 0, to: 0 };
  for (let i = 1; i < frames.length; i++) {
    const [from, to] = [frames[i - 1].now, frames[i].now];
    if (Math.abs(to - around) < AROUND_MS && to - from > largest.ms) largest = { ms: Math.round(to - from), from, to };
  }
  return largest;
}

/* How long each process stood still while no frame came, or just before, ms. */
async function standstills({ sender, receiver }, { from, to }) {
  const origin = await receiver.page.evaluate(() => performance.timeOrigin);
  const stalls = { sender: await sender.page.evaluate(() => window.probe.stalls), receiver: await receiver.page.evaluate(() => window.probe.stalls), test: globalThis.probe.stalls };
  const within = (stall) => Math.max(0, Math.min(stall.to, origin + to) - Math.max(stall.from, origin + from - BEFORE_MS));
  return Object.fromEntries(Object.entries(stalls).map(([name, list]) => [name, Math.round(list.reduce((sum, stall) => sum + within(stall), 0))]));
}

/**
 * Shows `sender`'s picture to `receiver` large, small and large again, in --long twice. Waits for the decoded width each time, and checks the codec
 * and the largest gap between two frames around each change. Skipped when the gap would not have
 * been too large but for the time that the machine stood still.
 */
export async function changeWidths({ t, server, sender, receiver, codec }) {
  const url = `${server.url.replace("http", "ws")}/ws`;
  const room = `layers-${codec}`;
  for (const person of [sender, receiver]) await person.page.goto(`${server.url}/?debug`);
  await sender.page.evaluate(enter, { room, name: "Ada", url, publish: true, codec });
  await receiver.page.evaluate(enter, { room, name: "Bob", url, publish: false, codec });
  await receiver.page.evaluate(watch);
  for (const person of [sender, receiver]) await person.page.evaluate(tick, { every: TICK_MS, late: STALL_MS });
  if (!globalThis.probe) tick({ every: TICK_MS, late: STALL_MS });
  const publisher = await sender.page.evaluate(() => window.plenum.meeting.localId);
  const view = (width) =>
    receiver.page.evaluate(
      ({ publisher, width }) => window.plenum.meeting.setView([{ participant: publisher, source: "camera", width, height: (width * 9) / 16 }]),
      { publisher, width },
    );
  const width = () => receiver.page.evaluate(() => window.probe.frames.at(-1)?.width ?? 0);
  const changeTo = async (wanted) => {
    await view(wanted);
    const deadline = performance.now() + GROW_MS;
    for (;;) {
      await eventually(`${codec} at ${wanted}`, width, wanted, deadline - performance.now());
      /* Let the frames after the change be seen too. */
      await new Promise((resolve) => setTimeout(resolve, 3 * AROUND_MS));
      const frames = await receiver.page.evaluate(() => window.probe.frames);
      const change = frames.findLastIndex((frame) => frame.width !== wanted) + 1;
      if (change < frames.length && frames.at(-1).now - frames[change].now > 2 * AROUND_MS)
        return { gap: largestGap(frames, frames[change].now), calm: largestGap(frames, frames.at(-1).now).ms };
      t.diagnostic(`${codec} was at ${wanted} and left it for ${frames.findLast((frame) => frame.width !== wanted).width} again`);
    }
  };
  await changeTo(LARGE);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const wanted of [SMALL, LARGE]) {
      const { gap, calm } = await changeTo(wanted);
      t.diagnostic(`${codec}, round ${round}, to ${wanted}: gap ${gap.ms} ms, without a change ${calm} ms`);
      if (gap.ms <= MAX_GAP_MS) continue;
      const still = await standstills({ sender, receiver }, gap);
      const why = `gap of ${gap.ms} ms; stood still meanwhile, ms: ${JSON.stringify(still)}`;
      if (gap.ms - Math.max(...Object.values(still)) <= MAX_GAP_MS) return t.skip(`this machine is too busy: load ${loadavg()[0].toFixed(1)}, ${why}`);
      assert.fail(`round ${round}, to ${wanted}: ${why}`);
    }
  }
  const used = await receiver.page.evaluate(async () => {
    const stats = [...(await window.plenum.meeting.receive.getStats()).values()];
    const inbound = stats.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
    return stats.find((entry) => entry.id === inbound.codecId).mimeType;
  });
  assert.equal(used, `video/${codec}`);
}
