/* What people do with each other: the lobby, moderation, hands, reactions, chat and breakout rooms, on a desktop and on a phone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openHouse, PHONE } from "./lib/guests.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const ROOM = "harbour";
let server, house, ada, bob, dot, eve;

before(async () => {
  server = await startServer();
  house = await openHouse(server);
  ada = await house.guest("Ada Amberg");
  bob = await house.guest("Bob Bristow");
  dot = await house.guest("Dot Delacroix", PHONE);
  eve = await house.guest("Eve <b>Ekdal</b>", PHONE);
  for (const person of [ada, bob, dot]) await person.join(ROOM);
});

after(async () => {
  await house?.close();
  await server?.stop();
});

/* How many descriptions each has set: where it stays, nothing was negotiated. */
const exchanges = () => Promise.all([ada, bob, dot].map((person) => person.remoteDescriptions()));

const roleOf = (person) => person.page.evaluate(() => window.plenum.meeting.role);
const isPressed = (person, control) => person.byId(control).getAttribute("aria-pressed");

test("who came first leads, and sets the rules", async () => {
  assert.equal(await roleOf(ada), "moderator");
  assert.equal(await roleOf(bob), "speaker");
  await ada.more("rules");
  await ada.byId("rule-title").fill("Harbour crew");
  await ada.click("rule-lobby");
  await ada.show("rules-desktop");
  await ada.click("rules-save");
  await eventually("Bob reads the title", () => bob.page.locator("h1").innerText(), "Harbour crew");
  assert.equal(await bob.page.evaluate(() => window.plenum.meeting.room.settings.lobby), true);
  await bob.click("more");
  assert.equal(await bob.byId("more-rules").count(), 0);
  await bob.page.keyboard.press("Escape");
});

test("who comes now waits, is seen to wait, and is let in", async () => {
  const silence = await ada.sounds();
  await eve.knock(ROOM);
  await eve.byId("waiting-page").waitFor();
  await eve.show("waiting-phone");
  await ada.byId("lobby-prompt").waitFor();
  assert.equal(await ada.text("people-badge"), "1");
  assert.equal(await bob.byId("lobby-prompt").count(), 0);
  await eventually("Ada hears them knock", async () => (await ada.sounds()) > silence, true);
  await ada.show("lobby-desktop");
  await ada.byId("lobby-prompt").getByTestId("admit").click();
  await eve.byId("meeting").waitFor();
  await ada.byId("lobby-prompt").waitFor({ state: "detached" });
  assert.equal(await eve.page.locator("b").count(), 0);
});

test("who is refused is told so", async () => {
  const mal = await house.guest("Mallory");
  await mal.knock(ROOM);
  await mal.byId("waiting-page").waitFor();
  await mal.show("waiting-desktop");
  await ada.byId("lobby-prompt").getByTestId("refuse").click();
  assert.equal(await mal.text("join-problem"), "You were not let in.");
  await mal.show("refused-desktop");
  await mal.page.context().close();
});

test("two who wait are let in at once, and one gives up", async () => {
  const [fay, gus] = [await house.guest("Fay"), await house.guest("Gus")];
  for (const person of [fay, gus]) await person.knock(ROOM);
  await eventually("Ada sees both", () => ada.byId("people-badge").innerText(), "2");
  await ada.click("people");
  await ada.show("lobby-panel-desktop");
  await ada.byId("people-panel").getByTestId("admit-all").click();
  for (const person of [fay, gus]) await person.byId("meeting").waitFor();
  await fay.click("leave");
  await gus.page.context().close();
  await ada.click("people");
});

test("hands stand in their order, and are lowered", async () => {
  await dot.click("hand");
  await eventually("Dot's hand is up", () => isPressed(dot, "hand"), "true");
  await bob.page.keyboard.press("h");
  await (await ada.row("Bob Bristow")).getByTestId("person-hand").waitFor();
  const order = () => ada.byId("person").evaluateAll((rows) => rows.slice(0, 2).map((row) => row.dataset.participantName));
  await eventually("the order of hands", order, ["Dot Delacroix", "Bob Bristow"]);
  await ada.show("hands-desktop");
  await dot.click("people");
  await dot.show("people-phone");
  await dot.click("people-panel-close");
  await ada.act("Dot Delacroix", "lower-hand");
  await eventually("Dot's hand is down", () => isPressed(dot, "hand"), "false");
  await ada.click("everybody");
  await ada.click("everybody-hands");
  await eventually("Bob's hand is down", () => isPressed(bob, "hand"), "false");
});

