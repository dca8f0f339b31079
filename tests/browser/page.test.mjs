/* The page around the people: home, the way in, invitation, settings, languages, layouts and keys, on a desktop and on a phone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, openHouse, PHONE } from "./lib/guests.mjs";
import { eventually } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

const ROOM = "lighthouse";

let server, house, ada, bob, number;

before(async () => {
  server = await startServer();
  house = await openHouse(server);
  ada = await house.guest("Ada Amberg");
  bob = await house.guest("Bob Bristow", PHONE);
});

after(async () => {
  await house?.close();
  await server?.stop();
});

const isPressed = (person, control) => person.byId(control).getAttribute("aria-pressed");

test("the page may load nothing that is not its own, and can be installed", async () => {
  const response = await fetch(`${server.url}/`);
  const policy = response.headers.get("content-security-policy");
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe-|\*/);
  const manifest = await fetch(`${server.url}/plenum.webmanifest`);
  assert.equal(manifest.headers.get("content-type"), "application/manifest+json");
  for (const { src, type } of (await manifest.json()).icons) {
    const icon = await fetch(server.url + src);
    assert.equal(icon.headers.get("content-type"), type, src);
  }
  const page = await ada.page.context().newPage();
  await page.goto(`${server.url}/`);
  const devtools = await page.context().newCDPSession(page);
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  /* Contexts of tests are like private windows, in which nothing is ever installed. */
  assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito"), []);
  const { errors, manifest: known } = await devtools.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  assert.equal(known?.startUrl ?? `${server.url}/`, `${server.url}/`);
  await page.close();
});

test("one goes from home to a room by its name, with the microphone", async () => {
  await ada.page.goto(`${server.url}/?debug`);
  await ada.byId("room-name").waitFor();
  await ada.show("home-desktop");
  await ada.byId("room-name").fill("Lighthouse");
  await ada.click("enter-room");
  await ada.byId("display-name").fill("Ada Amberg");
  await eventually("the microphone is on", () => isPressed(ada, "toggle-mic"), "true");
  await ada.show("before-desktop");
  await ada.click("join");
  await ada.byId("meeting").waitFor();
  assert.equal(await isPressed(ada, "mic"), "true");
  await ada.show("alone-desktop");
});

test("an invitation has the link, the number and a code for cameras", async () => {
  await ada.click("invite");
  assert.equal(await ada.text("invite-link"), `${server.url}/${ROOM}`);
  number = await ada.text("invite-number");
  assert.match(number, /^\d{3}-\d{4}-\d{3}$/);
  assert.ok((await ada.byId("qr").locator("path").getAttribute("d")).length > 1000);
  await ada.show("invite-desktop");
  await ada.click("invite-dialog-close");
});

test("one goes from home to the same room by its number, listening only", async () => {
  await bob.page.goto(`${server.url}/?debug`);
  await bob.byId("room-name").waitFor();
  await bob.show("home-phone");
  await bob.byId("room-name").fill(number.replaceAll("-", " "));
  await bob.click("enter-room");
  await bob.byId("display-name").fill("Bob Bristow");
  await bob.show("before-phone");
  await bob.click("join-listening");
  await bob.byId("meeting").waitFor();
  assert.equal(await isPressed(bob, "mic"), "false");
  await eventually("Ada sees Bob", () => ada.page.evaluate(() => window.plenum.meeting.participants.size), 2);
  await bob.show("meeting-of-two-phone");
  await bob.click("invite");
  assert.equal(await bob.text("invite-link"), `${server.url}/${ROOM}`);
  await bob.show("invite-phone");
  await bob.click("invite-dialog-close");
});

