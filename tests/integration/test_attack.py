#!/usr/bin/python3
"""
What strangers and dishonest participants can throw at the media port of a running server. After each attack its counter has risen, and
a call that was up all the time has lost nothing, its address, its keys and its numbers are what they were.
"""
import contextlib
import random
import struct
import sys
import time
import urllib.error

from rawrtc import (AUDIO_PT, RTX_PT, VIDEO_PT, Call, Dtls, Peer, Server, certificate, parse_rtp, rtp, socket, stun_request,
                    wait_for)


@contextlib.contextmanager
def rises(server, reason, by=1):
    """The server counts at least so many more drops for this reason."""
    before = server.drops(reason)
    yield
    wait_for(lambda: server.drops(reason) >= before + by, 5, f"{by} more drops for {reason}")


def stranger(server):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.connect(("127.0.0.1", server.rtc))
    s.setblocking(False)
    return s


def is_silent(s, seconds=0.3):
    time.sleep(seconds)
    try:
        answer = s.recv(2048)
    except BlockingIOError:
        return
    raise AssertionError(f"a stranger got an answer of {len(answer)} octets: {answer[:32].hex()}")


def client_hello():
    cert, key = certificate()
    return Dtls(b"SRTP_AEAD_AES_128_GCM", cert, key).advance()[0]


# ---- strangers ----

def strangers_speak_nothing_but_stun(server, call):
    s = stranger(server)
    with rises(server, "unknown_tuple", 12):
        for first in (20, 22, 25, 63, 64, 100, 127, 128, 144, 191, 192, 255):
            s.send(bytes([first]) + bytes(99))
    is_silent(s)


def client_hello_comes_first(server, call):
    """From a foreign address before the true client has said anything, and again while it shakes hands."""
    s = stranger(server)
    late = Peer(server, "/whip/race/bob", start=False)
    with rises(server, "unknown_tuple", 20):
        for _ in range(10):
            s.send(client_hello())
        late.start()
        late.validated.wait(5)
        for _ in range(10):
            s.send(client_hello())
    late.wait_connected()
    is_silent(s)
    late.close()


def client_hello_on_a_running_association(server, call):
    """Even from the true address: a spoofed one."""
    with rises(server, "dtls_invalid", 10):
        for _ in range(10):
            call.publisher.send_raw(client_hello())
    with rises(server, "dtls_invalid", 3):
        call.receiver.send_raw(b"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\x02\x02\x28")  # a fatal alert in the clear
        call.receiver.send_raw(b"\x16\xfe\xfd\0\0\0\0\0\0\0\x09\xff\xff\x01")
        call.receiver.send_raw(b"\x16\xfe\xfd" + bytes(3000))


def rtp_from_a_foreign_address(server, call):
    """Captured from the publisher, sent by somebody else: no bleed in, nothing learned."""
    s = stranger(server)
    with rises(server, "unknown_tuple", 50):
        for packet in call.publisher.sent[-50:]:
            s.send(packet)
    is_silent(s)


def checks_cannot_be_forged(server, call):
    """Neither moves the publisher's address nor opens the door for media."""
    s = stranger(server)
    p = call.publisher
    user = f"{p.server_ufrag}:{p.ufrag}"
    with rises(server, "stun_auth", 3):
        s.send(stun_request(user, "not-the-password-of-anybody"))
        s.send(stun_request(user, p.server_ufrag))
        s.send(stun_request(user, None))
    with rises(server, "stun_malformed", 2):
        s.send(stun_request(user, p.server_pwd, fingerprint=False))
        request = bytearray(stun_request(user, p.server_pwd))
        request[-1] ^= 1
        s.send(request)
    is_silent(s)
    with rises(server, "unknown_tuple", 1):
        s.send(p.sent[-1])
    is_silent(s)


def captured_checks(server, call):
    """Authentic ones, a second old, from another address: neither an answer nor the call's media go there."""
    s = stranger(server)
    with rises(server, "stun_replay", 4):
        for peer in (call.publisher, call.receiver):
            s.send(peer.last_check)
            s.send(peer.last_check)
    is_silent(s)


