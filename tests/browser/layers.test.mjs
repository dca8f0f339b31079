/* The picture follows the size it is shown at: the decoded width goes 1280, 320, 1280, and no gap is seen at a change. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const LARGE = 1280;
const SMALL = 320;
const MAX_GAP_MS = 300;
const GROW_MS = 40_000;

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

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
    if (Math.abs(frames[i].now - around) < 1500) gap = Math.max(gap, frames[i].now - frames[i - 1].now);
  }
  return gap;
}

async function changes(codec) {
  const url = `${server.url.replace("http", "ws")}/ws`;
  const room = `layers-${codec}`;
  const sender = await openParticipant(server, 1, "Ada");
  const receiver = await openParticipant(server, 2, "Bob");
  try {
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
    const gaps = [];
    for (const wanted of [LARGE, SMALL, LARGE]) {
      await view(wanted);
      await eventually(`${codec} at ${wanted}`, width, wanted, GROW_MS);
      /* Let the frames after the change be seen too. */
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const frames = await receiver.page.evaluate(() => window.probe.frames);
      const change = frames.findLastIndex((frame) => frame.width !== wanted) + 1;
      if (change > 0) gaps.push(Math.round(largestGap(frames, frames[change].now)));
    }
    const used = await receiver.page.evaluate(async () => {
      const stats = [...(await window.plenum.meeting.receive.getStats()).values()];
      const inbound = stats.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
      return stats.find((entry) => entry.id === inbound.codecId).mimeType;
    });
    assert.equal(used, `video/${codec}`);
    return gaps;
  } finally {
    await sender.close();
    await receiver.close();
  }
}

for (const codec of ["VP8", "VP9", "H264"]) {
  test(`${codec} from Chromium changes its width without a gap`, async (t) => {
    const gaps = await changes(codec);
    t.diagnostic(`${codec}: gaps at the changes ${gaps.join(", ")} ms`);
    for (const gap of gaps.slice(-2)) assert.ok(gap <= MAX_GAP_MS, `gap of ${gap} ms`);
  });
}