test("reactions rise at everybody", async () => {
  /* They are gone after some seconds: who looks for one only after the other was sent may be late. */
  const risen = (kind) => ada.page.locator(`[data-testid=reaction][data-kind=${kind}]`).waitFor();
  await dot.click("react");
  await dot.show("react-phone");
  await Promise.all([risen("clap"), dot.click("react-clap")]);
  await bob.click("react");
  await Promise.all([risen("heart"), bob.click("react-heart")]);
  await ada.show("reactions-desktop");
  await ada.page.locator("[data-testid=reaction]").first().waitFor({ state: "detached" });
});

test("the name beside a reaction is to be read at every moment, or not there", async () => {
  const sign = ada.page.locator("[data-testid=reaction]").first();
  await dot.click("react");
  await Promise.all([sign.waitFor(), dot.click("react-party")]);
  const moments = await sign.evaluate((sign) => {
    const name = sign.querySelector("bdi");
    const animations = sign.getAnimations({ subtree: true });
    const opacity = (element) => (element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1);
    const look = (at) => {
      for (const animation of animations) {
        animation.pause();
        animation.currentTime = at;
      }
      return { at, isVisible: getComputedStyle(name).visibility === "visible", opacity: opacity(name) };
    };
    return Array.from({ length: 46 }, (_, i) => look(i * 100));
  });
  const visible = moments.filter((moment) => moment.isVisible);
  assert.ok(visible.length >= 30 && visible.length <= 40, `${visible.length} moments`);
  assert.ok(visible.every((moment) => moment.opacity === 1), JSON.stringify(visible.filter((moment) => moment.opacity !== 1)));
  assert.equal(visible.at(0).at, 0);
  await sign.waitFor({ state: "detached" });
});

test("reactions and hands are heard, unless the room is to be quiet", async () => {
  const react = async () => {
    await dot.click("react");
    await dot.click("react-heart");
    await ada.page.locator("[data-testid=reaction][data-kind=heart]").waitFor();
    await dot.click("hand");
    await ada.page.getByText("Dot Delacroix raised a hand").first().waitFor();
    await dot.click("hand");
    await ada.page.locator("[data-testid=reaction]").first().waitFor({ state: "detached" });
    return [await ada.sounds(), await bob.sounds()];
  };
  const before = [await ada.sounds(), await bob.sounds()];
  const heard = await react();
  assert.ok(heard[0] >= before[0] + 2 && heard[1] >= before[1] + 2, `${before} tones, then ${heard}`);
  await ada.more("rules");
  await ada.click("rule-sounds");
  await ada.click("rules-save");
  await eventually("Bob knows", () => bob.page.evaluate(() => window.plenum.meeting.room.settings.sounds), false);
  const quiet = await react();
  assert.deepEqual(quiet, heard);
});

test("who mutes themselves does not speak any longer", async () => {
  const speaks = () => ada.page.evaluate((name) => [...window.plenum.meeting.participants.values()].some((p) => p.name === name && window.plenum.meeting.speakers.includes(p.id)), bob.name);
  const tile = ada.page.locator(`[data-testid=tile][data-participant-name="${bob.name}"]`);
  await eventually("Bob speaks", speaks, true);
  await bob.click("mic");
  await eventually("Bob does not speak", speaks, false);
  assert.equal(await tile.getAttribute("data-speaking"), "false");
  await bob.click("mic");
  await eventually("Bob speaks again", speaks, true);
  await eventually("it is seen", () => tile.getAttribute("data-speaking"), "true");
});

test("a viewer sends nothing, which is no fault, and is heard again when they may speak and turn on what they want", async () => {
  const speaks = () => ada.page.evaluate((name) => [...window.plenum.meeting.participants.values()].some((p) => p.name === name && window.plenum.meeting.speakers.includes(p.id)), bob.name);
  const media = () => bob.page.evaluate(() => window.plenum.meeting.media);
  await ada.act("Bob Bristow", "make-viewer");
  await eventually("Bob sends nothing", media, { publish: "idle", receive: "connected" });
  const pressed = async () => [await isPressed(bob, "mic"), await isPressed(bob, "camera")];
  await eventually("Bob's devices are off", pressed, ["false", "false"]);
  await bob.page.waitForTimeout(1000);
  assert.equal(await bob.byId("banner").count(), 0);
  await ada.act("Bob Bristow", "make-speaker");
  await eventually("Bob may send", media, { publish: "connected", receive: "connected" }, 2000);
  assert.deepEqual(await pressed(), ["false", "false"]);
  await bob.click("mic");
  await bob.click("camera");
  await eventually("Bob is heard", speaks, true);
  await ada.click("people");
});

