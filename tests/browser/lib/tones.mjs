/* Which tones streams of a page have, where no AudioContext runs without a sound card: what comes is recorded, and the recording decoded. */
const RECORDED_MS = 2000;

/* Runs in the page: the tones of each stream for itself, lowest first. */
async function hearStreams(streams, tones, ms) {
  const RATE = 48_000;
  const record = (stream) =>
    new Promise((resolve, reject) => {
      const recorder = new MediaRecorder(new MediaStream(stream.getAudioTracks()));
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onerror = () => reject(new Error("recording failed"));
      recorder.onstop = () => resolve(new Blob(parts).arrayBuffer());
      recorder.start();
      setTimeout(() => recorder.stop(), ms);
    });
  const power = (samples, frequency) => {
    let [re, im] = [0, 0];
    samples.forEach((x, i) => {
      const phase = (2 * Math.PI * frequency * i) / RATE;
      re += x * Math.cos(phase);
      im += x * Math.sin(phase);
    });
    return Math.hypot(re, im) / samples.length;
  };
  const heard = await Promise.all(
    streams.map(async (stream) => {
      const recorded = await record(stream);
      if (recorded.byteLength === 0) return [];
      const decoded = await new OfflineAudioContext(1, RATE, RATE).decodeAudioData(recorded);
      const samples = decoded.getChannelData(0).subarray(-RATE / 2);
      return tones.filter((f) => power(samples, f) > 0.02);
    }),
  );
  return heard.flat().sort((a, b) => a - b);
}

/** Which of the tones are heard. @param findStreams runs in the page: those to listen to */
export const hear = (page, findStreams, tones) => page.evaluate(`(${hearStreams})((${findStreams})(), ${JSON.stringify(tones)}, ${RECORDED_MS})`);
