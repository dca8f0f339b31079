/*
 * Sound over a way that loses packets: what a real receiver has to make up (conceal), with copies of earlier sound and without.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./lib/chromium.mjs";
import { moveAway } from "./lib/distance.mjs";
import { metric, startServer } from "./lib/server.mjs";

/* One way. */
const DISTANCE_MS = 25;
const LISTEN_MS = 10_000;
/* Of sound, in percent: what the issue wants at that loss. A lost packet is 20 ms, and making up for it takes a little more. */
const WAYS = [
  { loss: 0.05, most: 2 },
  { loss: 0.1, most: 4 },
];

let server;
const closing = [];
before(async () => (server = await startServer()));
after(async () => {
  for (const close of closing) await close();
  await server?.stop();
});

/* Runs before the page: keeps its connections, and takes RED out of what the server offers where it is not wanted. */
function watch(red) {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
    setRemoteDescription(description) {
      if (red) return super.setRemoteDescription(description);
      const sdp = description.sdp.replace(/^(m=audio .*) 63$/gm, "$1").replace(/^a=(rtpmap|fmtp):63 .*\r\n/gm, "");
      return super.setRemoteDescription({ type: description.type, sdp });
    }
  };
}

async function openPage({ red = true, far = false } = {}) {
  const browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
  closing.push(() => browser.close());
  const page = await browser.newPage();
  await page.addInitScript(watch, red);
  const way = far ? await moveAway(page, DISTANCE_MS) : undefined;
  if (way) closing.push(way);
  await page.goto(`${server.url}/?debug`);
  return { page, way };
}

/* Runs in the page: a steady tone. */
async function speak({ url, room }) {
  const { Meeting } = window.plenum.sdk;
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 440 });
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const meeting = new Meeting({ url, room, name: "Ada" });
  await meeting.setSource("microphone", out.stream.getAudioTracks()[0]);
  await meeting.join();
}

/* Runs in the page: plays what it hears. */
async function listen({ url, room, name }) {
  const { Meeting } = window.plenum.sdk;
  const meeting = new Meeting({ url, room, name, slots: { pairs: 1, audio_only: 0, screens: 0 } });
  meeting.on("trackAttached", (track) => {
    if (track.mediaTrack.kind !== "audio") return;
    const audio = Object.assign(document.createElement("audio"), { autoplay: true, srcObject: new MediaStream([track.mediaTrack]) });
    document.body.append(audio);
  });
  await meeting.join();
}

/* Runs in the page: of the sound that came so far. */
async function heard() {
  const sum = { samples: 0, concealed: 0, lost: 0, packets: 0 };
  for (const connection of window.connections)
    for (const report of (await connection.getStats()).values())
      if (report.type === "inbound-rtp" && report.kind === "audio" && report.packetsReceived) {
        sum.samples += report.totalSamplesReceived;
        sum.concealed += report.concealedSamples;
        sum.lost += report.packetsLost;
        sum.packets += report.packetsReceived;
      }
  return sum;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* @returns percent concealed, percent of packets lost */
async function hearFor(page, ms) {
  const from = await page.evaluate(heard);
  await pause(ms);
  const to = await page.evaluate(heard);
  const packets = to.packets - from.packets + to.lost - from.lost;
  assert.ok(packets > (ms / 20) * 0.8, `only ${packets} packets of sound`);
  return { concealed: (100 * (to.concealed - from.concealed)) / (to.samples - from.samples), lost: (100 * (to.lost - from.lost)) / packets };
}

test("copies take the place of lost sound", async (t) => {
  const url = `${server.url.replace("http", "ws")}/ws`;
  const room = "sound";
  const { page: ada } = await openPage();
  await ada.evaluate(speak, { url, room });
  const [bob, eve] = [await openPage({ far: true }), await openPage({ far: true, red: false })];
  await bob.page.evaluate(listen, { url, room, name: "Bob" });
  await eve.page.evaluate(listen, { url, room, name: "Eve" });
  await pause(6000);
  const calm = await Promise.all([bob, eve].map(({ page }) => hearFor(page, 3000)));
  t.diagnostic(`nothing lost: concealed ${calm.map(({ concealed }) => concealed.toFixed(2)).join(" and ")} %`);
  assert.equal(await metric(server, "plenum_tx_red_total"), 0);
  for (const { loss, most } of WAYS) {
    bob.way.loss = eve.way.loss = loss;
    await pause(5000); /* until the loss is known */
    const [copies, none] = await Promise.all([bob, eve].map(({ page }) => hearFor(page, LISTEN_MS)));
    t.diagnostic(
      `${100 * loss} %: lost ${copies.lost.toFixed(1)} and ${none.lost.toFixed(1)} %, concealed ${copies.concealed.toFixed(2)} % with copies, ${none.concealed.toFixed(2)} % without`,
    );
    assert.ok(copies.concealed <= most, `${copies.concealed} % concealed of ${copies.lost} % lost`);
    assert.ok(none.concealed > copies.concealed, `${none.concealed} % without copies, ${copies.concealed} % with`);
  }
  assert.ok((await metric(server, "plenum_tx_red_total")) > 0);
});
