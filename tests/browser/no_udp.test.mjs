/* Two in Chromium where no UDP gets anywhere: they meet by TCP, on the port of the page. Run by in-namespace.sh and without-udp.sh. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { joinOneByOne } from "./lib/meeting.mjs";
import { openParticipant } from "./lib/participant.mjs";
import { metric, startServer } from "./lib/server.mjs";

let server;
const people = [];

before(async () => {
  server = await startServer();
  people.push(await openParticipant(server, 1, "Ada"), await openParticipant(server, 2, "Bob"));
});

after(async () => {
  for (const person of people) await person.close();
  await server?.stop();
});

test("no UDP gets anywhere", async () => {
  const [one, other] = [createSocket("udp4"), createSocket("udp4")];
  let came = 0;
  other.on("message", () => came++);
  other.bind(0, "127.0.0.1");
  await once(other, "listening");
  await new Promise((resolve) => one.send("x", other.address().port, "127.0.0.1", resolve));
  await new Promise((resolve) => setTimeout(resolve, 200));
  one.close();
  other.close();
  assert.equal(came, 0);
});

test("two meet by TCP", async () => {
  const begin = Date.now();
  await joinOneByOne(people, "behind-a-firewall");
  assert.ok((await metric(server, "plenum_tcp_streams")) >= 4, "each has two connections");
  console.log(`both hear and see each other after ${Date.now() - begin} ms`);
});

test("nothing went wrong meanwhile", () => {
  for (const person of people) assert.deepEqual(person.problems, [], `problems of ${person.name}`);
});
