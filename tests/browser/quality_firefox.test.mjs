/*
 * Firefox receives a picture that is made to stand still: what it reports is enough for the server to say why. Firefox does not talk to 127.0.0.1: run
 * by in-namespace.sh.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { moveAway, openAway } from "./lib/distance.mjs";
import { openFirefox } from "./lib/firefox.mjs";
import { expectCauses, publish, receive } from "./lib/freezes.mjs";
import { startServer } from "./lib/server.mjs";

const DISTANCE_MS = 30;
const LOSS = 0.7;
const BROKEN_MS = 2500;
const KEY = "a key of a test's own, for its own server";

let server;
const closing = [];
before(async () => (server = await startServer({ PLENUM_API_KEY: KEY })));
after(async () => {
  for (const close of closing) await close();
  await server?.stop();
});

test("the cause of a freeze in Firefox is what was broken", async (t) => {
  const where = { url: `${server.url.replace("http", "ws")}/ws`, room: "quality" };
  const { page: ada } = await openAway(server, 0, closing);
  const firefox = await openFirefox(server, 2, "Fay");
  closing.push(() => firefox.close());
  const fay = firefox.page;
  const faysWay = await moveAway(fay, DISTANCE_MS, process.env.PLM_RTC_ADDRESS);
  closing.push(faysWay);
  await fay.goto(`${server.url}/?debug`);
  const adaId = await ada.evaluate(publish, where);
  await fay.evaluate(receive, where);
  const isSaid = await expectCauses(t, {
    page: fay,
    adaId,
    broken: [
      ["publisher_encoder", () => ada.evaluate(() => void (window.still = true)), () => ada.evaluate(() => void (window.still = false)), BROKEN_MS],
      ["receiver_downlink", () => (faysWay.loss = LOSS), () => (faysWay.loss = 0), BROKEN_MS],
    ],
  });
  if (!isSaid) return;
  const fayId = await fay.evaluate(() => window.meeting.localId);
  const answer = await fetch(`${server.url}/api/v1/rooms/${where.room}/participants/${fayId}/quality`, { headers: { authorization: `Bearer ${KEY}` } });
  const reports = (await answer.json()).slots.flatMap((slot) => slot.reports);
  const of = (source) => reports.filter((report) => report.source === source);
  assert.ok(of("camera").some((report) => report.frames > 20 && report.decode_us > 0 && report.jitter_ms > 0), "what is decoded");
  assert.ok(of("camera").some((report) => report.frozen_ms > 0), "that it stands still");
  assert.ok(of("microphone").some((report) => report.concealed > 0), "sound that had to be invented");
});
