/*
 * A picture stands still, and the server says why: the publisher's way, the publisher, the server, the receiver's way, or the receiver. Each is broken
 * for a while, with two real browsers that report by themselves, and the cause that most of the time is given to must be the one that was broken.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openAway } from "./lib/distance.mjs";
import { expectCauses, publish, receive, told } from "./lib/freezes.mjs";
import { startServer } from "./lib/server.mjs";

const DISTANCE_MS = 30;
const LOSS = 0.7;
const BROKEN_MS = 2500;
const HELD_MS = 1500;

let server;
const closing = [];
before(async () => (server = await startServer()));
after(async () => {
  for (const close of closing) await close();
  await server?.stop();
});

test("the cause of a freeze is what was broken", async (t) => {
  const where = { url: `${server.url.replace("http", "ws")}/ws`, room: "quality" };
  const { page: ada, way: adasWay } = await openAway(server, DISTANCE_MS, closing);
  /* The policy of the page allows no worker of a test's. */
  const { page: eve, way: evesWay } = await openAway(server, DISTANCE_MS, closing, { bypassCSP: true });
  const adaId = await ada.evaluate(publish, where);
  await eve.evaluate(receive, { ...where, isSpoilt: true });
  const eveId = await eve.evaluate(() => window.meeting.localId);

  const broken = [
    ["server", () => process.kill(server.pid, "SIGSTOP"), () => process.kill(server.pid, "SIGCONT"), HELD_MS],
    ["receiver_decoder", () => eve.evaluate(() => window.spoil(true)), () => eve.evaluate(() => window.spoil(false)), BROKEN_MS],
    ["publisher_encoder", () => ada.evaluate(() => void (window.still = true)), () => ada.evaluate(() => void (window.still = false)), BROKEN_MS],
    ["publisher_uplink", () => (adasWay.lossUp = LOSS), () => (adasWay.lossUp = 0), BROKEN_MS],
    ["receiver_downlink", () => (evesWay.loss = LOSS), () => (evesWay.loss = 0), BROKEN_MS],
  ];
  if (!(await expectCauses(t, { page: eve, adaId, broken }))) return;

  /* Ada came first and leads: she is told of Eve, Eve of herself alone. */
  const ofEve = await told(ada, eveId);
  for (const [cause] of broken) assert.ok(ofEve.causes.some((total) => total.cause === cause && total.freezes > 0), JSON.stringify(ofEve.causes));
  assert.equal(await eve.evaluate((who) => window.meeting.qualityReport(who).catch((error) => error.code), adaId), "forbidden");
  const { received } = await told(eve);
  assert.ok(received.some((second) => second.rtt_ms >= 2 * DISTANCE_MS - 5), JSON.stringify(received.at(-1)));
  assert.ok(received.some((second) => second.lost > 0));
});
