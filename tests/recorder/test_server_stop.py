"""
The server is killed while it records, and its recording is stopped as soon as the next one answers, before that has found its recorder again: a recorder that
is slow to answer, and one that was killed, too. The stop is kept: the recording ends once, as ready, and plays. Needs Debian's own python3 (rawrtc.py).
"""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import rawrtc
from check import Recorded
from numbered import Media
from rawrtc import wait_for
from test_server import Folder, Publisher, recorder_pid, states
from ws_client import WebSocket

KEY = "0123456789abcdef" * 4
AUTH = {"Authorization": f"Bearer {KEY}"}
RECORDED_S = 3
ENDS_S = 20


def by_api(server, _, recording):
    assert server.request("POST", f"/api/v1/recordings/{recording}/stop", b"", AUTH)[0] // 100 == 2


def by_protocol(server, secret, _):
    ws = WebSocket(server)
    assert ws.ask("resume", secret=secret)["type"] == "joined"
    assert ws.ask("record_stop")["type"] == "done"
    ws.close()


def listed(server):
    recordings = json.loads(server.request("GET", "/api/v1/recordings", headers=AUTH)[2])["recordings"]
    assert len(recordings) == 1, recordings
    return recordings[0]


def one_round(media, stop, recorder_killed):
    server, pids = rawrtc.Server(recording_program=os.environ["PLM_RECORDER"], api_key=KEY), []
    try:
        ws = WebSocket(server)
        secret = ws.ask("join", room="room", name="Mod")["secret"]
        peer = rawrtc.Peer(server, "/whip/room/alice", profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
        publisher = Publisher(peer, media)
        assert ws.ask("record_start")["type"] == "done"
        wait_for(lambda: states(server.log_tail())[-1:] == ["on"], 10, "it records")
        time.sleep(RECORDED_S)
        pids.append(recorder_pid(server))
        os.kill(pids[0], signal.SIGKILL if recorder_killed else signal.SIGSTOP)
        server.kill()
        publisher.running = False
        publisher.join()
        peer.close(delete=False)
        server.start()
        stop(server, secret, listed(server)["id"])
        stopped = time.monotonic()
        if not recorder_killed:
            time.sleep(0.5)
            assert listed(server)["state"] == "closing", listed(server)
            os.kill(pids[0], signal.SIGCONT)
        wait_for(lambda: listed(server)["state"] in ("ready", "failed"), ENDS_S, "it has ended")
        took = time.monotonic() - stopped
        if recorder_killed:
            pids.append(recorder_pid(server))
        told = re.findall(r"room=room: recording \w+: \S+ -> (\w+)", server.log_tail())
        if recorder_killed and "paused" in told:  # the server had noticed before it was killed itself
            told.remove("paused")
        assert told[-3:] == ["on", "closing", "ready"], told  # with a webhook for each
        assert listed(server)["reason"] == "asked", listed(server)
        r = Recorded(Folder(os.path.join(server.data, "recordings")), listed(server)["id"])
        r.all_play()
        seconds = r.manifest["duration_us"] / 1e6
        assert r.manifest["reason"] == "asked" and seconds > RECORDED_S - 2, r.manifest
        return f"stopped {stop.__name__}, recorder {'killed' if recorder_killed else 'slow'}: ready after {took:.2f} s, {seconds:.2f} s"
    except BaseException:
        print(server.log_tail())
        raise
    finally:
        server.stop()
        for pid in pids:  # it outlives its server, and may be stopped
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def main():
    media = Media(12, "vp8")
    for stop, recorder_killed in ((by_api, False), (by_protocol, True)):
        print(one_round(media, stop, recorder_killed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
