"""
The whole way: a participant's packets over ICE, DTLS and SRTP, the server that starts and watches the recorder, the file. In the middle the recorder is
killed: it is one recording with a gap, and no more than 2 s are lost, by numbers in the pictures. Needs Debian's own python3 (rawrtc.py).
"""
import json
import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import rawrtc
import ws_client
from check import Recorded, heard, picture_offsets
from numbered import FPS, Media
from rawrtc import wait_for

GOP_S, LOSS_S = 1.0, 2.0


class Folder:
    """What Recorded wants of a recorder."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, recording, name):
        return os.path.join(self.folder, recording, name)

    def manifest(self, recording):
        with open(self.path(recording, "manifest.json"), encoding="utf-8") as f:
            return json.load(f)

    def journal(self, recording):
        with open(self.path(recording, "journal.jsonl"), encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]


class Publisher(threading.Thread):
    """Numbered media through a peer, by the clock."""

    def __init__(self, peer, media, began=None):
        super().__init__(daemon=True)
        self.peer, self.media, self.running, self.began, self.sent = peer, media, True, began or time.monotonic(), []
        self.sound = self.frames = 0  # the next ones
        self.start()

    def run(self):
        p, sound, frames, seq = self.peer, self.sound, self.frames, 0
        while self.running:
            t = time.monotonic() - self.began
            while sound < t * 50:
                p.send_rtp(rawrtc.rtp(p.audio_ssrc, sound, sound * 960, rawrtc.AUDIO_PT, self.media.sound[sound % len(self.media.sound)], mid=b"0", level=20))
                sound += 1
            while frames < t * FPS:
                parts = self.media.payloads(frames)
                for k, part in enumerate(parts):
                    p.send_rtp(rawrtc.rtp(p.video_ssrc, seq, frames * (90000 // FPS), rawrtc.VIDEO_PT, part, marker=k == len(parts) - 1, mid=b"1"))
                    seq += 1
                self.sent.append((self.began + frames / FPS, frames))
                frames += 1
            time.sleep(0.004)


def states(log):
    return re.findall(r"rec recording=\w+: \S+ -> (\w+)", log)


def recorder_pid(server):
    return int(re.findall(r"started \S+, process (\d+)", server.log_tail())[-1])


def main():
    media = Media(16, "vp8")
    server = rawrtc.Server(recording_program=os.environ["PLM_RECORDER"])
    pids = []
    try:
        ws = ws_client.join(server, "room", name="Mod")
        peer = rawrtc.Peer(server, "/whip/room/alice", profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
        publisher = Publisher(peer, media)
        time.sleep(1)
        assert ws.ask("record_start")["type"] == "done"
        wait_for(lambda: states(server.log_tail())[-1:] == ["on"], 10, "it records")
        on = time.monotonic()
        time.sleep(5)
        pids.append(recorder_pid(server))
        threads = os.listdir(f"/proc/{pids[-1]}/task")
        ours = os.sched_getscheduler(0)
        policy = os.SCHED_BATCH if ours == os.SCHED_OTHER else ours
        assert len(threads) > 1 and {os.sched_getscheduler(int(t)) for t in threads} == {policy}, "it gives way to whoever forwards, unless it was started otherwise"
        os.kill(pids[-1], signal.SIGKILL)
        killed = time.monotonic()
        wait_for(lambda: states(server.log_tail())[-2:] == ["paused", "on"], 15, "it goes on")
        again = time.monotonic()
        pids.append(recorder_pid(server))
        time.sleep(4)
        assert ws.ask("record_stop")["type"] == "done"
        stopped = time.monotonic()
        wait_for(lambda: states(server.log_tail())[-1:] == ["ready"], 10, "it is ready")
        listed = ws.ask("recordings")["recordings"]
        assert len(listed) == 1 and listed[0]["state"] == "ready", listed
        publisher.running = False
        publisher.join()
        r = Recorded(Folder(os.path.join(server.data, "recordings")), listed[0]["id"])
        r.all_play()
        assert [g["reason"] for g in r.manifest["gaps"]] == ["recorder"], r.manifest["gaps"]
        who = next(p["id"] for p in r.manifest["participants"] if p["name"] == "alice")
        pictures = r.pictures(who)
        numbers = {n for _, n in pictures}
        sent = [n for due, n in publisher.sent if on + GOP_S + 0.3 < due < killed - LOSS_S or again + GOP_S + 0.5 < due < stopped - 0.5]
        missing = [n for n in sent if n not in numbers]
        assert len(sent) > 3 * FPS / 2 and not missing, (len(sent), missing)
        late = sorted(abs(o) for o in picture_offsets(pictures, publisher.began))
        assert late[int(len(late) * 0.95)] < 0.04, late[-5:]
        tones = heard(r.tones(who), publisher.began)
        assert max(t for t in tones if t < killed) > killed - LOSS_S
        print(f"killed, back after {again - killed:.2f} s, sound until {killed - max(t for t in tones if t < killed):.2f} s before, {len(sent)} pictures all there, "
              f"{late[len(late) // 2] * 1000:.1f} ms from the clock, {late[int(len(late) * 0.95)] * 1000:.1f} ms at p95")
        peer.close()
        ws.close()
    except BaseException:
        print(server.log_tail())
        raise
    finally:
        server.stop()
        for pid in pids:  # it outlives its server
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
