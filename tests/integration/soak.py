#!/usr/bin/python3
"""
A meeting of the load client goes on while others come and go, and the server's memory stays as it is. After each round of guests every
gauge is back where the meeting alone has it; at the end nothing is left.

usage: soak.py <plenum-bench>      for PLM_SOAK_SECONDS [900]

Memory is looked at when no guest is there. The first third lets arenas and pools grow; then the largest of the last third may be
GROWTH_KB above the largest of the second: less than 1 kB for each guest that was there meanwhile. What is left of growth is the pool of
packets, which keeps the most that a busy moment needed, and the room's chat.
"""
import json
import os
import subprocess
import sys
import time

from rawrtc import Peer, Server, Stream, wait_for
from ws_client import WebSocket, join

SECONDS = int(os.environ.get("PLM_SOAK_SECONDS", "900"))
GROWTH_KB = 1024
MOST_LOST_PERCENT = 2
ROUND_S = 40  # at most, as long as nothing is wrong
ROOM = "bench0"  # the load client's first
GAUGES = ("transports", "transports_connected", "tracks", "slots", "shards", "tuples", "handshakes", "rooms", "participants",
          "participants_detached", "viewers", "resources", "sessions", "media_connections", "websockets")
LEFT = GAUGES + ("remote_tracks", "links", "packets", "stray_tuples")


def gauges(server, names=GAUGES):
    found = server.metrics()
    return {name: found[f"plenum_{name}"] for name in names}


def load(bench, server, *options):
    return subprocess.Popen([bench, "--server", f"127.0.0.1:{server.http}", "--pid", str(server.process.pid), "--bitrate", "500",
                             *options], stdout=subprocess.PIPE, text=True)


def result_of(client):
    text, _ = client.communicate(timeout=2 * ROUND_S)
    assert client.returncode == 0, f"plenum-bench ended with {client.returncode}"
    return json.loads(text)


def chat_guests(server, n):
    """Come, say something, go: half of them say so."""
    guests = [join(server, ROOM, f"guest {i}") for i in range(n)]
    for guest in guests:
        assert guest.ask("chat", text="hello")["type"] != "error"
    for i, guest in enumerate(guests):
        guest.leave() if i % 2 else guest.close()
    return n


def media_guests(server):
    """Somebody who publishes into the meeting, and two who watch; one of them vanishes without a word."""
    publisher = Peer(server, f"/whip/{ROOM}/guest").wait_connected()
    watchers = [Peer(server, f"/whep/{ROOM}").wait_connected(), Peer(server, f"/whep/{ROOM}/p0,guest").wait_connected()]
    stream = Stream(publisher)
    wait_for(lambda: all(len(w.rtp) > 50 for w in watchers), 20, "media for guests")
    stream.stop()
    publisher.close()
    watchers[0].close()
    watchers[1].close(delete=False)
    return 3


def other_rooms(bench, server):
    result = result_of(load(bench, server, "--scenario", "meeting", "--size", "4", "--rooms", "2", "--room", "other", "--seconds", "1",
                            "--warm-up", "0"))
    return result["peers"]


def malformed(server):
    """Requests that are refused cost nothing, either."""
    for body in (b"", b"v=0\r\n", b"\xff" * 2000):
        try:
            server.request("POST", f"/whip/{ROOM}/nobody", body, {"Content-Type": "application/sdp"})
            raise AssertionError("took rubbish for an offer")
        except OSError:  # urllib's
            pass
    WebSocket(server).close()


def soak(bench, server):
    end = time.monotonic() + SECONDS - ROUND_S
    meeting = load(bench, server, "--scenario", "meeting", "--size", "4", "--seconds", str(SECONDS))
    try:
        wait_for(lambda: server.metrics()["plenum_transports_connected"] == 8, 30, "the meeting is complete")
        time.sleep(2)
        base, samples, guests = gauges(server), [], 0
        print("the meeting alone:", {name: int(value) for name, value in base.items() if value}, flush=True)
        while time.monotonic() < end:
            guests += chat_guests(server, 8) + media_guests(server) + other_rooms(bench, server)
            malformed(server)
            assert meeting.poll() is None, f"plenum-bench ended with {meeting.returncode}"
            wait_for(lambda: gauges(server) == base, 90, f"only the meeting is there: {gauges(server)}, at first {base}")
            samples.append((server.rss_kb(), guests))
            print(f"{guests} guests, {samples[-1][0]} kB", flush=True)
        result = result_of(meeting)
    finally:
        if meeting.poll() is None:
            meeting.kill()
            meeting.wait()
    wait_for(lambda: not any(gauges(server, LEFT).values()), 90, f"nothing is left: {gauges(server, LEFT)}")
    judge(samples, result)


def judge(samples, result):
    third = len(samples) // 3
    assert third >= 2, f"only {len(samples)} rounds"
    (early, _), (late, _) = max(samples[third:2 * third]), max(samples[2 * third:])
    came = samples[-1][1] - samples[third][1]
    print(f"{samples[-1][1]} guests in {len(samples)} rounds; {early} kB at most, then {late} kB; {came} guests meanwhile")
    print(f"the meeting: {result['delivered']} packets, {result['loss_percent']} % lost, p99 {result['latency_p99_us']} us")
    assert late - early <= GROWTH_KB, f"memory grows: {[kb for kb, _ in samples]}"
    assert not result["undecryptable"] and not result["unmarked"], result
    assert result["loss_percent"] <= MOST_LOST_PERCENT, result


def main():
    # Who vanished is soon forgotten, so that there are many rounds.
    server = Server(rtc_workers=2, rtc_consent_timeout_ms=12000, session_grace_s=3, rooms_linger_s=3)
    try:
        soak(sys.argv[1], server)
    except BaseException:
        print(server.log_tail())
        raise
    finally:
        code = server.stop()
    assert code == 0, code


if __name__ == "__main__":
    sys.exit(main())