test("a moderator mutes, asks and forbids", async () => {
  await eventually("Bob's microphone is on", () => isPressed(bob, "mic"), "true");
  await (await ada.row("Bob Bristow")).getByTestId("person-menu").click();
  await ada.show("person-menu-desktop");
  await ada.page.keyboard.press("Escape");
  await ada.act("Bob Bristow", "mute");
  await eventually("Bob's microphone is off", () => isPressed(bob, "mic"), "false");
  await bob.page.getByText("Ada Amberg turned your microphone off").waitFor();
  await ada.act("Bob Bristow", "ask-unmute");
  await bob.byId("ask-prompt").waitFor();
  await bob.show("ask-desktop");
  await bob.click("ask-yes");
  await eventually("Bob's microphone is on again", () => isPressed(bob, "mic"), "true");
  await ada.act("Bob Bristow", "speak");
  await eventually("Bob's microphone is off again", () => isPressed(bob, "mic"), "false");
  await bob.click("mic");
  await bob.page.getByText("You may not turn your microphone on now").waitFor();
  await eventually("Bob's microphone stays off", () => isPressed(bob, "mic"), "false");
  await ada.act("Bob Bristow", "speak");
  await eventually("Bob may speak", () => bob.page.evaluate(() => window.plenum.meeting.participants.get(window.plenum.meeting.localId).may_speak), true);
  await bob.click("mic");
  await eventually("Bob's microphone is on at last", () => isPressed(bob, "mic"), "true");
  await ada.click("people");
});

test("chat reaches everybody, or one", async () => {
  await bob.click("chat");
  await bob.byId("chat-text").fill("hello <i>all</i>, see https://example.org/a?b=1");
  await bob.page.keyboard.press("Enter");
  await ada.act("Bob Bristow", "whisper");
  await ada.byId("chat-panel").waitFor();
  await ada.byId("chat-text").fill("just for you");
  await ada.page.keyboard.press("Enter");
  await bob.page.getByText("just for you").waitFor();
  await bob.show("chat-desktop");
  await dot.click("chat");
  await dot.page.getByText("hello <i>all</i>").waitFor();
  assert.equal(await dot.page.getByText("just for you").count(), 0);
  await dot.show("chat-phone");
  await dot.click("chat-panel-close");
  await bob.click("chat");
  await ada.byId("chat-to").selectOption("");
  await ada.click("chat");
});

test("breakout rooms: people are moved by hand, without a negotiation", async () => {
  await ada.more("breakouts");
  await ada.byId("breakout-name").first().fill("Bow");
  await ada.byId("breakout-name").last().fill("Stern");
  await ada.click("breakout-way-hand");
  await ada.page.locator('[data-testid=breakout-place][data-participant-name="Bob Bristow"]').selectOption("1");
  await ada.page.locator('[data-testid=breakout-place][data-participant-name="Dot Delacroix"]').selectOption("2");
  await ada.byId("breakout-minutes").fill("10");
  await ada.show("breakout-plan-desktop");
  const before = await exchanges();
  await ada.click("breakout-open");
  await eventually("Bob reads his room", () => bob.page.locator("h1").innerText(), "Bow");
  await eventually("Dot reads her room", () => dot.page.locator("h1").innerText(), "Stern");
  assert.match(await bob.text("breakout-countdown"), /^(10:00|9:5\d) left$/);
  assert.deepEqual(await exchanges(), before);
  await ada.byId("breakout-room").nth(2).getByTestId("breakout-person").waitFor();
  await ada.show("breakout-rooms-desktop");
  await dot.show("breakout-phone");
  await bob.show("breakout-desktop");
});

test("breakout rooms: a word to all, listening in, and the way back", async () => {
  await ada.byId("breakout-say").fill("ten minutes, please");
  await ada.click("breakout-say-send");
  await bob.byId("chat-badge").waitFor();
  await ada.byId("breakout-room").nth(1).getByTestId("breakout-listen").click();
  await eventually("Ada is in Bob's room", () => ada.page.locator("h1").innerText(), "Bow");
  await eventually("Ada is not heard", () => isPressed(ada, "mic"), "false");
  await eventually("Bob sees her", async () => (await bob.page.evaluate(() => [...window.plenum.meeting.participants.values()].map((p) => p.name))).sort(), ["Ada Amberg", "Bob Bristow"]);
  await ada.click("breakout-return");
  await eventually("Ada is back", () => ada.page.locator("h1").innerText(), "Harbour crew");
  await dot.click("breakout-return");
  await eventually("Dot is back", () => dot.page.locator("h1").innerText(), "Harbour crew");
  await ada.click("breakout-rooms");
  const before = await exchanges();
  await ada.click("breakout-close");
  await eventually("Bob is back", () => bob.page.locator("h1").innerText(), "Harbour crew");
  assert.deepEqual(await exchanges(), before);
  await ada.click("breakout-dialog-close");
  await bob.byId("breakout-banner").waitFor({ state: "detached" });
});

