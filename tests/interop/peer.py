"""What the programs of tests/interop share: their command line, WHIP and WHEP, and how a tone and a picture are recognised.

Every program is called
    PROGRAM publish URL --codec VP8 --seconds N --tone HZ --luma LEVEL [--setup active] [--restart]
    PROGRAM receive URL --codec VP8 --seconds N --tone HZ --luma LEVEL [--setup active] [--restart]
and writes one JSON object per line: {"event": "connected", "connected_ms": …}, at last {"event": "result", …}. A publisher sends a sine of
HZ and a picture most of which has the luma LEVEL, until its standard input ends; a receiver ends as soon as it has enough of both
(--hold N: as much as N seconds hold), or after --seconds with what it has.
"""
import argparse
import json
import re
import select
import sys
import time
import urllib.parse
import urllib.request

RATE = 48000
WIDTH, HEIGHT, FPS = 320, 240, 20

ENOUGH_FRAMES = 25
ENOUGH_AUDIO = 60
TONE_TOLERANCE = 0.03
LUMA_TOLERANCE = 12
QUIET = 0.01


def arguments(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("publish", "receive"))
    parser.add_argument("url")
    parser.add_argument("--codec", default="VP8")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--tone", type=float, default=440)
    parser.add_argument("--luma", type=int, default=100)
    parser.add_argument("--setup", choices=("actpass", "active"), default="actpass")
    parser.add_argument("--hold", type=float, default=0)
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--srtp", choices=("gcm", "cm"))
    parser.add_argument("--browser", choices=("chromium", "firefox"))
    return parser.parse_args(argv)


def enough(hold):
    """@return how many frames and audio packets show that media flowed for so many seconds"""
    return max(ENOUGH_FRAMES, int(hold * FPS * 0.95)), max(ENOUGH_AUDIO, int(hold * 50 * 0.95))


def emit(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def request(method, url, body=None, headers=None):
    """@return (status, headers, text)"""
    data = body.encode() if body is not None else None
    call = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    with urllib.request.urlopen(call, timeout=10) as reply:
        return reply.status, reply.headers, reply.read().decode()


class Resource:
    """One WHIP or WHEP resource (RFC 9725)."""

    def __init__(self, url, setup="actpass"):
        self.url, self.setup, self.location = url, setup, None

    def offer(self, sdp):
        """@return the answer"""
        if self.setup != "actpass":
            sdp = sdp.replace("a=setup:actpass", "a=setup:" + self.setup)
        status, headers, answer = request("POST", self.url, sdp, {"Content-Type": "application/sdp"})
        if status != 201:
            raise RuntimeError(f"POST: {status}")
        self.location = urllib.parse.urljoin(self.url, headers["Location"])
        if not re.search(r"^a=setup:passive\r$", answer, re.M):
            raise RuntimeError("the answer is not passive")
        return answer

    def delete(self):
        if self.location:
            request("DELETE", self.location)
            self.location = None


def tone_of(samples):
    """The loudest frequency of at least a quarter of a second of samples in -1..1, 0 when they are quiet."""
    import numpy

    samples = numpy.asarray(samples, dtype=float)[-RATE // 2 :]
    if len(samples) < RATE // 4 or numpy.sqrt(numpy.mean(samples**2)) < QUIET:
        return 0
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return round(float(spectrum.argmax()) * RATE / len(samples), 1)


def luma_of(plane):
    """The median of a plane of luma."""
    import numpy

    return int(numpy.median(numpy.frombuffer(plane, dtype=numpy.uint8) if isinstance(plane, bytes) else plane))


class Received:
    """What a receiver has so far."""

    def __init__(self, wanted):
        self.wanted, self.begin = wanted, time.monotonic()
        self.connected_ms = None
        self.audio_packets = self.video_frames = self.bytes = 0
        self.width = self.height = 0
        self.tone_hz, self.luma, self.codec, self.srtp = 0, -1, None, None

    def connected(self):
        if self.connected_ms is None:
            self.connected_ms = round((time.monotonic() - self.begin) * 1000)
            emit("connected", connected_ms=self.connected_ms)

    def content_ok(self):
        near = abs(self.tone_hz - self.wanted.tone) <= TONE_TOLERANCE * self.wanted.tone
        return near and abs(self.luma - self.wanted.luma) <= LUMA_TOLERANCE

    def enough(self):
        frames, packets = enough(self.wanted.hold)
        return self.video_frames >= frames and self.audio_packets >= packets and self.content_ok()

    def expired(self):
        return time.monotonic() - self.begin > self.wanted.seconds

    def emit(self, **more):
        names = "connected_ms audio_packets video_frames bytes width height tone_hz luma codec srtp".split()
        emit("result", content_ok=self.content_ok(), **{name: getattr(self, name) for name in names}, **more)


def input_ended(wait=0.1):
    """Whether whoever started this publisher wants it to end; waits for some seconds."""
    return bool(select.select([sys.stdin], [], [], wait)[0]) and not sys.stdin.read(1)
