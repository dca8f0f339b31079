/* The system's Chromium, driven by the playwright-core of web/. */
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../../web/package.json", import.meta.url))("playwright-core");

export function launchChromium(args = [], executablePath = process.env.PLM_CHROMIUM ?? "/usr/bin/chromium") {
  return chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", ...args],
  });
}