test("an invitation can be declined, and one goes by oneself", async () => {
  await ada.more("breakouts");
  await ada.click("breakout-way-hand");
  await ada.page.locator('[data-testid=breakout-place][data-participant-name="Dot Delacroix"]').selectOption("1");
  await ada.click("breakout-force");
  await ada.click("breakout-open");
  await dot.byId("ask-prompt").waitFor();
  await dot.show("invited-phone");
  await dot.click("ask-yes");
  await eventually("Dot reads her room", () => dot.page.locator("h1").innerText(), "Room 1");
  await ada.click("breakout-close");
  await eventually("Dot is back", () => dot.page.locator("h1").innerText(), "Harbour crew");
  await ada.click("breakout-dialog-close");
});

test("somebody is promoted, and leads", async () => {
  await ada.act("Bob Bristow", "make-moderator");
  await eventually("Bob leads", () => roleOf(bob), "moderator");
  await bob.page.getByText("You lead this meeting now").waitFor();
  await ada.click("people");
});

test("who is removed does not come back", async () => {
  await ada.act("Eve <b>Ekdal</b>", "remove");
  await ada.show("remove-desktop");
  await ada.click("remove-dialog-confirm");
  await eve.byId("left-page").waitFor();
  await eve.page.getByText("You were removed").waitFor();
  assert.equal(await eve.byId("rejoin").count(), 0);
  await eve.show("removed-phone");
  await eve.page.goto(`${server.url}/${ROOM}?debug`);
  await eve.click("join");
  await eve.byId("join-problem").waitFor();
  assert.equal(await eve.text("join-problem"), "You were removed from this room and cannot come back.");
  await ada.click("people");
});

test("a password is asked for", async () => {
  await ada.more("rules");
  await ada.byId("rule-password").fill("starboard");
  await ada.click("rule-lobby");
  await ada.click("rules-save");
  await eventually("there is one", () => bob.page.evaluate(() => window.plenum.meeting.room.has_password), true);
  const ivy = await house.guest("Ivy");
  await ivy.knock(ROOM, { password: "larboard" });
  await ivy.page.getByText("This is not the password.").waitFor();
  await ivy.show("password-desktop");
  await ivy.byId("room-password").fill("starboard");
  await ivy.click("join");
  await ivy.byId("meeting").waitFor();
  await ivy.click("invite");
  await ivy.byId("invite-dialog").getByText("This room has a password").waitFor();
  await ivy.show("invite-password-desktop");
  await ivy.page.context().close();
});

test("who leads can do so on a phone", async () => {
  await bob.page.setViewportSize(PHONE.viewport);
  await bob.show("meeting-phone");
  await bob.click("more");
  await bob.show("more-phone");
  await bob.click("more-rules");
  await bob.show("rules-phone");
  await bob.click("rules-cancel");
  await bob.more("breakouts");
  await bob.click("breakout-way-hand");
  await bob.show("breakout-plan-phone");
  await bob.click("breakout-dialog-close");
  await bob.more("claim");
  await bob.byId("claim-key").fill("wrong-key");
  await bob.click("claim-confirm");
  await bob.byId("claim-dialog").getByRole("alert").waitFor();
  await bob.show("claim-phone");
  await bob.click("claim-dialog-close");
  await (await bob.row("Dot Delacroix")).getByTestId("person-menu").click();
  await bob.show("person-menu-phone");
  await bob.page.keyboard.press("Escape");
});

test("the meeting ends for everybody", async () => {
  await ada.more("end");
  await ada.show("end-desktop");
  await ada.byId("end-dialog-cancel").press("Enter");
  await eventually("the button has the focus again", () => ada.page.evaluate(() => document.activeElement.dataset.testid), "more");
  await ada.more("end");
  await ada.click("end-dialog-confirm");
  for (const person of [ada, bob, dot]) await person.byId("left-page").waitFor();
  await dot.show("ended-phone");
});

test("nothing keeps anybody out, and nothing went wrong meanwhile", async () => {
  assert.deepEqual(house.faults, []);
  for (const person of [ada, bob, dot, eve]) {
    assert.deepEqual(person.problems, [], `problems of ${person.name}`);
    assert.deepEqual(await person.violations(), [], `what the policy stopped at ${person.name}'s`);
  }
});
