#!/usr/bin/python3
"""
What datagrams cost that a server wants nothing of: a stream of each kind, 10 000 a second, and the CPU of the server's process beside what it needs
for the call that goes on meanwhile. Prints a share of one core per kind; nothing is judged but the call, which must lose nothing.

    PLM_SERVER=build/release/bin/plenum-server tests/bench/bad_datagrams.py [SECONDS]
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rawrtc import Call, Server, rtp, socket, stun_request  # noqa: E402

RATE = 10000
STEP_S = 0.01


def kinds(server, call):
    """Name, socket to send from, datagrams to choose from."""
    def stranger():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        return s
    p = call.publisher
    user = f"{p.server_ufrag}:{p.ufrag}"
    garbage = [bytes([0x80, 96]) + os.urandom(1000) for _ in range(64)]
    yield "media of strangers", stranger(), garbage
    yield "ClientHellos of strangers", stranger(), [b"\x16\xfe\xfd" + os.urandom(200) for _ in range(64)]
    yield "STUN for nobody", stranger(), [stun_request(f"{os.urandom(8).hex()[:11]}:x", "nobody") for _ in range(64)]
    yield "STUN with a wrong password", stranger(), [stun_request(user, os.urandom(8).hex()) for _ in range(64)]
    yield "checks replayed from elsewhere", stranger(), [p.last_check]
    yield "broken media from the true address", p.socket, [rtp(p.audio_ssrc, i, i, 111, os.urandom(1000)) for i in range(64)]
    yield "broken RTCP from the true address", p.socket, [b"\x80\xc8" + os.urandom(60) for _ in range(64)]
    yield "broken DTLS from the true address", p.socket, [b"\x17\xfe\xfd" + os.urandom(100) for _ in range(64)]


def share(server, seconds, s=None, datagrams=None):
    """CPU seconds of the server per second of this, and datagrams sent."""
    begin, cpu, sent = time.monotonic(), server.cpu_s(), 0
    while (now := time.monotonic() - begin) < seconds:
        for _ in range(int(now * RATE) - sent if s else 0):
            s.sendto(datagrams[sent % len(datagrams)], ("127.0.0.1", server.rtc))
            sent += 1
        time.sleep(STEP_S)
    took = time.monotonic() - begin
    return (server.cpu_s() - cpu) / took, sent / took


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    server = Server()
    call = Call(server, "bad")
    idle, _ = share(server, seconds)
    print(f"| kind | datagrams/s | of a core, beside {100 * idle:.1f} % of the call |\n|---|---|---|")
    for name, s, datagrams in kinds(server, call):
        busy, rate = share(server, seconds, s, datagrams)
        print(f"| {name} | {rate:.0f} | {100 * max(busy - idle, 0):.1f} % |", flush=True)
    call.close()
    return server.stop()


if __name__ == "__main__":
    sys.exit(main())
