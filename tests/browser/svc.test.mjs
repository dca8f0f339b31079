/* One stream in three spatial layers, sent by WHIP: each receiver decodes what its picture has room for. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./lib/chromium.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const LARGE = 1280;
const SMALL = 320;

let server;
let browser;
before(async () => {
  server = await startServer();
  browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function openPage() {
  const page = await browser.newPage();
  await page.goto(`${server.url}/?debug`);
  return page;
}

/* Runs in the page: a moving picture, by WHIP. @returns what the encoder says of its layers */
async function publish({ url, codec, mode }) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
  const g = canvas.getContext("2d");
  const paint = () => {
    g.fillStyle = "#345";
    g.fillRect(0, 0, 1280, 720);
    g.fillStyle = "#c90";
    g.fillRect(1100 * ((performance.now() / 2000) % 1), 300, 180, 120);
  };
  setInterval(paint, 60);
  paint();
  const pc = new RTCPeerConnection();
  window.publisher = pc;
  const sendEncodings = [{ scalabilityMode: mode, maxBitrate: 2_500_000 }];
  const transceiver = pc.addTransceiver(canvas.captureStream(15).getVideoTracks()[0], { direction: "sendonly", sendEncodings });
  const codecs = RTCRtpSender.getCapabilities("video").codecs;
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => [`video/${codec}`, "video/rtx"].includes(mimeType)));
  await pc.setLocalDescription();
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription.sdp });
  if (!answer.ok) throw new Error(`WHIP: ${answer.status} ${await answer.text()}`);
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
}

/* Runs in the page: one who watches the publisher at this width. */
async function join({ url, room, name, width }) {
  const { Meeting } = window.plenum.sdk;
  const meeting = new Meeting({ url, room, name, slots: { pairs: 1, audio_only: 0, screens: 0 } });
  (window.meetings ??= {})[name] = meeting;
  await meeting.join();
  const publisher = [...meeting.participants.values()].find((person) => person.name === "encoder");
  window.look = (who, wide) => meetings[who].setView([{ participant: publisher.id, source: "camera", width: wide, height: (wide * 9) / 16 }]);
  await window.look(name, width);
}

/* Runs in the page. */
async function picture(name) {
  const stats = [...(await window.meetings[name].receive.getStats()).values()];
  const inbound = stats.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video" && entry.framesDecoded);
  if (!inbound) return { width: 0, decoded: 0 };
  return { width: inbound.frameWidth, decoded: inbound.framesDecoded, codec: stats.find((entry) => entry.id === inbound.codecId).mimeType };
}

for (const [codec, mode] of [
  ["VP9", "L3T3_KEY"],
  ["AV1", "L3T3_KEY"],
  ["AV1", "L3T3"],
]) {
  test(`${codec} ${mode}: each gets the layers of its size`, async (t) => {
    const room = `svc-${codec}-${mode}`;
    const url = `${server.url.replace("http", "ws")}/ws`;
    const [sender, watchers] = [await openPage(), await openPage()];
    await sender.evaluate(publish, { url: `${server.url}/whip/${room}/encoder`, codec, mode });
    await watchers.evaluate(join, { url, room, name: "big", width: LARGE });
    await watchers.evaluate(join, { url, room, name: "small", width: SMALL });
    const width = async (name) => (await watchers.evaluate(picture, name)).width;
    const both = async () => [await width("big"), await width("small")];
    await eventually(`${codec}: widths as shown`, both, [LARGE, SMALL], 60_000);
    /* They change places: up with a key picture, down without one. */
    await watchers.evaluate(([large, small]) => Promise.all([window.look("big", small), window.look("small", large)]), [LARGE, SMALL]);
    await eventually(`${codec}: widths after a change`, both, [SMALL, LARGE], 60_000);
    for (const name of ["big", "small"]) {
      const from = await watchers.evaluate(picture, name);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const to = await watchers.evaluate(picture, name);
      t.diagnostic(`${name}: ${to.width} wide, ${((to.decoded - from.decoded) / 3).toFixed(1)} frames a second`);
      assert.equal(to.codec, `video/${codec}`);
      assert.ok(to.decoded - from.decoded > 15, `only ${to.decoded - from.decoded} frames in 3 s`);
    }
    await sender.close();
    await watchers.close();
  });
}