def checks_of_nobody(server, call):
    """A check that names nobody, an indication and a response: silence."""
    s = stranger(server)
    with rises(server, "stun_unknown_user", 2):
        s.send(stun_request("nobody:here", "x" * 24))
        s.send(stun_request("n" * 500 + ":here", "x" * 24))
    with rises(server, "stun_ignored", 3):
        s.send(stun_request(None, None))
        s.send(stun_request(f"{call.publisher.server_ufrag}:x", call.publisher.server_pwd, kind=0x0011))
        s.send(stun_request(f"{call.publisher.server_ufrag}:x", call.publisher.server_pwd, kind=0x0101))
    is_silent(s)


def stun_flood(server, call):
    """
    20 000 checks of many users and addresses: counted, unanswered, and only a ration of them is looked at closely. The guesses are all at one
    connection: whatever they cost is taken from the ration of that one.
    """
    sockets = [stranger(server) for _ in range(20)]
    user = f"{call.publisher.server_ufrag}:x"
    guesses = [stun_request(user, f"guess-number-{i}") for i in range(100)]
    unknown = [stun_request(f"user{i}:x", "guess") for i in range(100)]
    cpu, memory = server.cpu_s(), server.rss_kb()
    with rises(server, "stun_rate", 1000), rises(server, "stun_auth", 50), rises(server, "stun_unknown_user", 9000):
        for i in range(20000):
            s = sockets[i % len(sockets)]
            s.send(guesses[i % 100] if i & 1 else unknown[i % 100])
            if i % 100 == 0:
                time.sleep(0.005)
    for s in sockets:
        is_silent(s, 0.01)
    spent = server.cpu_s() - cpu
    assert spent < 2, f"{spent:.2f} s of CPU for 20 000 datagrams"
    assert server.rss_kb() < memory + 4096


# ---- on the wire of a participant: what a man in the middle can do ----

def replays(server, call):
    captured = call.publisher.sent[-400:]
    with rises(server, "srtp_replay", len(captured)):
        for packet in captured:
            call.publisher.send_raw(packet)
            if random.random() < 0.05:
                time.sleep(0.001)
    old = call.receiver.send_rtcp(receiver_report(call.receiver))
    with rises(server, "srtp_replay", 20):
        for _ in range(20):
            call.receiver.send_raw(old)


def forged_rtp(server, call):
    with rises(server, "srtp_auth", 300):
        for i in range(300):
            packet = bytearray(call.publisher.sent[-1 - i % 50])
            packet[2] = packet[2] + 64 & 0xFF  # far ahead: would carry the roll-over counter away
            packet[-1 - i % 16] ^= 1 << i % 8
            call.publisher.send_raw(packet)


def forged_rtcp(server, call):
    """A goodbye, a request, a report with a tag from nowhere."""
    with rises(server, "rtcp_auth", 90):
        for kind, body in ((203, b""), (206, bytes(8)), (201, bytes(24))):
            for _ in range(30):
                packet = struct.pack(">BBHI", 0x81, kind, 1 + len(body) // 4, call.publisher.audio_ssrc) + body
                call.publisher.send_raw(packet + random.randbytes(24))
                time.sleep(0)


def not_even_rtp(server, call):
    with rises(server, "unknown_protocol", 4):
        for first in (5, 64, 127, 255):
            call.publisher.send_raw(bytes([first]) + bytes(60))
    with rises(server, "too_large", 1):
        call.publisher.send_raw(b"\x80\x60" + bytes(1998))
    before = sum(v for k, v in server.metrics().items() if k.startswith("plenum_drops_total"))
    tries = 0
    for size in list(range(1, 64)) + [200]:
        for head in (b"\x9f\x60", b"\xbf\xe0", b"\xbf\xc8", b"\x80\xcd"):
            call.publisher.send_raw((head + b"\xff" * size)[:size])
            tries += 1
            time.sleep(0)
    wait_for(lambda: sum(v for k, v in server.metrics().items() if k.startswith("plenum_drops_total")) >= before + tries, 5,
             f"{tries} malformed datagrams counted")


# ---- keys ----

def fails_to_connect(server, call, peer, path):
    """Its handshake comes to nothing: no keys, no media for it, and what it sends is nobody's."""
    wait_for(lambda: peer.dtls.refused, 5, f"{path} is refused")
    time.sleep(0.3)
    assert not peer.rtp and not peer.rtcp and not peer.without_keys, f"{path} got media"
    with rises(server, "unknown_tuple", 10):
        for packet in call.publisher.sent[-10:]:
            peer.send_raw(packet)
    peer.close(delete=False)  # it ended with its transport


def no_common_profile(server, call):
    """One that we do not speak, and none at all: keys are never left to chance."""
    for profile in (b"SRTP_AES128_CM_SHA1_32", None):
        for path in ("/whip/call/mallory", "/whep/call/alice"):
            fails_to_connect(server, call, Peer(server, path, profile=profile), path)


def certificate_of_another(server, call):
    """A man in the middle: he has heard the check's password, but not the key that belongs to the fingerprint."""
    for path in ("/whip/call/mallory", "/whep/call/alice"):
        p = Peer(server, path, profile=b"SRTP_AEAD_AES_128_GCM", start=False)
        p.dtls = Dtls(p.profile, *certificate())
        p.start()
        fails_to_connect(server, call, p, path)


def fingerprints_of_no_use(server, call):
    with_one = Peer.offer(call.publisher)
    line = next(l for l in with_one.split("\r\n") if l.startswith("a=fingerprint"))
    for other in ("a=fingerprint:md5 " + ":".join(["00"] * 16), "a=fingerprint:sha-999 " + ":".join(["00"] * 32),
                  "a=fingerprint:sha-256 00:11", "a=fingerprint:sha-256", "a=fingerprint:null 00", "a=x"):
        try:
            server.request("POST", "/whip/call/mallory", with_one.replace(line, other).encode(), {"Content-Type": "application/sdp"})
        except urllib.error.HTTPError as error:
            assert 400 <= error.code < 500, error.code
        else:
            raise AssertionError(f"taken: {other}")


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x82]) + struct.pack(">H", size)) + body


