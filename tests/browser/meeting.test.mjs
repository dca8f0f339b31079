/* Three people meet: everybody hears and sees exactly the others, and nothing is renegotiated while they come, share and go. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TONES } from "./lib/media.mjs";
import { expectNoExchange, joinOneByOne, shareScreen } from "./lib/meeting.mjs";
import { eventually, expectMeeting, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

let server;
const people = [];

before(async () => {
  server = await startServer();
  for (const [i, name] of ["Ada", "Bob", "Cyd"].entries()) people.push(await openParticipant(server, i + 1, name));
});

after(async () => {
  for (const person of people) await person.close();
  await server?.stop();
});

test("three join, one after the other", () => joinOneByOne(people, "weekly-review"));

test("the page is as it should be", async () => {
  const [ada] = people;
  await eventually("speakers are outlined", async () => (await ada.tiles()).filter((tile) => tile.speaking && !tile.local).length > 0, true);
  await ada.page.mouse.move(0, 0);
  const picture = process.env.PLM_SCREENSHOT ?? join(process.env.PLM_WORK ?? "/tmp", "meeting.png");
  await ada.page.screenshot({ path: picture });
});

test("a muted microphone is not heard, a camera that is off not seen", async () => {
  const [ada, bob, cyd] = people;
  await cyd.click("mic");
  await cyd.click("camera");
  await eventually("Ada hears", ada.heard, [TONES[2]]);
  await eventually("Bob sees", bob.seen, ["Ada 1"]);
  await cyd.click("mic");
  await cyd.click("camera");
  await expectMeeting(people);
  await expectNoExchange(people);
});

test("one shares a screen", async () => {
  const [ada, bob, cyd] = people;
  await shareScreen(cyd, [ada, bob], () => expectMeeting(people));
  await expectNoExchange(people);
});

test("chat reaches everybody", async () => {
  const [ada, bob] = people;
  await bob.click("chat");
  await bob.page.getByTestId("chat-text").fill("hello <b>there</b>");
  await bob.page.keyboard.press("Enter");
  await ada.page.getByTestId("chat-badge").waitFor();
  await ada.click("chat");
  assert.equal(await ada.page.getByTestId("message").last().locator(".message-text").textContent(), "hello <b>there</b>");
  await ada.click("chat");
  await bob.click("chat");
});

test("two leave", async () => {
  const [ada, bob, cyd] = people;
  await cyd.click("leave");
  await cyd.page.getByTestId("left-page").waitFor();
  await expectMeeting([ada, bob]);
  await bob.click("leave");
  await ada.page.getByTestId("alone").waitFor();
  await eventually("Ada hears nobody", ada.heard, []);
  await expectNoExchange(people);
});

test("nothing went wrong meanwhile", () => {
  for (const person of people) assert.deepEqual(person.problems, [], `problems of ${person.name}`);
});
