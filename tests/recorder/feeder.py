"""
What a server is to a recorder (media/base/link_frame.h, recording_format.h), written from those headers: a control connection, one of a worker, tracks that
play numbered media. And a recorder of one's own. Python's standard library only.
"""
import json
import mmap
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from numbered import FPS

PROGRAM = os.environ.get("PLM_RECORDER", "plenum-recorder")

TRACK, GONE, PACKET, CLOCK, DEMAND, HELLO, CONTROL, RING = 2, 3, 4, 5, 6, 9, 10, 11
MICROPHONE, CAMERA, SCREEN, SCREEN_AUDIO = range(4)
CODECS = {"opus": 1, "vp8": 2, "vp9": 3, "h264": 4, "av1": 5}
MAGIC, VERSION = 0x4B4E4C50, 2
DEMAND_HOLDS_S = 3

HEADER = struct.Struct("<IBBHIIII")
HELLO_BODY = struct.Struct("<IHBBQQQ")
PACKET_BODY = struct.Struct("<QQQHHBBBBHHHHBBBBHHHBBBBB25x")
CLOCK_BODY = struct.Struct("<BB2xIQqIHH8x")
assert (HEADER.size, HELLO_BODY.size, PACKET_BODY.size, CLOCK_BODY.size) == (24, 32, 80, 40)


def mono_us():
    return time.monotonic_ns() // 1000