test("who goes back is in no meeting, and no device is open", async () => {
  const fay = await house.guest("Fay");
  await fay.page.addInitScript(() => {
    window.opened = [];
    const { getUserMedia } = MediaDevices.prototype;
    MediaDevices.prototype.getUserMedia = async function (constraints) {
      const stream = await getUserMedia.call(this, constraints);
      window.opened.push(...stream.getTracks());
      return stream;
    };
  });
  let held = 0;
  await fay.page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => void setTimeout(() => socket.send(message), held));
  });
  const live = () => fay.page.evaluate(() => [window.opened.length > 0, window.opened.filter((track) => track.readyState === "live").length]);
  const enter = async () => {
    await fay.byId("room-name").fill(ROOM);
    await fay.click("enter-room");
    await fay.byId("display-name").fill("Fay");
    await eventually("the microphone is open", live, [true, 1]);
  };
  await fay.page.goto(`${server.url}/?debug`);
  for (const goHome of [() => fay.page.goBack(), () => fay.page.locator(".brand-link").click()]) {
    held = 0;
    await enter();
    await goHome();
    await fay.byId("room-name").waitFor();
    await eventually("nothing is open at home", live, [true, 0]);
    held = 700;
    await enter();
    await fay.click("join");
    await eventually("Fay is in, and does not know yet", () => ada.page.evaluate(() => [...window.plenum.meeting.participants.values()].some(({ name }) => name === "Fay")), true, 3000);
    await goHome();
    await eventually("Fay is out", () => ada.page.evaluate(() => [...window.plenum.meeting.participants.values()].some(({ name }) => name === "Fay")), false, 3000);
    await fay.page.waitForTimeout(1000);
    assert.deepEqual([await live(), await fay.byId("meeting").count()], [[true, 0], 0]);
  }
  assert.deepEqual(fay.problems, []);
  await fay.page.context().close();
});

test("who is to come in muted is not heard, though the devices open only then", async () => {
  const rule = (start) => ada.page.evaluate((start) => window.plenum.meeting.moderation.configure({ start_muted: start, start_camera_off: start }), start);
  const gil = await house.guest("Gil");
  await gil.page.addInitScript(() => {
    localStorage.setItem("plenum", JSON.stringify({ micOn: true, cameraOn: true }));
    const { getUserMedia } = MediaDevices.prototype;
    const allowed = new Promise((allow) => (window.allow = allow));
    window.opened = 0;
    MediaDevices.prototype.getUserMedia = async function (constraints) {
      await allowed;
      const stream = await getUserMedia.call(this, constraints);
      window.opened++;
      return stream;
    };
  });
  await rule(true);
  await gil.join(ROOM);
  await gil.page.evaluate(() => window.allow());
  await eventually("both are open", () => gil.page.evaluate(() => window.opened), 2);
  await gil.page.waitForTimeout(1000);
  assert.deepEqual([await isPressed(gil, "mic"), await isPressed(gil, "camera")], ["false", "false"]);
  const sent = () => ada.page.evaluate(() => [...window.plenum.meeting.participants.values()].find(({ name }) => name === "Gil").tracks.filter(({ muted }) => !muted).map(({ source }) => source));
  assert.deepEqual(await sent(), []);
  await gil.click("mic");
  await eventually("Gil is heard when they want", sent, ["microphone"]);
  await rule(false);
  await gil.page.context().close();
});

test("a device that fails is off for everybody, and one is told why", async () => {
  const isSent = () => bob.page.evaluate(() => [...window.plenum.meeting.participants.values()].some(({ name, tracks }) => name === "Ada Amberg" && tracks.some(({ source, muted }) => source === "microphone" && !muted)));
  await eventually("Ada is heard", isSent, true);
  await ada.page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotReadableError"))));
  await ada.click("settings");
  await ada.byId("select-microphone").selectOption({ index: 1 });
  await ada.byId("problem-microphone").waitFor();
  assert.match(await ada.text("problem-microphone"), /^Microphone: In use elsewhere\. Another program/);
  await ada.show("device-busy-desktop");
  await ada.click("settings-close");
  await ada.page.locator(".notice", { hasText: "Microphone: In use elsewhere" }).waitFor();
  await eventually("Ada is not heard", isSent, false);
  assert.equal(await isPressed(ada, "mic"), "false");
  await ada.page.evaluate(() => delete navigator.mediaDevices.getUserMedia);
  await ada.click("mic");
  await eventually("Ada is heard again", isSent, true);
});

