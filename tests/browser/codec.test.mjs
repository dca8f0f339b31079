/* Somebody comes late who decodes H264 alone: who publishes changes to it, nobody else loses the picture, and nothing is negotiated anew. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openHouse } from "./lib/guests.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

/* That of --long is for a machine that does nothing else. */
const BLACK_MS = process.env.PLM_TEST_LONG ? 1000 : 5000;

let server, house, ada, bob, cyd;

before(async () => {
  server = await startServer();
  house = await openHouse(server);
  [ada, bob, cyd] = [await house.guest("Ada"), await house.guest("Bob"), await house.guest("Cyd")];
  for (const guest of [ada, bob, cyd]) await guest.page.goto(`${server.url}/?debug`);
});
after(async () => {
  await house?.close();
  await server?.stop();
});

/* Runs in the page: what the server offers is answered with H264 alone. */
function decodeH264Alone() {
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    await setRemoteDescription.call(this, description);
    if (description.type !== "offer") return;
    const codecs = RTCRtpReceiver.getCapabilities("video").codecs.filter(({ mimeType }) => /H264|rtx/i.test(mimeType));
    for (const transceiver of this.getTransceivers()) if (transceiver.receiver.track.kind === "video") transceiver.setCodecPreferences(codecs);
  };
}

/* Runs in the page. With a camera, or to look at somebody's: the times between the pictures that are shown are measured. */
async function enter({ url, name, publishes }) {
  const { Meeting, openCamera } = window.plenum.sdk;
  const meeting = new Meeting({ url, room: "late", name, slots: { pairs: 1, audio_only: 0, screens: 0 } });
  const seen = (window.seen = { frames: 0, longest: 0, last: 0 });
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true });
  document.body.replaceChildren(video);
  const onFrame = () => {
    const now = performance.now();
    if (seen.frames++ > 0) seen.longest = Math.max(seen.longest, now - seen.last);
    seen.last = now;
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  const onTrack = ({ source, mediaTrack }) => {
    if (source === "camera" && video.srcObject?.getTracks()[0] !== mediaTrack) video.srcObject = new MediaStream([mediaTrack]);
  };
  meeting.on("trackAttached", onTrack);
  meeting.on("trackChanged", onTrack);
  Object.assign(window.plenum, { meeting });
  if (publishes) await meeting.setSource("camera", await openCamera());
  await meeting.join();
}

const join = (guest, publishes = false) => guest.page.evaluate(enter, { url: `${server.url.replace("http", "ws")}/ws`, name: guest.name, publishes });
const frames = (guest) => guest.page.evaluate(() => window.seen.frames);

/* Runs in the page: in what the camera is sent now. */
async function sentIn() {
  const stats = [...(await window.plenum.meeting.publish.getStats()).values()];
  const sent = stats.filter((s) => s.type === "outbound-rtp" && s.kind === "video" && s.active && s.framesSent > 0);
  return [...new Set(sent.map((s) => stats.find((codec) => codec.id === s.codecId)?.mimeType))];
}

test("before, the room's first is sent", async () => {
  await join(ada, true);
  await join(bob);
  await eventually("Bob sees", async () => (await frames(bob)) > 10, true, 60_000);
  assert.deepEqual(await ada.page.evaluate(sentIn), ["video/VP8"]);
});

test("who decodes H264 alone sees it, and the other goes on seeing", async (t) => {
  await cyd.page.evaluate(decodeH264Alone);
  await bob.page.evaluate(() => (window.seen.longest = 0));
  await join(cyd);
  await eventually("it is sent", () => ada.page.evaluate(sentIn), ["video/H264"], 60_000);
  await eventually("Cyd sees", async () => (await frames(cyd)) > 10, true, 60_000);
  const before = await frames(bob);
  await eventually("Bob sees", async () => (await frames(bob)) > before + 10, true, 60_000);
  const gap = await bob.page.evaluate(() => window.seen.longest);
  t.diagnostic(`longest time without a new picture: ${gap.toFixed(0)} ms`);
  assert.ok(gap < BLACK_MS, `${gap} ms`);
  assert.equal(await ada.remoteDescriptions(), 2);
});
