/* The ways into a meeting and out of it that are not the usual ones, and what the page says of them, on a desktop and on a phone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, openHouse, PHONE } from "./lib/guests.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const ROOM = "weather";
/* Right-to-left override, and an isolate that is not closed. */
const BIDI = "\u202e\u2067";
const LONG = 10_000;
const KEY = "k".repeat(32);

let server, house, ada;

before(async () => {
  server = await startServer({ PLENUM_API_KEY: KEY });
  house = await openHouse(server);
  ada = await house.guest("Ada Amberg");
});

after(async () => {
  await house?.close();
  await server?.stop();
});

const participants = (person) => person.page.evaluate(() => window.plenum.meeting.participants.size);

async function make(path, body) {
  const made = await fetch(`${server.url}/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify(body),
  });
  assert.equal(made.status, 201);
  return made.json();
}

async function leave(person) {
  assert.deepEqual(person.problems, [], `problems of ${person.name}`);
  assert.deepEqual(await person.violations(), [], `what the policy stopped at ${person.name}'s`);
  await person.page.context().close();
}

/* Before joining, where no device can be had: the page says why in words. */
async function readHelp(name, size, { url = server.url, error, title, picture }) {
  const guest = await house.guest(name, size);
  if (error) {
    await guest.page.addInitScript((error) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", error));
    }, error);
  }
  await guest.page.goto(`${url}/${ROOM}?debug`);
  await guest.byId("device-help").getByText(title).first().waitFor();
  await guest.show(picture);
  await guest.expectNoOverflow();
  return guest;
}

test("the microphone's level is shown, and another camera chosen", async () => {
  await ada.page.goto(`${server.url}/${ROOM}?debug`);
  await ada.byId("display-name").fill("Ada Amberg");
  await eventually("the level moves", async () => Number(await ada.byId("mic-level").getAttribute("aria-valuenow")) > 5, true);
  await ada.click("toggle-camera");
  await ada.byId("select-camera").selectOption({ label: "fake_device_2" });
  const seen = () => ada.page.evaluate(() => document.querySelector("[data-testid=preview] video")?.srcObject?.getVideoTracks()[0]?.label);
  await eventually("the other camera is seen", seen, "fake_device_2");
  await ada.show("preview-desktop");
  await ada.click("toggle-camera");
  await ada.click("join");
  await ada.byId("meeting").waitFor();
});

test("a page that is not secure says what helps, and one comes in all the same", async () => {
  await leave(await readHelp("Ina", DESKTOP, { url: house.insecureUrl, title: "This page is not secure", picture: "insecure-desktop" }));
  const guest = await readHelp("Ina", PHONE, { url: house.insecureUrl, title: "This page is not secure", picture: "insecure-phone" });
  assert.equal(await guest.page.evaluate(() => isSecureContext), false);
  await guest.byId("display-name").fill("Ina");
  await guest.click("join-listening");
  await guest.byId("meeting").waitFor();
  await eventually("Ada sees the guest", () => participants(ada), 2);
  await guest.click("mic");
  assert.equal(await guest.isPressed("mic"), "false");
  await guest.click("leave");
  await leave(guest);
  await eventually("Ada is alone", () => participants(ada), 1);
});

for (const [error, title, picture, size] of [
  ["NotAllowedError", "Permission is missing", "denied-phone", PHONE],
  ["NotFoundError", "Not found", "no-device-desktop", DESKTOP],
  ["NotReadableError", "In use elsewhere", "busy-device-phone", PHONE],
]) {
  test(`a device that cannot be had is explained: ${title.toLowerCase()}`, async () => leave(await readHelp("Nora", size, { error, title, picture })));
}

test("who comes late reads what was written before", async () => {
  await ada.click("chat");
  for (const text of ["sunny <b>at noon</b>", "rain later"]) {
    await ada.byId("chat-text").fill(text);
    await ada.page.keyboard.press("Enter");
  }
  const late = await house.guest("Lars", PHONE);
  await late.join(ROOM);
  await ada.page.getByText("Lars joined").waitFor();
  /* What one missed is there, but is no news. */
  assert.equal(await late.byId("chat-badge").count(), 0);
  await late.click("chat");
  await eventually("both messages", () => late.page.locator(".message-text").allInnerTexts(), ["sunny <b>at noon</b>", "rain later"]);
  await late.show("history-phone");
  await late.click("chat-panel-close");
  await late.click("leave");
  await ada.page.getByText("Lars left").waitFor();
  await leave(late);
});

test("names and messages of any kind do no harm", async () => {
  const mal = await house.guest(`${BIDI}<img src=x onerror=alert(1)>${"W".repeat(LONG)}`, PHONE);
  await mal.join(ROOM);
  /* It is said who came, in the space there is for that. */
  const notice = ada.page.locator(".notice", { hasText: "onerror" });
  await notice.waitFor();
  assert.ok((await notice.boundingBox()).width <= 380 && (await notice.boundingBox()).height <= 60);
  await eventually("Ada sees two", () => participants(ada), 2);
  const name = await ada.page.evaluate(() => [...window.plenum.meeting.participants.values()].at(-1).name);
  assert.ok(new TextEncoder().encode(name).length <= 128, `a name of ${name.length}`);
  assert.match(name, /^<img src=x onerror=alert\(1\)>W+$/, "without what would turn its line around");
  await mal.click("chat");
  await mal.byId("chat-text").fill(`${BIDI}<script>alert(1)</script><style>*{display:none}</style>${"x".repeat(LONG)}`);
  await mal.page.keyboard.press("Enter");
  const last = ada.byId("message").last().locator(".message-text");
  await eventually("the message is text", async () => (await last.textContent())?.includes("<script>alert(1)</script>"), true);
  assert.equal(await ada.page.locator("main img, main script, main style").count(), 0);
  /* Whatever direction a message has, it keeps it to itself. */
  assert.equal(await last.evaluate((element) => getComputedStyle(element).unicodeBidi), "isolate");
  await ada.click("people");
  await ada.show("long-name-desktop");
  await ada.expectNoOverflow();
  await ada.click("chat");
  await ada.show("long-message-desktop");
  await ada.expectNoOverflow();
  await ada.click("chat");
  await mal.show("long-message-phone");
  await mal.click("chat-panel-close");
  await mal.show("long-name-phone");
  await mal.expectNoOverflow();
  await mal.click("leave");
  await leave(mal);
});

