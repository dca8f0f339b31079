#!/usr/bin/python3
"""
HTTP from clients that are slow on purpose, and with lengths that are not true: what each gets and after how long, beside a call that loses
nothing. In the end every connection is closed.

what                                            outcome, with http.timeout_s of TIMEOUT
a connection that says nothing                  closed after a third of it
a header that does not end, or comes in drops   closed after a third
the same on a connection that was used before   closed after it
a connection kept alive, without a request      closed after it
a body that does not come, or comes in drops    closed after it, from the header's end
a body that stops                               closed after half of it
the same of a body that was refused             the refusal at once, closed 5 s later
who takes nothing of a reply                    closed after it
more connections than http.max_connections      closed at once (test_http.connection_cap)
a POST without a length, or chunked             411, closed
a length over 1 MiB                             413, closed
a length that is no number, two of them         400, closed
two hosts, in HTTP/1.1 none                     400, closed
a body after GET or HEAD                        400, closed
a path over 1024 octets                         414, closed
a header over 16 kB                             closed, without a 431
a method that there is not                      403, closed
CONNECT                                         closed
requests one after the other without waiting    answered in order
"""
import os
import socket
import sys
import tempfile
import threading
import time

from rawrtc import Call, Server, wait_for

POST = "POST /whip/r HTTP/1.1\r\nHost: a\r\nContent-Type: application/sdp\r\n"
GET = "GET /healthz HTTP/1.1\r\nHost: a\r\n"
NEXT = GET + "\r\n"
BIG = 16 << 20  # more than all buffers on the way
TIMEOUT = 6  # s
HEADER, PAUSE = TIMEOUT // 3, TIMEOUT // 2


def connect(server, data="", rcvbuf=None):
    s = socket.socket()
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(10)
    s.connect(("127.0.0.1", server.http))
    try:
        s.sendall(data.encode("latin-1"))
    except (BrokenPipeError, ConnectionResetError):
        pass
    return s


def statuses(got):
    return [int(line.split()[1]) for line in got.split(b"\r\n") if line.startswith(b"HTTP/1.")] if got else []


# ---- slow ones ----

class Slow(threading.Thread):
    """Sends a beginning, then a drop now and then, until the server has enough. Checked by verify()."""

    def __init__(self, server, name, data, seconds, drop="", status=None):
        super().__init__()
        self.what, self.seconds, self.drop, self.status = name, seconds, drop.encode("latin-1"), status
        self.got, self.took = b"", None
        self.begin = time.monotonic()
        self.socket = connect(server, data)
        self.socket.settimeout(0.5)
        self.start()

    def run(self):
        while time.monotonic() - self.begin < self.seconds + 10:
            try:
                data = self.socket.recv(65536)
                self.got += data
                if not data:
                    break
            except TimeoutError:
                pass
            except ConnectionResetError:
                break
            if self.drop:
                try:
                    self.socket.send(self.drop)
                except (BrokenPipeError, ConnectionResetError):
                    break
        else:
            return
        self.took = time.monotonic() - self.begin

    def verify(self):
        self.join()
        self.socket.close()
        assert self.took is not None, f"{self.what}: not closed in {self.seconds + 10} s"
        assert self.seconds - 1 < self.took < self.seconds + 3, f"{self.what}: closed after {self.took:.1f} s, not {self.seconds}"
        want = [] if self.status is None else [self.status]
        assert statuses(self.got) == want, f"{self.what}: {self.got[:200]}"


