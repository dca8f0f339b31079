/* The picture follows the size it is shown at. */
import assert from "node:assert/strict";
import { eventually } from "./participant.mjs";

const LARGE = 1280;
const SMALL = 320;
const GROW_MS = 60_000;

/* A larger gap between two frames is seen as a stumble. */
const MAX_GAP_MS = 300;
const AROUND_MS = 1500;
/* A loaded machine stumbles by itself: a fault of ours would show in every round. */
const ROUNDS = 3;

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

function largestGap(frames, around) {
  let gap = 0;
  for (let i = 1; i < frames.length; i++) {
    if (Math.abs(frames[i].now - around) < AROUND_MS) gap = Math.max(gap, frames[i].now - frames[i - 1].now);
  }
  return gap;
}

/**
 * Shows `sender`'s picture to `receiver` large, small and large again. Waits for the decoded width each time, and checks the codec and
 * the largest gap between two frames around each change.
 */
export async function changeWidths({ t, server, sender, receiver, codec }) {
  const url = `${server.url.replace("http", "ws")}/ws`;
  const room = `layers-${codec}`;
  for (const person of [sender, receiver]) await person.page.goto(`${server.url}/?debug`);
  await sender.page.evaluate(enter, { room, name: "Ada", url, publish: true, codec });
  await receiver.page.evaluate(enter, { room, name: "Bob", url, publish: false, codec });
  await receiver.page.evaluate(watch);
  const publisher = await sender.page.evaluate(() => window.plenum.meeting.localId);
  const view = (width) =>
    receiver.page.evaluate(
      ({ publisher, width }) => window.plenum.meeting.setView([{ participant: publisher, source: "camera", width, height: (width * 9) / 16 }]),
      { publisher, width },
    );
  const width = () => receiver.page.evaluate(() => window.probe.frames.at(-1)?.width ?? 0);
  const changeTo = async (wanted) => {
    await view(wanted);
    await eventually(`${codec} at ${wanted}`, width, wanted, GROW_MS);
    /* Let the frames after the change be seen too. */
    await new Promise((resolve) => setTimeout(resolve, 3 * AROUND_MS));
    const frames = await receiver.page.evaluate(() => window.probe.frames);
    const change = frames.findLastIndex((frame) => frame.width !== wanted) + 1;
    return { gap: Math.round(largestGap(frames, frames[change].now)), calm: Math.round(largestGap(frames, frames.at(-1).now)) };
  };
  await changeTo(LARGE);
  let worst = Infinity;
  for (let round = 1; round <= ROUNDS && worst > MAX_GAP_MS; round++) {
    const changes = [await changeTo(SMALL), await changeTo(LARGE)];
    worst = Math.max(...changes.map(({ gap }) => gap));
    t.diagnostic(`${codec}: ${changes.map(({ gap, calm }) => `gap ${gap} ms, without a change ${calm} ms`).join("; ")}`);
  }
  const used = await receiver.page.evaluate(async () => {
    const stats = [...(await window.plenum.meeting.receive.getStats()).values()];
    const inbound = stats.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
    return stats.find((entry) => entry.id === inbound.codecId).mimeType;
  });
  assert.equal(used, `video/${codec}`);
  assert.ok(worst <= MAX_GAP_MS, `gap of ${worst} ms`);
}
