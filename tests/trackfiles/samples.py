"""
Real samples for the writer: pictures and sound as ffmpeg encodes them, taken apart by code of our own into what the recorder gets from RTP.
"""
import functools
import json
import os
import struct
import subprocess

SILENT = ["-hide_banner", "-loglevel", "error", "-nostdin"]
CODECS = {"opus": 1, "vp8": 2, "vp9": 3, "h264": 4, "av1": 5}
ENCODERS = {
    "vp8": ["libvpx", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0", "-lag-in-frames", "0"],
    "vp9": ["libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0", "-lag-in-frames", "0", "-row-mt", "0"],
    "h264": ["libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-qmax", "20", "-profile:v", "baseline", "-x264-params", "aud=1:repeat-headers=1"],
    "av1": ["libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"],
}
FPS = 30


class Sample:
    def __init__(self, codec, time_us, data, keyframe=True, duration_us=0, config=b"", size=(0, 0)):
        self.codec, self.time_us, self.data, self.keyframe = codec, time_us, data, keyframe
        self.duration_us, self.config, self.size = duration_us, config, size


def ffmpeg(arguments):
    done = subprocess.run(["ffmpeg", *SILENT, *arguments, "-"], stdout=subprocess.PIPE, check=True)
    return done.stdout


def source(seconds, size):
    """A picture with noise at its edges; the brightness of its middle tells the time: 20 + 2 for each tenth of a second."""
    width, height = size
    noise = f"testsrc2=size={width}x{height}:rate={FPS}:duration={seconds}"
    clock = f"nullsrc=size=16x16:rate={FPS}:duration={seconds},geq=lum='20+2*mod(floor(T*10+0.001),100)':cb=128:cr=128,scale={width // 2}:{height // 2}:flags=neighbor"
    return ["-filter_complex", f"{noise},format=yuv420p[n];{clock},format=yuv420p[c];[n][c]overlay={width // 4}:{height // 4}"]


def ivf(data):
    at = struct.unpack_from("<H", data, 6)[0]
    while at + 12 <= len(data):
        size = struct.unpack_from("<I", data, at)[0]
        yield data[at + 12:at + 12 + size]
        at += 12 + size


def leb128(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def av1_obus(unit):
    at = 0
    while at < len(unit):
        begin, kind, extension = at, unit[at] >> 3 & 15, unit[at] >> 2 & 1
        size, at = leb128(unit, at + 1 + extension)
        at += size
        yield kind, unit[begin:at]


def nal_units(stream):
    starts, at = [], stream.find(b"\0\0\1")
    while at >= 0:
        starts.append(at)
        at = stream.find(b"\0\0\1", at + 3)
    for i, start in enumerate(starts):
        end = starts[i + 1] if i + 1 < len(starts) else len(stream)
        yield stream[start + 3:end].rstrip(b"\0") if i + 1 < len(starts) else stream[start + 3:end]


def access_units(stream):
    unit = []
    for nal in nal_units(stream):
        if nal[0] & 31 == 9:  # access unit delimiter
            if unit:
                yield unit
            unit = []
        else:
            unit.append(nal)
    yield unit


def avcc(units):
    sps = next(n for n in units if n[0] & 31 == 7)
    pps = next(n for n in units if n[0] & 31 == 8)
    return bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1]) + struct.pack(">H", len(sps)) + sps + b"\x01" + struct.pack(">H", len(pps)) + pps


def h264(stream):
    for unit in access_units(stream):
        keyframe = any(n[0] & 31 == 5 for n in unit)
        yield b"".join(struct.pack(">I", len(n)) + n for n in unit), keyframe, avcc(unit) if keyframe else b""


def av1(stream):
    for unit in ivf(stream):
        obus = [(kind, obu) for kind, obu in av1_obus(unit) if kind != 2]  # temporal delimiter
        header = next((obu for kind, obu in obus if kind == 1), b"")
        yield b"".join(obu for _, obu in obus), bool(header), header


def vp8(stream):
    for frame in ivf(stream):
        yield frame, not frame[0] & 1, b""


def vp9(stream):
    for frame in ivf(stream):
        yield frame, frame[0] & 0xCC == 0x80, b""


