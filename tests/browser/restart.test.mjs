/* The server is killed and started again: the page comes back by itself, nobody is somebody else, and media flows again. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TONES } from "./lib/media.mjs";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { metric, startServer } from "./lib/server.mjs";

let server, ada, bob;

before(async () => {
  server = await startServer();
  ada = await openParticipant(server, 1, "Ada");
  bob = await openParticipant(server, 2, "Bob");
  await ada.join("restart");
  await bob.join("restart");
  await eventually("Ada sees", ada.seen, ["Bob 2"]);
  await eventually("Bob sees", bob.seen, ["Ada 1"]);
});

after(async () => {
  await ada?.close();
  await bob?.close();
  await server?.stop();
});

const state = (who) =>
  who.page.evaluate(() => {
    const { localId, participants, chat } = window.plenum.meeting;
    const people = [...participants.values()].map(({ id, name, role, hand, tracks }) => ({ id, name, role, hand, tracks }));
    return { localId, people: people.sort((a, b) => a.id - b.id), chat: chat?.map(({ text }) => text) };
  });

/* Until a browser holds its paths for broken, which it finds out before the new server tells it. */
const LONG_MS = 7500;

async function killAndWait(downMs) {
  const [adaBefore, bobBefore] = [await state(ada), await state(bob)];
  assert.equal(adaBefore.people.length, 2);
  const began = Date.now();
  await server.crash(downMs);
  /* Before that the last picture of the former connection may stand there yet. */
  await eventually("both are back", () => metric(server, "plenum_resumes_total"), 2);
  await eventually("Ada sees Bob again", ada.seen, ["Bob 2"]);
  const seen = Date.now() - began;
  await eventually("Bob sees Ada again", bob.seen, ["Ada 1"]);
  await eventually("Bob hears Ada again", bob.heard, [TONES[1]]);
  console.log(`# pictures again ${seen} ms after the kill, of which the server was down for ${downMs}`);

  assert.deepEqual(await state(ada), adaBefore);
  assert.deepEqual(await state(bob), bobBefore);
  assert.equal(await metric(server, "plenum_resumes_total"), 2);
  assert.equal(await metric(server, "plenum_joins_total"), 0);
}

test("killed and started again, the meeting is the same one", async () => {
  await bob.click("mic");
  await eventually("Ada hears nobody", ada.heard, []);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await killAndWait(1000);
});

test("and once more, later than the paths have broken", () => killAndWait(LONG_MS));

test("and it goes on", async () => {
  await bob.click("mic");
  await eventually("Ada hears Bob", ada.heard, [TONES[2]]);
  await ada.click("camera");
  await eventually("Bob sees nobody", bob.seen, []);
});
