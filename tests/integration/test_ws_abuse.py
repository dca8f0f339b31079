#!/usr/bin/python3
"""
The WebSocket against RFC 6455 and against nobody's good will: what each malformed handshake, frame and stream gets, octet by octet, beside
a call that loses nothing and a chat in which nothing is late. In the end every gauge is where it began.

"closed" with a code is a close frame, then the end of the socket (libwebsockets waits 5 s for the peer to answer); without, the end alone.

what                                    outcome                                          counted as
reserved bits, opcodes                  closed 1002                                      websockets_rejected
fragmented control frame                closed 1002                                      websockets_rejected
continuation of nothing, text in text   closed 1002                                      websockets_rejected
text that is not UTF-8, as soon as seen closed 1007                                      websockets_rejected
binary                                  closed 1003                                      websockets_rejected
more than 264 kB, in however many       closed 1009                                      websockets_rejected
more than 4096 fragments                closed 1008                                      websockets_rejected
control frame over 125, length of 2^63  closed                                           -
close with a bad code                   closed 1002                                      -
close with a reason that is not UTF-8   closed                                           -
more than 64 kB without a description   error bad_message                                bad_messages, message_size
length that never comes                 nothing; dropped when silent                     unit/signaling/test_ws_server
other version                           426 with the version that it has to be           http_replies 4xx
bad key, HTTP/1.0                       400                                              http_replies 4xx
bad origin, subprotocol, path           403                                              http_replies 4xx
header over 16 kB, no Connection        closed                                           -
handshake that does not end             closed after 10 s                                test_http_abuse

What RFC 6455 asks for and was seen not to happen with libwebsockets 4.1.6:
- frames without a mask are taken (section 5.1). The mask guards proxies against pages of browsers, which always mask.
- close codes from 5000 on (section 7.4.2) and a close frame of one octet are given back as they came.
- control frames that are too long end the socket without a close frame.
"""
import json
import socket
import struct
import sys
import threading
import time

from rawrtc import Call, Server, wait_for
from ws_client import join

KB = 1024
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ASK = b'{"type":"view","id":7,"items":[]}'
ANSWERED = ("error", "bad_state")  # nobody has joined
NOT_READ = ("error", "bad_message")
WATCHED = ("plenum_websockets_rejected_total", "plenum_bad_messages_total", 'plenum_limits_hit_total{limit="message_size"}',
           "plenum_websockets_slow_total", "plenum_websockets_silent_total", "plenum_websockets_refused_total")
REJECTED, BAD, TOO_LARGE = WATCHED[:3]


# ---- octets ----