@functools.lru_cache(None)
def pictures(codec, seconds, size=(320, 180), kbps=300, gop=30):
    """Encode. @return samples from time 0 on"""
    form = "h264" if codec == "h264" else "ivf"
    encoded = ffmpeg([*source(seconds, size), "-c:v", *ENCODERS[codec], "-pix_fmt", "yuv420p", "-b:v", f"{kbps}k", "-g", str(gop), "-threads", "2", "-f", form])
    take = {"vp8": vp8, "vp9": vp9, "h264": h264, "av1": av1}[codec]
    return [
        Sample(codec, i * 1000000 // FPS, data, keyframe, config=config, size=size)
        for i, (data, keyframe, config) in enumerate(take(encoded))
    ]


def ogg_packets(data):
    at, packet = 0, b""
    while at < len(data):
        count = data[at + 26]
        sizes = data[at + 27:at + 27 + count]
        at += 27 + count
        for size in sizes:
            packet += data[at:at + size]
            at += size
            if size < 255:
                yield packet
                packet = b""


def sound(seconds):
    """A tone of 440 Hz. @return samples of 20 ms"""
    encoded = ffmpeg(["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}", "-ac", "2", "-c:a", "libopus", "-b:a", "32k", "-frame_duration", "20", "-f", "ogg"])
    packets = list(ogg_packets(encoded))[2:]
    return [Sample("opus", i * 20000, p, duration_us=20000) for i, p in enumerate(packets)]


def merge(*kinds):
    return sorted((s for kind in kinds for s in kind), key=lambda s: s.time_us)


HEAD = struct.Struct("<BBBBBBHHHIqII")


def record(op, file=0, codec=0, keyframe=0, profile=0, sound=0, size=(0, 0), rotation=0, duration_us=0, time_us=0, config=b"", data=b""):
    return HEAD.pack(ord(op), file, codec, keyframe, profile, sound, size[0], size[1], rotation, duration_us, time_us, len(config), len(data)) + config + data


START_US = 5_000_000_000


def opening(name, samples, file=0, rotation=0, with_sound=None):
    video = next((s for s in samples if s.codec != "opus"), None)
    audio = any(s.codec == "opus" for s in samples) if with_sound is None else with_sound
    return record("O", file, CODECS[video.codec] if video else 0, sound=audio, size=video.size if video else (0, 0), rotation=rotation, time_us=START_US,
                  config=video.config if video else b"", data=name.encode())


def sample(s, file=0):
    return record("S", file, CODECS[s.codec], s.keyframe, size=s.size, duration_us=s.duration_us, time_us=START_US + s.time_us, config=s.config, data=s.data)


def script(name, samples, end_us=None, file=0, rotation=0, close=True):
    """Everything that makes one file."""
    parts = [opening(name, samples, file, rotation)] + [sample(s, file) for s in samples]
    if close:
        end = end_us if end_us is not None else max(s.time_us for s in samples) + 33333
        parts.append(record("C", file, time_us=START_US + end))
    return b"".join(parts)


ID = "0123456789abcdef0123456789abcdef"


def journal(*names):
    """The lines without which no manifest can be made."""
    lines = [{"type": "recording", "t_us": 0, "format": 1, "id": ID, "key": "hall", "name": "Hall", "started_ms": 1790000000000, "mono_us": START_US}]
    lines += [{"type": "file", "t_us": 0, "file": name, "participant": 1, "pair": "camera", "start_us": 0, "audio": "opus"} for name in names]
    return b"".join(record("J", data=json.dumps(line).encode()) for line in lines)


def feed(folder, records, *options, environment=None):
    """@return events, figures"""
    done = subprocess.run([os.environ["PLM_FEED"], folder, ID, *options], input=records, stdout=subprocess.PIPE, env=dict(os.environ, **(environment or {})), check=True, timeout=120)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [e for e in events[:-1] if e["event"] != "fed"], events[-1]


def command(word, folder):
    """One of the recorder's commands. @return its exit status, what it told of the recording"""
    done = subprocess.run([os.environ["PLM_FEED"], word, folder, "--json"], stdout=subprocess.PIPE, check=False, timeout=120)
    return done.returncode, json.loads(done.stdout or b"null")


def probe(path, *entries):
    done = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries", ":".join(entries), "-of", "json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 0 and not done.stderr, (path, done.stderr)
    return json.loads(done.stdout)


def packets(path):
    """@return how many packets of pictures and of sound are in it"""
    streams = probe(path, "stream=codec_type,nb_read_packets")["streams"]
    counts = {s["codec_type"]: int(s["nb_read_packets"]) for s in streams}
    return counts.get("video", 0), counts.get("audio", 0)


def decodes(path):
    """@return what ffmpeg complains about when it decodes all of it, "": nothing"""
    done = subprocess.run(["ffmpeg", *SILENT, "-i", path, "-f", "null", "-"], stderr=subprocess.PIPE, check=False, timeout=60)
    return done.stderr.decode() or ("" if done.returncode == 0 else f"status {done.returncode}")