def slow_ones(server):
    upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    return [
        Slow(server, "nothing", "", HEADER),
        Slow(server, "an octet", "G", HEADER),
        Slow(server, "no end of a line", "GET / HTTP/1.1\r\nX: ", HEADER),
        Slow(server, "no end of a line, in drops", "GET / HTTP/1.1\r\nX: ", HEADER, "x"),
        Slow(server, "no end of the header", "GET / HTTP/1.1\r\nHost: a\r\n", HEADER),
        Slow(server, "no end of the header, in drops", "GET / HTTP/1.1\r\n", HEADER, "X: y\r\n"),
        Slow(server, "NUL in a header", GET + "X: a\0b\r\n\r\n", HEADER),
        Slow(server, "a folded header", GET + "X: a\r\n b\r\n\r\n", HEADER),
        Slow(server, "CR alone", "GET / HTTP/1.1\rHost: a\r\r", HEADER),
        Slow(server, "a handshake in drops", upgrade, HEADER, "X: y\r\n"),
        Slow(server, "kept alive", NEXT, TIMEOUT, status=200),
        Slow(server, "kept alive, then a header in drops", NEXT + "GET / HTTP/1.1\r\nX: ", TIMEOUT, "x", status=200),
        Slow(server, "no body", POST + "Content-Length: 1000\r\n\r\n", TIMEOUT),
        Slow(server, "a body in drops", POST + "Content-Length: 1000\r\n\r\nv=0", TIMEOUT, "x"),
        Slow(server, "a body that ends too early", POST + "Content-Length: 1000\r\n\r\n" + "x" * 999, PAUSE),
        Slow(server, "100-continue, and no body", POST + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", TIMEOUT),
        Slow(server, "a refused body that does not come", POST + f"Content-Length: {2 << 20}\r\n\r\n", 5, status=413),
        Slow(server, "a refused body in drops", POST + f"Content-Length: {2 << 20}\r\n\r\n", 5, "x", status=413),
        Slow(server, "a refused body of 2^63", POST + "Content-Length: 9223372036854775808\r\n\r\n", 5, status=413),
    ]


class SlowReader:
    """Asks for what no buffer holds, and takes nothing of it."""

    def __init__(self, server):
        self.begin = time.monotonic()
        self.socket = connect(server, "GET /big.js HTTP/1.1\r\nHost: a\r\n\r\n", rcvbuf=4096)

    def verify(self):
        time.sleep(max(0, self.begin + TIMEOUT + 3 - time.monotonic()))
        n = 0
        try:
            while data := self.socket.recv(1 << 20):
                n += len(data)
        except ConnectionResetError:
            pass
        self.socket.close()
        assert 0 < n < BIG, n


# ---- lengths, and what else is refused at once ----

CLOSED, OPEN = True, False
ROWS = [
    ([411], CLOSED, POST + "\r\n"),
    ([411], CLOSED, POST + "\r\nv=0"),
    ([411], CLOSED, POST + "Content-Length: \r\n\r\nv=0"),
    ([411], CLOSED, POST + "Content-Length : 3\r\n\r\nv=0"),
    ([411], CLOSED, POST + "Transfer-Encoding: chunked\r\n\r\n3\r\nv=0\r\n0\r\n\r\n"),
    ([411], CLOSED, POST + "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nv=0"),
    ([411], CLOSED, POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nv=0"),
    ([411], CLOSED, POST + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    ([411], CLOSED, GET + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    *[([400], CLOSED, POST + f"Content-Length: {n}\r\n\r\nv=0") for n in ("-1", "-3", "+3", "0x3", "3x", "3 3", "3, 3", "3,3", "3 ", "1e3", "\u0663".encode().decode("latin-1"),
                                                                      "99999999999999999999999", "18446744073709551616", "18446744073709551619")],
    ([400], CLOSED, POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nv=0"),
    ([400], CLOSED, POST + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nv=0xx"),
    ([400], OPEN, POST + "Content-Length: 3\r\n\r\nv=0"),
    ([400], OPEN, POST + "Content-Length: 0003\r\n\r\nv=0"),
    ([400, 200], OPEN, POST + "Content-Length: 3\r\n\r\nv=0" + NEXT),
    ([400, 200], OPEN, POST + "Content-Length: 0\r\n\r\n" + NEXT),
    ([400, 403], CLOSED, POST + "Content-Length: 2\r\n\r\nv=0" + NEXT),  # "0GET" is no method
    ([400], OPEN, POST + f"Content-Length: {1 << 20}\r\n\r\n" + "x" * (1 << 20)),
    ([413], CLOSED, POST + f"Content-Length: {(1 << 20) + 1}\r\n\r\n" + "x" * ((1 << 20) + 1)),
    ([413], CLOSED, POST + f"Content-Length: {9 << 20}\r\n\r\n" + "x" * (9 << 20)),
    ([400], CLOSED, GET + "Content-Length: 3\r\n\r\nabc"),
    ([400], CLOSED, GET + "Content-Length: 3\r\n\r\nabc" + NEXT),
    ([405], CLOSED, GET.replace("GET", "PUT") + "Content-Length: 3\r\n\r\nabc" + NEXT),
    ([405, 200], OPEN, GET.replace("GET", "DELETE") + "\r\n" + NEXT),
    ([404, 200], OPEN, "DELETE /whip/resource/" + "0" * 32 + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + NEXT),
    ([200, 200], OPEN, GET.replace("GET", "HEAD") + "\r\n" + NEXT),
    ([200] * 200, OPEN, NEXT * 200),
    ([400], CLOSED, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ([400], CLOSED, "GET /healthz HTTP/1.1\r\n\r\n"),
    ([200], CLOSED, "GET /healthz HTTP/1.0\r\n\r\n"),
    ([414], CLOSED, "GET /" + "a" * 1024 + " HTTP/1.1\r\nHost: a\r\n\r\n"),
    ([200], OPEN, GET + "Cookie: " + "a" * 15000 + "\r\n\r\n"),
    ([], CLOSED, GET + "Cookie: " + "a" * 17000 + "\r\n\r\n"),
    ([], CLOSED, GET + "X-Long: " + "a" * 100000 + "\r\n\r\n"),
    ([], CLOSED, GET + "N" * 20000 + ": x\r\n\r\n"),
    ([], CLOSED, GET + "".join(f"X-{i}: y\r\n" for i in range(5000)) + "\r\n"),
    ([], CLOSED, "GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: a\r\n\r\n"),
    ([403], CLOSED, "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"),
    ([], CLOSED, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT),
    ([403], CLOSED, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ([403], CLOSED, "A" * 20000 + " / HTTP/1.1\r\n\r\n"),
    ([403], CLOSED, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ([403], CLOSED, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
]


def read_row(s, n):
    """@return what came until all replies are there and nothing more comes; whether it was the end"""
    got, ended = b"", False
    s.settimeout(8)
    while not ended:
        try:
            data = s.recv(65536)
            got, ended = got + data, not data
        except ConnectionResetError:
            ended = True
        except TimeoutError:
            break
        if n and len(statuses(cut_bodies(got))) >= n:
            s.settimeout(0.3)
    return got, ended


def lengths(server):
    before, failed = server.metrics(), []

    def run(want, closed, data):
        s = connect(server, data)
        got, ended = read_row(s, len(want))
        s.close()
        # A reply without a length would swallow the next: bodies are left out by the lengths that they have.
        if (statuses(cut_bodies(got)), ended) != (want, closed):
            failed.append(f"{data[:120]!r}: {statuses(cut_bodies(got))} {'closed' if ended else 'open'}, not {want}")

    threads = [threading.Thread(target=run, args=row) for row in ROWS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, "\n" + "\n".join(failed)
    now = server.metrics()
    assert now["plenum_http_too_large_total"] - before["plenum_http_too_large_total"] == sum(s in (413, 414) for want, _, _ in ROWS for s in want)
    return len(ROWS)


def cut_bodies(got):
    """Replies follow their predecessor's body without a line of their own."""
    return got.replace(b"}HTTP/1.", b"}\r\nHTTP/1.").replace(b"}\nHTTP/1.", b"}\r\nHTTP/1.")


# ---- many ----

def many_idle(server):
    """Connections that say nothing hold nobody up, and are gone after their time."""
    idle = [connect(server, data) for data in ["", "G", "GET / HTTP/1.1\r\n"] * 100]
    begin = time.monotonic()
    for _ in range(20):
        assert server.get("/healthz")
    took = time.monotonic() - begin
    assert took < 2, f"20 requests beside them took {took:.2f} s"
    return idle


def connections(server):
    return server.metrics()["plenum_http_connections"]


def main():
    with tempfile.TemporaryDirectory(prefix="plenum-test-") as root:
        for name, size in (("index.html", 1), ("big.js", BIG)):
            with open(os.path.join(root, name), "wb") as file:
                file.write(b"x" * size)
        server = Server(http_web_root=root, http_timeout_s=TIMEOUT, rooms_linger_s=0, session_grace_s=0)
        try:
            empty = connections(server)
            reader, slow = SlowReader(server), slow_ones(server)  # first: their time-outs are what takes long
            call = Call(server, "call")
            idle = many_idle(server)
            call.verify()
            print(f"ok {len(idle)} idle ones", flush=True)
            n = lengths(server)
            call.verify()
            print(f"ok {n} requests with wrong lengths and the like", flush=True)
            wait_for(lambda: connections(server) <= len(slow) + 2, 14, "the idle ones are closed")
            for s in idle:
                s.close()
            for one in slow:
                one.verify()
            reader.verify()
            print(f"ok {len(slow)} slow ones, and one that reads nothing", flush=True)
            call.close()
            wait_for(lambda: connections(server) == empty, 10, "all connections are closed")
        except BaseException:
            print(server.log_tail(), file=sys.stderr)
            server.process.kill()
            raise
        assert server.stop() == 0


if __name__ == "__main__":
    main()
