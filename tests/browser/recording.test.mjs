/* A meeting is recorded by the real recorder: everybody is told; what was recorded is played in the page, downloaded and deleted. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { openHouse, PHONE } from "./lib/guests.mjs";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { playerOf } from "./lib/player.mjs";
import { startServer } from "./lib/server.mjs";

const axe = createRequire(new URL("../../web/package.json", import.meta.url))("axe-core");
const ROOM = "archive";
/* So long a screen is shown at the end. */
const SCREEN_MS = 4000;
/* So long files have to stay in step; the recording has to be longer. Seconds. */
const IN_STEP = 10;
/* That needs a recording of so long, and its beginning some seconds. */
const LENGTH_MS = (IN_STEP + 6) * 1000;
/* Two tones each time. */
const TONES_OF_A_CHANGE = 2;
const screens = join(process.env.PLM_WORK ?? "/tmp", "screens");
let server, house, ada, bob, dot, begun, player;

/* Runs before the page: counts the tones that it plays by itself. */
function countTones() {
  window.tones = 0;
  const { start } = OscillatorNode.prototype;
  OscillatorNode.prototype.start = function (...args) {
    window.tones++;
    return start.apply(this, args);
  };
}

before(async () => {
  await mkdir(screens, { recursive: true });
  server = await startServer();
  [house, ada, bob] = await Promise.all([openHouse(server), openParticipant(server, 1, "Ada"), openParticipant(server, 2, "Bob")]);
  for (const { page } of [ada, bob]) {
    page.setDefaultTimeout(20_000);
    await page.addInitScript(countTones);
    await page.addInitScript({ content: axe.source });
  }
  player = playerOf(ada);
  /* Who comes first leads. */
  await ada.join(ROOM);
  await bob.join(ROOM);
});

after(async () => {
  await Promise.all([ada, bob, house].map((one) => one?.close()));
  await server?.stop();
});

const byId = ({ page }, id) => page.getByTestId(id);
const stateOf = (person) => byId(person, "recording-banner").getAttribute("data-state");
const tones = ({ page }) => page.evaluate(() => window.tones);
const more = async (person, item) => {
  await person.click("more");
  await person.click(`more-${item}`);
};

