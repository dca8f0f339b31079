/*
 * A picture stands still, and the server says why: the publisher's way, the publisher, the server, the receiver's way, or the receiver. Each is broken
 * for a while, with two real browsers that report by themselves, and the cause that most of the time is given to must be the one that was broken.
 */
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, test } from "node:test";
import { openAway } from "./lib/distance.mjs";
import { startServer } from "./lib/server.mjs";

const DISTANCE_MS = 30;
const LOSS = 0.7;
const BROKEN_MS = 2500;
const HELD_MS = 1500;
/* Until the last freeze was told of, and decided. */
const DECIDED_MS = 4000;
/* What was told of late is not decided yet. */
const LATE_S = 3;
/* A freeze is told of in the second after its end. */
const TOLD_MS = 1200;
/* Whoever asks more often is refused. */
const ASK_MS = 1000;
const PATIENCE_MS = 40_000;
const CALM_S = 3;
const CALM_KBPS = 800;
/*
 * What the page sends goes through this process. When it was held up for so long, by what else runs on the machine, then so were the browsers, and a
 * picture stood still for that, too: the round is done again.
 */
const HELD_UP_MS = 60;
const TRIES = 5;

let server;
const closing = [];
before(async () => (server = await startServer()));
after(async () => {
  for (const close of closing) await close();
  await server?.stop();
});

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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

/* Runs in the page. What window.spoil(true) is told, no decoder can make a picture of, though all of it came. */
async function receive({ url, room }) {
  const { Meeting } = window.plenum.sdk;
  const work = `onrtctransform = ({ transformer }) => {
    let spoiled = false;
    transformer.options.port.onmessage = ({ data }) => (spoiled = data);
    const spoil = new TransformStream({
      transform(frame, out) {
        if (spoiled) new Uint8Array(frame.data).fill(0);
        out.enqueue(frame);
      },
    });
    transformer.readable.pipeThrough(spoil).pipeTo(transformer.writable);
  };`;
  const worker = new Worker(URL.createObjectURL(new Blob([work], { type: "text/javascript" })));
  const ports = [];
  window.spoil = (spoiled) => ports.forEach((port) => port.postMessage(spoiled));
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function (...args) {
    await setRemoteDescription.apply(this, args);
    for (const { receiver } of this.getTransceivers()) {
      if (receiver.track.kind !== "video" || receiver.transform) continue;
      const { port1, port2 } = new MessageChannel();
      receiver.transform = new RTCRtpScriptTransform(worker, { port: port2 }, [port2]);
      ports.push(port1);
    }
  };
  const meeting = (window.meeting = new Meeting({ url, room, name: "Eve", slots: { pairs: 2, audio_only: 0, screens: 0 } }));
  meeting.on("trackAttached", (track) => {
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, srcObject: new MediaStream([track.mediaTrack]) });
    document.body.prepend(video);
  });
  await meeting.join();
}

const told = (page, who) => page.evaluate((participant) => window.meeting.qualityReport(participant), who);

/* Some seconds without a freeze, on a line that is thought to be wide enough. */
async function becomesCalm(page) {
  for (const end = Date.now() + PATIENCE_MS; ; await wait(ASK_MS)) {
    const { received, freezes } = await told(page);
    const last = received.slice(-CALM_S);
    const isFlowing = last.length === CALM_S && last.every(({ packets, lost, estimate_kbps: kbps }) => packets > 0 && lost === 0 && kbps >= CALM_KBPS);
    if (isFlowing && (freezes.at(-1)?.at ?? 0) < Date.now() - CALM_S * 1000) return;
    assert.ok(Date.now() < end, `no calm: ${JSON.stringify({ last, freezes })}`);
  }
}

const round = async (page, breakIt, mend, ms) => {
  await becomesCalm(page);
  const lateness = monitorEventLoopDelay({ resolution: 5 });
  lateness.enable();
  const begin = Date.now();
  await breakIt();
  await wait(ms);
  await mend();
  const end = Date.now();
  await wait(DECIDED_MS);
  lateness.disable();
  const ofRound = async () => (await told(page)).freezes.filter((freeze) => freeze.at > begin && freeze.at - freeze.ms < end + TOLD_MS);
  let freezes = await ofRound();
  for (let i = 0; i < LATE_S && freezes.some((freeze) => freeze.cause === "unknown"); i++) {
    await wait(ASK_MS);
    freezes = await ofRound();
  }
  return { freezes, heldUpMs: Math.round(lateness.max / 1e6) };
};

const inShort = (freezes) => freezes.map((freeze) => `${freeze.ms} ms ${freeze.cause}`).join(", ");

function mostOf(freezes) {
  const sums = new Map();
  for (const freeze of freezes) sums.set(freeze.cause, (sums.get(freeze.cause) ?? 0) + freeze.ms);
  return [...sums].sort((a, b) => b[1] - a[1])[0]?.[0];
}

test("the cause of a freeze is what was broken", async (t) => {
  const where = { url: `${server.url.replace("http", "ws")}/ws`, room: "quality" };
  const { page: ada, way: adasWay } = await openAway(server, DISTANCE_MS, closing);
  /* The policy of the page allows no worker of a test's. */
  const { page: eve, way: evesWay } = await openAway(server, DISTANCE_MS, closing, { bypassCSP: true });
  const adaId = await ada.evaluate(publish, where);
  await eve.evaluate(receive, where);
  const eveId = await eve.evaluate(() => window.meeting.localId);

  const broken = [
    ["server", () => process.kill(server.pid, "SIGSTOP"), () => process.kill(server.pid, "SIGCONT"), HELD_MS],
    ["receiver_decoder", () => eve.evaluate(() => window.spoil(true)), () => eve.evaluate(() => window.spoil(false)), BROKEN_MS],
    ["publisher_encoder", () => ada.evaluate(() => void (window.still = true)), () => ada.evaluate(() => void (window.still = false)), BROKEN_MS],
    ["publisher_uplink", () => (adasWay.lossUp = LOSS), () => (adasWay.lossUp = 0), BROKEN_MS],
    ["receiver_downlink", () => (evesWay.loss = LOSS), () => (evesWay.loss = 0), BROKEN_MS],
  ];
  for (const [cause, breakIt, mend, ms] of broken) {
    for (let tries = 1; ; tries++) {
      const { freezes, heldUpMs } = await round(eve, breakIt, mend, ms);
      t.diagnostic(`${cause}: ${inShort(freezes)}; at most ${heldUpMs} ms late`);
      assert.ok(freezes.every((freeze) => freeze.participant === adaId && freeze.source === "camera"));
      if (mostOf(freezes) === cause) break;
      assert.ok(heldUpMs > HELD_UP_MS && tries < TRIES, `${cause}: ${inShort(freezes) || "no freeze"}`);
    }
  }

  /* Ada came first and leads: she is told of Eve, Eve of herself alone. */
  const ofEve = await told(ada, eveId);
  for (const [cause] of broken) assert.ok(ofEve.causes.some((total) => total.cause === cause && total.freezes > 0), JSON.stringify(ofEve.causes));
  assert.equal(await eve.evaluate((who) => window.meeting.qualityReport(who).catch((error) => error.code), adaId), "forbidden");
  const { received } = await told(eve);
  assert.ok(received.some((second) => second.rtt_ms >= 2 * DISTANCE_MS - 5), JSON.stringify(received.at(-1)));
  assert.ok(received.some((second) => second.lost > 0));
});
