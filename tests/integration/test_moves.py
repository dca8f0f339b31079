#!/usr/bin/python3
"""
Five people are moved at once between two breakout rooms, by force: how long until each hears and sees somebody of the room they are in
now. Real sockets, DTLS, SRTP and VP8; nothing is negotiated at a move. The clock starts when the command is sent.

A round in which this program itself was held up (a loaded machine) measures nothing and is made again; so is one in which the kernel
dropped datagrams for want of room in a socket. Any other gap in a receiver's numbers is a failure.
"""
import fractions
import json
import os
import re
import statistics
import struct
import sys
import threading
import time

from rawrtc import AUDIO_PT, RTX_PT, Peer, Server, rtp, parse_rtp, wait_for
from ws_client import WebSocket

try:
    import av
    import numpy
    from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder, vp8_depayload
    from aiortc.jitterbuffer import JitterFrame
except ImportError as missing:
    print("skipped:", missing, "(Debian's python3-aiortc)")
    sys.exit(77)

MOVERS, STANDING, ROUNDS, REPEATED = 5, 2, 12, 12
HELD_UP_S = 0.05
FRAME_S = 1 / 15
AUDIO_MS, VIDEO_MS = 200, 700  # p95, from the command


class Session:
    """One participant's socket: requests and their replies, and what else came, with its time."""

    def __init__(self, server, name):
        self.ws, self.next_id, self.events, self.replies = WebSocket(server), 0, [], {}
        self.ws.socket.settimeout(None)
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.joined = self.ask("join", room="school", name=name)
        assert self.joined["type"] == "joined", self.joined
        self.id = self.joined["participant"]

    def read(self):
        while (message := self.ws.receive()) is not None:
            with self.changed:
                if "id" in message:
                    self.replies[message["id"]] = message
                else:
                    self.events.append((time.monotonic(), message))
                self.changed.notify_all()

    def ask(self, kind, **fields):
        with self.changed:
            self.next_id += 1
            want = self.next_id
        self.ws.send_text(json.dumps({"type": kind, "id": want, **fields}))
        with self.changed:
            assert self.changed.wait_for(lambda: want in self.replies, 15), f"no answer to {kind}"
            reply = self.replies.pop(want)
        assert reply["type"] != "error", reply
        return reply


class Door:
    """Makes rawrtc's Peer speak over a session instead of WHIP and WHEP."""

    def __init__(self, server, session):
        self.server, self.session, self.rtc = server, session, server.rtc

    def log_tail(self):
        return self.server.log_tail()

    def request(self, _method, path, body=None, _headers=None):
        if path == "/whip":
            tracks = [{"mid": "0", "source": "microphone", "muted": False}, {"mid": "1", "source": "camera", "muted": False}]
            return 201, {"Location": None}, self.session.ask("publish", sdp=body.decode(), tracks=tracks)["sdp"]
        people = MOVERS + STANDING - 1
        offer = self.session.ask("receive", pairs=people, audio_only=0, screens=0)["sdp"]
        self.session.ask("answer", sdp=self.answer(offer, body.decode()))
        return 201, {"Location": None}, offer

    @staticmethod
    def answer(offer, own):
        """The server's offer turned round, with the credentials of the peer's own description."""
        for name in ("ice-ufrag", "ice-pwd", "fingerprint"):
            value = re.search(rf"a={name}:(.*)\r", own)[1]
            offer = re.sub(rf"a={name}:.*\r", f"a={name}:{value}\r", offer)
        offer = re.sub(r"a=(ssrc|ssrc-group|msid|candidate|end-of-candidates|ice-lite)\b.*\r\n", "", offer)
        return offer.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")


