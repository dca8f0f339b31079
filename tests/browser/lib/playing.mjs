/*
 * What playing a recording must do in whatever browser: a recorder that was killed meanwhile leaves one timeline with a gap, and links to files
 * that end are renewed while they play.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { TONES } from "./media.mjs";
import { eventually as within, openParticipant } from "./participant.mjs";
import { playerOf } from "./player.mjs";
import { startServer } from "./server.mjs";

/* So long a link works; the least that is allowed. */
const LINK_S = 15;
/* So long it records before and after the recorder is away. */
const PART_MS = 14_000;
/* So long before and after the gap pictures are looked at. */
const NEAR_S = 2;
/* What the clock may have lost on the way, in seconds, besides what a busy machine lets it wait for a file. */
const MOST_LOST = 2;
/* A recording that no browser keeps whole: seconds, and when Bob came. */
const LARGE_S = 70;
/* A name as a recorder gives them: the server hands out no others. */
const LARGE = "-camera-99.mp4";
const large = (participant) => `p${participant}${LARGE}`;
const BOB_S = 4;
const NUMBERS = 16;

/* What plays two files needs its time on a busy machine. */
const eventually = (what, read, wanted) => within(what, read, wanted, 60_000);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* A file that has in each picture which second it is, as media.mjs hangs numbers on walls, and noise, so that it is large: 4 Mbit/s. */
async function makeLarge(path, tone) {
  const bit = `mod(floor(mod(floor(T),${NUMBERS})/pow(2,3-floor(X/24)))+gte(Y,27),2)`;
  const inputs = ["color=s=640x360:r=10:c=gray,noise=alls=70:allf=t", `color=s=96x54:r=10:c=black,geq=lum='16+219*${bit}':cb=128:cr=128`, `sine=frequency=${tone}:sample_rate=48000`];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M"];
  const sources = inputs.flatMap((input) => ["-f", "lavfi", "-i", input]);
  await promisify(execFile)("ffmpeg", ["-v", "error", ...sources, "-filter_complex", "[0][1]overlay=504:38", "-map", "2:a", ...video, "-c:a", "libopus", "-t", `${LARGE_S}`, "-y", path]);
}

