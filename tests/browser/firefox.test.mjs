/* One in Firefox, two in Chromium. Firefox does not talk to 127.0.0.1: run by in-namespace.sh. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openFirefox } from "./lib/firefox.mjs";
import { changeWidths } from "./lib/layers.mjs";
import { expectNoExchange, joinOneByOne, shareScreen } from "./lib/meeting.mjs";
import { eventually, expectMeeting, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

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

test("three join, one after the other", () => joinOneByOne(people, "firefox"));

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
  await shareScreen(bob, [ada]);
  await expectNoExchange(people);
});

test("Firefox offers nothing as a viewer, and sends again as a speaker", async () => {
  const [ada, bob] = people;
  const setRole = (by, whom, role) => by.page.evaluate(({ name, role }) => {
    const { participants, moderation } = window.plenum.meeting;
    return moderation.setRole([...participants.values()].find((person) => person.name === name).id, role);
  }, { name: whom.name, role });
  const media = () => ada.page.evaluate(() => window.plenum.meeting.media);
  await ada.page.evaluate(() => {
    window.offers = 0;
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (text) {
      if (JSON.parse(text).type === "publish") window.offers++;
      return send.call(this, text);
    };
  });
  await setRole(ada, bob, "moderator");
  await setRole(ada, ada, "viewer");
  await eventually("Firefox sends nothing", media, { publish: "idle", receive: "connected" });
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const offers = await ada.page.evaluate(() => window.offers);
  /* One may have left before the news came. */
  assert.ok(offers <= 1, `${offers} offers`);
  await setRole(bob, ada, "speaker");
  await eventually("Firefox may send", media, { publish: "connected", receive: "connected" });
  await ada.click("mic");
  await ada.click("camera");
  await expectMeeting(people);
});

test("Firefox leaves", async () => {
  const [ada, bob, cyd] = people;
  await ada.click("leave");
  await expectMeeting([bob, cyd]);
  await expectNoExchange([bob, cyd]);
});

test("VP8 from Firefox changes its width without a gap", async (t) => {
  const [, bob, cyd] = people;
  await cyd.close();
  const sender = await openFirefox(server, 1, "Dee");
  people.push(sender);
  await changeWidths({ t, server, sender, receiver: bob, codec: "VP8" });
});
