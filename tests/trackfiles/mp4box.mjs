/* What mp4box.js reads in files: node mp4box.mjs FILE… writes an array of JSON, an object for each file. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { createFile, MP4BoxBuffer } = createRequire(new URL("../../web/package.json", import.meta.url))("mp4box");

function read(path) {
  const file = createFile();
  const seen = { errors: [] };
  file.onError = (_module, message) => seen.errors.push(String(message));
  file.onReady = (info) => Object.assign(seen, info);
  const data = readFileSync(path);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength), 0));
  file.flush();
  return {
    errors: seen.errors,
    fragmented: seen.isFragmented,
    progressive: seen.isProgressive,
    seconds: seen.duration / seen.timescale,
    tracks: (seen.tracks ?? []).map((t) => ({ codec: t.codec, samples: t.nb_samples, seconds: t.samples_duration / t.timescale })),
  };
}

process.stdout.write(JSON.stringify(process.argv.slice(2).map(read)));