class Publisher(threading.Thread):
    """A microphone whose packets say whose they are, and a camera in one shade of grey. A picture loss indication is heeded."""

    def __init__(self, server, session, level):
        super().__init__(daemon=True)
        self.who, self.running, self.level = session.id, True, level
        self.peer = Peer(Door(server, session), "/whip").wait_connected()
        self.encoder = Vp8Encoder()
        self.encoder.target_bitrate = 200000
        self.heeded = self.audio = self.seq = self.frames = self.keys = 0
        self.start()

    def key_wanted(self):
        with self.peer.lock:
            news, self.heeded = self.peer.rtcp[self.heeded:], len(self.peer.rtcp)
        for _, packet in news:
            while len(packet) >= 4:
                size = 4 * (struct.unpack(">H", packet[2:4])[0] + 1)
                if packet[1] == 206 and packet[0] & 31 == 1:
                    return True
                packet = packet[size:]
        return False

    def run(self):
        begin = time.monotonic()
        want = True
        while self.running:
            t = time.monotonic() - begin
            while self.audio < t * 50:
                self.peer.send_rtp(rtp(self.peer.audio_ssrc, self.audio, self.audio * 960, AUDIO_PT,
                                       b"A" + struct.pack(">I", self.who) + bytes(60), mid=b"0", level=self.level))
                self.audio += 1
            want |= self.key_wanted()
            if t >= self.frames * FRAME_S:
                self.send_frame(want)
                want = False
            time.sleep(0.004)

    def send_frame(self, key):
        picture = numpy.random.randint(shade(self.who) - 3, shade(self.who) + 4, (90, 160), dtype=numpy.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = self.frames * 6000, fractions.Fraction(1, 90000)
        payloads, _ = self.encoder.encode(frame, force_keyframe=key)
        self.keys += key
        for i, payload in enumerate(payloads):
            self.peer.send_rtp(rtp(self.peer.video_ssrc, self.seq, self.frames * 6000, 96, payload,
                                   marker=i == len(payloads) - 1, mid=b"1"))
            self.seq += 1
        self.frames += 1

    def stop(self):
        self.running = False
        self.join()
        self.peer.close()


def shade(who):
    """The grey of a participant's picture: another for each of eleven ids in a row, and no more than six are there at a time."""
    return 20 + who % 11 * 20


class Receiver(Peer):
    """
    Notes when somebody is heard, and decodes from the first key frame that comes after a move. Where packets are missing it does as
    every receiver does: it leaves the frame and asks for a key frame.
    """

    def __init__(self, server, session):
        self.heard, self.seen, self.decoders, self.frames = {}, {}, {}, {}
        self.newest, self.gaps = {}, []
        super().__init__(Door(server, session), "/whep")
        self.wait_connected()

    def clear(self):
        with self.lock:
            self.heard, self.seen, self.decoders, self.frames = {}, {}, {}, {}

    def take(self, data):
        super().take(data)
        with self.lock:
            packets, self.rtp = self.rtp, []
            for packet in packets:
                assert packet, "a packet that cannot be opened"
                self.look(time.monotonic(), *parse_rtp(packet))

    def look(self, now, ssrc, seq, pt, marker, payload):
        if payload[:1] == b"A" and len(payload) == 65:
            self.heard.setdefault(struct.unpack(">I", payload[1:5])[0], now)
        elif pt not in (AUDIO_PT, RTX_PT):
            self.look_at_video(now, ssrc, seq, marker, payload)

    def look_at_video(self, now, ssrc, seq, marker, payload):
        if seq != self.newest.get(ssrc, seq - 1) + 1 & 0xFFFF:
            self.gaps.append((ssrc, self.newest[ssrc], seq))
            self.frames.pop(ssrc, None)
            self.decoders.pop(ssrc, None)
            self.ask_key_frame(ssrc)
        self.newest[ssrc] = seq
        if payload and payload[0] & 0x17 == 0x10:  # RFC 7741 section 4.2: S and partition 0, a frame's first packet
            self.frames[ssrc] = b""
        if payload and ssrc in self.frames:
            self.frames[ssrc] += vp8_depayload(payload)
            if marker:
                self.decode(now, ssrc, self.frames.pop(ssrc))

    def ask_key_frame(self, ssrc):
        """RFC 4585 section 6.3.1"""
        self.send_raw(self.tx.protect_rtcp(struct.pack(">BBHII", 0x81, 206, 2, self.video_ssrc, ssrc)))

    def decode(self, now, ssrc, frame):
        if ssrc not in self.decoders:
            if not frame or frame[0] & 1:
                return  # RFC 7741 section 4.3: 0 is a key frame
            self.decoders[ssrc] = Vp8Decoder()
        for picture in self.decoders[ssrc].decode(JitterFrame(data=frame, timestamp=0)):
            self.seen.setdefault(round((picture.to_ndarray(format="gray").mean() - 20) / 20), now)


class Watch(threading.Thread):
    """How late this program's own threads wake up at worst."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst = 0
        self.start()

    def run(self):
        while True:
            before = time.monotonic()
            time.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - before - 0.005)


def dropped(ports):
    """How many datagrams the kernel dropped at this machine's UDP sockets of these ports."""
    with open("/proc/net/udp", encoding="ascii") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[1].rsplit(":", 1)[1], 16) in ports)


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def describe(name, values):
    print(f"{name}: median {statistics.median(values):.0f} ms, p95 {percentile(values, 95):.0f} ms, "
          f"worst {max(values):.0f} ms, {len(values)} samples")


