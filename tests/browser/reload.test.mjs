/* A page that is loaded anew in a meeting is the same person with the same role; one that is closed leaves within seconds. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openHouse } from "./lib/guests.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const GONE_MS = 30_000; /* the place is kept for 6 s */

let server, house, ada, bob;

before(async () => {
  server = await startServer();
  house = await openHouse(server);
  [ada, bob] = [await house.guest("Ada"), await house.guest("Bob")];
  await ada.join("reload");
  await bob.join("reload");
});
after(async () => {
  await house?.close();
  await server?.stop();
});

const who = (guest) => guest.page.evaluate(() => ({ id: window.plenum.meeting.localId, role: window.plenum.meeting.role, name: window.plenum.meeting.nameOf(window.plenum.meeting.localId) }));
const isMediaUp = (guest) => guest.page.evaluate(() => window.plenum.meeting?.media.publish === "connected" && window.plenum.meeting.media.receive === "connected");
const people = (guest) => guest.page.evaluate(() => [...window.plenum.meeting.participants.values()].map(({ id, role }) => `${id} ${role}`).sort());

test("who leads still leads after a reload, and nobody saw them go", async () => {
  const before = await who(ada);
  assert.equal(before.role, "moderator");
  await eventually("media flows", () => isMediaUp(ada), true, 60_000);
  const all = await people(bob);
  await bob.page.evaluate(() => {
    window.gone = [];
    window.plenum.meeting.on("participantLeft", ({ participant }) => window.gone.push(participant.name));
  });
  await ada.click("mic"); /* off: it stays off */
  await ada.page.reload({ waitUntil: "commit" });
  await ada.byId("meeting").waitFor();
  assert.deepEqual(await who(ada), before);
  await eventually("media flows", () => isMediaUp(ada), true, 60_000);
  assert.equal(await ada.isPressed("mic"), "false");
  assert.deepEqual(await people(bob), all);
  assert.deepEqual(await bob.page.evaluate(() => window.gone), []);
  assert.equal(await bob.page.evaluate(() => window.plenum.meeting.role), "speaker");
});

test("a copy of the tab takes nothing over", async () => {
  const before = await who(ada);
  const [copy] = await Promise.all([ada.page.context().waitForEvent("page"), ada.page.evaluate(() => void window.open(location.href))]);
  await copy.getByTestId("lobby").waitFor();
  await copy.close();
  assert.deepEqual(await who(ada), before);
  assert.equal(await ada.page.evaluate(() => window.plenum.meeting.state), "open");
});

test("a tab that is closed is gone within seconds", async () => {
  const { id } = await who(ada);
  await ada.page.close({ runBeforeUnload: true });
  await eventually("Bob is alone", async () => (await people(bob)).some((person) => person.startsWith(`${id} `)), false, GONE_MS);
  await eventually("and leads", () => bob.page.evaluate(() => window.plenum.meeting.role), "moderator");
});
