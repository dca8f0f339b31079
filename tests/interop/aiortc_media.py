"""What aiortc sends in the tests: a tone, and a picture of one luma with something moving in it."""
import asyncio
import fractions

import av
import numpy
import peer
from aiortc import MediaStreamTrack


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, hertz):
        super().__init__()
        self.hertz, self.at = hertz, 0

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.at == 0:
            self.start = loop.time()
        await asyncio.sleep(self.start + self.at / peer.RATE - loop.time())
        t = (self.at + numpy.arange(960)) / peer.RATE
        samples = (numpy.sin(2 * numpy.pi * self.hertz * t) * 12000).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = peer.RATE, self.at, fractions.Fraction(1, peer.RATE)
        self.at += 960
        return frame


class Picture(MediaStreamTrack):
    kind = "video"

    def __init__(self, luma):
        super().__init__()
        self.luma, self.n = luma, 0

    async def recv(self):
        await asyncio.sleep(1 / peer.FPS)
        plane = numpy.full((peer.HEIGHT * 3 // 2, peer.WIDTH), 128, dtype=numpy.uint8)
        plane[: peer.HEIGHT] = self.luma
        x = self.n * 4 % (peer.WIDTH - 64)
        plane[80:144, x : x + 64] = numpy.random.randint(16, 235, (64, 64), dtype=numpy.uint8)
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts, frame.time_base = self.n * 90000 // peer.FPS, fractions.Fraction(1, 90000)
        self.n += 1
        return frame


async def hear(track, seconds, on_samples):
    """Give the last seconds of the first channel, as numbers from -1 to 1, with each frame."""
    samples = numpy.zeros(0)
    while True:
        frame = await track.recv()
        first = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0] / 32768
        samples = numpy.concatenate([samples, first])[-int(peer.RATE * seconds) :]
        on_samples(samples)


def luma(frame):
    return peer.luma_of(frame.to_ndarray(format="yuv420p")[: frame.height])