class Meeting:
    def __init__(self, server):
        self.server = server
        self.lead = Session(server, "lead")
        people = [Session(server, f"p{i}") for i in range(MOVERS + 2 * STANDING)]
        self.movers, standing = people[:MOVERS], people[MOVERS:]
        self.standing = [standing[:STANDING], standing[STANDING:]]
        # Not everybody is heard at a time, only the loudest: let it be those who stay.
        self.publishers = [Publisher(server, s, 40 if s in self.movers else 10) for s in people]
        self.receivers = [Receiver(server, s) for s in self.movers]
        self.ports = {server.rtc} | {p.socket.getsockname()[1] for p in self.receivers}
        self.lead.ask("breakout_open", rooms=[{"name": "red"}, {"name": "blue"}], force=True, places=[
            {"participant": s.id, "room": 1} for s in self.movers + self.standing[0]] + [
            {"participant": s.id, "room": 2} for s in self.standing[1]])

    def move(self, number):
        """@return four lists, ms per mover: until it was told, heard the first, saw the first, saw all"""
        told, audio, first, last = [], [], [], []
        fellows = {s.id for s in self.movers + self.standing[number - 1]}
        ghosts = {s.id for s in self.standing[2 - number]}
        counts = [len(s.events) for s in self.movers]
        begin = time.monotonic()
        for r in self.receivers:
            r.clear()
        self.lead.ask("breakout_assign", force=True, places=[{"participant": s.id, "room": number} for s in self.movers])
        others = {s.id for s in self.standing[number - 1]}
        for session, receiver, count in zip(self.movers, self.receivers, counts):
            rest = fellows - {session.id}
            wait_for(lambda: rest <= receiver.seen.keys() and others & receiver.heard.keys(), 10,
                     f"{session.id} hears {receiver.heard.keys()} and sees {receiver.seen.keys()} of {rest}")
            with session.changed:
                moved = [(at, m) for at, m in session.events[count:] if m["type"] == "moved"]
                assert not any(m["type"] == "connection_lost" for _, m in session.events[count:])
            assert len(moved) == 1 and moved[0][1]["room"]["breakout"] == number, moved
            told.append((moved[0][0] - begin) * 1000)
            # Fellow movers were heard before, too: only who stood in the new room proves the arrival.
            audio.append((min(receiver.heard[who] for who in others if who in receiver.heard) - begin) * 1000)
            first.append((min(receiver.seen[who] for who in others) - begin) * 1000)
            last.append((max(receiver.seen[who] for who in rest) - begin) * 1000)
        for receiver in self.receivers:
            receiver.clear()
        time.sleep(0.4)
        for receiver in self.receivers:
            assert not ghosts & (receiver.heard.keys() | receiver.seen.keys()), "somebody of the former room"
        return told, audio, first, last

    def dropped(self):
        return dropped(self.ports)

    def gaps(self):
        return [gap for receiver in self.receivers for gap in receiver.gaps]

    def close(self):
        for publisher in self.publishers:
            publisher.stop()
        for receiver in self.receivers:
            receiver.close()


def measure(server, watch):
    meeting = Meeting(server)
    wait_for(lambda: all(len(r.seen) >= MOVERS + STANDING - 1 for r in meeting.receivers), 20, "all see all")
    transports = server.metrics()["plenum_transports"]
    results, good, repeated = [[], [], [], []], 0, 0
    while good < ROUNDS:
        drops = meeting.dropped()  # a gap shows with the packet after it
        time.sleep(0.3 + good % 4 * 0.2)
        watch.worst, gaps = 0, meeting.gaps()
        figures = meeting.move(2 - (good + repeated) % 2)
        drops = meeting.dropped() - drops
        assert drops or meeting.gaps() == gaps, meeting.gaps()[len(gaps):]
        if (watch.worst > HELD_UP_S or drops) and repeated < REPEATED:
            repeated += 1
            continue
        good += 1
        for values, new in zip(results, figures):
            values += new
    assert server.metrics()["plenum_transports"] == transports
    told, audio, first, last = results
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {repeated} rounds made again; key frames per publisher and move: "
          f"{sum(p.keys for p in meeting.publishers) / len(meeting.publishers) / (ROUNDS + repeated):.1f}")
    describe("told of it (moved)", told)
    describe("first audio packet", audio)
    describe("first decoded frame", first)
    describe("everybody seen", last)
    meeting.close()
    assert percentile(audio, 95) <= AUDIO_MS, "first audio packet too late"
    assert percentile(first, 95) <= VIDEO_MS, "first decoded frame too late"


def main():
    watch = Watch()
    for workers in (1, 2):
        print(f"{workers} media workers")
        server = Server(rtc_workers=workers)
        try:
            measure(server, watch)
        except BaseException:
            print(server.log_tail())
            raise
        finally:
            code = server.stop()
        assert code == 0, code


if __name__ == "__main__":
    main()