class Recorder:
    """plenum-recorder on a folder of its own."""

    def __init__(self, folder=None, env=None, args=()):
        self.home = tempfile.mkdtemp(prefix="plenum-recorder-")
        self.dir = folder or os.path.join(self.home, "recordings")
        self.socket, self.log_path = os.path.join(self.home, "socket"), os.path.join(self.home, "log")
        self.env, self.args, self.process = dict(os.environ, **(env or {})), list(args), None
        self.start()

    def start(self):
        """@return seconds until it was ready"""
        before, began = self.log().count("is ready"), time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", "--dir", self.dir, "--socket", self.socket, *self.args], stdout=log, stderr=log, env=self.env)
        wait_for(lambda: self.alive() and self.log().count("is ready") > before, 20, "the recorder is ready")
        return time.monotonic() - began

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the recorder ended with {self.process.returncode}: {self.log()[-3000:]}")
        return True

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        assert status == 0, (status, self.log()[-3000:])

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(self.log()[-4000:])
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.kill()
            shutil.rmtree(self.home, ignore_errors=True)

    def path(self, recording, name):
        return os.path.join(self.dir, recording, name)

    def manifest(self, recording):
        with open(self.path(recording, "manifest.json"), encoding="utf-8") as f:
            return json.load(f)

    def journal(self, recording):
        with open(self.path(recording, "journal.jsonl"), encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def command(self, *args):
        """@return (status, output)"""
        done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode()


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def frame(kind, body=b"", source=0, room=0, instance=0, participant=0):
    return HEADER.pack(len(body), kind, source, 0, room, instance, participant, 0) + body


def sound_track(room, participant):
    """A microphone is published beside a camera that is off: no file waits for a picture."""
    camera = frame(TRACK, track_body(False, CODECS["vp8"], True), CAMERA, room, 7, participant)
    return camera + frame(TRACK, track_body(True, CODECS["opus"], False), MICROPHONE, room, 7, participant)


def track_body(sound, codec, muted):
    return struct.pack("<BBBBI", 0 if sound else 1, 1, 1, muted, 0) + struct.pack("<B3xI", codec, 0) + bytes(8 * 11)


def packet_body(seq, ts, codec, payload, marker):
    rtp = struct.pack(">BBHII", 0x80, (0x80 if marker else 0) | 96, seq & 0xFFFF, ts & 0xFFFFFFFF, 1) + payload
    return PACKET_BODY.pack(seq, ts, mono_us(), 12, len(payload), 0, codec, 0, 1 if marker else 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0) + rtp


def sound_packet(n, payload):
    """The body of a microphone's packet n."""
    return packet_body(n + 1, n * 960, CODECS["opus"], payload, False)


def feed_sound(server, rooms, people, payloads, demanded=False):
    """
    Everybody's microphone by the clock, each packet of all of them in one write.
    @param demanded only while the recorder asks for it, as a server does
    @return the numbers of those that were sent
    """
    sent = []
    everybody = [(room, person) for room in range(1, rooms + 1) for person in range(1, people + 1)]
    server.worker.send(b"".join(sound_track(room, person) for room, person in everybody))
    began = time.monotonic()
    for n, payload in enumerate(payloads):
        time.sleep(max(0, began + n / 50 - time.monotonic()))
        if demanded and server.demands and time.monotonic() > server.demands[-1][0] + DEMAND_HOLDS_S:
            continue
        sent.append(n)
        body = sound_packet(n, payload)
        server.worker.send(b"".join(frame(PACKET, body, MICROPHONE, room, 7, person) for room, person in everybody))
    return sent


class Ring:
    """The writer's end of media/base/feed_ring.h, and what waits for room in it."""

    CONTROL, WRITTEN, TAKEN = 1 << 16, 8, 16  # octets before the data; positions, in words of 8 octets

    def __init__(self, descriptor):
        self.map = mmap.mmap(descriptor, 0)
        self.size, self.words, self.waiting = len(self.map) - self.CONTROL, memoryview(self.map).cast("Q"), b""

    def send(self, data):
        self.waiting += data
        written = self.words[self.WRITTEN]
        room = self.size - (written - self.words[self.TAKEN])
        part, self.waiting = self.waiting[:room], self.waiting[room:]
        at = written % self.size
        first, rest = part[:self.size - at], part[self.size - at:]
        self.map[self.CONTROL + at:self.CONTROL + at + len(first)] = first
        self.map[self.CONTROL:self.CONTROL + len(rest)] = rest
        self.words[self.WRITTEN] = written + len(part)


class Connection(threading.Thread):
    """One of the server's connections; reads by itself. A ring that is offered is taken when the worker is one that wants it."""

    def __init__(self, recorder, epoch, role, on_frame, wants_ring=False):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)  # as a worker does
        self.socket.connect(recorder.socket)
        self.on_frame, self.lock, self.closed = on_frame, threading.Lock(), False
        self.wants_ring, self.ring, self.has_ring = wants_ring, None, threading.Event()
        self.hello = threading.Event()
        self.send(frame(HELLO, HELLO_BODY.pack(MAGIC, VERSION, role, 0, epoch, mono_us(), time.time_ns() // 1000)))
        self.start()
        assert self.hello.wait(5), "no hello"
        assert not wants_ring or self.has_ring.wait(5), "no ring"

    def send(self, data):
        with self.lock:
            if self.ring:
                self.ring.send(data)
            elif not self.closed:
                try:
                    self.socket.sendall(data)
                except OSError:
                    self.closed = True

    def take_ring(self, descriptors):
        if descriptors and self.wants_ring:
            self.send(frame(RING))
            self.ring = Ring(descriptors[0])
            self.has_ring.set()
        for d in descriptors:
            os.close(d)

    def run(self):
        got = b""
        try:
            while (received := socket.recv_fds(self.socket, 65536, 1))[0]:
                got += received[0]
                self.take_ring(received[1])
                while len(got) >= HEADER.size and len(got) >= HEADER.size + (size := HEADER.unpack_from(got)[0]):
                    head, body, got = HEADER.unpack_from(got), got[HEADER.size:HEADER.size + size], got[HEADER.size + size:]
                    if head[1] == HELLO:
                        assert HELLO_BODY.unpack(body)[:2] == (MAGIC, VERSION)
                        self.hello.set()
                    elif head[1] != RING:
                        self.on_frame(head, body)
        except OSError:
            pass
        self.closed = True

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join(5)
        self.socket.close()


class Server:
    """A run of a server: an epoch, its connections, the tracks that it feeds."""

    def __init__(self, recorder, ring=False):
        self.recorder, self.ring, self.epoch = recorder, ring, random.getrandbits(63)
        self.run = f"{self.epoch:016x}"
        self.states, self.said, self.disk, self.demands = {}, [], None, []
        self.tracks = []
        self.events, self.unwritten, self.lock = 0, [], threading.Lock()
        self.connect()

    def connect(self):
        self.control = Connection(self.recorder, self.epoch, 1, self.on_control)
        self.worker = Connection(self.recorder, self.epoch, 2, self.on_worker, self.ring)

    def on_control(self, head, body):
        assert head[1] == CONTROL, head
        message = json.loads(body)
        self.said.append((time.monotonic(), message))
        if message["op"] == "state":
            self.states[message["id"]] = message
        elif message["op"] == "disk":
            self.disk = message["level"]
        elif message["op"] == "written":
            assert message["run"] == self.run, message
            with self.lock:
                self.unwritten = [e for e in self.unwritten if e["id"] != message["id"] or e["n"] > message["n"]]

    def on_worker(self, head, body):
        assert head[1] == DEMAND, head
        encodings, keyframes, audio, _ = body
        self.demands.append((time.monotonic(), head[6], head[2], encodings, keyframes))
        for t in self.tracks:
            if (t.participant, t.source) == (head[6], head[2]):
                t.wanted, t.key_wanted = True, t.key_wanted or keyframes != 0

    def say(self, **message):
        self.control.send(frame(CONTROL, json.dumps(message).encode()))

    def start(self, recording, room=1, limit_s=3600, name="A room", wait="on"):
        self.say(op="start", id=recording, room=room, key="room-key", name=name, mono_us=mono_us(), unix_ms=time.time_ns() // 1000000, limit_s=limit_s)
        if wait:
            self.wait(recording, wait)

    def event(self, recording, kind, **fields):
        self.events += 1
        message = {"op": "event", "id": recording, "run": self.run, "n": self.events, "mono_us": mono_us(), "event": {"type": kind, **fields}}
        with self.lock:
            self.unwritten.append(message)
        self.say(**message)

    def say_again(self):
        """What no recorder has written yet."""
        with self.lock:
            again = list(self.unwritten)
        for message in again:
            self.say(**message)

    def stop(self, recording, reason="asked", wait="ready"):
        self.say(op="stop", id=recording, mono_us=mono_us(), reason=reason)
        if wait:
            self.wait(recording, wait)

    def wait(self, recording, state, seconds=15):
        wait_for(lambda: self.states.get(recording, {}).get("state") == state, seconds, f"{recording} is {state}; it is {self.states.get(recording)}")

    def close(self):
        """As a crash does it."""
        for t in self.tracks:
            t.running = False
        for t in self.tracks:
            t.join()
        self.control.close()
        self.worker.close()


def new_id():
    return os.urandom(16).hex()


class Track(threading.Thread):
    """
    A participant's source that plays media in real time from `at` seconds of it on. Numbers and steps are those of the clock, so that a track that
    pauses, or begins late, leaves out what it did not send.
    """

    def __init__(self, server, participant, source, media, room=1, began=None, loss=0.0, seed=1, muted=False):
        super().__init__(daemon=True)
        self.server, self.participant, self.source, self.media, self.room = server, participant, source, media, room
        self.sound = source in (MICROPHONE, SCREEN_AUDIO)
        self.began = began if began is not None else time.monotonic()
        self.loss, self.random = loss, random.Random(seed)
        self.seq, self.instance = self.random.randrange(1, 1000), 7
        self.running, self.silent, self.wanted, self.key_wanted, self.muted = True, False, False, False, muted
        self.sent = []  # (monotonic time, number of the picture or packet)
        server.tracks.append(self)
        self.announce()
        self.start()

    def frame(self, kind, body=b""):
        self.server.worker.send(frame(kind, body, self.source, self.room, self.instance, self.participant))

    def announce(self, muted=None):
        self.muted = self.muted if muted is None else muted
        codec = CODECS["opus" if self.sound else self.media.codec]
        self.frame(TRACK, track_body(self.sound, codec, self.muted))

    def gone(self):
        self.running = False
        self.join()
        self.frame(GONE)

    def packet(self, ts, payload, marker):
        self.seq += 1
        if self.random.random() < self.loss:
            return
        codec = CODECS["opus" if self.sound else self.media.codec]
        self.frame(PACKET, packet_body(self.seq, ts, codec, payload, marker))

    def clock(self, ts, us):
        rate = 48000 if self.sound else 90000
        bps, size = (0, (0, 0)) if self.sound else (300000, (320, 176))
        self.frame(CLOCK, CLOCK_BODY.pack(0, 0, rate, ts, us, bps, *size))

    def run(self):
        per_s, ticks = (50, 960) if self.sound else (FPS, 90000 // FPS)
        n = int((time.monotonic() - self.began) * per_s) + 1
        if not self.sound:
            n += -n % self.media.gop  # a decoder may begin here
        last_clock = 0
        while self.running:
            due = self.began + n / per_s
            time.sleep(max(0, min(due - time.monotonic(), 0.1)))
            if time.monotonic() < due:
                continue
            if due - last_clock >= 1:
                last_clock = due
                self.clock(n * ticks, int(due * 1e6))
            if not self.silent:
                self.send(n, n * ticks)
                self.sent.append((due, n))
            n += 1

    def send(self, n, ts):
        if self.sound:
            self.packet(ts, self.media.sound[n % len(self.media.sound)], False)
            return
        parts = self.media.payloads(n)
        for i, p in enumerate(parts):
            self.packet(ts, p, i == len(parts) - 1)
