/* What the fake devices play: a tone in a WAV file, and a scene with a number in it as MJPEG, painted by the browser itself. */
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launchChromium } from "./chromium.mjs";

export const TONES = [0, 437, 613, 859, 1193];

const RATE = 48_000;
const SECONDS = 4;
const FRAMES = 60;
const SIZE = { width: 1280, height: 720 };

/* The tones fit the file's length a whole number of times, so that its end meets its beginning. */
function toneFile(frequency) {
  const samples = RATE * SECONDS;
  const file = Buffer.alloc(44 + samples * 2);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + samples * 2, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    file.writeInt16LE(Math.round(9000 * Math.sin((2 * Math.PI * frequency * i) / RATE)), 44 + i * 2);
  }
  return file;
}

/* Runs in the browser. A person before a wall; on the wall hangs the number: four bits, and below them their opposites. */
export function makeScene(number, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d");
  const hue = (number * 83 + 150) % 360;
  const skin = ["#f0c8a8", "#8d5a3b", "#d9a27c", "#5f3b28"][number % 4];
  const hair = ["#2a2320", "#171414", "#7a4a21", "#1d1a1a"][number % 4];
  const disc = (x, y, rx, ry, colour) => {
    g.fillStyle = colour;
    g.beginPath();
    g.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
    g.fill();
  };
  const paint = (t) => {
    const sway = Math.sin(t * 2 * Math.PI) * 14;
    const wall = g.createLinearGradient(0, 0, width, height);
    wall.addColorStop(0, `hsl(${hue} 26% 70%)`);
    wall.addColorStop(1, `hsl(${hue + 25} 28% 44%)`);
    g.fillStyle = wall;
    g.fillRect(0, 0, width, height);
    const light = g.createRadialGradient(250, 90, 20, 250, 90, 620);
    light.addColorStop(0, "#fff8");
    light.addColorStop(1, "#fff0");
    g.fillStyle = light;
    g.fillRect(0, 0, width, height);
    g.fillStyle = `hsl(${hue + 30} 22% 32%)`;
    g.fillRect(0, 560, width, 160);
    g.fillStyle = "#0002";
    g.fillRect(1008, 76, 208, 124);
    g.fillStyle = "#f6f3ec";
    g.fillRect(1000, 68, 208, 124);
    for (let bit = 0; bit < 4; bit++) {
      const set = (number >> (3 - bit)) & 1;
      g.fillStyle = set ? "#fff" : "#000";
      g.fillRect(1008 + bit * 48, 76, 48, 54);
      g.fillStyle = set ? "#000" : "#fff";
      g.fillRect(1008 + bit * 48, 130, 48, 54);
    }
    const x = 600 + sway;
    disc(x, 760, 300, 270, `hsl(${hue + 170} 34% 36%)`);
    g.fillStyle = skin;
    g.fillRect(x - 48, 420, 96, 110);
    disc(x, 300, 138, 170, hair);
    disc(x, 330, 118, 148, skin);
    disc(x - 4, 212, 122, 66, hair);
    const blink = t > 0.94 ? 2 : 11;
    disc(x - 44, 322, 11, blink, "#20242c");
    disc(x + 44, 322, 11, blink, "#20242c");
    g.strokeStyle = "#7c3a33";
    g.lineWidth = 8;
    g.lineCap = "round";
    g.beginPath();
    g.arc(x, 372, 46, 0.25 * Math.PI, 0.75 * Math.PI);
    g.stroke();
  };
  return { canvas, paint };
}

/* Runs in the browser. */
function paintFrames(scene, frames) {
  const { canvas, paint } = scene;
  const pictures = [];
  for (let i = 0; i < frames; i++) {
    paint(i / frames);
    pictures.push(canvas.toDataURL("image/jpeg", 0.82).slice("data:image/jpeg;base64,".length));
  }
  return pictures;
}

async function writeWhole(path, content) {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}

/** The files of participant `number` (1-15), made at the first call: { tone, picture }. */
export async function mediaOf(number) {
  const folder = join(process.env.PLM_WORK ?? "/tmp/plenum-browser-tests", "media");
  await mkdir(folder, { recursive: true });
  const tone = join(folder, `tone-${TONES[number]}.wav`);
  const picture = join(folder, `picture-${number}.mjpeg`);
  if (!existsSync(tone)) await writeWhole(tone, toneFile(TONES[number]));
  if (!existsSync(picture)) {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const pictures = await page.evaluate(`(${paintFrames})((${makeScene})(${number}, ${SIZE.width}, ${SIZE.height}), ${FRAMES})`);
      await writeWhole(picture, Buffer.concat(pictures.map((text) => Buffer.from(text, "base64"))));
    } finally {
      await browser.close();
    }
  }
  return { tone, picture };
}
