/* What people present: a screen, a camera, several at once; which one is large, the layout and the full screen. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, openHouse, PHONE, TABLET, turned } from "./lib/guests.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const ROOM = "observatory";
let server, house, ada, bob, dot, tab;

before(async () => {
  server = await startServer();
  house = await openHouse(server);
  ada = await house.guest("Ada Amberg");
  bob = await house.guest("Bob Bristow");
  dot = await house.guest("Dot Delacroix", PHONE);
  for (const person of [ada, bob, dot]) await person.join(ROOM);
});

after(async () => {
  await house?.close();
  await server?.stop();
});

/* Runs in the page: what is presented, as "name large" or "name small", where a picture is on the screen. */
function readPresentations() {
  return [...document.querySelectorAll("[data-testid=tile][data-source=screen]")]
    .filter((tile) => tile.querySelector("video.revealed")?.readyState >= 2)
    .map((tile) => `${tile.dataset.participantName} ${tile.classList.contains("main") ? "large" : "small"}`)
    .sort();
}
const sees = (person, wanted) => eventually(`${person.name} sees`, () => person.page.evaluate(readPresentations), wanted);
const tileOf = (person, name, source) => person.page.locator(`[data-testid=tile][data-participant-name="${name}"][data-source=${source}]`);
const large = (person) => person.page.locator("[data-testid=tile].main");

test("a camera is presented after a look at it, beside one's own picture", async () => {
  await bob.click("camera");
  await bob.more("content");
  await bob.byId("content-preview").locator("video").waitFor();
  const device = (within) => bob.page.evaluate((within) => document.querySelector(`${within} video`).srcObject.getVideoTracks()[0].label, within);
  assert.deepEqual([await device("[data-local=true]"), await device("[data-testid=content-preview]")], ["fake_device_0", "fake_device_1"]);
  await bob.byId("content-camera").selectOption({ label: "fake_device_2" });
  await eventually("another camera is looked at", () => device("[data-testid=content-preview]"), "fake_device_2");
  await bob.show("content-dialog-desktop");
  await bob.click("content-start");
  await sees(ada, ["Bob Bristow large"]);
  await sees(dot, ["Bob Bristow large"]);
  /* What one shows of a thing one sees oneself, and not mirrored. */
  await sees(bob, ["Bob Bristow large"]);
  assert.equal(await large(bob).locator("video.mirrored").count(), 0);
  await bob.page.getByText("You are presenting a camera").waitFor();
  assert.equal(await bob.isPressed("camera"), "true");
  await eventually("Ada sees Bob, too", () => tileOf(ada, "Bob Bristow", "camera").locator("video.revealed").count(), 1);
  await ada.show("content-desktop");
  await dot.show("content-phone");
  await bob.show("content-own-desktop");
});

test("a phone presents its camera", async () => {
  await dot.more("content");
  await dot.byId("content-preview").locator("video").waitFor();
  await dot.show("content-dialog-phone");
  await dot.click("content-cancel");
  await dot.byId("content-dialog").waitFor({ state: "detached" });
  await sees(ada, ["Bob Bristow large"]);
});

test("of several presentations the newest is large, and each a click away", async () => {
  await ada.click("share");
  await sees(bob, ["Ada Amberg large", "Bob Bristow small"]);
  await sees(dot, ["Ada Amberg large", "Bob Bristow small"]);
  /* One's own screen is not shown to oneself. */
  await sees(ada, ["Bob Bristow large"]);
  await dot.show("presentations-phone");
  await bob.show("presentations-desktop");
  await tileOf(dot, "Bob Bristow", "screen").click();
  await sees(dot, ["Ada Amberg small", "Bob Bristow large"]);
  await sees(bob, ["Ada Amberg large", "Bob Bristow small"]);
});

/* Runs in the page, until `over` is set: how often the picture of a tile was looked at, and how often there was none. */
function watchPicture(tile) {
  const watched = (window.probe.watched = { looks: 0, blank: 0, over: false });
  const look = () => {
    const video = document.querySelector(`${tile} video`);
    watched.looks++;
    if (!video?.classList.contains("revealed") || video.readyState < 2) watched.blank++;
    if (!watched.over) requestAnimationFrame(look);
  };
  look();
}