def frame(first, data=b"", mask=True, length=None, octets=None):
    """@param length what the frame says @param octets of the length: 0, 2 or 8; None: the shortest"""
    n = len(data) if length is None else length
    octets = (8 if n > 0xFFFF else 2 if n > 125 else 0) if octets is None else octets
    bit = 0x80 if mask else 0
    head = struct.pack({0: ">BB", 2: ">BBH", 8: ">BBQ"}[octets], first, bit | {0: n, 2: 126, 8: 127}[octets], *([n] if octets else []))
    if not mask:
        return head + data
    key = b"\x11\x22\x33\x44"
    return head + key + bytes(a ^ b for a, b in zip(data, key * (len(data) // 4 + 1)))


def text(data, **options):
    return frame(0x81, data, **options)


def fragments(*pieces, first=0x01):
    """A message in pieces."""
    frames = [frame(0x00, piece) for piece in pieces]
    frames[0] = frame(first, pieces[0])
    frames[-1] = frame(0x80, pieces[-1])
    return b"".join(frames)


def close(code, reason=b""):
    return frame(0x88, struct.pack(">H", code) + reason)


def handshake(server, *lines, start="GET /ws HTTP/1.1", leave_out=(), **headers):
    """@param headers in place of the usual ones, with _ for - @param leave_out names of headers @param lines more of them"""
    usual = {"Host": f"127.0.0.1:{server.http}", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Protocol": "plenum.v1"}
    usual.update({name.replace("_", "-"): value for name, value in headers.items()})
    all_ = [start] + [f"{name}: {value}" for name, value in usual.items() if name not in leave_out] + list(lines)
    return "".join(line + "\r\n" for line in all_).encode("latin-1") + b"\r\n"


class Socket:
    """A client that sends what no client would. Octets that come are cut into frames; events of rooms are left out."""

    def __init__(self, server, opening=None):
        self.socket = socket.create_connection(("127.0.0.1", server.http), timeout=10)
        self.got, self.ended = b"", False
        self.send(handshake(server) if opening is None else opening)
        self.head = self.read_head()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what comes is looked at

    def fill(self, seconds):
        """@return false: nothing came, or the end"""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return False
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.got += data
        return not self.ended

    def read_head(self):
        while b"\r\n\r\n" not in self.got and self.fill(10):
            pass
        head, _, self.got = self.got.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def read_frame(self, seconds):
        """@return (first octet, data); None: nothing came in so long, or the end"""
        until = time.monotonic() + seconds
        while True:
            size = None
            if len(self.got) >= 2:
                size, at = self.got[1], 2
                assert size < 128, "the server masks"
                if size >= 126:
                    at = 4 if size == 126 else 10
                    size = int.from_bytes(self.got[2:at], "big") if len(self.got) >= at else None
            if size is not None and len(self.got) >= at + size:
                first, data, self.got = self.got[0], self.got[at:at + size], self.got[at + size:]
                return first, data
            left = until - time.monotonic()
            if left <= 0 or self.ended or (not self.fill(left) and not self.ended):
                return None

    def read(self, seconds):
        """The next that is of interest: ("close", code), ("pong", data), ("error", code), (type,); None as read_frame."""
        until = time.monotonic() + seconds
        while (got := self.read_frame(max(0, until - time.monotonic()))) is not None:
            first, data = got
            assert first & 0x70 == 0 and first & 0x80, f"{first:x}"
            if first == 0x88:
                return "close", struct.unpack(">H", data[:2])[0] if len(data) > 1 else data
            if first == 0x8A:
                return "pong", data
            assert first == 0x81, f"{first:x}"
            message = json.loads(data)
            if message["type"] == "error":
                return "error", message["code"]
            if "id" in message:
                return (message["type"],)
        return None

    def close(self):
        self.socket.close()


# ---- what goes on beside ----

class Chat:
    """Two people of whom one writes and the other reads, with the time that it takes."""

    def __init__(self, server):
        self.writer, self.reader = join(server, "chat"), join(server, "chat", "Bob")
        self.sent, self.worst, self.running = 0, 0.0, True
        self.error = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while self.running:
                begin, said = time.monotonic(), f"word {self.sent}"
                assert self.writer.ask("chat", text=said)["type"] == "done"
                while (message := self.reader.receive())["type"] != "chat_posted":
                    pass
                assert message["message"]["text"] == said, (message, said)
                self.worst = max(self.worst, time.monotonic() - begin)
                self.sent += 1
                time.sleep(0.02)
        except BaseException as error:
            self.error = error

    def verify(self):
        """@return the longest that a word took since the last time"""
        assert self.error is None, self.error
        worst, self.worst = self.worst, 0.0
        assert worst < 1, f"a word took {worst:.2f} s"
        return worst

    def close(self):
        self.running = False
        self.thread.join()
        self.verify()
        self.writer.leave()
        self.reader.leave()


# ---- frames ----

class Case:
    def __init__(self, name, data, *heard, ends=False, counts=()):
        self.name, self.data, self.heard, self.ends, self.counts = name, data, list(heard), ends, counts

    def run(self, server):
        s = Socket(server)
        assert s.head.startswith("HTTP/1.1 101"), s.head
        s.send(self.data)
        heard = []
        if self.ends:
            while (got := s.read(8)) is not None:
                heard.append(got)
            assert heard == self.heard and s.ended and not s.got, (heard, s.ended, s.got)
        else:
            for _ in self.heard:
                heard.append(s.read(8))
            s.send(frame(0x89, b"are you there"))  # and nothing else came
            heard.append(s.read(8))
            assert heard == self.heard + [("pong", b"are you there")], heard
        s.close()


def breach(name, data, *heard, code=1002):
    return Case(name, data, *heard, ("close", code), ends=True, counts=[REJECTED])


def good(name, data, *heard):
    return Case(name, data, *(heard or [ANSWERED]))


def unreadable(name, data, *heard):
    return Case(name, data, *(heard or [NOT_READ]), counts=[BAD])


def ended(name, data, *heard):
    return Case(name, data, *heard, ends=True)


def name_of(octets):
    return b'{"type":"join","id":7,"room":"' + octets + b'","name":"Eve"}'


def frames():
    half = len(ASK) // 2
    a, b = ASK[:half], ASK[half:]
    euro = "\u20ac".encode()
    yield good("a message", text(ASK))
    for bit in (0x40, 0x20, 0x10):
        yield breach(f"reserved bit {bit:x}", frame(0x81 | bit, ASK))
        yield breach(f"reserved bit {bit:x} of a ping", frame(0x89 | bit, b""))
        yield breach(f"reserved bit {bit:x} of a continuation", frame(0x01, a) + frame(0x80 | bit, b))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield breach(f"opcode {opcode}", frame(0x80 | opcode, b"x"))
        yield breach(f"opcode {opcode} without data", frame(0x80 | opcode))
    yield breach("nothing is taken after a breach", frame(0xC1, ASK) + text(ASK))
    yield breach("nothing is sent after a breach", text(ASK) + frame(0x83))

    # The next three are not as the RFC wants, see above.
    yield good("no mask", text(ASK, mask=False))
    yield good("ping without a mask", frame(0x89, b"x", mask=False), ("pong", b"x"))
    yield ended("close without a mask", frame(0x88, struct.pack(">H", 1000), mask=False), ("close", 1000))

    yield good("ping", frame(0x89, b"x"), ("pong", b"x"))
    yield good("ping of 125", frame(0x89, b"x" * 125), ("pong", b"x" * 125))
    yield good("pong that nobody asked for", frame(0x8A, b"x") + text(ASK))
    for name, first in (("ping", 0x89), ("pong", 0x8A), ("close", 0x88)):
        yield ended(f"{name} of 126", frame(first, struct.pack(">H", 1000) + b"x" * 124))
        yield ended(f"{name} of 65536", frame(first, struct.pack(">H", 1000) + b"x" * 65534))
        yield ended(f"{name} with a length of 8 octets", frame(first, b"xx", octets=8))
        yield breach(f"{name} in fragments", frame(first & 0x7F, b"xx"))

    yield good("fragments", fragments(a, b))
    yield good("empty fragments", fragments(b"", b"", a, b"", b, b""))
    yield good("fragments of one octet", fragments(*[ASK[i:i + 1] for i in range(len(ASK))]))
    yield good("pings in fragments", frame(0x01, a) + frame(0x89, b"1") + frame(0x00, b"") + frame(0x8A) + frame(0x80, b), ("pong", b"1"), ANSWERED)
    yield breach("continuation of nothing", frame(0x80, ASK))
    yield breach("continuation of nothing, not the last", frame(0x00, a))
    yield breach("continuation of a message that is over", text(ASK) + frame(0x80, b"x"))
    yield breach("text in a text", frame(0x01, a) + text(ASK))
    yield breach("binary in a text", frame(0x01, a) + frame(0x82, b))
    yield ended("close in a text", frame(0x01, a) + close(1000), ("close", 1000))

    yield good("characters over fragments", fragments(name_of(b"/" + euro)[:32], name_of(b"/" + euro)[32:]), NOT_READ)  # read, and no name of a room
    for name, octets in (("0xff", b"\xff"), ("overlong", b"\xc0\xaf"), ("overlong of three", b"\xe0\x80\xaf"), ("surrogate", b"\xed\xa0\x80"),
                         ("above U+10FFFF", b"\xf4\x90\x80\x80"), ("cut short", euro[:2]), ("continuation first", b"\x80")):
        yield breach(f"not UTF-8: {name}", text(name_of(octets)), code=1007)
        yield breach(f"not UTF-8 over fragments: {name}", fragments(name_of(octets)[:31], name_of(octets)[31:]), code=1007)
    yield breach("not UTF-8, before the end", frame(0x01, b"{\xff"), code=1007)
    yield breach("not UTF-8, before the frame's end", text(b"{\xff", length=100000), code=1007)
    yield breach("a character that the end cuts", fragments(ASK, euro[:2]), code=1007)
    yield unreadable("UTF-8 that is no JSON", text(euro))
    yield unreadable("empty", text(b""))
    yield unreadable("NUL", text(name_of(b"\0")))
    yield unreadable("a key twice", text(b'{"type":"view","id":7,"id":7,"items":[]}'))

    yield breach("binary", frame(0x82, ASK), code=1003)
    yield breach("binary, empty", frame(0x82), code=1003)
    yield breach("binary in fragments", fragments(a, b, first=0x02), code=1003)

    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999, 5000, 65535):
        yield ended(f"close {code}", close(code, b"bye"), ("close", code))
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999):
        yield ended(f"close {code}", close(code, b"bye"), ("close", 1002))
    yield ended("close", frame(0x88), ("close", b""))
    yield ended("close of one octet", frame(0x88, b"\x03"), ("close", b"\x03"))
    yield ended("close of 125", close(1000, b"x" * 123), ("close", 1000))
    yield ended("close with a reason that is not UTF-8", close(1000, b"\xff\xff"))
    yield ended("a message after a close", close(1000) + text(ASK), ("close", 1000))

    yield good("length longer than it needs", text(ASK, octets=2))
    yield good("length much longer than it needs", text(ASK, octets=8))
    for name, length in (("2^63", 1 << 63), ("2^63 + 1", (1 << 63) + 1), ("2^64 - 1", (1 << 64) - 1)):
        yield ended(f"length {name}", text(ASK, length=length, octets=8))
    yield breach("length that is too short", text(ASK + b"\x03", length=len(ASK)))
    yield breach("HTTP", b"GET / HTTP/1.1\r\n\r\n")


def sizes():
    def blank(n):
        return ASK.ljust(n)

    def cut(data, n):
        return fragments(*[data[i:i + n] for i in range(0, len(data), n)])

    yield good("64 kB", text(blank(64 * KB)))
    yield good("64 kB in fragments", cut(blank(64 * KB), 1000))
    for name, data in (("in one", text(blank(64 * KB + 1))), ("in fragments", cut(blank(64 * KB + 1), 1000))):
        yield Case(f"64 kB and one octet, {name}", data, NOT_READ, counts=[BAD, TOO_LARGE])
    publish = b'{"type":"publish","id":7,"sdp":"x","tracks":[]}'
    for name, write in (("in one", text), ("in fragments", lambda data: cut(data, 100))):
        yield good(f"264 kB with a description, {name}", write(publish.ljust(264 * KB)))
        yield breach(f"264 kB and one octet, {name}", write(publish.ljust(264 * KB + 1)), code=1009)
    for length in (264 * KB + 1, 1 << 32, (1 << 63) - 1):
        yield breach(f"length {length}, and as long as it goes", text(b"x" * (300 * KB), length=length, octets=8), code=1009)
    yield breach("fragments without end", frame(0x01, b"{") + frame(0x00, b"x" * 1000) * 1000, code=1009)
    yield good("4096 fragments", frame(0x01, ASK) + frame(0x00) * 4094 + frame(0x80))
    yield breach("4097 fragments", frame(0x01, ASK) + frame(0x00) * 5000, code=1008)


def all_at_once(server, cases):
    """Each on a socket of its own, together. What is counted is what they say, and not one more."""
    cases, failed = list(cases), []
    before = server.metrics()

    def run(case):
        try:
            case.run(server)
        except BaseException as error:
            failed.append(f"{case.name}: {error!r}")

    threads = [threading.Thread(target=run, args=[case]) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, "\n" + "\n".join(failed)
    want = {name: before[name] + sum(name in case.counts for case in cases) for name in WATCHED}
    now = {}

    def counted():
        now.update({name: value for name, value in server.metrics().items() if name in want})
        return now == want

    wait_for(counted, 8, f"counted {now}, not {want}")
    return len(cases)


def malformed_frames(server):
    return all_at_once(server, frames())


def message_sizes(server):
    return all_at_once(server, sizes())


# ---- floods ----

def ping_flood(server):
    """As many as the socket takes; who reads the answers is served on, who does not is no burden."""
    s, deaf = Socket(server), Socket(server)
    s.socket.settimeout(10)
    some = frame(0x89, b"flood") * 1000
    reader_done = threading.Event()
    pongs = [0]

    def read():
        while (got := s.read(2)) is not None and got != ANSWERED:
            pongs[0] += got == ("pong", b"flood")
        reader_done.set()

    threading.Thread(target=read, daemon=True).start()
    until, n = time.monotonic() + 1, 0
    while time.monotonic() < until:
        s.send(some)
        deaf.socket.setblocking(False)
        try:
            deaf.socket.send(some)
        except BlockingIOError:
            pass
        n += 1000
    s.send(text(ASK))
    assert reader_done.wait(10) and not s.ended and 0 < pongs[0] <= n, (pongs, n)
    s.close()
    deaf.close()
    return n


def many_sockets(server):
    """Opened and torn in every state of a frame, a hundred times over."""
    n = 0
    for data in (b"", b"\x81", b"\x81\xfe", b"\x81\xfe\x01", b"\x81\xff" + bytes(7), text(ASK)[:4], text(ASK)[:9], frame(0x01, ASK), frame(0x89, b"x")[:-1],
                 frame(0x88)[:1]):
        for _ in range(10):
            s = Socket(server)
            s.send(data)
            s.close()
            n += 1
    return n


# ---- handshakes ----

def handshakes(server):
    own = f"http://127.0.0.1:{server.http}"
    rows = [
        (101, handshake(server)),
        (101, handshake(server, Connection="keep-alive, Upgrade")),
        (101, handshake(server, Sec_WebSocket_Protocol="chat, plenum.v1")),
        (101, handshake(server, f"Origin: {own}")),
        (101, handshake(server, "Origin: https://friend.example")),
        (101, handshake(server, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")),
        *[(426, handshake(server, Sec_WebSocket_Version=v)) for v in ("0", "8", "7", "14", "13, 8", "013", "x")],
        (426, handshake(server, leave_out=["Sec-WebSocket-Version"])),
        *[(400, handshake(server, Sec_WebSocket_Key=k)) for k in ("", "abc", "a" * 24, "!" * 22 + "==", KEY + "A", "A" * 4000)],
        (400, handshake(server, leave_out=["Sec-WebSocket-Key"])),
        (400, handshake(server, f"Sec-WebSocket-Key: {KEY}")),
        (400, handshake(server, start="GET /ws HTTP/1.0")),
        *[(403, handshake(server, Sec_WebSocket_Protocol=p)) for p in ("plenum.v2", "plenum.v10", "plenum", "PLENUM.V1", "http", "http, plenum.v1",
                                                                     "plenum.v1, http", ", ".join(["x" * 20] * 20))],
        (403, handshake(server, leave_out=["Sec-WebSocket-Protocol"])),
        *[(403, handshake(server, f"Origin: {o}")) for o in (own + "0", own + ".evil.example", own + "/", own[:-1], "null", "file://", own.replace("http", "ftp"),
                                                             f"http://evil@127.0.0.1:{server.http}", "http://127.0.0.1", "https://friend.example.evil",
                                                             "https://friend", "http://friend.example", "https://friend.example:444",
                                                             f"{own}\r\nOrigin: http://evil.example", f"http://evil.example\r\nOrigin: {own}")],
        *[(403, handshake(server, start=start)) for start in ("GET / HTTP/1.1", "GET /wsx HTTP/1.1", "GET /WS HTTP/1.1", "POST /ws HTTP/1.1")],
        (403, handshake(server, Upgrade="h2c")),
        *[(None, handshake(server, leave_out=[name])) for name in ("Connection", "Host")],
        (None, handshake(server, "Cookie: " + "a" * 20000)),
        (None, handshake(server, "X-Long: " + "a" * 100000)),
        (None, handshake(server, *[f"X-{i}: y" for i in range(5000)])),
        (None, b"GET /ws HTTP/1.1\r\nX-Long: " + b"a" * 100000),
    ]
    before = server.metrics()
    for status, octets in rows:
        s = Socket(server, octets)
        assert (int(s.head.split()[1]) if s.head else None) == status, (status, octets[:400], s.head)
        if status == 101:
            assert "Sec-WebSocket-Extensions" not in s.head and "Sec-WebSocket-Protocol: plenum.v1" in s.head, s.head
            s.send(text(ASK))
            assert s.read(8) == ANSWERED
        else:
            assert not s.fill(8) and s.ended and not s.got, s.got
            assert status != 426 or "sec-websocket-version: 13" in s.head, s.head
        s.close()
    now = server.metrics()
    refused = sum(status in (400, 403, 426) for status, _ in rows)
    assert now['plenum_http_replies_total{class="4xx"}'] == before['plenum_http_replies_total{class="4xx"}'] + refused
    assert now["plenum_websockets_opened_total"] == before["plenum_websockets_opened_total"] + sum(status == 101 for status, _ in rows)
    return len(rows)


def gauges(server):
    metrics = server.metrics()
    return {name: metrics[f"plenum_{name}"] for name in ("websockets", "sessions", "http_connections", "rooms", "participants", "participants_detached",
                                                         "waiting", "media_connections", "resources", "transports", "tracks")}


def main():
    server = Server(rooms_linger_s=0, session_grace_s=0, rooms_make_burst=10000, session_chat_rate=1000, session_chat_burst=1000,
                    session_message_rate=1000, session_message_burst=1000, http_origins="https://friend.example")
    try:
        empty = gauges(server)
        call, chat = Call(server, "call"), Chat(server)
        beside = gauges(server)
        for abuse in (malformed_frames, message_sizes, ping_flood, many_sockets, handshakes):
            if len(sys.argv) > 1 and abuse.__name__ not in sys.argv[1:]:
                continue
            begin = time.monotonic()
            n = abuse(server)
            call.verify()
            worst = chat.verify()
            wait_for(lambda: gauges(server) == beside, 10, f"every gauge as before: {gauges(server)}, not {beside}")
            print(f"ok {abuse.__name__}: {n} ({time.monotonic() - begin:.2f} s; a word took at most {worst * 1000:.0f} ms)", flush=True)
        chat.close()
        call.close()
        wait_for(lambda: gauges(server) == empty, 10, f"every gauge where it began: {gauges(server)}")
    except BaseException:
        print(server.log_tail(), file=sys.stderr)
        server.process.kill()
        raise
    assert server.stop() == 0


if __name__ == "__main__":
    main()
