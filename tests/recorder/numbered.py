"""
Media that tell where they are: each picture carries its number as bars, the tone steps each 200 ms. Made once by ffmpeg, sent in any order of
pieces, read back from a file that was recorded. Python's standard library and ffmpeg only.
"""
import array
import json
import math
import subprocess

FPS = 15
STEP_S = 0.2
STEPS = 32          # tones; then they repeat, after 6.4 s
WIDTH, HEIGHT, BITS = 320, 176, 16
RATE = 8000         # of what is read back


def tone_hz(step):
    return 300 + 40 * (step % STEPS)


def picture(number):
    """Bars: bit 15 leftmost; the lower half has each bar the other way round, so that a grey picture is no number."""
    bar = WIDTH // BITS
    row = b"".join((b"\xeb" if number >> (BITS - 1 - i) & 1 else b"\x10") * bar for i in range(BITS))
    other = bytes(0xEB if v == 0x10 else 0x10 for v in row)
    return row * (HEIGHT // 2) + other * (HEIGHT // 2) + b"\x80" * (WIDTH * HEIGHT // 2)


def run(args, data=None):
    done = subprocess.run(args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise AssertionError(f"{args}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def ivf_frames(data):
    at, frames = 32, []
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        frames.append(data[at + 12:at + 12 + size])
        at += 12 + size
    return frames


def annexb_frames(data):
    """Lists of NAL units, one list a picture: a picture begins at its access unit delimiter."""
    units, frames = [u for u in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if u], []
    for u in units:
        if u[0] & 31 == 9:
            frames.append([])
        elif u[0] & 31 in (1, 5, 7, 8):
            frames[-1].append(u.rstrip(b"\0") if u[0] & 31 in (7, 8) else u)
    return frames


def ogg_packets(data):
    at, packets, part = 0, [], b""
    while at < len(data):
        n = data[at + 26]
        lacing = data[at + 27:at + 27 + n]
        at += 27 + n
        for size in lacing:
            part += data[at:at + size]
            at += size
            if size < 255:
                packets.append(part)
                part = b""
    return packets[2:]  # OpusHead, OpusTags


class Media:
    """Numbered pictures and tones of so many seconds, encoded."""

    def __init__(self, seconds, codec="vp8", gop=FPS, bitrate="300k"):
        self.codec, self.seconds, self.gop = codec, seconds, gop
        raw = b"".join(picture(n) for n in range(seconds * FPS))
        head = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-"]
        if codec == "vp8":
            self.frames = ivf_frames(run(head + ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", bitrate, "-g", str(gop),
                                                 "-keyint_min", str(gop), "-lag-in-frames", "0", "-error-resilient", "default", "-f", "ivf", "-"], raw))
        else:
            self.frames = annexb_frames(run(head + ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-g",
                                                    str(gop), "-keyint_min", str(gop), "-b:v", bitrate, "-x264-params", "aud=1:slices=1:repeat-headers=1",
                                                    "-f", "h264", "-"], raw))
        assert len(self.frames) == seconds * FPS, len(self.frames)
        pcm = array.array("h")
        phase = 0.0
        for i in range(seconds * 48000):
            phase += 2 * math.pi * tone_hz(int(i / 48000 / STEP_S)) / 48000
            pcm.append(int(12000 * math.sin(phase)))
        self.sound = ogg_packets(run(["ffmpeg", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "-", "-c:a", "libopus", "-frame_duration", "20",
                                      "-vbr", "off", "-b:a", "32k", "-f", "ogg", "-"], pcm.tobytes()))

    def is_key(self, n):
        return n % self.gop == 0

    def payloads(self, n):
        """Picture n as RTP payloads, at most 1100 octets each."""
        frame = self.frames[n % len(self.frames)]
        if self.codec == "vp8":  # RFC 7741: with a picture id of 15 bits
            size = 1000
            parts = [frame[i:i + size] for i in range(0, len(frame), size)]
            return [bytes([0x80 | (0x10 if i == 0 else 0), 0x80, 0x80 | n >> 8 & 0x7F, n & 0xFF]) + p for i, p in enumerate(parts)]
        out = []
        for unit in frame:  # RFC 6184: single NAL units, FU-A
            if len(unit) <= 1100:
                out.append(unit)
                continue
            body, size = unit[1:], 1000
            for i in range(0, len(body), size):
                head = (0x80 if i == 0 else 0) | (0x40 if i + size >= len(body) else 0) | unit[0] & 31
                out.append(bytes([unit[0] & 0xE0 | 28, head]) + body[i:i + size])
        return out


# ---- read back ----

def probe(path):
    return json.loads(run(["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path]))


def decodes(path):
    """@return what ffmpeg complains of: nothing, of a file that is whole. Times are the file's, not rounded to its average frame rate."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-enc_time_base:v", "-1", "-f", "null", "-"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors="replace") if done.stdout or done.returncode else ""


def number_of(gray):
    """@return the number in a picture, None: there is none"""
    bar, number = WIDTH // BITS, 0
    for i in range(BITS):
        x = i * bar + bar // 2
        up, down = gray[WIDTH * (HEIGHT // 4) + x], gray[WIDTH * (3 * HEIGHT // 4) + x]
        if abs(up - down) < 90:
            return None
        number = number << 1 | (up > down)
    return number


def pictures(path):
    """[(seconds from the start of the file, number)]"""
    times = [float(t) for t in run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0",
                                    path]).decode().replace(",", "").split()]
    raw = run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-vf", f"scale={WIDTH}:{HEIGHT},format=gray", "-f", "rawvideo", "-"])
    size = WIDTH * HEIGHT
    assert len(raw) == size * len(times), (len(raw) / size, len(times))
    return [(t, number_of(raw[i * size:(i + 1) * size])) for i, t in enumerate(times)]


def tones(path, window_s=0.05):
    """[(seconds, step modulo STEPS; None: silence, or no tone)], for each window by its zero crossings."""
    pcm = array.array("h")
    pcm.frombytes(run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]))
    size, out = int(RATE * window_s), []
    for at in range(0, len(pcm) - size + 1, size):
        part = pcm[at:at + size]
        if max(part) < 3000:
            out.append((at / RATE, None))
            continue
        # Between the first and the last crossing, so that a part of a wave at the ends does not count.
        crossings = [i - part[i] / (part[i] - part[i - 1]) for i in range(1, size) if (part[i] >= 0) != (part[i - 1] >= 0)]
        hz = (len(crossings) - 1) / 2 / ((crossings[-1] - crossings[0]) / RATE) if len(crossings) > 2 else 0
        step = round((hz - 300) / 40)
        out.append((at / RATE, step if abs(hz - 300 - 40 * step) < 12 and 0 <= step < STEPS else None))
    return out