test("whoever is pinned is seen all the time", async () => {
  const tile = '[data-testid=tile][data-participant-name="Bob Bristow"][data-source=camera]';
  await ada.page.evaluate(watchPicture, tile);
  for (const wanted of ["Bob Bristow camera", "Bob Bristow screen", "Bob Bristow camera"]) {
    await ada.page.locator(tile).getByTestId("pin").dispatchEvent("click");
    await eventually("what is large", () => large(ada).evaluate(({ dataset }) => `${dataset.participantName} ${dataset.source}`), wanted);
  }
  await ada.page.locator(tile).getByTestId("pin").dispatchEvent("click");
  await sees(ada, ["Bob Bristow large"]);
  const { looks, blank } = await ada.page.evaluate(() => Object.assign(window.probe.watched, { over: true }));
  assert.ok(looks > 20, `${looks} looks`);
  assert.equal(blank, 0, `of ${looks} looks`);
});

test("anybody can be pinned, by the keyboard, too, and let go again", async () => {
  const pin = tileOf(bob, "Dot Delacroix", "camera").getByTestId("pin");
  await pin.focus();
  await bob.page.keyboard.press("Enter");
  await eventually("Dot is large", () => large(bob).getAttribute("data-participant-name"), "Dot Delacroix");
  await sees(bob, ["Ada Amberg small", "Bob Bristow small"]);
  await bob.show("pinned-desktop");
  await bob.page.keyboard.press("Enter");
  await sees(bob, ["Ada Amberg large", "Bob Bristow small"]);
});

/*
 * Runs in the page: for half a second, whether octets come of sound, of screens, and of anything else that is a picture, whatever the page thinks it
 * shows; and whether pictures are decoded of each.
 */
async function readFlows() {
  const { receive } = window.plenum.meeting;
  const read = async () => new Map([...(await receive.getStats()).values()].filter(({ type }) => type === "inbound-rtp").map((entry) => [entry.mid, entry]));
  const before = await read();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const after = await read();
  const screens = new Set(receive.tracks.filter(({ source }) => source === "screen").map(({ mid }) => mid));
  const flows = { sound: "none", camera: "none", screen: "none" };
  for (const [mid, { kind, bytesReceived, framesDecoded }] of after) {
    const what = kind === "audio" ? "sound" : screens.has(mid) ? "screen" : "camera";
    const earlier = before.get(mid);
    if (bytesReceived === (earlier?.bytesReceived ?? 0)) continue;
    flows[what] = kind === "audio" || framesDecoded > (earlier?.framesDecoded ?? 0) ? "flows" : "octets";
  }
  return flows;
}

test("who saves data receives no cameras, or no presentations, and sound all the same", async () => {
  const toggle = async (name) => {
    await ada.click("settings");
    await ada.click(`set-hide-${name}`);
    await ada.click("settings-close");
  };
  const expectFlows = (what, camera, screen) => eventually(what, () => ada.page.evaluate(readFlows), { sound: "flows", camera, screen });
  await expectFlows("all is received", "flows", "flows");
  await toggle("cameras");
  await ada.byId("saving").waitFor();
  await expectFlows("no cameras", "none", "flows");
  await sees(ada, ["Bob Bristow large"]);
  await toggle("screens");
  await expectFlows("no pictures at all", "none", "none");
  await sees(ada, []);
  await toggle("cameras");
  await expectFlows("no presentations", "flows", "none");
  await toggle("screens");
  await ada.byId("saving").waitFor({ state: "detached" });
  await expectFlows("all is received again", "flows", "flows");
});

/* Runs in a page of its own: people who neither send nor look at pictures, so that there are many. */
async function joinMany({ url, room, names }) {
  const { Meeting, PHONE_SLOTS } = window.plenum.sdk;
  for (const name of names) {
    const meeting = new Meeting({ url, room, name, slots: PHONE_SLOTS });
    await meeting.join();
    meeting.setView([]);
  }
}

