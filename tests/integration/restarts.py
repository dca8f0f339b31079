"""
Clients that survive their server: each keeps its secret and takes its session up again, with WebSocket, ICE, DTLS and SRTP of its own.
One thread moves the datagrams of all of them, so that two hundred fit on one core; and a second process says how late the machine
itself is.
"""
import os
import random
import re
import selectors
import socket
import subprocess
import sys
import threading
import time

from rawrtc import Dtls, Peer, certificate
from ws_client import WebSocket

CERTIFICATE = certificate()
MACHINE_LATE_S = 0.025


class Pump(threading.Thread):
    """Reads the sockets of all legs, and repeats their checks."""

    def __init__(self):
        super().__init__(daemon=True)
        self.selector, self.legs, self.lock = selectors.DefaultSelector(), set(), threading.Lock()
        self.start()

    def add(self, leg):
        with self.lock:
            self.legs.add(leg)
            self.selector.register(leg.socket, selectors.EVENT_READ, leg)

    def remove(self, leg):
        with self.lock:
            if leg in self.legs:
                self.legs.remove(leg)
                self.selector.unregister(leg.socket)

    def run(self):
        next_tick = 0
        while True:
            for key, _ in self.selector.select(0.02):
                key.data.read()
            now = time.monotonic()
            if now < next_tick:
                continue
            next_tick = now + 0.05
            with self.lock:
                legs = list(self.legs)
            for leg in legs:
                leg.tick(now)


class Leg(Peer):
    """One media connection over signalling. Of what it receives only the first packet is opened, and its time kept."""

    def __init__(self, pump, server, publishes):
        self.pump, self.publishes, self.profile = pump, publishes, b"SRTP_AEAD_AES_128_GCM"
        self.audio_ssrc = random.randrange(1, 1 << 31)
        self.video_ssrc, self.rtx_ssrc = self.audio_ssrc + 1, self.audio_ssrc + 2
        self.cert, self.key = CERTIFICATE
        self.ufrag, self.pwd = os.urandom(4).hex(), os.urandom(16).hex()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address = ("127.0.0.1", server.rtc)
        self.rtp, self.rtcp, self.stun, self.sent = [], [], 0, []
        self.lock = threading.Lock()
        self.connected, self.validated, self.heard = threading.Event(), threading.Event(), threading.Event()
        self.tx = self.rx = None
        self.next_check = self.next_flight = 0
        self.flight = []

    def begin(self, remote):
        self.server_ufrag = re.search(r"a=ice-ufrag:(\S+)", remote)[1]
        self.server_pwd = re.search(r"a=ice-pwd:(\S+)", remote)[1]
        self.dtls = Dtls(self.profile, self.cert, self.key)
        self.pump.add(self)

    def tick(self, now):
        if now >= self.next_check:
            self.check()
            self.next_check = now + (1 if self.validated.is_set() else 0.1)
        if self.validated.is_set() and not self.connected.is_set() and now >= self.next_flight:
            if not self.flight:
                self.flight = self.dtls.advance()
            for datagram in self.flight:  # once more as it was: what came the first time is a replay and ignored
                self.socket.sendto(datagram, self.address)
            self.next_flight = now + 0.5

    def read(self):
        for _ in range(50):
            try:
                data = self.receive(self.socket)
            except (BlockingIOError, OSError):
                return
            if data[0] >= 128 and self.heard.is_set():
                continue
            if 20 <= data[0] <= 63:
                self.handshake(data)
                continue
            self.take(data)
            if self.rtp:
                assert self.rtp[0], "a packet that cannot be opened"
                self.heard.set()

    def handshake(self, data):
        answer = self.dtls.advance(data)
        self.flight = answer or self.flight
        for datagram in answer:
            self.socket.sendto(datagram, self.address)
        if self.dtls.done and not self.connected.is_set():
            self.install_keys()
            self.connected.set()

    def state(self):
        return "connected" if self.connected.is_set() else "reachable" if self.validated.is_set() else "not reached"

    def end(self):
        self.pump.remove(self)
        self.socket.close()


