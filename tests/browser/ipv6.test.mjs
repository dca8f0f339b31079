/* Chromium and Firefox by IPv6 and nothing else: the page, its socket and media. Run by in-namespace.sh. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openFirefox } from "./lib/firefox.mjs";
import { joinOneByOne } from "./lib/meeting.mjs";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const address = process.env.PLM_RTC_ADDRESS6;
const people = [];
let server;

before(async () => {
  if (!address) return;
  server = await startServer({}, address);
  people.push(await openParticipant(server, 1, "Ada"), process.env.PLM_FIREFOX ? await openFirefox(server, 2, "Bob") : await openParticipant(server, 2, "Bob"));
});

after(async () => {
  for (const person of people) await person.close();
  await server?.stop();
});

/* Runs in the page: to where its two connections send. */
async function addresses() {
  const found = [];
  for (const connection of [window.plenum.meeting.publish, window.plenum.meeting.receive]) {
    const report = await connection.getStats();
    const pairs = [...report.values()].filter((entry) => entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded");
    for (const pair of pairs.slice(0, 1)) found.push(report.get(pair.remoteCandidateId).address);
  }
  return found;
}

test("two meet by IPv6", { skip: address ? false : "no IPv6 here" }, async () => {
  await joinOneByOne(people, "six");
  for (const person of people) {
    assert.ok((await person.page.evaluate(() => location.hostname)).includes(":"), "the page came by IPv6");
    await eventually(`${person.name} sends to`, () => person.page.evaluate(addresses), [address, address]);
    assert.deepEqual(person.problems, [], `problems of ${person.name}`);
  }
});