test("a lost connection is told, and that it is mended", async () => {
  const sockets = [];
  let isDown = false;
  const bob = await house.guest("Bob Bristow", PHONE);
  await bob.page.routeWebSocket(/\/ws$/, (socket) => {
    sockets.push(socket);
    if (isDown) void socket.close();
    else socket.connectToServer();
  });
  await bob.join(ROOM);
  isDown = true;
  await sockets.at(-1).close();
  await bob.byId("banner").getByText("Connection lost — reconnecting…").waitFor();
  await bob.show("reconnecting-phone");
  await bob.page.setViewportSize(DESKTOP.viewport);
  await bob.show("reconnecting-desktop");
  await bob.page.setViewportSize(PHONE.viewport);
  isDown = false;
  await bob.byId("banner").waitFor({ state: "detached" });
  assert.equal(await participants(ada), 2);

  /* Another page takes the session over, by its secret. */
  const secret = await bob.page.evaluate(() => window.plenum.meeting.secret);
  const before = await bob.page.evaluate(() => window.plenum.meeting.localId);
  const other = await house.guest("Bob elsewhere");
  await other.page.goto(`${server.url}/?debug`);
  await other.page.evaluate(
    async ({ url, room, secret }) => {
      const { Meeting, PHONE_SLOTS } = window.plenum.sdk;
      const meeting = new Meeting({ url, room, name: "Bob", secret, slots: PHONE_SLOTS });
      meeting.on("ended", (reason) => (window.ended = reason));
      Object.assign(window.plenum, { meeting });
      await meeting.join();
    },
    { url: `${server.url.replace("http", "ws")}/ws`, room: ROOM, secret },
  );
  await bob.page.locator("[data-testid=left-page][data-reason=taken]").waitFor();
  assert.equal(await other.page.evaluate(() => window.plenum.meeting.localId), before);
  await bob.show("taken-phone");
  await bob.page.setViewportSize(DESKTOP.viewport);
  await bob.show("taken-desktop");
  await bob.click("take-back");
  await bob.byId("meeting").waitFor();
  assert.equal(await bob.page.evaluate(() => window.plenum.meeting.localId), before);
  await eventually("it ended there", () => other.page.evaluate(() => window.ended), "taken");
  await eventually("media flows here", () => bob.page.evaluate(() => window.plenum.meeting.media), { publish: "connected", receive: "connected" });
  assert.equal(await participants(ada), 2);
  await leave(other);
  await bob.click("leave");
  await leave(bob);
});

test("an organised meeting begins when it is started", async () => {
  const { owner_key: key } = await make("rooms", { name: "lecture", owner: true, settings: { organised: true } });
  const pupil = await house.guest("Pia", PHONE);
  await pupil.knock("lecture");
  await pupil.page.locator("[data-testid=waiting-page][data-reason=not_started]").waitFor();
  await pupil.page.getByText("The meeting has not begun yet").waitFor();
  await pupil.show("not-begun-phone");
  await pupil.page.setViewportSize(DESKTOP.viewport);
  await pupil.show("not-begun-desktop");
  const owner = await house.guest("Olga");
  await owner.page.goto(`${server.url}/lecture?debug#token=${key}`);
  await owner.byId("display-name").fill("Olga");
  await owner.click("join");
  await owner.byId("start-banner").waitFor();
  await owner.show("start-desktop");
  await owner.page.setViewportSize(PHONE.viewport);
  await owner.show("start-phone");
  assert.equal(await participants(owner), 1);
  await owner.click("start-meeting");
  await pupil.byId("meeting").waitFor();
  await owner.byId("start-banner").waitFor({ state: "detached" });
  await leave(pupil);
  await leave(owner);
});

test("a link with a token leads to the room that the API made, whatever it is called, under the name that it gives", async () => {
  const name = "Board & Büro";
  await make("rooms", { name, settings: { lobby: true } });
  const { token } = await make(`rooms/${encodeURIComponent(name)}/tokens`, { name: "Zoë", role: "moderator", skip_lobby: true });
  const guest = await house.guest("Nobody");
  await guest.page.goto(`${server.url}/${encodeURIComponent(name)}?debug#token=${token}`);
  assert.equal(await guest.byId("display-name").inputValue(), "Zoë");
  await guest.click("join");
  await guest.byId("meeting").waitFor();
  assert.deepEqual(await guest.page.evaluate(() => [window.plenum.meeting.room.name, window.plenum.meeting.role]), [name, "moderator"]);
  await guest.click("invite");
  assert.equal(await guest.text("invite-link"), `${server.url}/${encodeURIComponent(name)}`);
  const other = await house.guest("Ola", PHONE);
  await other.page.goto(`${await guest.text("invite-link")}?debug`);
  await other.byId("display-name").fill("Ola");
  await other.click("join");
  await other.page.locator("[data-testid=waiting-page][data-reason=lobby]").waitFor();
  await leave(other);
  await leave(guest);
});

test("nothing keeps anybody out, and nothing went wrong meanwhile", async () => {
  assert.deepEqual(house.faults, []);
  await leave(ada);
});
