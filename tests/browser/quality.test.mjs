/*
 * A picture stands still, and the server says why: the publisher's way, the publisher, or the receiver's way. Each is broken for a while, with two
 * real browsers that report by themselves, and the cause that most of the time is given to must be the one that was broken.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openAway } from "./lib/distance.mjs";
import { startServer } from "./lib/server.mjs";

const DISTANCE_MS = 30;
const LOSS = 0.7;
const BROKEN_MS = 2500;
const CALM_MS = 6000;
/* Whoever asks more often is refused. */
const ASK_MS = 1000;

let server;
const closing = [];
before(async () => (server = await startServer()));
after(async () => {
  for (const close of closing) await close();
  await server?.stop();
});

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const openPage = () => openAway(server, DISTANCE_MS, closing);

/* Runs in the page: a moving picture and a tone, until window.still. */
async function publish({ url, room }) {
  const { Meeting } = window.plenum.sdk;
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const g = canvas.getContext("2d");
  const track = canvas.captureStream(30).getVideoTracks()[0];
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const oscillator = new OscillatorNode(context);
  oscillator.connect(out);
  oscillator.start();
  setInterval(() => {
    if (window.still) return;
    g.fillStyle = `hsl(${(performance.now() / 20) % 360} 80% 50%)`;
    g.fillRect(0, 0, 640, 360);
    g.fillStyle = "#fff";
    g.fillRect(600 * ((performance.now() / 1000) % 1), 100, 40, 160);
  }, 1000 / 30);
  const meeting = (window.meeting = new Meeting({ url, room, name: "Ada" }));
  await meeting.setSource("camera", track);
  await meeting.setSource("microphone", out.stream.getAudioTracks()[0]);
  await meeting.join();
  return meeting.localId;
}

/* Runs in the page. */
async function receive({ url, room }) {
  const { Meeting } = window.plenum.sdk;
  const meeting = (window.meeting = new Meeting({ url, room, name: "Eve", slots: { pairs: 2, audio_only: 0, screens: 0 } }));
  meeting.on("trackAttached", (track) => {
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, srcObject: new MediaStream([track.mediaTrack]) });
    document.body.prepend(video);
  });
  await meeting.join();
}

const told = (page, who) => page.evaluate((participant) => window.meeting.qualityReport(participant), who);

test("the cause of a freeze is what was broken", async (t) => {
  const where = { url: `${server.url.replace("http", "ws")}/ws`, room: "quality" };
  const [{ page: ada, way: adasWay }, { page: eve, way: evesWay }] = [await openPage(), await openPage()];
  const adaId = await ada.evaluate(publish, where);
  await eve.evaluate(receive, where);
  const eveId = await eve.evaluate(() => window.meeting.localId);
  for (const end = Date.now() + 30_000; (await told(eve)).received.length < 3; await wait(ASK_MS)) assert.ok(Date.now() < end, "Eve is sent no picture");

  const broken = [
    ["publisher_uplink", () => (adasWay.lossUp = LOSS), () => (adasWay.lossUp = 0)],
    ["receiver_downlink", () => (evesWay.loss = LOSS), () => (evesWay.loss = 0)],
    ["publisher_encoder", () => ada.evaluate(() => void (window.still = true)), () => ada.evaluate(() => void (window.still = false))],
  ];
  for (const [cause, breakIt, mend] of broken) {
    await wait(CALM_MS);
    const before = Math.max(0, ...(await told(eve)).freezes.map((freeze) => freeze.at));
    await breakIt();
    await wait(BROKEN_MS);
    await mend();
    await wait(CALM_MS);
    const freezes = (await told(eve)).freezes.filter((freeze) => freeze.at > before);
    t.diagnostic(`${cause}: ${freezes.map((freeze) => `${freeze.ms} ms ${freeze.cause}`).join(", ")}`);
    assert.ok(freezes.length > 0, `${cause}: no freeze was seen`);
    assert.ok(freezes.every((freeze) => freeze.participant === adaId && freeze.source === "camera"));
    const sums = new Map();
    for (const freeze of freezes) sums.set(freeze.cause, (sums.get(freeze.cause) ?? 0) + freeze.ms);
    const [most] = [...sums].sort((a, b) => b[1] - a[1])[0];
    assert.equal(most, cause);
  }

  /* Ada came first and leads: she is told of Eve, Eve of herself alone. */
  const ofEve = await told(ada, eveId);
  assert.ok(ofEve.causes.length >= 3, JSON.stringify(ofEve.causes));
  assert.equal(await eve.evaluate((who) => window.meeting.qualityReport(who).catch((error) => error.code), adaId), "forbidden");
  const { received } = await told(eve);
  assert.ok(received.some((second) => second.rtt_ms >= 2 * DISTANCE_MS - 5), JSON.stringify(received.at(-1)));
  assert.ok(received.some((second) => second.lost > 0));
});