/* A picture of the page, and what axe finds in it, light and dark; all but the colours is the same in both. */
async function look({ page }, picture) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForFunction((wanted) => document.documentElement.dataset.appearance === wanted, scheme);
    await page.evaluate(() => document.getAnimations().forEach((animation) => animation instanceof CSSTransition && animation.finish()));
    await page.screenshot({ path: join(screens, `${picture}-${scheme}.png`) });
    const rules = scheme === "dark" ? { runOnly: ["color-contrast"] } : {};
    const { violations } = await page.evaluate((rules) => globalThis.axe.run({ resultTypes: ["violations"], ...rules }), rules);
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(grave.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.target)}`), [], `${picture} ${scheme}`);
  }
}

const areAt = async (seconds) => (await player.places()).every(({ place }) => Math.abs(place - seconds) < 0.02);

test("who leads begins to record, and everybody is told", async () => {
  const before = await Promise.all([ada, bob].map(tones));
  begun = Date.now();
  await more(ada, "record-start");
  await byId(ada, "recording-start-dialog").waitFor();
  await look(ada, "record-start-desktop");
  await ada.click("recording-start-dialog-confirm");
  for (const person of [ada, bob]) await eventually(`${person.name} sees it`, () => stateOf(person), "on");
  const after = await Promise.all([ada, bob].map(tones));
  for (const n of [0, 1]) assert.ok(after[n] - before[n] >= TONES_OF_A_CHANGE, `tones ${before} ${after}`);
  assert.match(await byId(bob, "recording-status").innerText(), /being recorded/);
  assert.equal(await byId(bob, "recording-status").getAttribute("role"), "status");
  await look(ada, "recording-desktop");
});

test("who comes later is told, too, and has no list", async () => {
  dot = await house.guest("Dot", PHONE);
  await dot.join(ROOM);
  await eventually("Dot sees it", () => stateOf(dot), "on");
  assert.ok((await dot.sounds()) >= TONES_OF_A_CHANGE);
  assert.equal(await dot.byId("recording-stop").count(), 0);
  await dot.show("recording-phone");
  await dot.click("more");
  for (const item of ["recordings", "record-start", "record-stop"]) assert.equal(await dot.byId(`more-${item}`).count(), 0, item);
  await dot.page.keyboard.press("Escape");
  const refused = await dot.page.evaluate(() => window.plenum.meeting.recordings.list().then(() => "", (error) => error.code));
  assert.equal(refused, "forbidden");
  assert.deepEqual(house.faults, []);
});

test("it is ended, and everybody hears that", async () => {
  await bob.page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    const g = canvas.getContext("2d");
    void window.plenum.meeting.sendChat("look at this");
    setInterval(() => {
      g.fillStyle = `hsl(${Date.now() / 20} 60% 50%)`;
      g.fillRect(0, 0, 1280, 720);
    }, 100);
    return window.plenum.meeting.setSource("screen", canvas.captureStream(10).getVideoTracks()[0]);
  });
  const rest = LENGTH_MS - (Date.now() - begun);
  await new Promise((resolve) => setTimeout(resolve, Math.max(SCREEN_MS, rest)));
  const before = await tones(bob);
  await ada.click("recording-stop");
  await ada.click("recording-stop-dialog-confirm");
  for (const person of [ada, bob, dot]) await byId(person, "recording-banner").waitFor({ state: "detached" });
  assert.ok((await tones(bob)) - before >= TONES_OF_A_CHANGE);
  assert.deepEqual(bob.problems, []);
  /* What follows is Ada's alone. */
  await Promise.all([bob.close(), house.close()]);
});

test("it is played: every picture is its own, with sound", async () => {
  await more(ada, "recordings");
  await eventually("it is ready", () => byId(ada, "recording").getAttribute("data-state"), "ready");
  await look(ada, "recordings-desktop");
  await ada.click("recording-play");
  await ada.click("player-play");
  await eventually("both pictures", player.shown, ["Ada 1", "Bob 2"]);
  const first = await player.pictures();
  const goesOn = async () => (await player.pictures()).map(({ time, heard }, n) => time - first[n].time > 0.5 && heard > 0);
  await eventually("both go on, and sound is decoded", goesOn, [true, true]);
});

test("its files are in step after a seek, ten seconds later, and at another speed", async () => {
  assert.ok((await player.length()) > IN_STEP + 2, `${await player.length()} s were recorded`);
  await player.seek(1);
  await eventually("in step after the seek", () => player.areTogether(1), true);
  const { place } = (await player.places())[0];
  await eventually("ten seconds later", async () => (await player.places())[0].place > place + IN_STEP && (await player.areTogether(1)), true);
  await byId(ada, "player-speed").selectOption("2");
  await player.seek(1);
  await eventually("twice as fast", () => player.areTogether(2), true);
  await byId(ada, "player-speed").selectOption("1");
});

test("the keyboard plays it, and the meeting's keys rest", async () => {
  const { keyboard } = ada.page;
  const microphone = () => byId(ada, "mic").getAttribute("aria-pressed");
  const before = await microphone();
  await byId(ada, "player-play").focus();
  await keyboard.press("k");
  await eventually("none moves", () => player.areTogether(0), true);
  await keyboard.press("Home");
  await keyboard.press("ArrowRight");
  await eventually("all at 5 s", () => areAt(5), true);
  await eventually("both pictures after seeking", player.shown, ["Ada 1", "Bob 2"]);
  await keyboard.press("m");
  const muted = () => ada.page.evaluate(() => [...document.querySelectorAll("[data-testid=player-tile] :is(video, audio)")].every((element) => element.muted));
  await eventually("silent", muted, true);
  await keyboard.press("m");
  assert.equal(await microphone(), before);
  await keyboard.press("End");
  await keyboard.press("ArrowLeft");
});

test("a screen is large, and who was there when is shown", async () => {
  const tile = (source) => ada.page.locator(`[data-testid=player-tile][data-source=${source}]:not([hidden])`);
  await player.seek((await player.length()) - 1);
  await tile("screen").waitFor();
  const [screen, camera] = [await tile("screen").boundingBox(), await tile("camera").first().boundingBox()];
  assert.ok(screen.width * screen.height > 4 * camera.width * camera.height, JSON.stringify({ screen, camera }));
  /* Dot sent no picture, and was there all the same. */
  await eventually("everybody", async () => (await tile("camera").locator(".player-name").allInnerTexts()).map((name) => name.trim()).sort(), ["Ada", "Bob", "Dot"]);
  await byId(ada, "player-people").locator("summary").click();
  assert.deepEqual(await byId(ada, "player-lane").locator(".lane-name").allInnerTexts(), ["Ada", "Bob", "Dot"]);
  assert.equal(await ada.page.locator(".lane-screen").count(), 1);
  await byId(ada, "player-messages").locator("summary").click();
  assert.match(await byId(ada, "player-chat").innerText(), /Bob look at this/);
  await eventually("the screen is there", () => player.areTogether(0, 3), true);
  await look(ada, "player-desktop");
  await ada.page.setViewportSize(PHONE.viewport);
  await look(ada, "player-phone");
  const inside = await byId(ada, "player").evaluate((dialog) => [...dialog.querySelectorAll("*")].every((element) => element.getBoundingClientRect().right <= innerWidth + 1) && dialog.scrollWidth <= innerWidth);
  assert.ok(inside, "something reaches beyond a phone's screen");
  await ada.page.setViewportSize({ width: 1280, height: 800 });
  await ada.click("player-close");
});

test("a file is downloaded, and all are deleted", async () => {
  await ada.click("recording-files");
  const links = byId(ada, "recording-download");
  await links.first().waitFor();
  const [download] = await Promise.all([ada.page.waitForEvent("download"), links.first().click()]);
  const { stdout } = await promisify(execFile)("ffprobe", ["-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", await download.path()]);
  assert.match(stdout, /audio|video/);
  const address = await links.first().evaluate((link) => link.href);
  assert.equal((await fetch(address)).status, 200);
  await ada.click("recording-delete");
  await ada.click("recording-delete-dialog-confirm");
  await byId(ada, "recordings-none").waitFor();
  assert.notEqual((await fetch(address)).status, 200);
  assert.deepEqual(ada.problems, []);
});