test("a screen that is picked after the meeting is not captured, nor shown in the next one", async () => {
  const hal = await house.guest("Hal");
  await hal.page.addInitScript(() => {
    MediaDevices.prototype.getDisplayMedia = async () => {
      await new Promise((pick) => (window.pick = pick));
      const canvas = document.createElement("canvas");
      canvas.getContext("2d");
      const stream = canvas.captureStream(5);
      [window.picked] = stream.getTracks();
      return stream;
    };
  });
  await hal.join(ROOM);
  await hal.click("share");
  await eventually("the browser asks which", () => hal.page.evaluate(() => window.pick !== undefined), true);
  await hal.click("leave");
  await hal.byId("rejoin").click();
  await hal.click("join");
  await hal.byId("meeting").waitFor();
  await hal.page.evaluate(() => window.pick());
  await eventually("it is let go", () => hal.page.evaluate(() => window.picked?.readyState), "ended");
  assert.equal(await hal.byId("stop-sharing").count(), 0);
  await hal.page.context().close();
});

test("all of it works by keyboard alone", async () => {
  const eli = await house.guest("Eli");
  const { keyboard } = eli.page;
  const at = () => eli.page.evaluate(() => document.activeElement?.dataset.testid ?? "");
  const tabTo = async (wanted) => {
    for (let n = 0; n < 40 && (await at()) !== wanted; n++) await keyboard.press("Tab");
    assert.equal(await at(), wanted);
  };
  const isRinged = () => eli.page.evaluate(() => document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement).outlineStyle !== "none");
  await eli.page.goto(`${server.url}/?debug`);
  await eli.byId("room-name").waitFor();
  await tabTo("room-name");
  await keyboard.type(ROOM);
  await keyboard.press("Enter");
  await eli.byId("display-name").waitFor();
  await tabTo("display-name");
  await keyboard.type("Eli");
  await tabTo("join");
  assert.ok(await isRinged(), "one sees where one is");
  await keyboard.press("Enter");
  await eli.byId("meeting").waitFor();
  /* Through all of the bar, in its order. */
  for (const control of ["mic", "camera", "share", "hand", "react", "chat", "people", "settings", "more", "leave"]) {
    await tabTo(control);
    assert.ok(await isRinged(), `one sees that one is at ${control}`);
  }
  /* A menu: arrows go through it, a dialog holds the focus and gives it back. */
  await keyboard.press("Shift+Tab");
  await keyboard.press("Enter");
  await eventually("the menu has the focus", async () => (await at()).startsWith("more-"), true);
  const first = await at();
  await keyboard.press("ArrowDown");
  assert.notEqual(await at(), first);
  await keyboard.press("Escape");
  await eventually("the button has it again", at, "more");
  await tabTo("settings");
  await keyboard.press("Enter");
  await eli.byId("settings-dialog").waitFor();
  for (let n = 0; n < 15; n++) {
    await keyboard.press("Tab");
    assert.ok(await eli.page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null), "the focus stays in the dialog");
  }
  await keyboard.press("Escape");
  await eli.byId("settings-dialog").waitFor({ state: "detached" });
  await eventually("the button has it again", at, "settings");
  /* Also a dialog that is not closed but done with. */
  for (const way of ["content-cancel", "content-dialog-close"]) {
    await tabTo("more");
    await keyboard.press("Enter");
    await eventually("the menu has the focus", async () => (await at()).startsWith("more-"), true);
    for (let n = 0; n < 10 && (await at()) !== "more-content"; n++) await keyboard.press("ArrowDown");
    await keyboard.press("Enter");
    await eli.byId("content-dialog").waitFor();
    await tabTo(way);
    await keyboard.press("Enter");
    await eli.byId("content-dialog").waitFor({ state: "detached" });
    await eventually("the button has it again", at, "more");
  }
  await tabTo("people");
  await keyboard.press("Enter");
  await tabTo("rename");
  await keyboard.press("Enter");
  await keyboard.press("Control+a");
  await keyboard.type("Elias");
  await keyboard.press("Enter");
  await eli.page.locator('[data-testid=person][data-participant-name="Elias"]').waitFor();
  await tabTo("leave");
  await keyboard.press("Enter");
  await eli.byId("left-page").waitFor();
  assert.deepEqual(eli.problems, []);
  await eli.page.context().close();
});

