/* A socket that breaks does not break the meeting: media goes on, and the session is taken up again. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TONES } from "./lib/media.mjs";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

let server, ada, bob;
const sockets = [];

before(async () => {
  server = await startServer();
  ada = await openParticipant(server, 1, "Ada");
  bob = await openParticipant(server, 2, "Bob");
  /* Between page and server, so that the test can cut it. */
  await ada.page.routeWebSocket(/\/ws$/, (socket) => {
    sockets.push(socket);
    socket.connectToServer();
  });
  await ada.join("resume");
  await bob.join("resume");
  await eventually("Ada sees", ada.seen, ["Bob 2"], 30_000);
});

after(async () => {
  await ada?.close();
  await bob?.close();
  await server?.stop();
});

test("a lost socket is resumed, media never stops", async () => {
  const session = () => ada.page.evaluate(() => window.plenum.meeting.localId);
  const before = await session();
  await sockets.at(-1).close();
  await eventually("Ada hears Bob", ada.heard, [TONES[2]]);
  await eventually("the session is open again", () => ada.page.evaluate(() => window.plenum.meeting.state), "open");
  assert.equal(await session(), before);
  assert.equal(await ada.remoteDescriptions(), 2);
  assert.equal(sockets.length, 2);
  assert.deepEqual(await ada.seen(), ["Bob 2"]);
});

test("what happens next is heard of again", async () => {
  await bob.click("camera");
  await eventually("Ada sees nobody", ada.seen, []);
  await bob.click("camera");
  await eventually("Ada sees", ada.seen, ["Bob 2"]);
  await ada.click("mic");
  await eventually("Bob hears nobody", bob.heard, []);
});
