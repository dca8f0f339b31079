/* What every meeting must do, whoever's browsers are in it. */
import assert from "node:assert/strict";
import { eventually, expectMeeting } from "./participant.mjs";

/* The answer to the publish offer, and the offer of slots. */
const EXCHANGES = 2;

/** Nothing was negotiated since they joined; paths that had to be repaired are told. */
export async function expectNoExchange(people) {
  for (const person of people) {
    assert.equal(await person.remoteDescriptions(), EXCHANGES, `exchanges of ${person.name}`);
    const restarts = await person.restarts();
    if (restarts > 0) console.log(`# ${person.name}: ${restarts} ICE restarts`);
  }
}

/** With each who comes, everybody hears and sees exactly the others. */
export async function joinOneByOne(people, room) {
  for (let n = 1; n <= people.length; n++) {
    await people[n - 1].join(room);
    await expectMeeting(people.slice(0, n));
  }
  await expectNoExchange(people);
}

/** `sharer` shows a screen to the others for a while. */
export async function shareScreen(sharer, others, meanwhile = async () => undefined) {
  const screens = async (person) => (await person.tiles()).filter((tile) => tile.source === "screen").map((tile) => [tile.name, tile.shown]);
  await sharer.click("share");
  for (const person of others) await eventually(`${person.name} sees the screen`, () => screens(person), [[sharer.name, true]]);
  await meanwhile();
  await sharer.click("stop-sharing");
  for (const person of others) await eventually(`${person.name} sees no screen`, () => screens(person), []);
}