/** @param openViewer as openParticipant: whose player is looked at */
export function testPlaying(openViewer) {
  let server, data, ada, bob, player;
  const answers = [];

  before(async () => {
    data = await mkdtemp(join(tmpdir(), "plenum-playing-"));
    server = await startServer({ PLENUM_RECORDING_LINK_S: `${LINK_S}`, PLENUM_DATA_DIR: data });
    ada = await openViewer(server, 1, "Ada");
    bob = await openParticipant(server, 2, "Bob");
    player = playerOf(ada);
    ada.page.on("response", (answer) => answers.push({ url: new URL(answer.url()), status: answer.status() }));
    /* Who comes first leads. */
    await ada.join("playing");
    await bob.join("playing");
  });

  after(async () => {
    await Promise.all([ada, bob].map((one) => one?.close()));
    await server?.stop();
    await rm(data, { recursive: true, force: true });
  });

  const state = () => ada.page.evaluate(() => window.plenum.meeting.recordings.state.status?.state);
  const begin = async () => {
    await ada.page.evaluate(() => window.plenum.meeting.recordings.start());
    await eventually("it records", state, "on");
  };
  const newest = () => ada.page.evaluate(async () => (await window.plenum.meeting.recordings.list()).recordings[0]);
  /** @return the folder of what was recorded */
  const end = async () => {
    await ada.page.evaluate(() => window.plenum.meeting.recordings.stop());
    await eventually("it is ready", async () => (await newest()).state, "ready");
    return join(data, "recordings", (await newest()).id);
  };
  const manifestOf = async (folder) => JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  /* early: all are there to be seen, also where a busy machine's first pictures come late */
  let gap, early, short;
  const isAfter = async () => (await player.starts()).map((start) => start > gap.from);
  /* The clock went on as time did. @return what it lost while no file was waited for, in seconds */
  const lost = (t, seen) => {
    const [first, last] = [seen[0], seen.at(-1)];
    assert.ok(seen.every(({ time }, n) => n === 0 || time >= seen[n - 1].time - 0.1), "the clock never goes back");
    const waits = seen.flatMap((one, n) => (n > 0 && one.isWaiting ? [{ time: one.time, s: one.at - seen[n - 1].at }] : []));
    const all = last.at - first.at - (last.time - first.time);
    const waited = waits.reduce((sum, { s }) => sum + s, 0);
    t.diagnostic(`${all.toFixed(2)} s lost, ${waited.toFixed(2)} s of them waited for a file, at ${[...new Set(waits.map(({ time }) => time))].join(", ")}`);
    return all - waited;
  };

  test("a recorder that is killed leaves a gap", async (t) => {
    await begin();
    const { id } = await newest();
    /* Files of pictures that were begun; a picture comes when its publisher was asked for one. */
    const begun = async () => (await readFile(join(data, "recordings", id, "journal.jsonl"), "utf8")).split("\n").filter((line) => line.startsWith("{") && line.endsWith("}")).map((line) => JSON.parse(line)).filter(({ type, video }) => type === "file" && video).length;
    await eventually("both are recorded", async () => (await begun()) >= 2, true);
    await wait(PART_MS);
    const before = await begun();
    process.kill(Number([...server.log().matchAll(/started \S+, process (\d+)/g)].at(-1)[1]), "SIGKILL");
    const states = () => [...server.log().matchAll(/rec recording=\w+: \S+ -> (\w+)/g)].map(([, to]) => to).slice(-2);
    await eventually("it pauses, and records again", states, ["paused", "on"]);
    await eventually("both are recorded again", async () => (await begun()) >= before + 2, true);
    await wait(PART_MS);
    const { gaps, files, duration_us } = await manifestOf(await end());
    await begin();
    await wait(3000);
    short = await end();
    /* What follows is Ada's alone, and nothing is sent beside. */
    await bob.close();
    await ada.click("mic");
    await ada.click("camera");
    t.diagnostic(`${files.length} files in ${duration_us / 1e6} s, gaps ${JSON.stringify(gaps)}`);
    assert.equal(gaps.length, 1);
    gap = { from: gaps[0].from_us / 1e6, to: gaps[0].to_us / 1e6 };
    /* Nobody publishes again in the same moment. */
    const pictures = files.filter(({ video }) => video).map(({ participant, start_us }) => ({ participant, start: start_us / 1e6 }));
    const later = pictures.filter(({ start }) => start > gap.from).map(({ start }) => start);
    assert.ok(later.length >= 2, `${later.length} later files`);
    const first = (who) => Math.min(...pictures.filter(({ participant }) => participant === who).map(({ start }) => start));
    gap.over = Math.max(...later) + NEAR_S;
    early = Math.max(...pictures.map(({ participant }) => first(participant))) + NEAR_S;
    assert.ok(gap.from > PART_MS / 1000 - 3 && gap.to > gap.from + 0.3 && gap.over < duration_us / 1e6 - 3 && early < gap.from - NEAR_S - 3, JSON.stringify({ ...gap, early }));
  });

  test("before it, in it and after it one goes where one wants", async () => {
    await player.open(1);
    for (const round of ["rests", "plays"]) {
      await player.seek(early);
      if (round === "plays") {
        await player.toggle();
        await eventually("both play", () => player.areTogether(1), true);
      }
      await player.seek(gap.over);
      await eventually(`${round} after it`, player.shown, ["Ada 1", "Bob 2"]);
      await eventually("these are the later files", isAfter, [true, true]);
      await player.seek(gap.from - NEAR_S - (round === "plays" ? 3 : 0));
      await eventually(`${round} before it`, player.shown, ["Ada 1", "Bob 2"]);
      assert.deepEqual(await isAfter(), [false, false]);
      if (round === "plays") await player.toggle();
      await player.seek((gap.from + gap.to) / 2);
      await eventually("it says so", async () => (await player.clock()).inGap, true);
      assert.ok(Math.abs((await player.clock()).time - (gap.from + gap.to) / 2) < 0.1);
    }
  });

  test("it plays over the gap as one timeline", async (t) => {
    await player.seek(early);
    await player.toggle();
    await eventually("both play", () => player.areTogether(1), true);
    const seen = await player.watch(gap.over, 120);
    t.diagnostic(`gap from ${gap.from} to ${gap.to} s, ${seen.filter(({ inGap }) => inGap).length} looks in it`);
    assert.ok(seen.at(-1).time > gap.over - 0.5, JSON.stringify(seen.at(-1)));
    assert.ok(seen.some(({ inGap }) => inGap), "it said that nothing was recorded");
    assert.ok(lost(t, seen) < MOST_LOST);
    await eventually("both go on together", () => player.areTogether(1), true);
    assert.deepEqual(await isAfter(), [true, true]);
    assert.deepEqual(await player.shown(), ["Ada 1", "Bob 2"]);
  });

  test("it sounds as each one did", async () => {
    await player.seek(early);
    await eventually("both play", () => player.areTogether(1), true);
    await eventually("both tones", () => player.heard(TONES.slice(1)), [TONES[1], TONES[2]]);
    await ada.click("player-close");
  });

  test("links that end are renewed while it plays", async (t) => {
    const manifest = await manifestOf(short);
    const [first, second] = manifest.participants.map(({ id }) => id);
    const file = (participant, start) => ({ file: large(participant), participant, pair: "camera", start_us: start * 1e6, duration_us: LARGE_S * 1e6, bytes: 1, video: {}, audio: {} });
    await makeLarge(join(short, large(first)), TONES[1]);
    await copyFile(join(short, large(first)), join(short, large(second)));
    const length = (LARGE_S + BOB_S) * 1e6;
    const participants = manifest.participants.map((person) => ({ ...person, present: [{ from_us: 0, to_us: length, breakout: 0 }] }));
    await writeFile(join(short, "manifest.json"), JSON.stringify({ ...manifest, duration_us: length, participants, files: [file(first, 0), file(second, BOB_S)] }));

    answers.length = 0;
    await player.open(0);
    await player.seek(5);
    await player.toggle();
    await eventually("both play", () => player.areTogether(1), true);
    /* Every picture is of its second; they are not read in the same moment. */
    const areRight = async () => (await player.pictures()).map(({ number, time }) => [time - 0.3, time, time + 0.3].some((at) => Math.floor(at) % NUMBERS === number));
    await eventually("every picture in its place", areRight, [true, true]);
    const seen = await player.watch(5 + 2 * LINK_S, 120);
    await eventually("they go on together when links have ended", () => player.areTogether(1), true);
    await eventually("every picture in its place later", areRight, [true, true]);
    await player.seek(LARGE_S - 8);
    await eventually("they go on together at another place", () => player.areTogether(1), true);
    await eventually("every picture in its place there", areRight, [true, true]);
    const files = answers.filter(({ url }) => url.pathname.includes(LARGE));
    const tokensOf = (good) => new Set(files.filter(({ status }) => (status < 300) === good).map(({ url }) => url.searchParams.get("token")));
    t.diagnostic(`${files.length} answers, ${tokensOf(true).size} links that worked, ${files.filter(({ status }) => status === 404).length} answers that they had ended`);
    assert.ok(seen.at(-1).time > 4 + 2 * LINK_S, "it played on");
    assert.ok(lost(t, seen) < MOST_LOST);
    assert.ok(tokensOf(false).size > 0, "a link had ended when more was wanted");
    assert.ok(tokensOf(true).size > 1, "another one was taken");
  });
}
