/* Many people in one browser, each in a context of their own: for what people do with each other, where pictures do not matter. */
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launchChromium } from "./chromium.mjs";

const axe = createRequire(new URL("../../../web/package.json", import.meta.url))("axe-core");

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

const PATIENCE_MS = 60_000;

/* Runs before the page. */
function prepare() {
  window.probe = { remoteDescriptions: 0 };
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function (...args) {
    window.probe.remoteDescriptions++;
    return setRemoteDescription.apply(this, args);
  };
  if (!localStorage.getItem("plenum")) localStorage.setItem("plenum", JSON.stringify({ micOn: true, cameraOn: false }));
}

/** A browser for guests of `server`. */
export async function openHouse(server) {
  const browser = await launchChromium([
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
  ]);
  const folder = join(process.env.PLM_WORK ?? "/tmp", "screens");
  await mkdir(folder, { recursive: true });
  const faults = [];
  return {
    /** What axe found, as "picture: rule on element". */
    faults,
    close: () => browser.close(),
    async guest(name, size = DESKTOP, options = {}) {
      const context = await browser.newContext({ colorScheme: "dark", permissions: ["camera", "microphone"], ...size, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const problems = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      await page.addInitScript(prepare);
      await page.addInitScript({ content: axe.source });
      const byId = (testId) => page.getByTestId(testId);
      return {
        name,
        page,
        problems,
        byId,
        click: (testId) => byId(testId).click(),
        text: (testId) => byId(testId).first().innerText(),
        remoteDescriptions: () => page.evaluate(() => window.probe.remoteDescriptions),
        /** Goes as far as the button. */
        async knock(room, { password } = {}) {
          await page.goto(`${server.url}/${room}?debug`, { waitUntil: "commit" });
          await byId("display-name").fill(name);
          await byId("join").click();
          if (password) {
            await byId("room-password").fill(password);
            await byId("join").click();
          }
        },
        async join(room, options) {
          await this.knock(room, options);
          await byId("meeting").waitFor();
        },
        /** The row of somebody in the people panel, which is opened. */
        async row(other) {
          if ((await byId("people-panel").count()) === 0) await byId("people").click();
          return page.locator(`[data-testid=person][data-participant-name="${other}"]`);
        },
        /** Choose from the menu of somebody. */
        async act(other, action) {
          const row = await this.row(other);
          await row.getByTestId("person-menu").click();
          await row.getByTestId(`person-menu-${action}`).click();
        },
        /** Choose from the menu of the room. */
        async more(action) {
          await byId("more").click();
          await byId(`more-${action}`).click();
        },
        /** Keep a picture of the page, and let axe look for what keeps people out. */
        async show(picture) {
          await page.screenshot({ path: join(folder, `${picture}.png`) });
          const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
          for (const { id, impact, nodes } of found.violations) {
            if (impact === "serious" || impact === "critical") faults.push(`${picture}: ${id} on ${nodes.map((node) => `${node.target} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`).join(", ")}`);
          }
        },
      };
    },
  };
}
