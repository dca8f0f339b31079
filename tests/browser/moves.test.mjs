/*
 * Somebody's network becomes another one: the way to the server goes with its interface and its address, and another way comes. And ICE restarts that
 * the protocol has, with a way that stays. Chromium, then Firefox, with somebody beside the server who sees them. Run by two-ways.sh.
 */
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { after, before, test } from "node:test";
import { openFirefox } from "./lib/firefox.mjs";
import { beginFrames, gapsOf } from "./lib/frames.mjs";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { metric, startServer } from "./lib/server.mjs";
import { changeWay, besideChromium } from "./lib/ways.mjs";

const TIMES = Number(process.env.PLM_TEST_TIMES ?? 2);
const LOOK_MS = 15_000;
const SETTLE_MS = 4000;
/* By which a restart may make the gap between two pictures longer than those of this machine are. */
const GAP_MS = 250;
const SILENCE_MS = 700;
const WITHIN_MS = { Chromium: 4000, Firefox: 8000 };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let server, bob;
before(async () => {
  changeWay();
  server = await startServer();
  bob = await openParticipant(server, 2, "Bob", { program: besideChromium });
});
after(async () => {
  await bob?.close();
  await server?.stop();
});

/* Runs in the page: the names that both sides have in checks of this connection, its own first. */
const checkNames = (name) => {
  const { pc } = window.plenum.meeting[name];
  return [pc.currentLocalDescription, pc.currentRemoteDescription].map(({ sdp }) => /^a=ice-ufrag:(\S+)/m.exec(sdp)[1]);
};

/* Runs in the page: what becomes of the socket and the connections is written down. */
function keepDiary() {
  const { meeting } = window.plenum;
  window.diary = [];
  const note = (text) => window.diary.push([Date.now(), text]);
  meeting.on("state", (state) => note(`socket ${state}`));
  meeting.on("media", ({ publish, receive }) => note(`publish ${publish}, receive ${receive}`));
  for (const name of ["publish", "receive"]) {
    meeting[name].on("error", (error) => note(`${name}: ${String(error)}`));
    meeting[name].on("negotiated", () => note(`${name} made anew`));
  }
}

async function bothSee(ada, patience = 60_000) {
  await eventually(`${ada.name} sees`, ada.seen, ["Bob 2"], patience);
  await eventually("Bob sees", bob.seen, [`${ada.name} 1`], patience);
}

async function meet(ada, room) {
  await ada.join(room);
  await bob.join(room);
  await bothSee(ada);
  await beginFrames(ada);
  await beginFrames(bob);
}

/*
 * When pictures came again after `since`: the end of the last silence, in which none came for so long that it is no hiccup. Where there was none, the
 * change took less than that.
 */
async function returned(person, since) {
  const silence = (await gapsOf(person, since)).findLast(({ ms }) => ms > SILENCE_MS);
  return silence ? silence.at + silence.ms : SILENCE_MS;
}

for (const [engine, open] of [
  ["Chromium", openParticipant],
  ["Firefox", process.env.PLM_FIREFOX ? openFirefox : undefined],
]) {
  test(`${engine} restarts ICE`, { skip: open ? false : `no ${engine} here` }, async (t) => {
    const ada = await open(server, 1, "Ada");
    try {
      await meet(ada, `${engine}-stays`);
      const restarted = await metric(server, "plenum_ice_restarts_total");
      for (let n = 0; n < TIMES; n++) {
        for (const [name, viewer] of [["publish", bob], ["receive", ada]]) {
          await sleep(SETTLE_MS);
          const former = await ada.page.evaluate(checkNames, name);
          const since = Date.now();
          await ada.page.evaluate((name) => window.plenum.meeting[name].restartIce(), name);
          const took = Date.now() - since;
          await sleep(SETTLE_MS);
          const gap = ({ ms: longest }) => longest;
          const before = Math.max(...(await gapsOf(viewer, since - SETTLE_MS)).filter(({ at, ms }) => at + ms <= SETTLE_MS).map(gap));
          const longest = Math.max(...(await gapsOf(viewer, since)).map(gap));
          t.diagnostic(`${name}: restarted in ${took} ms; longest gap ${longest} ms, before it ${before} ms; load ${loadavg()[0].toFixed(1)}`);
          const fresh = await ada.page.evaluate(checkNames, name);
          assert.ok(!fresh.some((ufrag) => former.includes(ufrag)), `${name}: ${former} became ${fresh}`);
          assert.ok(longest < before + GAP_MS, `${name}: a gap of ${longest} ms, before it ${before} ms`);
        }
      }
      assert.equal((await metric(server, "plenum_ice_restarts_total")) - restarted, 2 * TIMES);
    } finally {
      await ada.close();
    }
  });

  test(`${engine} changes its address`, { skip: open ? false : `no ${engine} here` }, async (t) => {
    const ada = await open(server, 1, "Ada");
    try {
      await meet(ada, `${engine}-moves`);
      await ada.page.evaluate(keepDiary);
      const late = [];
      for (let n = 0; n < TIMES; n++) {
        await sleep(SETTLE_MS);
        const since = changeWay();
        await sleep(LOOK_MS);
        const [sees, isSeen] = [await returned(ada, since), await returned(bob, since)];
        t.diagnostic(`sees again after ${sees} ms; is seen again after ${isSeen} ms; load ${loadavg()[0].toFixed(1)}`);
        for (const [at, text] of await ada.page.evaluate(() => window.diary)) if (at > since) t.diagnostic(`  ${at - since} ms: ${text}`);
        late.push(...[sees, isSeen].filter((ms) => ms > WITHIN_MS[engine]));
        await bothSee(ada);
      }
      assert.deepEqual(late, []);
    } finally {
      await ada.close();
    }
  });
}