def integer(n):
    return der(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def looping_certificate():
    """
    Its key is on a curve of its own, y² = x³ + 23 x + 410 modulo 697, which is 17 · 41, and its points are compressed: to find y of x = 8 is to take the
    root of 409, which the algorithm of Tonelli and Shanks never ends to look for when the modulus is no prime (CVE-2022-0778).
    """
    def oid(octets):
        return der(0x06, bytes.fromhex(octets))

    def sequence(*parts):
        return der(0x30, *parts)
    modulus, size = 697, 2
    point = b"\x02" + (8).to_bytes(size, "big")
    curve = sequence(*(der(0x04, n.to_bytes(size, "big")) for n in (23, 410)))
    field = sequence(oid("2a8648ce3d0101"), integer(modulus))  # prime-field
    key = sequence(sequence(oid("2a8648ce3d0201"), sequence(integer(1), field, curve, der(0x04, point), integer(701))),  # id-ecPublicKey
                   der(0x03, b"\0", point))
    signed_with = sequence(oid("2a8648ce3d040302"))  # ecdsa-with-SHA256
    name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, b"mallory"))))
    times = sequence(*(der(0x17, t) for t in (b"260101000000Z", b"360101000000Z")))
    tbs = sequence(der(0xa0, integer(2)), integer(1), signed_with, name, times, name, key)
    return sequence(tbs, signed_with, der(0x03, b"\0", sequence(integer(1), integer(1))))


class OtherCertificate(Dtls):
    """Says in its handshake that this is its certificate."""
    other = None

    def flush(self):
        return [self.replace(datagram) for datagram in super().flush()]

    def replace(self, datagram):
        out = b""
        while datagram:
            size = 13 + struct.unpack(">H", datagram[11:13])[0]
            record, datagram = datagram[:size], datagram[size:]
            if record[0] == 22 and record[3:5] == b"\0\0" and record[13] == 11:  # a handshake message in the clear, Certificate (RFC 5246 section 7.4.6)
                chain = len(self.other).to_bytes(3, "big") + self.other
                body = len(chain).to_bytes(3, "big") + chain
                size = len(body).to_bytes(3, "big")
                message = b"\x0b" + size + record[17:19] + bytes(3) + size + body
                record = record[:11] + struct.pack(">H", len(message)) + message
                self.replaced = True
            out += record
        return out


def certificate_that_loops(server, call):
    """Reading it takes no time: one who never finishes to would hold up all on its worker."""
    for path in ("/whip/call/mallory", "/whep/call/alice"):
        p = Peer(server, path, profile=b"SRTP_AEAD_AES_128_GCM", start=False)
        p.dtls = OtherCertificate(p.profile, *certificate())
        p.dtls.other, p.dtls.replaced = looping_certificate(), False
        p.start()
        fails_to_connect(server, call, p, path)
        assert p.dtls.replaced


