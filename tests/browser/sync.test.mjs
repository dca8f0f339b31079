/* Lips and voice: flash and beep of one instant are shown and heard together, soon after a slot changes its participant or its layer. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openRaw, simulcast } from "./lib/raw.mjs";
import { startServer } from "./lib/server.mjs";

const MAX_OFFSET_MS = 80;
const SETTLE_MS = 2000;
const WATCH_MS = 6000;

let server, raw;
before(async () => {
  server = await startServer();
  raw = await openRaw(server);
});
after(async () => {
  await raw?.close();
  await server?.stop();
});

/* Flash minus beep, for each flash since `from` that has a beep within half a second. */
function offsets(frames, beeps, from) {
  const flashes = frames.filter((f, i) => f.bright && i > 0 && !frames[i - 1].bright && f.at >= from).map((f) => f.at);
  const pairs = flashes.map((flash) => beeps.map((beep) => flash - beep).sort((a, b) => Math.abs(a) - Math.abs(b))[0]);
  return pairs.filter((offset) => offset !== undefined && Math.abs(offset) < 500);
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function measure(receiver) {
  await receiver.page.waitForTimeout(SETTLE_MS);
  const from = await receiver.now();
  await receiver.page.waitForTimeout(WATCH_MS);
  const values = offsets(await receiver.frames(), await receiver.beeps(), from);
  assert.ok(values.length >= WATCH_MS / 1000 - 2, `only ${values.length} flashes with beeps`);
  return median(values);
}

test("flash and beep stay together over switches", { timeout: 120_000 }, async (t) => {
  const room = "sync";
  const encodings = simulcast([200_000, 600_000]).slice(0, 2);
  const options = { room, fps: 30, encodings };
  await raw.publish({ ...options, name: "Ada" });
  await raw.publish({ ...options, name: "Cy" });
  const receiver = await raw.receive({ room, name: "Bob" });
  await receiver.knows("Ada");
  await receiver.knows("Cy");
  const steps = [
    ["Ada", 320],
    ["Cy", 320],
    ["Ada", 320],
    ["Ada", 160],
    ["Ada", 320],
  ];
  for (const [who, width] of steps) {
    await receiver.view(who, width, (width * 9) / 16);
    await receiver.width(width);
    const offset = await measure(receiver);
    t.diagnostic(`${who} at ${width}: video ${offset.toFixed(0)} ms after audio`);
    assert.ok(Math.abs(offset) <= MAX_OFFSET_MS, `${who} at ${width}: ${offset.toFixed(0)} ms`);
  }
});
