/* Many people in one browser, each in a context of their own: for what people do with each other, where pictures do not matter. */
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launchChromium } from "./chromium.mjs";
import { countDescriptions, eventually, PATIENCE_MS } from "./participant.mjs";

const axe = createRequire(new URL("../../../web/package.json", import.meta.url))("axe-core");

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const TABLET = { viewport: { width: 820, height: 1180 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

const PLACED_MS = 5000;

/* Runs before the page, after countDescriptions. Counts sounds that the page makes, and what its policy stopped. */
function prepare() {
  Object.assign(window.probe, { sounds: 0, violations: [] });
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => window.probe.violations.push(`${violatedDirective} ${blockedURI}`));
  const { start } = OscillatorNode.prototype;
  OscillatorNode.prototype.start = function (...args) {
    window.probe.sounds++;
    return start.apply(this, args);
  };
  if (!localStorage.getItem("plenum")) localStorage.setItem("plenum", JSON.stringify({ micOn: true, cameraOn: false }));
}

/* The page by another name: not an address of this machine, so not secure without https. */
const ELSEWHERE = "meet.example.test";

/** Held the other way. */
export const turned = ({ width, height }) => ({ width: height, height: width });

/* Runs in the page of a meeting: what lies over something else, outside of what it stands in, or where nobody can press it. */
function findMisplaced() {
  const NEAR = 1;
  const found = [];
  const nameOf = ({ dataset, className }) => [dataset.testid ?? className, dataset.participantName, dataset.source].filter(Boolean).join(" ");
  const boxes = (selector) =>
    [...document.querySelectorAll(selector)].map((element) => ({ element, name: nameOf(element), box: element.getBoundingClientRect() })).filter(({ box }) => box.width > 0 && box.height > 0);
  const isIn = (a, b) => a.left >= b.left - NEAR && a.top >= b.top - NEAR && a.right <= b.right + NEAR && a.bottom <= b.bottom + NEAR;
  const expectIn = (all, frame, where) => {
    for (const { name, box } of all) if (!isIn(box, frame)) found.push(`${name} is not within ${where}`);
  };
  const expectApart = (all) => {
    all.forEach(({ name, box }, i) => {
      for (const other of all.slice(i + 1)) {
        const x = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const y = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (x > NEAR && y > NEAR) found.push(`${name} and ${other.name} overlap by ${Math.round(x)} x ${Math.round(y)}`);
      }
    });
  };
  const expectSize = (all, width, height) => {
    for (const { name, box } of all) if (box.width < width || box.height < height) found.push(`${name} is only ${Math.round(box.width)} x ${Math.round(box.height)}`);
  };
  const expectPressable = (all) => {
    for (const { element, name, box } of all) {
      const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      if (!element.contains(there)) found.push(`${name} cannot be pressed: ${there ? `${nameOf(there)} is there` : "it is outside"}`);
    }
    expectSize(all, 24, 24);
  };

  const page = new DOMRect(0, 0, innerWidth, innerHeight);
  const { scrollWidth, scrollHeight } = document.documentElement;
  if (scrollWidth > innerWidth || scrollHeight > innerHeight) found.push(`the page scrolls: ${scrollWidth} x ${scrollHeight}`);
  const above = boxes("dialog[open], [role=menu]");
  expectIn(above, page, "the window");
  const [panel] = boxes(".panel");
  const isCovered = panel && getComputedStyle(panel.element).position === "fixed";
  if (above.length > 0) {
    expectPressable(boxes("dialog[open] > header button"));
  } else if (isCovered) {
    if (!isIn(page, panel.box)) found.push("the panel leaves something uncovered");
    expectPressable(boxes(".panel > header button, .panel > form :is(button, textarea, select)"));
  } else {
    const parts = boxes(".meeting-head, .banners > *, .sharing, .stage, .pager, .panel, .control-bar");
    expectApart(parts);
    expectIn(parts, page, "the window");
    expectPressable(boxes(".control-bar button, .meeting-head button, .banners button, .sharing button, .pager button:enabled, .panel > header button, .panel > form :is(button, textarea, select)"));
    const [stage] = boxes(".stage");
    const tiles = boxes("[data-testid=tile]");
    expectApart(tiles);
    expectIn(tiles, stage.box, "the stage");
    expectSize(tiles, 80, 60);
    /* And no more is left empty than the shapes of tiles make necessary. */
    const filled = tiles.reduce((sum, { box }) => sum + box.width * box.height, 0) / (stage.box.width * stage.box.height);
    if (filled < 0.5) found.push(`tiles fill only ${Math.round(filled * 100)} % of the stage`);
  }
  return found;
}

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
      await page.addInitScript(`(${countDescriptions})(); (${prepare})();`);
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
        /** In a meeting all has its place, at whatever size; a picture is kept. */
        async expectPlaced(picture, viewport = page.viewportSize()) {
          await page.setViewportSize(viewport);
          try {
            await eventually(picture, () => page.evaluate(findMisplaced), [], PLACED_MS);
          } finally {
            await page.screenshot({ path: join(folder, `${picture}.png`), scale: "css" });
          }
        },
        /** Faults that the page made and the policy stopped. */
        violations: () => page.evaluate(() => window.probe.violations),
      };
    },
  };
}
