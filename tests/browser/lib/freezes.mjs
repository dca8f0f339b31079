/* Pictures that are made to stand still: what both pages do, and what the server must say of it. */
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";

/* Until the last freeze was told of, and decided. */
const DECIDED_MS = 4000;
/* Before and after it: what is told of where a cause is wrong. */
const KNOWN_S = 15;
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
 * What a page sends goes through this process. When that was held up for so long, by what else runs on the machine, then so were the browsers, and a
 * picture stood still for that, too: the round is done again.
 */
const HELD_UP_MS = 60;
const TRIES = 4;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs in the page: a moving picture and a tone, until window.still. */
export async function publish({ url, room }) {
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

/** Runs in the page. With isSpoilt it has window.spoil(true): no decoder can make a picture of what comes then. */
export async function receive({ url, room, isSpoilt }) {
  const { Meeting } = window.plenum.sdk;
  if (isSpoilt) {
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
  }
  const meeting = (window.meeting = new Meeting({ url, room, name: "Eve", slots: { pairs: 2, audio_only: 0, screens: 0 } }));
  meeting.on("trackAttached", (track) => {
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, srcObject: new MediaStream([track.mediaTrack]) });
    document.body.prepend(video);
  });
  await meeting.join();
}

export const told = (page, who) => page.evaluate((participant) => window.meeting.qualityReport(participant), who);

/* Some seconds without a freeze, on a line that is thought to be wide enough. @returns what it is instead, after a while */
async function becomesCalm(page) {
  for (const end = Date.now() + PATIENCE_MS; ; await wait(ASK_MS)) {
    const { received, freezes } = await told(page);
    const last = received.slice(-CALM_S);
    const isFlowing = last.length === CALM_S && last.every(({ packets, lost, estimate_kbps: kbps }) => packets > 0 && lost === 0 && kbps >= CALM_KBPS);
    if (isFlowing && (freezes.at(-1)?.at ?? 0) < Date.now() - CALM_S * 1000) return undefined;
    if (Date.now() > end) return `no calm: ${JSON.stringify({ last, freezes })}`;
  }
}

const inShort = (freezes) => freezes.map((freeze) => `${freeze.ms} ms ${freeze.cause}`).join(", ") || "no freeze";

function mostOf(freezes) {
  const sums = new Map();
  for (const freeze of freezes) sums.set(freeze.cause, (sums.get(freeze.cause) ?? 0) + freeze.ms);
  return [...sums].sort((a, b) => b[1] - a[1])[0]?.[0];
}

async function breakOnce(page, [, breakIt, mend, ms]) {
  const begin = Date.now();
  await breakIt();
  await wait(ms);
  await mend();
  const end = Date.now();
  await wait(DECIDED_MS);
  const ofRound = async () => (await told(page)).freezes.filter((freeze) => freeze.at > begin && freeze.at - freeze.ms < end + TOLD_MS);
  let freezes = await ofRound();
  for (let i = 0; i < LATE_S && freezes.some((freeze) => freeze.cause === "unknown"); i++) {
    await wait(ASK_MS);
    freezes = await ofRound();
  }
  return freezes;
}

/* @returns {{ fault, heldUpMs }} fault: what is wrong, if anything; heldUpMs: how late this process was meanwhile */
async function round(t, page, adaId, broken) {
  const lateness = monitorEventLoopDelay({ resolution: 5 });
  lateness.enable();
  const [cause] = broken;
  const unrest = await becomesCalm(page);
  const freezes = unrest ? [] : await breakOnce(page, broken);
  lateness.disable();
  const heldUpMs = Math.round(lateness.max / 1e6);
  t.diagnostic(`${cause}: ${unrest ?? inShort(freezes)}; at most ${heldUpMs} ms late`);
  assert.ok(freezes.every((freeze) => freeze.participant === adaId && freeze.source === "camera"));
  const fault = unrest ?? (mostOf(freezes) === cause ? undefined : inShort(freezes));
  if (fault) t.diagnostic(`what was known: ${JSON.stringify((await told(page)).received.slice(-KNOWN_S))}`);
  return { fault, heldUpMs };
}

/**
 * Break things one after the other: [cause, how, how it is mended, for how long]. Most of the time that the receiver's picture of adaId then stands
 * still must be given to that cause. @returns false: what else runs on the machine holds all up too often to say; the test is skipped then
 */
export async function expectCauses(t, { page, adaId, broken }) {
  for (const what of broken) {
    for (let tries = 1; ; tries++) {
      const { fault, heldUpMs } = await round(t, page, adaId, what);
      if (!fault) break;
      assert.ok(heldUpMs > HELD_UP_MS, `${what[0]}: ${fault}`);
      if (tries < TRIES) continue;
      t.skip(`too much runs beside it: ${what[0]}: ${heldUpMs} ms late, ${fault.slice(0, 200)}`);
      return false;
    }
  }
  return true;
}