const CROWD = ["Eve Ekdal", "Fay Fonda", "Gus Galton", "Hedda Hart", "Ida Ingram", "Jo Jarvis"];
const SIDEWAYS = turned(PHONE.viewport);

test("on tablets, and on phones held sideways, a presentation has its place", async () => {
  const crowd = await house.guest("Crowd");
  await crowd.page.goto(`${server.url}/?debug`);
  await crowd.page.evaluate(joinMany, { url: `${server.url.replace("http", "ws")}/ws`, room: ROOM, names: CROWD });
  tab = await house.guest("Tab Tanaka", TABLET);
  await tab.join(ROOM);
  /* Their tiles; that they have pictures is tested above, with fewer people on one machine. */
  for (const person of [tab, dot]) await person.page.locator("[data-testid=tile][data-source=screen]").nth(1).waitFor();
  await tab.expectPlaced("presentations-tablet");
  await tab.expectPlaced("presentations-tablet-sideways", turned(TABLET.viewport));
  await tab.click("people");
  await tab.expectPlaced("people-tablet-sideways");
  await tab.expectPlaced("people-tablet", TABLET.viewport);
  await tab.click("people");
  await dot.expectPlaced("presentations-phone-sideways", SIDEWAYS);
  await dot.click("people");
  await dot.expectPlaced("people-phone-sideways");
  await dot.click("people-panel-close");
  await dot.page.setViewportSize(PHONE.viewport);
});

test("who leads stops a presentation, and its camera is let go", async () => {
  await ada.act("Bob Bristow", "stop-screen");
  await bob.byId("stop-sharing").waitFor({ state: "detached" });
  await sees(dot, ["Ada Amberg large"]);
  assert.equal(await bob.isPressed("camera"), "true");
  await ada.click("people");
  await ada.click("stop-sharing");
  await sees(dot, []);
});

test("on tablets, and on phones held sideways, people have their places", async () => {
  await tab.expectPlaced("people-grid-tablet");
  await tab.click("chat");
  await tab.expectPlaced("chat-tablet");
  await tab.expectPlaced("chat-tablet-sideways", turned(TABLET.viewport));
  await tab.click("chat");
  await tab.expectPlaced("people-grid-tablet-sideways");
  await tab.click("settings");
  await tab.expectPlaced("settings-tablet-sideways");
  await tab.click("settings-close");
  await dot.expectPlaced("people-grid-phone", PHONE.viewport);
  await dot.expectPlaced("people-grid-phone-sideways", SIDEWAYS);
  await dot.click("more");
  await dot.expectPlaced("more-phone-sideways");
  await dot.click("more-settings");
  await dot.expectPlaced("settings-phone-sideways");
  await dot.click("settings-close");
  await dot.click("chat");
  await dot.expectPlaced("chat-phone-sideways");
  await dot.click("chat-panel-close");
  await ada.expectPlaced("people-grid-desktop");
  /* A window that becomes as small as a phone has a menu with what its bar has no room for. */
  await ada.click("more");
  await ada.expectPlaced("more-made-small", PHONE.viewport);
  await ada.click("more-settings");
  await ada.click("settings-close");
  await ada.page.setViewportSize(DESKTOP.viewport);
});

test("the page fills the screen, and the layout is remembered", async () => {
  await ada.page.keyboard.press("f");
  await eventually("full screen", () => ada.page.evaluate(() => document.fullscreenElement === document.documentElement), true);
  await ada.show("full-screen-desktop");
  await ada.more("full-screen");
  await eventually("not any more", () => ada.page.evaluate(() => document.fullscreenElement === null), true);
  await ada.more("layout");
  await ada.byId("strip").waitFor();
  await ada.page.reload(); /* and is in the meeting again */
  await ada.byId("strip").waitFor();
});

test("nothing keeps anybody out, and nothing went wrong meanwhile", async () => {
  assert.deepEqual(house.faults, []);
  for (const person of [ada, bob, dot, tab]) {
    assert.deepEqual(person.problems, [], `problems of ${person.name}`);
    assert.deepEqual(await person.violations(), [], `what the policy stopped at ${person.name}'s`);
  }
});
