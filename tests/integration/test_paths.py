#!/usr/bin/python3
"""
Ways that change under a call: another address, a NAT that gives one behind the peer's back, a while without any way, new credentials by WHIP PATCH,
IPv6. Media goes on, under the same keys and numbers, and how soon is printed.
"""
import re
import struct
import time

from rawrtc import Call, Peer, Server, Stream, os, parse_rtp, socket, threading, wait_for

CHECK_S = 2.5  # Chromium's between two checks of a pair that works


class Mover(Peer):
    """Changes its socket while the thread that reads goes on."""

    def __init__(self, *args, **options):
        self.nominates, self.check_every, self.reports = True, 1, False
        super().__init__(*args, **options)

    def check(self, **changes):
        super().check(**{"nominate": self.nominates, **changes})

    def run(self):
        threading.Thread(target=self.report, daemon=True).start()
        super().run()

    def report(self):
        """What every receiver sends, ten times a second: an empty receiver report."""
        while self.running:
            if self.reports and self.tx:
                self.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 1))
            time.sleep(0.1)

    def move(self, host="127.0.0.1"):
        former, fresh = self.socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        fresh.bind((host, 0))
        self.socket = fresh
        time.sleep(0.05)  # the thread has left the former one
        former.close()
        return time.monotonic()

    def packets(self):
        with self.lock:
            return len(self.rtp)


class MovingCall(Call):
    def __init__(self, server, room):
        self.publisher = Mover(server, f"/whip/{room}/alice", profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
        self.receiver = Mover(server, f"/whep/{room}/alice").wait_connected()
        self.stream = Stream(self.publisher)
        wait_for(lambda: all(len(n) > 30 for n in self.numbers()), 10, "audio and video flow")

    def end(self):
        self.stream.stop()
        with self.receiver.lock:
            assert all(self.receiver.rtp), "every packet opens: the keys are what they were"
        ssrcs = {parse_rtp(p)[0] for p in self.receiver.rtp}
        assert len(ssrcs) <= 3, "the numbers are what they were"
        self.receiver.close()
        self.publisher.close()


def media_after(peer, since, within, what):
    had = peer.packets()
    wait_for(lambda: peer.packets() > had, within + 2, what)
    took = time.monotonic() - since
    print(f"  {what}: {1000 * took:.0f} ms")
    assert took <= within, f"{what}: {took:.2f} s, not {within}"


def another_address(server):
    """A network for another one: the peer nominates its new pair at once."""
    call = MovingCall(server, "address")
    since = call.receiver.move("127.0.0.2")
    call.receiver.check()
    media_after(call.receiver, since, 1, "a receiver's new address")
    since = call.publisher.move("127.0.0.3")
    call.publisher.check()
    media_after(call.receiver, since, 1, "a publisher's new address")
    call.end()


def a_nat_that_forgets(server):
    """It nominates nothing anew, for it knows of nothing; it goes on checking and reporting. Media is back at the next check, whenever that is due."""
    call = MovingCall(server, "nat")
    r = call.receiver
    r.nominates, r.reports = False, True
    time.sleep(0.5)
    for gone_by in (0.2, 0.6):  # of the interval, when the address changes
        r.check = lambda **_: None
        since = r.move()
        rest_s = CHECK_S * (1 - gone_by)
        time.sleep(rest_s / 2)
        had = r.packets()
        time.sleep(rest_s / 2)
        assert r.packets() == had, "no address is learned from what is not checked"
        del r.check
        r.check()
        media_after(r, since, CHECK_S, f"a new address behind a NAT, checked every {CHECK_S} s, {gone_by:.0%} of that before")
    call.end()


def a_while_without_a_way(server):
    call = MovingCall(server, "blackout")
    r, p = call.receiver, call.publisher
    for peer in (r, p):
        peer.check, peer.take, peer.send_raw = lambda **_: None, lambda data: None, lambda data: None
    time.sleep(8)
    for peer in (r, p):
        del peer.check, peer.take, peer.send_raw
    media_after(r, time.monotonic(), 0.5, "after 8 s without a way")
    call.end()


def new_credentials_by_patch(server):
    """Make before break: the former ones are answered until the new ones are used. DTLS and SRTP go on."""
    call = MovingCall(server, "patch")
    for peer in (call.receiver, call.publisher):
        former = (peer.server_ufrag, peer.server_pwd)
        peer.ufrag, peer.pwd = os.urandom(4).hex(), os.urandom(16).hex()
        body = f"a=ice-ufrag:{peer.ufrag}\r\na=ice-pwd:{peer.pwd}\r\n".encode()
        status, _, fragment = server.request("PATCH", peer.resource, body,
                                             {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"})
        assert status == 200, status
        answered = peer.stun
        peer.check()
        wait_for(lambda: peer.stun > answered, 1, "the former credentials are still answered")
        peer.server_ufrag = re.search(r"a=ice-ufrag:(\S+)", fragment)[1]
        peer.server_pwd = re.search(r"a=ice-pwd:(\S+)", fragment)[1]
        assert (peer.server_ufrag, peer.server_pwd) != former
        since = peer.move("127.0.0.2")
        peer.check()
        media_after(call.receiver, since, 1, "a new address under new credentials")
        before = server.drops("stun_unknown_user")
        peer.server_ufrag, now = former[0], peer.server_ufrag
        peer.check()
        wait_for(lambda: server.drops("stun_unknown_user") > before, 2, "and not any more once the new ones are used")
        peer.server_ufrag = now
    call.end()


class SixPeer(Peer):
    def __init__(self, server, path, **options):
        super().__init__(server, path, start=False, **options)
        assert f"a=candidate:1 1 udp 2130706431 ::1 {server.rtc} typ host" in self.answer, self.answer
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("::1", 0))
        self.address = ("::1", server.rtc)
        self.start()


def a_call_by_ipv6(port):
    server = Server(rtc_listen=f"[::1]:{port}")
    server.rtc = port
    call = Call.__new__(Call)
    call.publisher = SixPeer(server, "/whip/six/alice", profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
    call.receiver = SixPeer(server, "/whep/six/alice").wait_connected()
    call.stream = Stream(call.publisher)
    wait_for(lambda: all(len(n) > 30 for n in call.numbers()), 10, "audio and video flow")
    call.close()
    assert server.stop() == 0


def main():
    server = Server()
    for test in (another_address, a_nat_that_forgets, new_credentials_by_patch, a_while_without_a_way):
        begin = time.monotonic()
        test(server)
        print(f"ok {test.__name__} ({time.monotonic() - begin:.2f} s)", flush=True)
    port = server.rtc
    assert server.stop() == 0
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).bind(("::1", 0))
    except OSError:
        print("left out: no IPv6 here")
        return
    a_call_by_ipv6(port)
    print("ok a_call_by_ipv6")


main()