test("keys do what their help says", async () => {
  await ada.page.keyboard.press("?");
  await ada.byId("keys-dialog").waitFor();
  await ada.show("keys-desktop");
  await ada.page.keyboard.press("Escape");
  await ada.byId("keys-dialog").waitFor({ state: "detached" });
  await ada.page.keyboard.press("l");
  await ada.byId("strip").waitFor();
  await ada.show("speaker-desktop");
  await ada.page.keyboard.press("l");
  await ada.byId("grid").waitFor();
  await ada.page.keyboard.press("m");
  assert.equal(await isPressed(ada, "mic"), "false");
  await bob.more("layout");
  await bob.byId("strip").waitFor();
  await bob.show("speaker-phone");
});

test("connection quality has figures and a chart", async () => {
  const quality = ada.page.locator("[data-testid=tile][data-local=true]").getByTestId("quality");
  await eventually("it is measured", async () => (await quality.getAttribute("data-level")) !== null, true);
  await quality.click();
  await ada.byId("quality-chart").first().waitFor();
  await ada.byId("freeze-report").first().waitFor();
  await ada.show("quality-desktop");
  await ada.page.keyboard.press("Escape");
});

test("settings change language, appearance and what is received", async () => {
  await ada.click("settings");
  await ada.byId("set-language").selectOption("de");
  await eventually("it is German", () => ada.page.locator("html").getAttribute("lang"), "de");
  await ada.page.getByRole("heading", { name: "Einstellungen" }).waitFor();
  await ada.show("settings-german-desktop");
  await ada.byId("set-appearance").selectOption("light");
  await ada.click("set-hide-cameras");
  await ada.show("settings-light-desktop");
  assert.equal(await ada.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
  await ada.click("settings-close");
  await ada.byId("mic").and(ada.page.getByLabel("Mikrofon einschalten")).waitFor();
  await (await ada.row("Bob Bristow")).getByTestId("person-menu").click();
  assert.notEqual(await ada.text("person-menu-make-moderator"), "Make moderator");
  await ada.page.keyboard.press("Escape");
  await ada.click("people");
  await ada.show("meeting-light-desktop");
  await bob.more("settings");
  await bob.byId("set-language").selectOption("fr");
  await bob.page.getByRole("heading", { name: "Réglages" }).waitFor();
  await bob.show("settings-french-phone");
  await bob.click("settings-close");
  await bob.show("meeting-french-phone");
});

test("a browser's language is spoken from the start, and a missing permission explained", async () => {
  const cleo = await house.guest("Cléo", DESKTOP, { locale: "fr-CH" });
  await cleo.page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await cleo.page.goto(`${server.url}/${ROOM}`);
  await cleo.byId("device-help").waitFor();
  await cleo.page.getByText("L’autorisation manque").first().waitFor();
  await cleo.show("denied-desktop");
  await cleo.page.context().close();
});

test("nothing keeps anybody out, and nothing went wrong meanwhile", async () => {
  assert.deepEqual(house.faults, []);
  for (const person of [ada, bob]) {
    assert.deepEqual(person.problems, [], `problems of ${person.name}`);
    assert.deepEqual(await person.violations(), [], `what the policy stopped at ${person.name}'s`);
  }
});
