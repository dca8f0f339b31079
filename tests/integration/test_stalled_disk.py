#!/usr/bin/python3
"""
The disk takes nothing for two seconds, three times, while a call goes on and people write, raise hands and join: no packet is lost, every
request is answered as fast as ever, the main loop is not late; and afterwards everything is on the disk.
"""
import os
import sys
import time

from rawrtc import Call, Server, wait_for
from restarts import Machine, check_lateness
from ws_client import WebSocket, join

STALLS, STALL_S = 3, 2.0
PRELOAD = os.environ.get("PLM_STALLED_DISK")


def busy(server, ada, seconds):
    """Change what is kept all the time. @return how long the slowest answer took"""
    end, slowest, n = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        began = time.monotonic()
        n += 1
        for kind, fields in (("chat", {"text": f"message {n}"}), ("hand", {"raised": n % 2 == 1}), ("rename", {"name": f"Ada {n}"})):
            reply = ada.ask(kind, **fields)
            assert reply["type"] == "done" or reply["code"] == "too_fast", reply
        slowest = max(slowest, time.monotonic() - began)
        if n % 4 == 0:
            join(server, "Hall", f"Guest {n}").leave()
        time.sleep(0.2)
    return slowest


def main():
    if not PRELOAD or not os.path.exists(PRELOAD):
        print("skipped: PLM_STALLED_DISK names no library")
        sys.exit(77)
    stall = f"/tmp/plenum-stall-{os.getpid()}"
    os.environ["PLM_STALL"] = stall
    server = Server(LD_PRELOAD=PRELOAD)

    def queue():
        return server.metrics()["plenum_store_queue"]

    call = Call(server, "Call")
    ada = WebSocket(server)
    secret = ada.ask("join", room="Hall", name="Ada")["secret"]
    busy(server, ada, 1)
    wait_for(lambda: queue() == 0, 5, "everything is written at first")
    with Machine() as machine:
        for _ in range(STALLS):
            written = server.metrics()["plenum_store_commits_total"]
            with open(stall, "w", encoding="ascii"):
                pass
            try:
                slowest = busy(server, ada, STALL_S)
                metrics = server.metrics()
                assert metrics["plenum_store_queue"] > 0, "nothing waits: the disk does not stall"
                assert metrics["plenum_store_commits_total"] <= written + 1
            finally:
                os.unlink(stall)
            wait_for(lambda: queue() == 0, 5, "what waited is written")
            print(f"stalled for {STALL_S} s with {metrics['plenum_store_queue']:.0f} documents waiting; three answers took {1000 * slowest:.0f} ms at most")
    call.close()  # everything that was sent has come, once and in order
    audio, video = call.numbers()
    print(f"{len(audio)} packets of sound and {len(video)} of video, none lost")
    check_lateness(server, machine)
    assert server.metrics()["plenum_store_failures_total"] == 0

    server.kill()
    server.start()
    ada = WebSocket(server)
    joined = ada.ask("resume", secret=secret)
    assert joined["type"] == "joined" and joined["chat"], joined
    assert server.stop() == 0


if __name__ == "__main__":
    main()
    sys.exit(0)