def media_in_the_clear(server, call):
    """After the handshake, from the true address: nothing that was not sealed is taken for media."""
    with Intruder(server, "call") as p:
        p.send_rtp(rtp(p.audio_ssrc, 1, 0, AUDIO_PT, bytes(60), mid=b"0"))
        with rises(server, "srtp_auth", 50):
            for i in range(50):
                p.send_raw(rtp(p.audio_ssrc, 2 + i, 960 * i, AUDIO_PT, b"A\0\0\0\0" + bytes(60), mid=b"0"))
        with rises(server, "rtcp_malformed", 10):  # what would be the index says that it is not sealed
            for _ in range(10):
                p.send_raw(receiver_report(p) + b"\x11" * 24)


# ---- a participant with good keys and bad manners ----

def receiver_report(peer, n=0):
    return struct.pack(">BBHI", 0x80 | n, 201, 1 + 6 * n, peer.audio_ssrc) + bytes(24 * n)


class Intruder:
    """Joins the room of the call as a publisher of his own."""

    def __init__(self, server, room):
        self.peer = Peer(server, f"/whip/{room}/mallory").wait_connected()

    def __enter__(self):
        return self.peer

    def __exit__(self, *_):
        self.peer.close()


def wrong_ssrc(server, call):
    with Intruder(server, "call") as p:
        with rises(server, "rtp_unknown_ssrc", 20):
            for i in range(20):
                p.send_rtp(rtp(0x99990000 + i, 1, 0, VIDEO_PT, bytes(20)))
        with rises(server, "rtp_unknown_pt", 10):
            for i in range(10):
                p.send_rtp(rtp(p.audio_ssrc, i, 0, 77, bytes(20)))


def ssrc_of_another(server, call):
    """Bound to his own track at most: the true owner's receivers see nothing of it."""
    victim = call.publisher
    with Intruder(server, "call") as p:
        for i in range(100):
            p.send_rtp(rtp(victim.audio_ssrc, call.stream.audio + i, 0, AUDIO_PT, b"A\0\0\0\0" + bytes(60), mid=b"0"))
            p.send_rtp(rtp(victim.video_ssrc, call.stream.video + i, 0, VIDEO_PT, b"\x90\x80\x80\x01\x10\x02\0V\0\0\0\0", mid=b"1"))
            time.sleep(0.001)
        goodbye = struct.pack(">BBHI", 0x81, 203, 1, victim.audio_ssrc)
        p.send_rtcp(goodbye)
        time.sleep(0.2)


def ssrc_exhaustion(server, call):
    memory = server.rss_kb()
    with Intruder(server, "call") as p:
        # 256 SSRCs are opened for one connection, whatever the rest may be.
        with rises(server, "rtp_unknown_ssrc", 200), rises(server, "rtp_ssrc_limit", 1700):
            for i in range(2000):
                p.send_rtp(rtp(0x50000000 + i, 1, 0, VIDEO_PT if i & 1 else AUDIO_PT, b"\x10" + bytes(20)))
                if i % 50 == 0:
                    time.sleep(0.005)
    with Intruder(server, "call") as p:
        # With its name each is his track's next SSRC, the one before is forgotten: there is an end to that as well.
        with rises(server, "rtp_ssrc_limit", 1700):
            for i in range(2000):
                p.send_rtp(rtp(0x60000000 + i, 1, 0, VIDEO_PT, b"\x10" + bytes(20), mid=b"1"))
                if i % 50 == 0:
                    time.sleep(0.005)
    assert server.rss_kb() < memory + 8192


