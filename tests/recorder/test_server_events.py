"""
What happens in a meeting while its recorder dies: who joins, leaves and writes. The recorder is stopped first, so that what the server says lies in its socket,
and then killed; and it is killed at random moments while people write. In the end the manifest has each of it, once. With PLM_TEST_LONG 40 kills at random.
"""
import json
import os
import random
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import rawrtc
import ws_client
from rawrtc import wait_for
from test_server import Folder

KILLS = 40 if os.environ.get("PLM_TEST_LONG") == "1" else 1
TALKERS = 4


class Meeting:
    def __init__(self, server):
        self.server, self.pids, self.said, self.came = server, [], [], []
        self.talkers = [ws_client.join(server, "room", name=f"Talker {i}") for i in range(TALKERS)]
        assert self.talkers[0].ask("record_start")["type"] == "done"
        self.goes_on(1)

    def log(self):
        with open(self.server.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def goes_on(self, times):
        wait_for(lambda: len(re.findall(r"rec recording=\w+: \S+ -> on\b", self.log())) >= times, 20, "it records")
        self.pids = [int(pid) for pid in re.findall(r"started \S+, process (\d+)", self.log())]

    def talk(self):
        text = f"This is number {len(self.said)}."
        reply = self.talkers[len(self.said) % TALKERS].ask("chat", text=text)
        if reply["type"] == "done":
            self.said.append(text)
        else:
            assert reply["code"] == "too_fast", reply
            time.sleep(0.05)

    def visit(self):
        """Somebody comes and goes."""
        name = f"Visitor {len(self.came)}"
        ws_client.join(self.server, "room", name=name).leave()
        self.came.append(name)

    def waiting(self):
        return self.server.metrics()["plenum_recording_waiting"]


def kills(meeting, rng):
    stopped = meeting.pids[-1]
    os.kill(stopped, signal.SIGSTOP)
    for _ in range(3):
        meeting.talk()
    meeting.visit()
    assert meeting.waiting() >= 5
    time.sleep(0.1)
    os.kill(stopped, signal.SIGKILL)
    meeting.visit()  # and nobody is there to hear of it
    meeting.goes_on(2)
    wait_for(lambda: meeting.waiting() == 0, 10, "all is written")
    for i in range(KILLS):
        until = time.monotonic() + rng.uniform(0.1, 0.7)
        while time.monotonic() < until:
            meeting.talk()
        os.kill(meeting.pids[-1], signal.SIGKILL)
        meeting.visit()
        meeting.talk()
        meeting.goes_on(3 + i)
    meeting.talk()
    # The end itself is on its way when the last one dies.
    os.kill(meeting.pids[-1], signal.SIGSTOP)
    meeting.talk()
    assert meeting.talkers[0].ask("record_stop")["type"] == "done"
    time.sleep(0.1)
    os.kill(meeting.pids[-1], signal.SIGKILL)


def judge(meeting, folder, recording):
    manifest, journal = folder.manifest(recording), folder.journal(recording)
    texts = [c["text"] for c in manifest["chat"]]
    lost = [t for t in meeting.said if t not in texts]
    assert not lost, f"{len(lost)} of {len(meeting.said)} are missing: {lost[:10]}"
    assert texts == meeting.said, "once, and in order"
    assert manifest["reason"] == "asked", manifest["reason"]
    people = {p["name"]: p["present"] for p in manifest["participants"]}
    assert sorted(people) == sorted([f"Talker {i}" for i in range(TALKERS)] + meeting.came), people
    assert all(len(people[name]) == 1 for name in meeting.came), people
    end = manifest["duration_us"]
    assert all(people[name][0]["to_us"] < end for name in meeting.came) and all(people[f"Talker {i}"][0]["to_us"] == end for i in range(TALKERS)), people
    numbers = [line["n"] for line in journal if "n" in line]
    assert numbers == list(range(1, len(numbers) + 1)), "each event once"
    assert len([line for line in journal if line["type"] == "server"]) == 1


def main():
    seed = int(os.environ.get("PLM_TEST_SEED", str(random.randrange(1 << 30))))
    print(f"seed {seed}")
    server, meeting = rawrtc.Server(recording_program=os.environ["PLM_RECORDER"]), None
    try:
        meeting = Meeting(server)
        kills(meeting, random.Random(seed))
        wait_for(lambda: (r := meeting.talkers[0].ask("recordings")["recordings"]) and r[0]["state"] in ("ready", "failed"), 30, "it is over")
        recordings = meeting.talkers[0].ask("recordings")["recordings"]
        assert len(recordings) == 1, recordings
        judge(meeting, Folder(os.path.join(server.data, "recordings")), recordings[0]["id"])
        assert meeting.waiting() == 0 and server.metrics()["plenum_recording_lost_total"] == 0
        print(f"{KILLS + 2} kills, {len(meeting.said)} messages and {len(meeting.came)} visitors all there, once")
    except BaseException:
        print(server.log_tail())
        raise
    finally:
        if meeting:
            meeting.goes_on(0)
        server.stop()
        if meeting and meeting.pids:  # it outlives its server, and may be stopped
            try:
                os.kill(meeting.pids[-1], signal.SIGKILL)
            except ProcessLookupError:
                pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
