// A browser as publisher and receiver. The query holds the options of ../peer.py; what happens is posted to the program that serves this page.
const options = Object.fromEntries(new URLSearchParams(location.search));
const canvas = document.getElementById('canvas');
canvas.width = Number(options.width);
canvas.height = Number(options.height);
const pen = canvas.getContext('2d', { willReadFrequently: true });
const pc = new RTCPeerConnection();
const begin = performance.now();
const resource = { location: null, answer: null };
const heard = { analyser: null };
let connectedMs = null;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const post = (event, fields) => fetch('/event', { method: 'POST', body: JSON.stringify({ event, ...fields }) });

function tone(hertz) {
    const context = new AudioContext({ sampleRate: 48000 });
    const source = new OscillatorNode(context, { frequency: hertz });
    const gain = new GainNode(context, { gain: 0.4 });
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    source.connect(gain).connect(out);
    source.start();
    return out.stream.getAudioTracks()[0];
}

// Studio range luma as grey, and back.
const grey = (luma) => Math.round(((luma - 16) * 255) / 219);
const lumaOf = (r, g, b) => 16 + ((0.299 * r + 0.587 * g + 0.114 * b) * 219) / 255;

function picture(luma) {
    let n = 0;
    const draw = () => {
        const level = grey(luma);
        pen.fillStyle = `rgb(${level},${level},${level})`;
        pen.fillRect(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < 64; i++) {
            pen.fillStyle = `hsl(${Math.random() * 360},80%,50%)`;
            pen.fillRect(((n * 4) % 256) + (i % 8) * 8, 80 + (i >> 3) * 8, 8, 8);
        }
        n++;
    };
    draw();
    setInterval(draw, 1000 / Number(options.fps));
    return canvas.captureStream(Number(options.fps)).getVideoTracks()[0];
}

function seenLuma() {
    const video = document.getElementById('video');
    if (!video.videoWidth) return -1;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    const levels = [];
    for (let i = 0; i < data.length; i += 64) levels.push(lumaOf(data[i], data[i + 1], data[i + 2]));
    return Math.round(levels.sort((a, b) => a - b)[levels.length >> 1]);
}

function listen(track) {
    const context = new AudioContext({ sampleRate: 48000 });
    const stream = new MediaStream([track]);
    document.getElementById('audio').srcObject = stream; // Chromium decodes only what an element plays
    heard.analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(heard.analyser);
    context.resume();
}

function heardTone() {
    if (!heard.analyser) return 0;
    const bins = new Float32Array(heard.analyser.frequencyBinCount);
    heard.analyser.getFloatFrequencyData(bins);
    let best = 0;
    for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
    return bins[best] > -60 ? Math.round((best * heard.analyser.context.sampleRate * 10) / heard.analyser.fftSize) / 10 : 0;
}

function prefer(transceiver, codec) {
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    const wanted = all.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`.toLowerCase());
    if (!wanted.length) throw new Error(`this browser has no ${codec}`);
    transceiver.setCodecPreferences([...wanted, ...all.filter((c) => c.mimeType === 'video/rtx')]);
}

async function negotiate() {
    await pc.setLocalDescription(await pc.createOffer());
    const sdp = pc.localDescription.sdp.replaceAll('a=setup:actpass', `a=setup:${options.setup}`);
    const reply = await fetch(options.url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: sdp });
    if (reply.status !== 201) throw new Error(`POST: ${reply.status} ${await reply.text()}`);
    resource.location = new URL(reply.headers.get('Location'), options.url).href;
    post('resource', { location: resource.location });
    resource.answer = await reply.text();
    await pc.setRemoteDescription({ type: 'answer', sdp: resource.answer });
}

const lines = (sdp, pattern) => sdp.split('\r\n').filter((line) => pattern.test(line));

// RFC 9725 section 4.3.3: the new credentials go to the server, the answer is the old one with its new ones.
async function restart() {
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
    const offer = pc.localDescription.sdp;
    const fragment = [
        ...lines(offer, /^a=ice-(ufrag|pwd):/).slice(0, 2),
        lines(offer, /^m=/)[0],
        lines(offer, /^a=mid:/)[0],
        'a=end-of-candidates',
        '',
    ].join('\r\n');
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
    const reply = await fetch(resource.location, { method: 'PATCH', headers, body: fragment });
    if (reply.status !== 200) throw new Error(`PATCH: ${reply.status} ${await reply.text()}`);
    const text = await reply.text();
    for (const name of ['ufrag', 'pwd']) {
        const [after] = lines(text, new RegExp(`^a=ice-${name}:`));
        if (!after || resource.answer.includes(after)) throw new Error(`no new ${name}`);
        resource.answer = resource.answer.replace(new RegExp(`^a=ice-${name}:.*$`, 'mg'), after);
    }
    await pc.setRemoteDescription({ type: 'answer', sdp: resource.answer.replaceAll('\r\r', '\r') });
}

async function counted() {
    const got = { audio_packets: 0, video_frames: 0, bytes: 0, width: 0, height: 0, codec: null, srtp: null, pair: null };
    const stats = await pc.getStats();
    stats.forEach((s) => {
        if (s.type === 'inbound-rtp' || s.type === 'outbound-rtp') {
            got.bytes += s.bytesReceived ?? s.bytesSent ?? 0;
            if (s.kind === 'audio') got.audio_packets += s.packetsReceived ?? s.packetsSent ?? 0;
            else {
                got.video_frames += s.framesDecoded ?? s.framesEncoded ?? 0;
                got.width = s.frameWidth ?? 0;
                got.height = s.frameHeight ?? 0;
                const codec = stats.get(s.codecId);
                if (codec) got.codec = codec.mimeType.split('/')[1];
            }
        }
        if (s.type === 'transport' && s.srtpCipher) got.srtp = s.srtpCipher;
    });
    return got;
}

async function report(event, since) {
    const now = await counted();
    if (options.verb === 'receive') Object.assign(now, { tone_hz: heardTone(), luma: seenLuma() });
    now.audio_packets -= since.audio_packets;
    now.video_frames -= since.video_frames;
    await post(event, { connected_ms: connectedMs, ...now });
    return now;
}

function prepare() {
    if (options.verb === 'publish') {
        pc.addTransceiver(tone(Number(options.tone)), { direction: 'sendonly' });
        prefer(pc.addTransceiver(picture(Number(options.luma)), { direction: 'sendonly' }), options.codec);
        return;
    }
    pc.ontrack = ({ track }) => {
        if (track.kind === 'audio') listen(track);
        else document.getElementById('video').srcObject = new MediaStream([track]);
    };
    pc.addTransceiver('audio', { direction: 'recvonly' });
    prefer(pc.addTransceiver('video', { direction: 'recvonly' }), options.codec);
}

async function main() {
    let since = { audio_packets: 0, video_frames: 0 };
    pc.onconnectionstatechange = () => {
        if (pc.connectionState === 'connected' && connectedMs === null) {
            connectedMs = Math.round(performance.now() - begin);
            post('connected', { connected_ms: connectedMs });
        }
    };
    prepare();
    await negotiate();
    let restarted = options.restart !== '1';
    for (;;) {
        await sleep(250);
        const now = await report('progress', since);
        if (!restarted && now.audio_packets > 30) {
            restarted = true;
            await restart();
            await sleep(1000); // an old path would carry media on: what counts comes a while later
            since = await counted();
            await post('restarted', {});
        }
    }
}

addEventListener('error', (event) => post('failed', { reason: event.message }));
main().catch((error) => post('failed', { reason: String(error) }));
