/* Many people in one browser, each in a context of their own: for what people do with each other, where pictures do not matter. */
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launchChromium } from "./chromium.mjs";

const axe = createRequire(new URL("../../../web/package.json", import.meta.url))("axe-core");

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

const PATIENCE_MS = 60_000;

/* Runs before the page. Counts descriptions, sounds that the page makes, and what its policy stopped. */
function prepare() {
  window.probe = { remoteDescriptions: 0, sounds: 0, violations: [] };
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => window.probe.violations.push(`${violatedDirective} ${blockedURI}`));
  const { start } = OscillatorNode.prototype;
  OscillatorNode.prototype.start = function (...args) {
    window.probe.sounds++;
    return start.apply(this, args);
  };
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function (...args) {
    window.probe.remoteDescriptions++;
    return setRemoteDescription.apply(this, args);
  };
  if (!localStorage.getItem("plenum")) localStorage.setItem("plenum", JSON.stringify({ micOn: true, cameraOn: false }));
}

/* The page by another name: not an address of this machine, so not secure without https. */
const ELSEWHERE = "meet.example.test";

/** A browser for guests of `server`, with three cameras; of the second one Chromium sends nothing: it measures depth. */
export async function openHouse(server) {
  const browser = await launchChromium([
    "--use-fake-device-for-media-stream=device-count=3",
    `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`,
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
  ]);
  const folder = join(process.env.PLM_WORK ?? "/tmp", "screens");
  await mkdir(folder, { recursive: true });
  const faults = [];
  return {
    /** What axe found, as "picture: rule on element". */
    faults,
    /** The server's page at an address that is not secure. */
    insecureUrl: server.url.replace("127.0.0.1", ELSEWHERE),
    close: () => browser.close(),
    async guest(name, size = DESKTOP, options = {}) {
      const context = await browser.newContext({ colorScheme: "dark", permissions: ["camera", "microphone"], ...size, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const problems = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("request", (request) => {
        const { protocol, host } = new URL(request.url());
        if (host !== new URL(page.url()).host && page.url() !== "about:blank" && protocol !== "blob:") problems.push(`request to ${request.url()}`);
      });
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
        /** How many tones the page has begun to play. */
        sounds: () => page.evaluate(() => window.probe.sounds),
        isPressed: (control) => byId(control).getAttribute("aria-pressed"),
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
        /** Keep pictures of the page, dark and light, and let axe look for what keeps people out; what is not a matter of colours it looks for once. */
        async show(picture) {
          const look = async (name, options) => {
            await page.screenshot({ path: join(folder, `${name}.png`), scale: "css" });
            const found = await page.evaluate((options) => globalThis.axe.run({ resultTypes: ["violations"], ...options }), options);
            for (const { id, impact, nodes } of found.violations) {
              if (impact === "serious" || impact === "critical") faults.push(`${name}: ${id} on ${nodes.map((node) => `${node.target} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`).join(", ")}`);
            }
          };
          const shine = async (scheme) => {
            await page.emulateMedia({ colorScheme: scheme });
            await page.evaluate(async (scheme) => {
              while (document.documentElement.dataset.appearance !== scheme) await new Promise((resolve) => setTimeout(resolve, 10));
              /* Colours glide to their new values. */
              for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
            }, scheme);
          };
          await look(picture, {});
          const chosen = await page.evaluate(() => JSON.parse(localStorage.getItem("plenum") ?? "{}").appearance ?? "system");
          if (chosen !== "system") return;
          await shine("light");
          await look(`${picture}-light`, { runOnly: { type: "rule", values: ["color-contrast"] } });
          await shine("dark");
        },
        /** Nothing that is not cut off by what it stands in reaches beyond the screen. */
        async expectNoOverflow() {
          const outside = await page.evaluate(() => {
            const isCut = (element) => element && (getComputedStyle(element).overflowX !== "visible" || isCut(element.parentElement));
            return [...document.querySelectorAll("#root *")].filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !isCut(element.parentElement)).map((element) => element.className);
          });
          if (outside.length > 0 || (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth))) throw new Error(`beyond the screen of ${name}: ${outside}`);
        },
        /** Faults that the page made and the policy stopped. */
        violations: () => page.evaluate(() => window.probe.violations),
      };
    },
  };
}
