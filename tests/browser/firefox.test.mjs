/* One in Firefox, two in Chromium. Firefox does not talk to 127.0.0.1: run by in-namespace.sh. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openFirefox } from "./lib/firefox.mjs";
import { changeWidths } from "./lib/layers.mjs";
import { eventually, expectMeeting, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const EXCHANGES = 2;

let server;
const people = [];

before(async () => {
  server = await startServer();
  people.push(await openFirefox(server, 1, "Ada"), await openParticipant(server, 2, "Bob"), await openParticipant(server, 3, "Cyd"));
});

after(async () => {
  for (const person of people) await person.close();
  await server?.stop();
});

async function expectNoExchange() {
  for (const person of people) assert.equal(await person.remoteDescriptions(), EXCHANGES, `exchanges of ${person.name}`);
}

test("three join, one after the other", async () => {
  for (let n = 1; n <= people.length; n++) {
    await people[n - 1].join("firefox");
    await expectMeeting(people.slice(0, n));
  }
  await expectNoExchange();
});

test("Firefox turns its devices off and on", async () => {
  const [ada, bob, cyd] = people;
  await ada.click("mic");
  await ada.click("camera");
  await eventually("Bob sees", bob.seen, ["Cyd 3"]);
  await eventually("Cyd hears one less", async () => (await cyd.heard()).length, 1);
  await ada.click("mic");
  await ada.click("camera");
  await expectMeeting(people);
});

test("Firefox sees a shared screen", async () => {
  const [ada, bob] = people;
  const screens = async () => (await ada.tiles()).filter((tile) => tile.source === "screen").map((tile) => [tile.name, tile.shown]);
  await bob.click("share");
  await eventually("Ada sees the screen", screens, [["Bob", true]]);
  await bob.click("stop-sharing");
  await eventually("Ada sees no screen", screens, []);
  await expectNoExchange();
});

test("Firefox leaves", async () => {
  const [ada, bob, cyd] = people;
  await ada.click("leave");
  await expectMeeting([bob, cyd]);
  await expectNoExchange();
});

test("VP8 from Firefox changes its width without a gap", async (t) => {
  const [, bob, cyd] = people;
  await cyd.close();
  const sender = await openFirefox(server, 1, "Dee");
  people.push(sender);
  await changeWidths({ t, server, sender, receiver: bob, codec: "VP8" });
});
