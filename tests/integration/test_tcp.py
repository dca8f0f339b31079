#!/usr/bin/python3
"""
ICE-TCP: media by a connection that the peer opens, on the port of the page and on one of its own; with several workers; and what strangers and
slow peers can do to it.
"""
import os
import re
import time

from rawrtc import Call, Framed, Peer, Server, Stream, free_port, socket, struct, stun_request, wait_for

UNPROVEN = 8


class TcpPeer(Peer):
    """Goes by the first candidate of TCP that it is told, or that of a port."""

    def __init__(self, server, path, port=None, rcvbuf=None, **options):
        super().__init__(server, path, start=False, **options)
        self.socket.close()
        self.offered = [(host, int(at)) for host, at in
                        re.findall(r"^a=candidate:\d+ 1 tcp \d+ (\S+) (\d+) typ host tcptype passive\r?$", self.answer, re.M)]
        assert self.offered, self.answer
        self.address = next(a for a in self.offered if port in (None, a[1]))
        self.rcvbuf = rcvbuf
        self.socket = Framed(self.address, rcvbuf)
        self.start()


class TcpCall(Call):
    def __init__(self, server, room, port=None, rcvbuf=None):
        self.publisher = TcpPeer(server, f"/whip/{room}/alice", port, profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
        self.receiver = TcpPeer(server, f"/whep/{room}/alice", port, rcvbuf).wait_connected()
        self.stream = Stream(self.publisher)
        wait_for(lambda: all(len(n) > 30 for n in self.numbers()), 10, "audio and video flow")


def total(server, name):
    return sum(value for key, value in server.metrics().items() if key in (f"plenum_{name}", f"plenum_{name}_total"))


class Rises:
    def __init__(self, server, name, by=1, within=3):
        self.server, self.name, self.by, self.within = server, name, by, within

    def __enter__(self):
        self.before = total(self.server, self.name)

    def __exit__(self, kind, *_):
        if kind is None:
            wait_for(lambda: total(self.server, self.name) >= self.before + self.by, self.within, f"{self.name} rises by {self.by}")


def is_closed(s, within):
    s.settimeout(within)
    try:
        got = s.recv(4096)
        assert not got, f"a stranger got an answer: {got[:32].hex()}"
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise AssertionError(f"still open after {within} s") from None


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def framed(datagram):
    return struct.pack(">H", len(datagram)) + datagram


# ---- calls ----

def calls_by_both_ports(server, own):
    for port in (server.http, own):
        call = TcpCall(server, f"tcp{port}", port)
        assert total(server, "tcp_streams") >= 2
        assert server.get("/healthz") is not None, "the page's port serves the page, too"
        time.sleep(1)
        call.close()
    wait_for(lambda: total(server, "tcp_streams") == 0, 5, "connections end with their transports")


def udp_and_tcp_meet(server, own):
    call = TcpCall(server, "mixed", own)
    other = Peer(server, "/whep/mixed/alice").wait_connected()
    wait_for(lambda: len(other.rtp) > 50, 5, "who came by UDP sees who came by TCP")
    other.close()
    call.close()


def transports_find_their_workers(server, own):
    """A connection is given to one worker, its transport lives on another: it moves, with what it has sent."""
    peers = []
    for i in range(8):
        first = Peer(server, f"/whep/many/alice{i}").wait_connected()
        peers.append(first)
        first.socket, former = Framed(("127.0.0.1", own)), first.socket
        first.validated.clear()
        first.check()
        assert first.validated.wait(5), "the check is answered on whatever worker it came in"
        former.close()
    for p in peers:
        p.close()


def a_new_connection_goes_on(server, own):
    """What a peer's connection was, another one is after the first check, without a new handshake."""
    call = TcpCall(server, "again", own)
    r = call.receiver
    former = r.socket
    r.socket = Framed(r.address)
    former.close()
    begin, had = time.monotonic(), len(r.rtp)
    r.check()
    wait_for(lambda: len(r.rtp) > had, 1, "media comes by the new connection within a second")
    print(f"  media by a new connection after {(time.monotonic() - begin) * 1000:.0f} ms")
    call.stream.stop()
    assert all(r.rtp), "every packet opens"
    r.close()
    call.publisher.close()


def a_slow_reader_keeps_its_sound(server, own):
    """It takes next to nothing for a while: its pictures stop, not its sound, and begin again with a key frame, without a gap in its numbers."""
    call = TcpCall(server, "slow", own, rcvbuf=4096)
    r, take = call.receiver, call.receiver.take
    with Rises(server, "tcp_backlogs", within=6):
        r.take = lambda data: (time.sleep(0.25), take(data))
        time.sleep(3)
    r.take = take
    at = call.stream.video
    wait_for(lambda: call.numbers()[1][-1][2] > at + 90, 8, "pictures begin again")
    audio, video = call.numbers()
    for before, after in zip(audio, audio[1:]):
        assert after == (before[0], before[1] + 1 & 0xFFFF, before[2] + 1), f"sound: after {before} comes {after}"
    jumps = [after for before, after in zip(video, video[1:]) if after[2] != before[2] + 1]
    assert jumps and all(n % 90 == 0 for _, _, n in jumps), f"pictures go on at {jumps}: a key frame is every 90th packet"
    assert all(after[1] == before[1] + 1 & 0xFFFF for before, after in zip(video, video[1:])), "a gap in the numbers"
    call.stream.stop()
    r.close()
    call.publisher.close()


# ---- strangers ----

def what_is_no_stun_ends(server, own):
    for port in (own, server.http):
        for octets in (framed(b"\x16\xfe\xfd" + bytes(60)), framed(b"\x80" + bytes(60))):
            with Rises(server, "tcp_unproven"):
                s = connect(port)
                s.sendall(octets)
                is_closed(s, 3)
        with Rises(server, "tcp_malformed"):
            s = connect(port)
            s.sendall(b"\0\0\xff\xff")  # an empty datagram is fine, one of 65535 octets is none of ICE's
            is_closed(s, 3)


def checks_that_prove_nothing_are_few(server, own):
    request = framed(stun_request("AAAAAAAAAAA:x", "no-password-of-anybody", nominate=False))
    with Rises(server, "tcp_unproven"):
        s = connect(own)
        s.sendall(request * (4096 // len(request) + 2))
        is_closed(s, 3)


def silence_and_drip_end(server, own):
    """Slowloris: a connection without an octet, and one that sends an octet now and then."""
    silent, drip = connect(own), connect(own)
    request = framed(stun_request("AAAAAAAAAAA:x", "nobody"))
    begin = time.monotonic()
    with Rises(server, "tcp_unproven", 2, 8):
        for octet in request[:12]:
            try:
                drip.sendall(bytes([octet]))
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(0.45)
    is_closed(silent, 3)
    is_closed(drip, 3)
    assert time.monotonic() - begin < 9


def a_source_may_have_few(server, own):
    with Rises(server, "tcp_refused", 4):
        many = [connect(own) for _ in range(UNPROVEN + 4)]
        closed = 0
        for s in many:
            s.settimeout(0.2)
            try:
                closed += not s.recv(1)
            except ConnectionResetError:
                closed += 1
            except TimeoutError:
                pass
        assert closed == 4, closed
    for s in many:
        s.close()
    wait_for(lambda: total(server, "tcp_streams") == 0, 3, "they go when their peers go")
    TcpPeer(server, "/whip/after/alice", own).wait_connected().close()


def main(workers):
    own = free_port(socket.SOCK_STREAM)
    server = Server(rtc_workers=workers, rtc_tcp_listen=f"127.0.0.1:{own}", rtc_limits_tcp_unproven=UNPROVEN)
    for test in (calls_by_both_ports, udp_and_tcp_meet, transports_find_their_workers, a_new_connection_goes_on,
                 a_slow_reader_keeps_its_sound, what_is_no_stun_ends, checks_that_prove_nothing_are_few, a_source_may_have_few,
                 silence_and_drip_end):
        begin = time.monotonic()
        test(server, own)
        print(f"ok {workers} workers: {test.__name__} ({time.monotonic() - begin:.2f} s)", flush=True)
    if workers > 1:
        assert total(server, "tcp_moved") > 0, "no connection had to move"
    assert server.stop() == 0


for n in (1, 2) if os.environ.get("PLM_TEST_LONG") else (2,):
    main(n)