def malformed_rtp(server, call):
    with Intruder(server, "call") as p:
        with rises(server, "rtp_malformed", 3):
            head = struct.pack(">BBHII", 0xA0, AUDIO_PT, 1, 0, p.audio_ssrc)
            p.send_rtp(head + b"\0" * 4 + b"\xff")  # more padding than payload
            p.send_rtp(struct.pack(">BBHII", 0xA0, AUDIO_PT, 2, 0, p.audio_ssrc) + b"\0\0")  # padding of none
            p.send_rtp(struct.pack(">BBHII", 0xA0, AUDIO_PT, 3, 0, p.audio_ssrc))  # no place for the count
        with rises(server, "rtp_descriptor", 3):
            for seq, payload in enumerate((b"\xff", b"\x90\xff", b"\x90\x80\x80")):
                p.send_rtp(rtp(p.video_ssrc, seq, 0, VIDEO_PT, payload, mid=b"1"))
        p.send_rtp(rtp(p.video_ssrc, 20, 0, VIDEO_PT, b"\x10\x02\0\0", mid=b"1"))
        with rises(server, "rtx_malformed", 2):
            p.send_rtp(rtp(p.rtx_ssrc, 1, 0, RTX_PT, b"\0", mid=b"1"))
            p.send_rtp(rtp(p.rtx_ssrc, 2, 0, RTX_PT, b"\xff", mid=b"1"))
        # Extensions whose elements reach beyond them, leaps through the sequence numbers, times from nowhere.
        seq = 20
        for _ in range(300):
            seq += random.randrange(1, 12000)
            ext = random.randbytes(4 * random.randrange(8))
            packet = struct.pack(">BBHII", 0x90, VIDEO_PT, seq & 0xFFFF, random.randrange(1 << 32), p.video_ssrc)
            packet += struct.pack(">HH", random.choice((0xBEDE, 0x1000, 0)), len(ext) // 4) + ext
            p.send_rtp(packet + random.randbytes(random.randrange(40)))
            time.sleep(0.001)


def feedback(sender, media, kind, fmt, fci=b""):
    return struct.pack(">BBHII", 0x80 | fmt, kind, 2 + len(fci) // 4, sender, media) + fci


def late_packets(server, call):
    """A packet that is a thousand behind is no replay, its copy is: Firefox sends such ones on purpose."""
    with Intruder(server, "call") as p:
        p.send_rtp(rtp(p.audio_ssrc, 0, 0, AUDIO_PT, bytes(60), mid=b"0"))
        late = p.tx.protect(rtp(p.audio_ssrc, 1, 960, AUDIO_PT, bytes(60), mid=b"0"))
        for i in range(2, 1002):
            p.send_rtp(rtp(p.audio_ssrc, i, 960 * i, AUDIO_PT, bytes(60), mid=b"0"))
            if i % 50 == 0:
                time.sleep(0.005)
        before, received = server.drops("srtp_replay"), server.metrics()["plenum_rx_rtp_total"]
        p.send_raw(late)
        wait_for(lambda: server.metrics()["plenum_rx_rtp_total"] > received, 5, "the late packet is opened")
        assert server.drops("srtp_replay") == before
        with rises(server, "srtp_replay", 1):
            p.send_raw(late)


def malformed_rtcp(server, call):
    """From the receiver of the call itself: its own connection survives it."""
    p = call.receiver
    slot = parse_ssrc(call)
    report = receiver_report(p)
    bad = [
        report + struct.pack(">BBH", 0x80, 203, 0)[:3] + b"\xff",  # lengths beyond the end
        report + struct.pack(">BBHI", 0x9F, 201, 1, 1),            # 31 report blocks, none there
        report + struct.pack(">BBH", 0x9F, 203, 0),                # 31 who leave, none named
        report + struct.pack(">BBHI", 0x81, 203, 2, 1) + b"\xff\0\0\0",
        report + feedback(1, slot, 205, 1, b"")[:10] + b"\0\0",
        report + struct.pack(">BBH", 0x41, 201, 0),                # version 1
        report + feedback(1, slot, 205, 15, struct.pack(">HHI", 0, 65535, 0)),  # 65 535 statuses, no chunk
    ]
    before = server.drops("rtcp_malformed")
    for packet in bad:
        p.send_rtcp(packet)
        time.sleep(0.01)
    wait_for(lambda: server.drops("rtcp_malformed") >= before + 4, 5, "malformed RTCP counted")
    # Sub-packets of length zero without end, strange but well-formed numbers.
    p.send_rtcp(report + struct.pack(">BBH", 0x80, 204, 0) * 250)
    for mantissa in (0, 1, 0x3FFFF):
        for exponent in (0, 63):
            remb = b"REMB" + struct.pack(">I", 1 << 24 | exponent << 18 | mantissa) + struct.pack(">I", slot)
            p.send_rtcp(feedback(1, 0, 206, 15, remb))
    p.send_rtcp(struct.pack(">BBHI", 0x9F, 201, 1 + 31 * 6, 1) + struct.pack(">I", slot) * 31 * 6)
    p.send_rtcp(feedback(1, slot, 205, 15, struct.pack(">HHI", 7, 65535, 0) + struct.pack(">H", 0x3FFF) * 8))
    for _ in range(300):
        p.send_rtcp(report + bytes([random.randrange(128, 192), random.randrange(192, 224)]) + random.randbytes(2 + 4 * random.randrange(30)))
        time.sleep(0.001)
    remb = b"REMB" + struct.pack(">I", 1 << 24 | 10 << 18 | 0x3FFF) + struct.pack(">I", slot)
    p.send_rtcp(feedback(1, 0, 206, 15, remb))


def parse_ssrc(call):
    """@return the SSRC of the receiver's video slot"""
    return call.numbers()[1][-1][0]


def feedback_storm(server, call):
    """Requests for key frames and for the whole window again, many times over: the publisher is asked seldom, the answers are rationed."""
    p, slot = call.receiver, parse_ssrc(call)
    with call.publisher.lock:
        call.publisher.rtcp.clear()
    begin = time.monotonic()
    cpu, out = server.cpu_s(), server.metrics()["plenum_tx_bytes_total"]
    for round_ in range(200):
        p.send_rtcp(receiver_report(p) + feedback(1, slot, 206, 1))
        p.send_rtcp(receiver_report(p) + feedback(1, slot, 206, 4, struct.pack(">IBBH", slot, round_ & 0xFF, 0, 0)))
        items = b"".join(struct.pack(">HH", 17 * i & 0xFFFF, 0xFFFF) for i in range(200))
        p.send_rtcp(receiver_report(p) + feedback(1, slot, 205, 1, items))
        time.sleep(0.005)
    time.sleep(0.3)
    took = time.monotonic() - begin
    with call.publisher.lock:
        asked = sum(1 for _, packet in call.publisher.rtcp if has_pli(packet))
    assert 1 <= asked <= took / 0.5 + 2, f"the publisher was asked {asked} times for a key frame in {took:.1f} s"
    sent = server.metrics()["plenum_tx_bytes_total"] - out
    media = took * (50 * 120 + 90 * 600)
    assert sent < 2.5 * media, f"{sent} octets sent where the media is {media:.0f}"
    assert server.cpu_s() - cpu < 1.5, "CPU"


def rtx_of(peer):
    with peer.lock:
        return sum(1 for packet in peer.rtp if packet and parse_rtp(packet)[2] == RTX_PT)


def one_packet_again_and_again(server, call):
    """Within a round trip of 100 ms, as the receiver's reports say, a packet is sent again once, and once more where they tell of loss."""
    p, slot = call.receiver, parse_ssrc(call)
    with p.lock:
        p.rtcp.clear()
    stamp = wait_for(lambda: sender_report(p, slot), 3, "a sender report")
    time.sleep(max(0, stamp[1] + 0.1 - time.monotonic()))
    p.send_rtcp(struct.pack(">BBHI", 0x81, 201, 7, p.audio_ssrc) + struct.pack(">IIIIII", slot, 0, 0, 0, stamp[0], 0))
    time.sleep(0.1)
    seq, before, begin = call.numbers()[1][-1][1], rtx_of(p), time.monotonic()
    for _ in range(50):
        p.send_rtcp(receiver_report(p) + feedback(1, slot, 205, 1, struct.pack(">HH", seq, 0)))
    took = time.monotonic() - begin
    time.sleep(0.2)
    times = rtx_of(p) - before
    assert 1 <= times <= 2 * (1 + int(took / 0.075)), f"sent again {times} times in {took:.3f} s"


def sender_report(peer, ssrc):
    """@return the middle of the NTP time of the newest report of a slot, and when it came"""
    with peer.lock:
        packets = list(peer.rtcp)
    for at, packet in reversed(packets):
        while len(packet) >= 16:
            _, kind, words, sender, _ = struct.unpack(">BBHII", packet[:12])
            if kind == 200 and sender == ssrc:
                return struct.unpack(">I", packet[10:14])[0], at
            packet = packet[4 * (words + 1):]
    return None


def key_frames_for_many(server, call):
    """Eight receivers ask forty times a second each: their publisher hears it twice."""
    peers = [Peer(server, "/whep/call/alice").wait_connected() for _ in range(8)]
    slots = [wait_for(lambda p=p: video_ssrc(p), 5, "video") for p in peers]
    with call.publisher.lock:
        call.publisher.rtcp.clear()
    begin = time.monotonic()
    while time.monotonic() - begin < 2:
        for p, slot in zip(peers, slots):
            p.send_rtcp(receiver_report(p) + feedback(1, slot, 206, 1))
        time.sleep(0.025)
    time.sleep(0.1)
    took = time.monotonic() - begin
    with call.publisher.lock:
        asked = sum(1 for _, packet in call.publisher.rtcp if has_pli(packet))
    for p in peers:
        p.close()
    assert 1 <= asked <= took / 0.5 + 2, f"the publisher was asked {asked} times for a key frame in {took:.1f} s"


def video_ssrc(peer):
    with peer.lock:
        return next((parse_rtp(p)[0] for p in peer.rtp if p and parse_rtp(p)[2] == VIDEO_PT), None)


def candidates_are_no_addresses(server, call):
    """Whatever addresses an offer and what comes after it name: nothing is ever sent there."""
    targets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for s in targets:
        s.bind(("127.0.0.1", 0))
        s.setblocking(False)
    lines = [f"a=candidate:{i} 1 udp {2122260223 - i} 127.0.0.1 {targets[i % 2].getsockname()[1]} typ host" for i in range(200)]
    lines += ["a=candidate:x 1 udp 1 169.254.169.254 80 typ host", "a=candidate:y 1 udp 2 a-name.local 9 typ host"]
    text = Peer.offer(call.publisher).replace("a=mid:0", "\r\n".join(["a=mid:0"] + lines))
    status, headers, _ = server.request("POST", "/whip/call/mallory", text.encode(), {"Content-Type": "application/sdp"})
    assert status == 201
    more = ["a=ice-ufrag:" + call.publisher.ufrag, "a=ice-pwd:" + call.publisher.pwd, "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
    for _ in range(5):
        status, _, _ = server.request("PATCH", headers["Location"], "\r\n".join(more + lines + [""]).encode(),
                                      {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": headers["ETag"]})
        assert 200 <= status < 300, status
    for s in targets:
        is_silent(s, 0.5)
    server.request("DELETE", headers["Location"])


def has_pli(packet):
    while len(packet) >= 4:
        first, kind, words = struct.unpack(">BBH", packet[:4])
        if kind == 206 and first & 31 == 1:
            return True
        packet = packet[4 * (words + 1):]
    return False


ATTACKS = [
    strangers_speak_nothing_but_stun, client_hello_comes_first, client_hello_on_a_running_association,
    rtp_from_a_foreign_address, checks_cannot_be_forged, captured_checks, checks_of_nobody, stun_flood, replays, forged_rtp,
    forged_rtcp, not_even_rtp, no_common_profile, certificate_of_another, certificate_that_loops, fingerprints_of_no_use, media_in_the_clear, wrong_ssrc,
    ssrc_of_another, ssrc_exhaustion, malformed_rtp, late_packets, malformed_rtcp, feedback_storm, one_packet_again_and_again,
    key_frames_for_many, candidates_are_no_addresses,
]


def main(**settings):
    random.seed(7)
    server = Server(rtc_limits_stun_unauth_per_sec=500, rooms_linger_s=1, **settings)
    empty = gauges(server)
    try:
        call = Call(server, "call")
        for attack in ATTACKS:
            if len(sys.argv) > 1 and attack.__name__ not in sys.argv[1:]:
                continue
            begin = time.monotonic()
            attack(server, call)
            call.verify()
            print(f"{attack.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        audio, video = (len(n) for n in call.numbers())
        call.close()
        print(f"the call: {audio} audio and {video} video packets, none lost")
        wait_for(lambda: gauges(server) == empty, 15, f"every gauge where it began: {gauges(server)}")
    except BaseException:
        print(server.log_tail(), file=sys.stderr)
        server.process.kill()
        raise
    assert server.stop() == 0


def gauges(server):
    metrics = server.metrics()
    return [metrics[f"plenum_{name}"] for name in ("transports", "shards", "tracks", "slots", "packets", "tuples", "handshakes")]


if __name__ == "__main__":
    main()
