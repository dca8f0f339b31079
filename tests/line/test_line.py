"""The line between client and server (plenum_line.c), calibrated: alone it adds and loses nothing, and it does what it is told."""

import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

RATE = 2000  # packets a second: about what a meeting of nine sends one receiver
OCTETS = 1000


class Line:
    def __init__(self, port):
        self.process = subprocess.Popen([os.environ["PLM_LINE"], str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def count(self):
        self.tell("count")
        return [int(n) for n in re.findall(r"\d+", self.process.stdout.readline())]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(5) == 0


class Way:
    """Packets with their time of sending, through the line and, without it, straight on: what the machine adds itself."""

    def __init__(self, to):
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sink.bind(("127.0.0.1", 0))
        self.source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.line = Line(self.sink.getsockname()[1]) if to == "line" else None
        self.to = ("127.0.0.1", self.line.port if self.line else self.sink.getsockname()[1])

    def send(self, seconds, rate=RATE):
        """Returns (sent, received, sorted delays in ms, seconds from the first to the last arrival)."""
        got = []
        self.sink.settimeout(1)

        def receive():
            try:
                while True:
                    data = self.sink.recv(2000)
                    got.append((time.perf_counter_ns(), int.from_bytes(data[:8], "big")))
            except TimeoutError:
                return

        reader = threading.Thread(target=receive)
        reader.start()
        sent = int(seconds * rate)
        start = time.perf_counter()
        for i in range(sent):
            while (wait := start + i / rate - time.perf_counter()) > 0:
                time.sleep(wait)
            self.source.sendto(time.perf_counter_ns().to_bytes(8, "big") + bytes(OCTETS - 8), self.to)
        reader.join()
        delays = sorted((at - then) / 1e6 for at, then in got)
        return sent, len(got), delays, (got[-1][0] - got[0][0]) / 1e9 if got else 0

    def close(self):
        if self.line:
            self.line.close()
        self.sink.close()
        self.source.close()


def check(holds, what):
    print(("ok   " if holds else "FAIL ") + what)
    return holds


def main():
    straight, way = Way("sink"), Way("line")
    good = True
    _, _, alone, _ = straight.send(2)
    sent, got, delays, _ = way.send(2)
    added = statistics.median(delays) - statistics.median(alone)
    p99 = delays[int(len(delays) * 0.99)] - alone[int(len(alone) * 0.99)]
    good &= check(got == sent, f"with no impairment {got} of {sent} arrive")
    good &= check(added < 1, f"it adds {added:.3f} ms (median; p99 {p99:.3f})")

    way.line.tell("up delay 50")
    _, got, delays, _ = way.send(1)
    good &= check(delays[0] >= 50 and delays[len(delays) // 2] < 53, f"a delay of 50 ms: {delays[0]:.2f} at least, median {delays[len(delays) // 2]:.2f}")

    way.line.tell("up delay 0 loss 100")
    sent, got, _, _ = way.send(3)
    good &= check(0.07 < 1 - got / sent < 0.13, f"a loss of 10 %: {100 - 100 * got / sent:.1f} % lost")

    way.line.tell("up loss 0 rate 4000000 queue 100")
    before = way.line.count()
    sent, got, delays, span = way.send(2)
    bps = got * (OCTETS + 28) * 8 / span
    dropped = way.line.count()[2] - before[2]
    good &= check(3.8e6 < bps < 4.2e6, f"4 Mbit/s: {bps / 1e6:.2f} Mbit/s go through")
    good &= check(dropped == sent - got and delays[-1] >= 95, f"{sent - got} found no room, {dropped} by its own count; the longest wait {delays[-1]:.1f} ms")
    straight.close()
    way.close()
    sys.exit(not good)


main()
