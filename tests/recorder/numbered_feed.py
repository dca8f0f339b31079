"""A feed as plm-capture writes it, of numbered media in simulated time, with a change in the middle that few browsers make by themselves."""
import struct

import feeder
from feeder import CAMERA, CLOCK, CLOCK_BODY, CODECS, GONE, MICROPHONE, PACKET, PACKET_BODY, TRACK
from numbered import FPS, Media
from play_feed import RECORD

SECONDS = 9
CHANGE_MS, BACK_MS = 4000, 5000
KEY = 8  # struct plm_link_packet, info_flags


class Feed:
    def __init__(self, codecs):
        self.media = [Media(SECONDS + 1, c.lower()) for c in codecs]
        self.now, self.frames, self.instance = 1000000000, [], 7
        self.seq, self.ssrc = {MICROPHONE: 100, CAMERA: 65000}, 1  # pictures wrap
        self.turn = 0

    def put(self, kind, body, source):
        data = feeder.frame(kind, body, source, 1, self.instance, 1)
        self.frames.append(RECORD.pack(self.now, len(data)) + data)

    def announce(self):
        for source, codec in ((MICROPHONE, "opus"), (CAMERA, self.media[0].codec)):
            self.put(TRACK, struct.pack("<BBBBIB3xI", source != MICROPHONE, 1, 1, 0, 0, CODECS[codec], 0) + bytes(88), source)

    def clock(self, ms):
        for source, rate, bps, size in ((MICROPHONE, 48000, 0, (0, 0)), (CAMERA, 90000, 300000, (320, 176))):
            self.put(CLOCK, CLOCK_BODY.pack(0, 0, rate, ms * rate // 1000, self.now, bps, *size), source)

    def packet(self, source, ts, payload, codec, marker=False, key=False):
        """The last of a picture has its orientation (RFC 8285, one byte)."""
        self.seq[source] += 1
        seq, extension = self.seq[source], b""
        if source == CAMERA and marker:
            extension = struct.pack(">HHBB2x", 0xBEDE, 1, 0x10, self.turn)
        head = struct.pack(">BBHII", 0x90 if extension else 0x80, (0x80 if marker else 0) | 96, seq & 0xFFFF, ts & 0xFFFFFFFF, self.ssrc + source) + extension
        body = PACKET_BODY.pack(seq, ts, self.now, len(head), len(payload), 0, CODECS[codec], 0, marker, 0, 17 if extension else 0, 0, 0, 0, 0, 127, 0, 0, 0, 0,
                                KEY if key else 0, 0, 0, 0, 0)
        self.put(PACKET, body + head + payload, source)

    def picture(self, media, ms):
        n = ms * FPS // 1000
        parts = media.payloads(n)
        for i, part in enumerate(parts):
            self.packet(CAMERA, ms * 90, part, media.codec, i == len(parts) - 1, i == 0 and media.is_key(n))

    def sound(self, ms):
        self.packet(MICROPHONE, ms * 48, self.media[0].sound[ms // 20], "opus")


def change(feed, scenario):
    """At a second, where key frames are."""
    if scenario == "rotation":
        feed.turn ^= 1
    elif scenario == "ssrc":
        feed.ssrc, feed.seq = 77, {MICROPHONE: 9, CAMERA: 30000}
    elif scenario == "codec":
        feed.media.reverse()


def write(path, codecs, scenario):
    feed, away = Feed(codecs), False
    feed.announce()
    first = feed.now
    for ms in range(0, SECONDS * 1000):
        feed.now = first + ms * 1000
        if scenario == "rejoin" and CHANGE_MS <= ms < BACK_MS:
            if not away:
                feed.put(GONE, b"", MICROPHONE)
                feed.put(GONE, b"", CAMERA)
            away = True
            continue
        if away:
            away = False
            feed.instance, feed.ssrc, feed.seq = 8, 5, {MICROPHONE: 40000, CAMERA: 7}
            feed.announce()
        if ms == CHANGE_MS or (ms == BACK_MS + 2000 and scenario == "rotation"):
            change(feed, scenario)
        if ms % 1000 == 0:
            feed.clock(ms)
        if ms % 20 == 0:
            feed.sound(ms)
        if ms == 0 or ms * FPS // 1000 != (ms - 1) * FPS // 1000:
            feed.picture(feed.media[0], ms)
    with open(path, "wb") as f:
        f.write(b"".join(feed.frames))
