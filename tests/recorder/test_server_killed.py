"""
The server is killed while it records and started again. Its recorder lives on and is found again: one recording with one gap, no more than 2 s lost before
the kill, by numbers in the pictures and steps of the tone that a participant sends the whole way. Needs Debian's own python3 (rawrtc.py).
"""
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import rawrtc
from check import Recorded, heard, picture_offsets
from numbered import FPS, Media
from rawrtc import wait_for
from test_server import GOP_S, LOSS_S, Folder, Publisher, recorder_pid, states
from ws_client import WebSocket

ROUNDS = 10 if os.environ.get("PLM_TEST_LONG") == "1" else 1


class GoingOn(Publisher):
    """Media of a clock that began before, from a whole second of it on."""

    def __init__(self, peer, media, began):
        self.first_s = int(time.monotonic() - began) + 1
        super().__init__(peer, media, began)

    def run(self):
        time.sleep(max(0, self.began + self.first_s - time.monotonic()))
        self.sound, self.frames = self.first_s * 50, self.first_s * FPS
        super().run()


def publish(server, media, began=None):
    peer = rawrtc.Peer(server, "/whip/room/alice", profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
    return peer, Publisher(peer, media) if began is None else GoingOn(peer, media, began)


def silence(peer, publisher):
    publisher.running = False
    publisher.join()
    peer.close(delete=False)


def one_round(media, rng):
    server, pid = rawrtc.Server(recording_program=os.environ["PLM_RECORDER"]), None
    try:
        ws = WebSocket(server)
        secret = ws.ask("join", room="room", name="Mod")["secret"]
        peer, first = publish(server, media)
        time.sleep(1)
        assert ws.ask("record_start")["type"] == "done"
        wait_for(lambda: states(server.log_tail())[-1:] == ["on"], 10, "it records")
        on = time.monotonic()
        time.sleep(rng.uniform(5, 7))
        pid = recorder_pid(server)
        server.kill()
        killed = time.monotonic()
        silence(peer, first)
        time.sleep(rng.uniform(0, 2))
        server.start()
        ws = WebSocket(server)
        assert ws.ask("resume", secret=secret)["type"] == "joined"
        peer, second = publish(server, media, first.began)
        again = time.monotonic()
        time.sleep(4)
        assert ws.ask("record_stop")["type"] == "done"
        stopped = time.monotonic()
        wait_for(lambda: [r["state"] for r in ws.ask("recordings")["recordings"]] == ["ready"], 10, "one recording, and it is ready")
        os.kill(pid, 0)  # it is the same process that went on
        silence(peer, second)
        r = Recorded(Folder(os.path.join(server.data, "recordings")), ws.ask("recordings")["recordings"][0]["id"])
        r.all_play()
        assert [g["reason"] for g in r.manifest["gaps"]] == ["server"], r.manifest["gaps"]
        who = [p["id"] for p in r.manifest["participants"] if p["name"] == "alice"]
        pictures = [x for p in who for x in r.pictures(p)]
        tones = [x for p in who for x in heard(r.tones(p), first.began)]
        numbers = {n for _, n in pictures}
        sent = [n for due, n in first.sent if on + GOP_S + 0.3 < due < killed - LOSS_S] + [n for due, n in second.sent if again + 2 * GOP_S + 0.5 < due < stopped - 0.5]
        missing = [n for n in sent if n not in numbers]
        assert len(sent) > 2 * FPS and not missing, (len(sent), missing)
        late = sorted(abs(o) for o in picture_offsets(pictures, first.began))
        assert late[int(len(late) * 0.95)] < 0.08, late[-5:]
        lost = killed - max(t for t in tones if t < killed), killed - max(first.began + n / FPS for n in numbers if first.began + n / FPS < killed)
        assert max(lost) <= LOSS_S and max(tones) > stopped - 0.5, (lost, stopped - max(tones))
        ws.close()
        return f"server killed, publishing again after {again - killed:.2f} s, {lost[0]:.2f} s of sound and {lost[1]:.2f} s of pictures lost, {len(sent)} pictures all there"
    except BaseException:
        print(server.log_tail())
        raise
    finally:
        server.stop()
        if pid:  # it outlives its server
            os.kill(pid, signal.SIGTERM)


def main():
    media, rng = Media(30, "vp8"), random.Random()
    for _ in range(ROUNDS):
        print(one_round(media, rng), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