def answer_to(offer, leg):
    """The server's offer turned round, with the leg's credentials."""
    fingerprint = re.search(r"a=fingerprint:(.*)\r", leg.offer())[1]
    for name, value in (("ice-ufrag", leg.ufrag), ("ice-pwd", leg.pwd), ("fingerprint", fingerprint)):
        offer = re.sub(rf"a={name}:.*\r", f"a={name}:{value}\r", offer)
    offer = re.sub(r"a=(ssrc|ssrc-group|msid|candidate|end-of-candidates|ice-lite)\b.*\r\n", "", offer)
    return offer.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")


class Client:
    """One person: joins, and comes back by themselves."""

    def __init__(self, server, pump, name, **join):
        self.server, self.pump, self.name = server, pump, name
        self.publish = self.receive = None
        self.muted = {"microphone": False, "camera": False}
        self.ws = WebSocket(server)
        self.joined = self.ws.ask("join", name=name, **join)
        assert self.joined["type"] == "joined", self.joined
        self.id, self.secret = self.joined["participant"], self.joined["secret"]

    def ask(self, kind, **fields):
        reply = self.ws.ask(kind, **fields)
        assert reply["type"] != "error", (kind, reply)
        return reply

    def start_publishing(self):
        leg = Leg(self.pump, self.server, True)
        tracks = [{"mid": str(i), "source": s, "muted": self.muted[s]} for i, s in enumerate(("microphone", "camera"))]
        leg.begin(self.ask("publish", sdp=leg.offer(), tracks=tracks)["sdp"])
        self.publish = leg

    def start_receiving(self, pairs=4):
        leg = Leg(self.pump, self.server, False)
        offer = self.ask("receive", pairs=pairs, audio_only=1, screens=0)["sdp"]
        self.ask("answer", sdp=answer_to(offer, leg))
        leg.begin(offer)
        self.receive = leg

    def lose(self):
        """The server is gone, and with it the socket and both connections."""
        self.ws.close()
        for leg in (self.publish, self.receive):
            if leg:
                leg.end()

    def come_back(self, deadline):
        """Connect until it works, resume, and make again what the server says is lost. @return the reply"""
        while True:
            try:
                self.ws = WebSocket(self.server)
                break
            except (OSError, EOFError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.05, 0.3))
        self.joined = self.ask("resume", secret=self.secret)
        lost = []
        while len(lost) < 2:
            message = self.ws.receive()
            if message["type"] == "connection_lost":
                lost.append(message["publish"])
        assert sorted(lost) == [False, True], lost
        if self.publish:
            self.start_publishing()
        if self.receive:
            self.start_receiving()
        return self.joined


LATENESS = """
import sys, threading, time
worst = 0
threading.Thread(target=lambda: sys.stdin.read() or done.append(1), daemon=True).start()
done = []
while not done:
    due = time.monotonic() + 0.02
    time.sleep(0.02)
    worst = max(worst, time.monotonic() - due)
print(worst)
"""


class Machine:
    """How late a process that does nothing is woken meanwhile: what no server can be earlier than."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", LATENESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.late_s = float(self.process.communicate()[0])
        self.load = os.getloadavg()[0]


def lateness(server):
    """@return how often the main loop's timer ran, and how often more than 50 ms late; its histogram"""
    samples = {m[1]: int(m[2]) for m in re.finditer(r'plenum_loop_lag_seconds_bucket\{le="([^"]+)"\} (\d+)', server.get("/metrics"))}
    return samples["+Inf"], samples["+Inf"] - samples["0.05"], samples


def check_lateness(server, machine):
    """The loop was never late by more than 50 ms, unless the machine was: then it is only told. @return can times be judged?"""
    runs, late, histogram = lateness(server)
    print(f"main loop: {runs} runs, {late} of them more than 50 ms late; {histogram}")
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/schedstat", encoding="ascii") as f:
        ran, waited, _ = (int(n) / 1e6 for n in f.read().split())
    print(f"main thread: {ran:.0f} ms on a core since the start, {waited:.0f} ms waiting for one")
    print(f"machine: load {machine.load:.1f} on {os.cpu_count()} cores, an idle process woke up to {1000 * machine.late_s:.0f} ms late")
    assert runs > 5
    if machine.late_s >= MACHINE_LATE_S:
        print("times are not judged: the machine itself is late")
        return False
    assert late == 0, "the main loop was held up"
    return True
